// Faye, over WebSocket where it finds that by itself.

import faye from 'faye';

export const packages = ['faye'];

const mount = '/faye';

export function serve(server) {
  const adapter = new faye.NodeAdapter({ mount, timeout: 45 });
  adapter.attach(server);
  const own = adapter.getClient();
  // Its handshake with itself is over then: what is published before it would come out of order.
  own.connect();
  return { publish: (topic, data) => own.publish(`/${topic}`, data), close: () => own.disconnect() };
}

export async function connect({ port, topic, onMessage }) {
  const client = new faye.Client(`http://127.0.0.1:${port}${mount}`);
  await client.subscribe(`/${topic}`, onMessage);
  return { close: () => client.disconnect() };
}
