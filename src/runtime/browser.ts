/**
 * What a browser offers to a client: pages of any age, and workers. Everything is looked for when a runtime is made,
 * nothing when this file is loaded. Owns the way from platform events to signals; must not know what follows from them.
 */
import { pageSignals } from './page.ts';
import type { Platform, Runtime } from './runtime.ts';

/** The global object of a page or worker, in which anything may be missing. */
export type Scope = Partial<Window & typeof globalThis>;

function platformOf(scope: Scope): Platform {
  const { fetch, AbortController, TextDecoder, WebSocket, EventSource, document } = scope;
  return {
    // Called by its bare name, fetch would have no `this`, which Chromium calls an illegal invocation.
    fetch: fetch?.bind(scope as Window),
    AbortController,
    TextDecoder,
    WebSocket,
    EventSource,
    document,
    window: document && (scope as Window),
  };
}

/** `performance.now()`, else a clock that adds up what `Date` goes forward and ignores what it goes back. */
function monotoneClock({ performance }: Scope): () => number {
  // Taken now: what a page puts in its place later, for a test or by accident, need not be a clock.
  const now = performance?.now;
  const read = (): number => (performance && now ? now.call(performance) : Date.now());
  let last = read();
  let passed = 0;
  return () => {
    const at = read();
    const step = at - last;
    if (step > 0) passed += step;
    // What is no number changes nothing.
    if (step) last = at;
    return passed;
  };
}

/** A page may have broken its `URL`, and the one of PhantomJS makes objects without an `href`: a link knows the same. */
function resolveUrl({ document, location, URL }: Scope, url: string): string {
  try {
    const { href } = new (URL as typeof globalThis.URL)(url, document?.baseURI ?? location?.href);
    if (href) return href;
  } catch {
    // It is no URL, or there is no `URL`.
  }
  const link = document?.createElement?.('a');
  if (link) {
    link.href = url;
    // Read back through `cloneNode`, old engines included, it is absolute; what is no URL has no host.
    const { href, host } = link.cloneNode(false) as HTMLAnchorElement;
    if (host) return href;
  }
  throw new TypeError('no URL');
}

/** `undefined` outside pages, and for pages whose origin is opaque (`'null'`): nothing can be addressed to those. */
function originOf({ document, location, origin }: Scope): string | undefined {
  const found = origin ?? (location && `${location.protocol}//${location.host}`);
  return document && found !== 'null' ? found : undefined;
}

/**
 * What a round trip took: the latest handshake of a connection to this URL's origin, else the latest wait for a first byte,
 * which has the server's own time in it (Resource Timing). The timings of other origins are hidden unless those say otherwise.
 */
function roundTripMs({ performance }: Scope, url: string): number | undefined {
  const origin = /^https?:\/\/[^/?#]+/i.exec(url)?.[0].toLowerCase();
  let timings: readonly Partial<PerformanceResourceTiming>[] = [];
  try {
    const entriesOf = (type: string) => (performance as Performance).getEntriesByType(type);
    timings = entriesOf('navigation').concat(entriesOf('resource'));
  } catch {
    // Old engines, extensions for privacy, half polyfills.
  }
  let handshakeMs: number | undefined;
  let waitMs: number | undefined;
  timings.forEach((timing) => {
    const { name = '', connectStart = 0, secureConnectionStart, connectEnd = 0 } = timing;
    const { requestStart = 0, responseStart = 0 } = timing;
    if (`${name.toLowerCase()}/`.indexOf(`${origin}/`) !== 0) return;
    const ms = (secureConnectionStart || connectEnd) - connectStart;
    if (ms > 0) handshakeMs = ms;
    else if (requestStart > 0 && responseStart > requestStart) waitMs = responseStart - requestStart;
  });
  return handshakeMs ?? waitMs;
}

export function browserRuntime(scope: Scope = globalThis as Scope): Runtime {
  const mono = monotoneClock(scope);
  const {
    setTimeout: start = setTimeout,
    clearTimeout: stop = clearTimeout,
    queueMicrotask = (run) => void Promise.resolve().then(run),
  } = scope;
  return {
    platform: platformOf(scope),
    now: () => ({ wall: Date.now(), mono: mono() }),
    randomBytes: (count) => (scope.crypto as Crypto).getRandomValues(new Uint8Array(count)),
    defer: (run) => queueMicrotask.call(scope, run),
    startTimer(run, delayMs) {
      const timer = start.call(scope, run, delayMs);
      return () => stop.call(scope, timer);
    },
    listen: (onSignal) => pageSignals(scope, onSignal),
    resolveUrl: (url) => resolveUrl(scope, url),
    origin: originOf(scope),
    roundTripMs: (url) => roundTripMs(scope, url),
    // To look at it costs a page a millisecond or two, and throws in sandboxed frames and where cookies are blocked.
    store: {
      get: (key) => scope.localStorage?.getItem(key),
      set: (key, value) => scope.localStorage?.setItem(key, value),
    },
    /** Looks like an uncaught error in the console and to the page's error tracker, but interrupts nothing. */
    report(error) {
      if (scope.reportError) scope.reportError(error);
      else scope.console?.error(error);
    },
  };
}
