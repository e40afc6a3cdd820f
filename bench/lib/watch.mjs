// A client and what is seen of it, driven by words. Self-contained, because its text runs in pages as well as in Node.
// It records, in milliseconds since the call to `subscribe`, and judges nothing.

export function createWatch(holdfast) {
  const trace = [];
  const moves = [];
  const received = [];
  const watchers = new Set();
  const store = {};
  let client;
  let startedAt;
  let firstMs;

  const sinceStart = () => performance.now() - startedAt;
  // The second visit goes through a proxy of its own: the same place, at another port.
  const placeOf = (key) => key.replace(/:\d+/, '');
  const memory = {
    get: (key) => store[placeOf(key)] ?? null,
    set(key, value) {
      store[placeOf(key)] = value;
    },
  };

  function changed() {
    for (const watcher of [...watchers]) watcher();
  }

  function noteStatus({ state, transport }) {
    const last = moves.at(-1);
    if (last?.state === state && last.transport === transport) return;
    moves.push({ ms: sinceStart(), state, transport });
    changed();
  }

  function note(line) {
    trace.push({ ms: sinceStart(), ...line });
    changed();
  }

  /** Subscribes with a client of default options; `given.options` are those that a row is about. */
  function start({ url, topic, options, makers, token, remembered }) {
    Object.assign(store, remembered);
    startedAt = performance.now();
    client = holdfast.createClient(url, {
      memory,
      ...options,
      ...(makers && { adapters: makers.map((maker) => holdfast[maker]()) }),
      ...(token && { auth: () => token }),
    });
    client.on('trace', ({ type, connection, transport, role, reason }) =>
      note({ type, connection, transport, role, reason }),
    );
    client.on('status', noteStatus);
    client.on('error', (error) => note({ type: 'error', reason: `${error.code}: ${error.message}` }));
    const { ready } = client.subscribe(topic, {
      last: 1,
      message: ({ data }) => {
        firstMs ??= sinceStart();
        received.push({ ms: sinceStart(), data });
        changed();
      },
      gap: ({ reason }) => note({ type: 'gap', reason }),
    });
    ready.then(undefined, (error) => note({ type: 'error', reason: `ready: ${error.message}` }));
  }

  /** Resolves once `isThere` has held for `settleMs` on end, and says whether it came to that in time. */
  function until(isThere, settleMs, timeoutMs) {
    return new Promise((resolve) => {
      let settling;
      const end = (value) => {
        clearTimeout(settling);
        clearTimeout(late);
        watchers.delete(look);
        resolve(value);
      };
      const late = setTimeout(() => end(false), timeoutMs);
      let held;
      const look = () => {
        // What holds may be another thing than before: then it has to settle anew.
        const holding = isThere();
        if (holding === held) return;
        held = holding;
        clearTimeout(settling);
        if (holding) settling = setTimeout(() => end(true), settleMs);
      };
      watchers.add(look);
      look();
    });
  }

  const words = {
    start,
    /** There has been a message, and the client is and stays on one of these transports. */
    settled: ({ goal, settleMs, timeoutMs }) =>
      until(
        () => firstMs !== undefined && goal.includes(moves.at(-1)?.transport) && moves.length,
        settleMs,
        timeoutMs,
      ),
    /** So many messages have come. */
    received: ({ count, timeoutMs }) => until(() => received.length >= count, 0, timeoutMs),
    /** A message with this data has come. */
    arrived: ({ data, timeoutMs }) => until(() => received.some((one) => one.data === data), 0, timeoutMs),
    send: ({ topic, data }) => {
      client.send(topic, data).then(
        () => note({ type: 'sent' }),
        (error) => note({ type: 'error', reason: `send: ${error.code}` }),
      );
      return performance.timeOrigin + performance.now();
    },
    /** A signal of the page, as the browser would give it. */
    signal({ name }) {
      if (name === 'visible') document.dispatchEvent(new Event('visibilitychange'));
      else window.dispatchEvent(new Event(name));
      return performance.timeOrigin + performance.now();
    },
    // A copy: in Node nothing else keeps what comes later out of it.
    report: () =>
      structuredClone({
        startedAt: performance.timeOrigin + startedAt,
        firstMs,
        moves,
        trace,
        received,
        remembered: store,
      }),
    close: () => client?.close(),
  };
  return words;
}
