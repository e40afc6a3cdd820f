/** What the public types allow and refuse. Compiled, never run: each `@ts-expect-error` must be an error. */
import { createClient, type Subscription } from '../../src/index.ts';

interface Price {
  readonly eur: number;
}
interface Order {
  readonly state: string;
}

const client = createClient<{
  prices: Price;
  chat: { message: { text: string }; send: { text: string; to: string }; reply: { seq: number } };
  [order: `orders/${string}`]: Order;
}>('/realtime');

client.subscribe('prices', (message) => {
  const eur: number = message.data.eur;
  // @ts-expect-error: a price has no text
  message.data.text;
  return eur;
});
client.subscribe('chat', { message: ({ data }) => data.text.length, last: 3 });
const order: Subscription<Order> = client.subscribe(`orders/${'42'}`);
// @ts-expect-error: no such topic
client.subscribe('nothing', () => undefined);

const reply: Promise<{ seq: number }> = client.send('chat', { text: 'hi', to: 'you' });
// @ts-expect-error: `to` is missing
client.send('chat', { text: 'hi' });
// @ts-expect-error: a price is no string
client.send('prices', 'dear');

async function iterate(): Promise<void> {
  for await (const { data } of order) data.state.length;
  const step = await order.next();
  if (!step.done) step.value.data.state.length;
}

// Without a map every topic goes, and data is unknown.
const loose = createClient('/realtime');
loose.subscribe(`room/${Math.random()}`, ({ data }) => {
  // @ts-expect-error: it must be looked at first
  data.text;
});
const anything: Promise<unknown> = loose.send('whatever', [1, 2, 3]);

client.on('status', (status) => {
  const state: 'idle' | 'connecting' | 'open' | 'reconnecting' | 'offline' | 'suspended' | 'closed' =
    status.state;
  // @ts-expect-error: a snapshot never changes
  status.state = 'open';
  return state;
});
// @ts-expect-error: no such event
client.on('message', () => undefined);
const off: () => void = client.on('gap', ({ topic, from, to, reason }) => [topic, from, to, reason].join());
client.prefer('long-poll');
client.prefer(null);
// @ts-expect-error: no such transport
client.prefer('pigeon');

export { anything, iterate, off, reply };
