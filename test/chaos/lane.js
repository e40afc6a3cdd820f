/**
 * One client as an application would use it: it subscribes, changes its mind, sends, gives sends up, and tells all that
 * it sees, in order. It judges nothing. The same file runs in Node and in a page.
 */
import { createRandom } from './random.js';

const makers = {
  websocket: 'webSocket',
  'http-stream': 'httpStream',
  eventsource: 'eventSource',
  iframe: 'iframe',
  'long-poll': 'longPoll',
  poll: 'poll',
};

/** Subscribed from the beginning to the end. */
const steadyTopics = ['hot', 'warm', 'cold'];
/** Subscribed and left again, over and over. */
const wanderTopic = 'wander';
const sendEveryMs = [60, 260];
const wanderEveryMs = [1_000, 6_000];
const preferEveryMs = [2_000, 8_000];

/** What was published or answered, whether it came as JSON or as bytes. */
function read(data) {
  return data instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(data)) : data;
}

function told(error) {
  return { code: error.code, maybeApplied: error.maybeApplied === true, text: String(error.message) };
}

/**
 * @param {object} holdfast  The package.
 * @param {{ name: string, url: string, transports: string[], seed: number, options: object }} given
 * @param {(event: { type: string, at: number }) => void} tell
 */
export function createLane(holdfast, { name, url, transports, seed, options }, tell) {
  const random = createRandom(seed);
  const note = (type, fields) => tell({ type, at: Date.now(), ...fields });
  const timers = new Set();
  const adapters = transports.map((transport) => holdfast[makers[transport]]());
  const client = holdfast.createClient(url, { adapters, memory: false, ...options });
  client.on('status', ({ state, transport }) => note('status', { state, transport }));
  client.on('error', (error) => note('error', { error: told(error) }));
  client.on('trace', (trace) => note('trace', { trace }));

  let serials = 0;
  let sends = 0;

  function subscribe(topic) {
    const serial = ++serials;
    const tag = { topic, serial };
    note('subscribed', tag);
    const subscription = client.subscribe(topic, {
      message: ({ data, id, gap }) => {
        const { pad, padLength, ...rest } = read(data);
        const isIntact = pad.length === padLength;
        note('message', { ...tag, id, data: rest, isIntact, hasGap: gap !== undefined });
      },
      gap: (gap) => note('gap', { ...tag, gap }),
      error: (error) => note('ended', { ...tag, error: told(error) }),
    });
    subscription.ready.then(
      () => note('ready', tag),
      (error) => note('unready', { ...tag, error: told(error) }),
    );
    return () => {
      subscription.unsubscribe();
      note('unsubscribed', tag);
    };
  }

  /** Runs again and again, after a time of its own each time. */
  function repeat([leastMs, mostMs], run) {
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        run();
        repeat([leastMs, mostMs], run);
      },
      random.between(leastMs, mostMs),
    );
    timers.add(timer);
  }

  /** Most sends wait for their answer; some are given up early, in each way there is. */
  function waysOfSending() {
    if (random.isOneIn(20)) return { volatile: true };
    if (random.isOneIn(20)) return { timeoutMs: random.whole(50, 1_500) };
    if (!random.isOneIn(20)) return {};
    const controller = new AbortController();
    setTimeout(() => controller.abort(), random.between(0, 500));
    return { signal: controller.signal };
  }

  function send() {
    const s = ++sends;
    const how = waysOfSending();
    const data = { lane: name, s };
    note('sent', { s, isVolatile: how.volatile === true });
    const payload = random.isOneIn(10) ? new TextEncoder().encode(JSON.stringify(data)) : data;
    client.send('work', payload, how).then(
      (reply) => note('settled', { s, reply: reply === undefined ? undefined : read(reply) }),
      (error) => note('settled', { s, error: told(error) }),
    );
  }

  let leave;
  function wander() {
    if (leave) leave = leave();
    else leave = subscribe(wanderTopic);
  }

  return {
    start() {
      for (const topic of steadyTopics) subscribe(topic);
      repeat(sendEveryMs, send);
      repeat(wanderEveryMs, wander);
      if (transports.length === 1) return;
      repeat(preferEveryMs, () => client.prefer(random.isOneIn(4) ? null : random.pick(transports)));
    },
    /** Begins nothing any more; what has begun goes on. */
    calm() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      // Nobody prefers what the last fault may have left behind.
      client.prefer(null);
      client.open();
    },
    close: () => client.close(),
  };
}
