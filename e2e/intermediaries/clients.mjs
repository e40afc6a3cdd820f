// The client side, driven by words whose arguments and answers are JSON: the same in Node and in a page, which gets the
// source of this function. So it uses nothing from outside itself. It records what an application would see, and judges nothing.

export function createClients(holdfast) {
  const traceMax = 500;
  const clients = {};

  /** Numbers must come as 1, 2, 3 … from wherever they begin. */
  function take(record, { n, at }, sinceMs) {
    if (record.received === 0) record.firstMs = sinceMs;
    else {
      record.latestMs = Math.max(record.latestMs, Date.now() - at);
      if (n <= record.last) record.repeated++;
      else record.lost += n - record.last - 1;
    }
    record.received++;
    record.last = Math.max(record.last, n);
  }

  function startSending({ client, record }, name, everyMs) {
    return setInterval(() => {
      const n = ++record.sends;
      client.send('count', { name, n }).then(
        (reply) => (reply === n ? record.answered++ : record.errors.push(`send ${n} was answered ${reply}`)),
        (error) => record.errors.push(`send ${n}: ${error.code}`),
      );
    }, everyMs);
  }

  /** With `maker` (`webSocket` …) that transport alone, otherwise the default options. */
  function open({ name, url, topic, sendEveryMs, maker }) {
    const startedMs = performance.now();
    const sinceMs = () => Math.round(performance.now() - startedMs);
    const trace = [];
    const record = {
      received: 0,
      last: 0,
      lost: 0,
      repeated: 0,
      latestMs: 0,
      gaps: 0,
      sends: 0,
      answered: 0,
      errors: [],
      trace,
    };
    const options = maker ? { adapters: [holdfast[maker]()], memory: false } : undefined;
    const client = holdfast.createClient(url, options);
    client.on('trace', ({ at: _, ...line }) => {
      if (trace.length < traceMax) trace.push({ ms: sinceMs(), ...line });
    });
    client.on('error', (error) => record.errors.push(`${error.code}: ${error.message}`));
    client.on('gap', () => record.gaps++);
    const { ready } = client.subscribe(topic, {
      last: 1,
      message: ({ data }) => take(record, data, sinceMs()),
    });
    ready.then(undefined, (error) => record.errors.push(`ready: ${error.code}`));
    clients[name] = { client, record };
    if (sendEveryMs) clients[name].timer = startSending(clients[name], name, sendEveryMs);
  }

  return {
    open,
    /** What has been recorded, and how the client is now. */
    look(name) {
      const { client, record } = clients[name];
      const { state, transport, rttMs } = client.status;
      return { ...record, state, transport, rttMs };
    },
    stopSending: (name) => clearInterval(clients[name].timer),
    close: (name) => clients[name].client.close(),
    /** The protocol that brought the page, such as `h2`; nothing where there is no page. */
    hop: () => performance.getEntriesByType('navigation')[0]?.nextHopProtocol,
    /** When the first piece of an answer came, and when the last; milliseconds. */
    async readPieces(url) {
      const startedMs = performance.now();
      const { body } = await fetch(url);
      const reader = body.getReader();
      let firstMs;
      for (;;) {
        const { done } = await reader.read();
        const atMs = Math.round(performance.now() - startedMs);
        if (done) return { firstMs, endMs: atMs };
        firstMs ??= atMs;
      }
    },
  };
}
