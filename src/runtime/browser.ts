/**
 * What a browser offers to a client: pages of any age, and workers. Everything is looked for when a runtime is made,
 * nothing when this file is loaded. Owns the way from platform events to signals; must not know what follows from them.
 */
import { pageSignals } from './page.ts';
import type { HttpPool, Platform, Runtime, Store } from './runtime.ts';

/** The global object of a page or worker, in which anything may be missing. */
export type Scope = Partial<Window & typeof globalThis>;

/** The longest delay that host timers take; they fire at once for a longer one. */
const timerDelayMsMax = 2147483647;

function globalScope(): Scope {
  if (typeof self !== 'undefined') return self as Scope;
  if (typeof window !== 'undefined') return window as Scope;
  return typeof globalThis === 'undefined' ? {} : (globalThis as Scope);
}

function platformOf(scope: Scope): Platform {
  const { fetch, AbortController, TextDecoder, WebSocket, EventSource, document } = scope;
  return {
    // Called by its bare name, fetch would have no `this`, which Chromium calls an illegal invocation.
    ...(fetch ? { fetch: fetch.bind(scope as Window) } : {}),
    ...(AbortController ? { AbortController } : {}),
    ...(TextDecoder ? { TextDecoder } : {}),
    ...(WebSocket ? { WebSocket } : {}),
    ...(EventSource ? { EventSource } : {}),
    ...(document ? { document, window: scope as Window } : {}),
  };
}

/** `performance.now()`, else a clock that adds up what `Date` goes forward and ignores what it goes back. */
function monotoneClock(scope: Scope): () => number {
  const { performance } = scope;
  // Taken now: what a page puts in its place later, for a test or by accident, need not be a clock.
  const now = performance?.now;
  const read = performance && typeof now === 'function' ? () => now.call(performance) : () => Date.now();
  let last = read();
  let passed = 0;
  return () => {
    const at = read();
    const step = at - last;
    if (step > 0) passed += step;
    // What is no number changes nothing.
    if (step > 0 || step < 0) last = at;
    return passed;
  };
}

function deferrer(scope: Scope, report: (error: unknown) => void): (run: () => void) => void {
  const { queueMicrotask } = scope;
  if (typeof queueMicrotask === 'function') return (run) => queueMicrotask.call(scope, run);
  if (typeof scope.Promise === 'function') {
    const settled = scope.Promise.resolve();
    return (run) => {
      settled.then(run).then(undefined, report);
    };
  }
  return (run) => {
    setTimeout(run, 0);
  };
}

/** Whether `URL` can be used: PhantomJS has one that throws whatever it is given. */
function hasUrl(scope: Scope): scope is Scope & { URL: typeof URL } {
  try {
    return new (scope.URL as typeof URL)('http://a/b').href === 'http://a/b';
  } catch {
    return false;
  }
}

function resolveUrl(scope: Scope, url: string): string {
  const { document, location } = scope;
  if (hasUrl(scope)) {
    const base = document?.baseURI ?? location?.href;
    return base === undefined ? new scope.URL(url).href : new scope.URL(url, base).href;
  }
  const anchor = document?.createElement('a');
  if (anchor) {
    anchor.href = url;
    // Read back through `cloneNode`, old engines included, it is absolute.
    const href = (anchor.cloneNode(false) as HTMLAnchorElement).href;
    if (/^[a-z]+:\/\/[^/]/i.test(href)) return href;
  }
  throw new TypeError(`not a URL: ${url}`);
}

/** `undefined` outside pages, and for pages whose origin is opaque (`'null'`): nothing can be addressed to those. */
function originOf(scope: Scope): string | undefined {
  const { location, origin } = scope;
  const found =
    origin ?? location?.origin ?? (location ? `${location.protocol}//${location.host}` : undefined);
  return found === 'null' || !scope.document ? undefined : found;
}

/** Timings of what the page has had from this URL's origin, the latest first, of those that it may know. */
function timingsOf(scope: Scope, url: string): PerformanceResourceTiming[] {
  const origin = /^https?:\/\/[^/?#]+/i.exec(url)?.[0].toLowerCase();
  const { performance } = scope;
  if (!origin || !performance || typeof performance.getEntriesByType !== 'function') return [];
  let entries: PerformanceEntryList;
  try {
    entries = performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'));
  } catch {
    return []; // Extensions for privacy, half polyfills.
  }
  return (entries as PerformanceResourceTiming[])
    .filter(({ name }) => `${name.toLowerCase()}/`.indexOf(`${origin}/`) === 0)
    .reverse();
}

/** The protocol of the latest answer. */
function httpPool(scope: Scope, url: string): HttpPool {
  const timings = timingsOf(scope, url);
  for (let i = 0; i < timings.length; i++) {
    const { nextHopProtocol } = timings[i] as PerformanceResourceTiming;
    if (/^h[23]/.test(nextHopProtocol)) return 'h2';
    if (/^http\//.test(nextHopProtocol)) return 'h1';
  }
  return 'unknown';
}

/**
 * What a round trip took: the latest handshake of a connection, else the wait for a first byte, which has the server's own
 * time in it (Resource Timing). The timings of other origins are hidden unless those say otherwise.
 */
function roundTripMs(scope: Scope, url: string): number | undefined {
  const timings = timingsOf(scope, url);
  let waitMs: number | undefined;
  for (let i = 0; i < timings.length; i++) {
    const { connectStart, secureConnectionStart, connectEnd, requestStart, responseStart } = timings[
      i
    ] as PerformanceResourceTiming;
    const handshakeMs = (secureConnectionStart > 0 ? secureConnectionStart : connectEnd) - connectStart;
    if (handshakeMs > 0) return handshakeMs;
    if (requestStart > 0 && responseStart > requestStart) waitMs ??= responseStart - requestStart;
  }
  return waitMs;
}

/** `localStorage`, where reading the property does not throw (sandboxed frames, blocked cookies) and gives something. */
function storeOf(scope: Scope): Store | undefined {
  try {
    const storage = scope.localStorage;
    if (!storage) return undefined;
    return {
      get: (key) => storage.getItem(key),
      set: (key, value) => storage.setItem(key, value),
    };
  } catch {
    return undefined;
  }
}

/** Looks like an uncaught error in the console and to the page's error tracker, but interrupts nothing. */
function reporter(scope: Scope): (error: unknown) => void {
  return (error) => {
    if (typeof scope.reportError === 'function') scope.reportError(error);
    else scope.console?.error(error);
  };
}

export function browserRuntime(scope: Scope = globalScope()): Runtime {
  const mono = monotoneClock(scope);
  const host = { start: scope.setTimeout ?? setTimeout, stop: scope.clearTimeout ?? clearTimeout };
  const report = reporter(scope);
  return {
    platform: platformOf(scope),
    now: () => ({ wall: Date.now(), mono: mono() }),
    randomBytes(count) {
      const crypto = scope.crypto ?? (scope as { msCrypto?: Crypto }).msCrypto;
      if (!crypto) throw new Error('no source of random bytes');
      return crypto.getRandomValues(new Uint8Array(count));
    },
    defer: deferrer(scope, report),
    startTimer(run, delayMs) {
      const timer = host.start.call(scope, run, Math.max(0, Math.min(delayMs, timerDelayMsMax)));
      return () => host.stop.call(scope, timer);
    },
    listen: (onSignal) => pageSignals(scope, onSignal),
    resolveUrl: (url) => resolveUrl(scope, url),
    origin: originOf(scope),
    httpPool: (url) => httpPool(scope, url),
    roundTripMs: (url) => roundTripMs(scope, url),
    // Asking for it costs a page a millisecond or two, so it is asked for only where there is something to remember.
    get store() {
      return storeOf(scope);
    },
    report,
  };
}
