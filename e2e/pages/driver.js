/**
 * What a test does with one client, in words whose arguments and answers are JSON: the same in a page and in Node.
 * It records what the application would see, in order, and judges nothing.
 */

const makers = {
  websocket: 'webSocket',
  'http-stream': 'httpStream',
  eventsource: 'eventSource',
  iframe: 'iframe',
  'long-poll': 'longPoll',
  poll: 'poll',
};

/** The same bytes for the same length, without a pattern that base64 or text would survive by luck. */
function makeBytes(length) {
  const bytes = new Uint8Array(length);
  let state = length + 1;
  for (let i = 0; i < length; i++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    bytes[i] = state >> 16;
  }
  return bytes;
}

/** Bytes as something that can be compared across processes. */
function summarize(data) {
  if (!(data instanceof Uint8Array)) return data;
  const wanted = makeBytes(data.length);
  return { bytes: data.length, isIntact: wanted.every((byte, i) => byte === data[i]) };
}

function told(error) {
  const { code, maybeApplied, retryable, topic } = error;
  return { code, maybeApplied, retryable, topic, name: error.name, text: String(error.message) };
}

export function createDriver(holdfast) {
  /** One entry for everything told, in the order told. */
  const events = [];
  const received = {};
  const subscriptions = {};
  const readiness = {};
  const settled = [];
  let client;
  let sendsBegun = 0;

  function note(type, fields) {
    events.push({ type, ...fields });
  }

  function subscribe(topic, options = {}) {
    received[topic] = [];
    const subscription = client.subscribe(topic, {
      ...options,
      message(message) {
        received[topic].push(summarize(message.data));
        if (message.gap)
          note('message-after-gap', { topic, gap: message.gap, data: summarize(message.data) });
      },
      gap: (gap) => note('gap', { topic, gap, received: received[topic].length }),
      error: (error) => note('subscription-error', { topic, error: told(error) }),
    });
    subscriptions[topic] = subscription;
    readiness[topic] = 'waiting';
    return subscription.ready.then(
      () => {
        readiness[topic] = 'ready';
        return 'ready';
      },
      (error) => {
        readiness[topic] = error.code;
        return error.code;
      },
    );
  }

  function settle(promise, record) {
    return promise.then(
      (reply) => Object.assign(record, { reply: summarize(reply), isSettled: true }),
      (error) => Object.assign(record, { error: told(error), isSettled: true }),
    );
  }

  return {
    start(url, transports, options = {}) {
      const adapters = transports.map((name) => holdfast[makers[name]]());
      client = holdfast.createClient(url, { adapters, memory: false, ...options });
      client.on('status', (status) => note('status', { state: status.state, transport: status.transport }));
      client.on('error', (error) => note('error', { error: told(error) }));
    },
    /** Resolves with `ready`, or with the code that `ready` rejected with. */
    subscribe,
    /** Several topics in one task, hence in one open. */
    subscribeAll: (topics) => Promise.all(topics.map((topic) => subscribe(topic))),
    /** Begins and does not wait. */
    subscribeSoon(topic, options) {
      subscribe(topic, options);
    },
    unsubscribe(topic) {
      subscriptions[topic].unsubscribe();
    },
    readiness: (topic) => readiness[topic],
    received: (topic) => received[topic],
    count: (topic) => received[topic].length,
    events: (type) => events.filter((event) => type === undefined || event.type === type),
    status() {
      const { state, transport, lastError } = client.status;
      return { state, transport, lastError: lastError && told(lastError) };
    },
    async send(topic, data, options) {
      const record = {};
      await settle(client.send(topic, data, options), record);
      return record;
    },
    async sendBytes(topic, length) {
      const record = {};
      await settle(client.send(topic, makeBytes(length)), record);
      return record;
    },
    /** Begins `count` sends of 1, 2, 3 … as fast as the window lets them go; `settled` tells how they end. */
    sendMany(topic, count) {
      for (let n = 1; n <= count; n++) {
        const record = { n };
        sendsBegun++;
        settle(client.send(topic, n), record).then(() => settled.push(record));
      }
    },
    settled: () => settled,
    settledCount: () => settled.length,
    sendsBegun: () => sendsBegun,
    prefer: (transport) => client.prefer(transport),
    /** Prefers one transport after the other, one every `everyMs`, until told to stop. */
    rotate(transports, everyMs) {
      let turn = 0;
      const timer = setInterval(() => client.prefer(transports[turn++ % transports.length]), everyMs);
      this.stopRotating = () => {
        clearInterval(timer);
        return turn;
      };
    },
    stopRotating: () => 0,
    open: () => client.open(),
    close: () => client.close(),
  };
}
