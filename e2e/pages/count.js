// Counts everything that a library could leave behind, before any library is there.
window.left = (() => {
  const timers = new Map();
  const listeners = new Map();
  const requests = new Set();
  const sockets = new Set();
  const streams = new Set();
  const caller = () => (new Error().stack || '').split('\n').slice(2, 5).join(' <- ');
  const setTimeoutNative = window.setTimeout;
  const setIntervalNative = window.setInterval;
  const clearNative = window.clearTimeout;
  window.setTimeout = (run, ms, ...args) => {
    const id = setTimeoutNative(() => {
      timers.delete(id);
      run(...args);
    }, ms);
    timers.set(id, caller());
    return id;
  };
  window.setInterval = (...args) => {
    const id = setIntervalNative(...args);
    timers.set(id, caller());
    return id;
  };
  window.clearTimeout = window.clearInterval = (id) => {
    timers.delete(id);
    clearNative(id);
  };

  // Only what outlives a connection can be left behind: a listener on a socket dies with it.
  const keyOf = (type, listener, options) => {
    const capture = typeof options === 'object' && options !== null ? options.capture : options;
    return { type, listener, capture: Boolean(capture) };
  };
  for (const target of [window, document, navigator.connection, document.documentElement]) {
    if (!target) continue;
    const held = [];
    listeners.set(target, held);
    const add = target.addEventListener;
    const remove = target.removeEventListener;
    target.addEventListener = function (type, listener, options) {
      held.push({ ...keyOf(type, listener, options), caller: caller() });
      return add.call(target, type, listener, options);
    };
    target.removeEventListener = function (type, listener, options) {
      const key = keyOf(type, listener, options);
      const at = held.findIndex(
        (one) => one.type === key.type && one.listener === key.listener && one.capture === key.capture,
      );
      if (at >= 0) held.splice(at, 1);
      return remove.call(target, type, listener, options);
    };
  }

  // A request is over when its body has been read, cancelled or failed; the resource timing tells of each.
  const fetchNative = window.fetch;
  window.fetch = (input, init) => {
    const entry = { url: String(input?.url ?? input), caller: caller() };
    requests.add(entry);
    const done = () => requests.delete(entry);
    if (init?.signal) init.signal.addEventListener('abort', done);
    return fetchNative(input, init).then(
      (response) => {
        if (!response.body || response.status === 204) {
          done();
          return response;
        }
        const reader = response.body.getReader();
        const body = new ReadableStream({
          pull: (controller) =>
            reader.read().then(
              (part) => {
                if (part.done) {
                  done();
                  controller.close();
                } else controller.enqueue(part.value);
              },
              (error) => {
                done();
                controller.error(error);
              },
            ),
          cancel: (reason) => {
            done();
            return reader.cancel(reason);
          },
        });
        const { status, statusText, headers } = response;
        const copy = new Response(body, { status, statusText, headers });
        Object.defineProperty(copy, 'type', { value: response.type });
        Object.defineProperty(copy, 'url', { value: response.url });
        return copy;
      },
      (error) => {
        done();
        throw error;
      },
    );
  };
  const wrap = (name, set, isOpen) => {
    const Native = window[name];
    window[name] = new Proxy(Native, {
      construct(target, args, self) {
        const made = Reflect.construct(target, args, self === window[name] ? target : self);
        set.add(made);
        return made;
      },
    });
    return () => [...set].filter(isOpen).length;
  };
  const openSockets = wrap('WebSocket', sockets, (one) => one.readyState !== 3);
  const openStreams = wrap('EventSource', streams, (one) => one.readyState !== 2);
  return () => ({
    timers: [...timers.values()],
    listeners: [...listeners.entries()].flatMap(([target, held]) =>
      held.map(
        (one) =>
          `${target === window ? 'window' : target === document ? 'document' : 'other'} ${one.type} ${one.caller}`,
      ),
    ),
    requests: [...requests].map((entry) => `${entry.url} ${entry.caller}`),
    sockets: openSockets(),
    streams: openStreams(),
    frames: document.querySelectorAll('iframe, form').length,
    nodes: document.querySelectorAll('*').length,
  });
})();
