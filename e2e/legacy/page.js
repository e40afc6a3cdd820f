/**
 * Runs by itself in a browser, with nothing but what the script brings: every transport, to the page's own origin and to
 * another, by what the engine has and, with the script for old browsers, by what stands in for it. Reports each run to the
 * server. Served as ES5.
 */
(() => {
  const { Holdfast, before, location, navigator } = window;
  const limitMs = 20_000;
  const otherOrigin = /[?&]other=([^&]*)/.exec(location.search)[1];
  const engine = /[?&]engine=([^&]*)/.exec(location.search)[1];
  const script = /[?&]script=([^&]*)/.exec(location.search)[1];
  /** What the script for old browsers can do without, by the name of a global. */
  const replaceable = ['fetch', 'EventSource'];
  /** Which of it this engine has, and whole. */
  const own = {
    fetch: Boolean(window.fetch && window.TextDecoder),
    EventSource: Boolean(window.EventSource) && 'withCredentials' in window.EventSource.prototype,
  };
  /** What of the streams stays in memory until they end, where the engine has no `fetch`. */
  const growing = ['http-stream', 'eventsource', 'iframe'];
  /** Half a megabyte a batch: one batch fills a stream. */
  const longRounds = 4;
  const longBatch = 9;
  const factories = {
    websocket: 'webSocket',
    'http-stream': 'httpStream',
    eventsource: 'eventSource',
    iframe: 'iframe',
    'long-poll': 'longPoll',
    poll: 'poll',
  };

  /** One request to the test server, past the library. */
  function control(what, then, body) {
    const xhr = new XMLHttpRequest();
    xhr.open('POST', `/control?engine=${engine}&do=${what}&n=${Math.random()}`, true);
    xhr.onload = () => then?.(JSON.parse(xhr.responseText));
    xhr.send(body === undefined ? '' : JSON.stringify(body));
  }

  /** Calls `then` when something is so, or `fail` with what was waited for. */
  function until(what, isSo, then, fail) {
    const endsAt = Date.now() + limitMs;
    const timer = setInterval(() => {
      if (!isSo() && Date.now() < endsAt) return;
      clearInterval(timer);
      if (isSo()) then();
      else fail(`not within ${limitMs / 1000} s: ${what}`);
    }, 20);
  }

  /** Takes what can be replaced from the page, and gives back what undoes it. */
  function impoverish() {
    const taken = replaceable.map((name) => ({ name, value: window[name] }));
    taken.forEach(({ name }) => {
      window[name] = undefined;
    });
    return () =>
      taken.forEach(({ name, value }) => {
        window[name] = value;
      });
  }

  function listOf(bytes) {
    return Array.prototype.slice.call(bytes).join(' ');
  }

  /** What came is 1, 2, 3 … to the last, each once. */
  function faultIn(numbers, last) {
    for (let i = 0; i < last; i++) if (numbers[i] !== i + 1) return `at ${i + 1} came ${numbers[i]}`;
    return numbers.length === last ? undefined : `${numbers.length} messages instead of ${last}`;
  }

  /** A client with one subscription, and what comes of it. */
  function begin({ url, transport, isPoor }) {
    const seen = {
      topic: `${engine}/${Math.random()}`,
      numbers: [],
      bytes: undefined,
      isReady: false,
      states: [],
      troubles: [],
    };
    const options = { memory: false };
    if (transport !== undefined) options.adapters = [Holdfast[factories[transport]]()];
    const undo = isPoor ? impoverish() : () => {};
    const client = Holdfast.createClient(url, options);
    client.on('gap', ({ reason }) => seen.troubles.push(`gap: ${reason}`));
    client.on('error', ({ code }) => seen.troubles.push(`error: ${code}`));
    client.on('status', ({ state }) => seen.states.push(state));
    const { ready } = client.subscribe(seen.topic, ({ data }) => {
      if (typeof data === 'number') seen.numbers.push(data);
      else if (typeof data === 'string') seen.numbers.push(parseInt(data, 10));
      else seen.bytes = listOf(data);
    });
    // The platform has been looked at by now.
    undo();
    ready.then(() => {
      seen.isReady = true;
    });
    return { client, seen };
  }

  /** One step after another, up to the first trouble; `done` gets what went wrong, or nothing. */
  function walk({ client, seen }, steps, done) {
    const { troubles } = seen;
    function end(trouble) {
      const used = client.status.transport;
      client.close();
      done(troubles.concat(trouble ?? []).join('; '), used);
    }
    function step(i, trouble) {
      if (trouble !== undefined || troubles.length > 0 || i === steps.length) end(trouble);
      else steps[i]((more) => step(i + 1, more), end);
    }
    step(0);
  }

  /** Subscribes, sends, is cut, resumes. */
  function runCut(one, done) {
    const { client, seen } = begin(one);
    const { topic, numbers, troubles } = seen;
    const named = `topic=${encodeURIComponent(topic)}`;
    let replies = 0;

    function send(data, isRight, then) {
      client.send(topic, data).then(
        (reply) => {
          replies++;
          then(isRight(reply) ? undefined : `a wrong reply: ${JSON.stringify(reply)}`);
        },
        (error) => then(`send: ${error.code}`),
      );
    }

    const steps = [
      (next, end) => until('ready', () => seen.isReady || troubles.length > 0, next, end),
      (next) => control(`publish&from=1&to=20&${named}`, () => next()),
      (next, end) => until('20 messages', () => numbers.length >= 20, next, end),
      (next) => send({ words: 'grüße 😀' }, ({ words }) => words === 'grüße 😀', next),
      (next) => send(new Uint8Array([0, 10, 255]), (reply) => listOf(reply) === '0 10 255', next),
      (next) => control(`publish-bytes&${named}`, () => next()),
      (next, end) => until('bytes', () => seen.bytes === '255 0 10', next, end),
      (next) =>
        control(`cut&from=21&to=40&${named}`, ({ cut }) =>
          // Between two short polls there is nothing to cut.
          next(cut > 0 || one.transport === 'poll' ? undefined : 'nothing was cut'),
        ),
      (next, end) => until('40 messages, after a cut', () => numbers.length >= 40, next, end),
      (next) => send({ n: 3 }, ({ n }) => n === 3, next),
      (next) => control(`publish&from=41&to=60&${named}`, () => next()),
      (next, end) => until('60 messages', () => numbers.length >= 60, next, end),
      (next) =>
        control(`applied&${named}`, ({ count }) =>
          next(count === replies ? undefined : `${replies} sends were applied ${count} times`),
        ),
      (next) => next(faultIn(numbers, 60)),
    ];
    walk({ client, seen }, steps, done);
  }

  /** Brings so much that the stream must be replaced again and again, with no pause that anybody sees. */
  function runLong(one, done) {
    const { client, seen } = begin(one);
    const { topic, numbers, states } = seen;
    const replacements = () => client.status.attempts.filter(({ why }) => /memory/.test(why)).length;
    const steps = [(next, end) => until('ready', () => seen.isReady, next, end)];
    for (let round = 1; round <= longRounds; round++) {
      const last = round * longBatch;
      const query = `from=${last - longBatch + 1}&to=${last}&topic=${encodeURIComponent(topic)}`;
      steps.push(
        (next) => control(`publish-long&${query}`, () => next()),
        (next, end) => until(`${last} long messages`, () => numbers.length >= last, next, end),
        (next, end) => until(`replacement ${round}`, () => replacements() >= round, next, end),
      );
    }
    steps.push(
      (next) => next(faultIn(numbers, longRounds * longBatch)),
      (next) => next(states.indexOf('reconnecting') < 0 ? undefined : 'there was a pause'),
    );
    walk({ client, seen }, steps, done);
  }

  /** Every combination, by what the engine has itself and, where that is anything, by what stands in for it. */
  function runs() {
    const isLegacy = script === 'legacy';
    const isRich = isLegacy && replaceable.some((name) => own[name]);
    const all = (isLegacy ? growing : []).map((transport) => ({
      what: 'long',
      origin: 'same',
      url: '/realtime',
      transport,
      isPoor: isRich,
    }));
    ['same', 'other'].forEach((origin) => {
      const url = `${origin === 'same' ? `${location.protocol}//${location.host}` : otherOrigin}/realtime`;
      Object.keys(factories).forEach((transport) => {
        all.push({ what: 'cut', origin, url, transport, isPoor: false });
        if (isRich && transport !== 'websocket')
          all.push({ what: 'cut', origin, url, transport, isPoor: true });
      });
      all.push({ what: 'cut', origin, url, transport: undefined, isPoor: false });
    });
    return all;
  }

  function runNext(left) {
    const one = left[0];
    if (!one) {
      return control('done', () => {
        document.title = 'done';
      });
    }
    const startedAt = Date.now();
    const run = one.what === 'long' ? runLong : runCut;
    run(one, (trouble, used) => {
      const { what, origin, transport = 'default', isPoor } = one;
      const result = { what, origin, transport, isPoor, used, trouble, ms: Date.now() - startedAt };
      control('result', () => runNext(left.slice(1)), result);
    });
  }

  /** Names of globals that the script has added or changed, its own aside. */
  function touched() {
    const names = Object.getOwnPropertyNames(window).filter((name) => {
      const isNew = !Object.prototype.hasOwnProperty.call(before.values, name);
      const isOther = isNew || (before.values[name] !== undefined && before.values[name] !== window[name]);
      return isOther && name !== 'before' && name !== 'Holdfast';
    });
    const methods = Object.getOwnPropertyNames(Function.prototype).join();
    return methods === before.methods ? names : names.concat('Function.prototype');
  }

  const begun = { touched: touched(), own, userAgent: navigator.userAgent };
  window.onerror = (message, file, line) => control('error', undefined, `${message} (${file}:${line})`);
  control('begin', () => runNext(runs()), begun);
})();
