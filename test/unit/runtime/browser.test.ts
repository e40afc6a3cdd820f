import { afterEach, describe, expect, test, vi } from 'vitest';
import { browserRuntime, type Scope } from '../../../src/runtime/browser.ts';
import type { Signal } from '../../../src/runtime/runtime.ts';

/** A target that knows how many listeners it has. */
function countingTarget<T extends object>(
  fields: T,
): T & {
  fire(type: string): void;
  count(): number;
  addEventListener(type: string, run: () => void): void;
  removeEventListener(type: string, run: () => void): void;
} {
  let listeners: { type: string; run: () => void }[] = [];
  return Object.assign(fields, {
    addEventListener(type: string, run: () => void) {
      listeners.push({ type, run });
    },
    removeEventListener(type: string, run: () => void) {
      listeners = listeners.filter((one) => one.type !== type || one.run !== run);
    },
    fire(type: string) {
      for (const one of listeners.slice()) if (one.type === type) one.run();
    },
    count: () => listeners.length,
  });
}

function page() {
  const document = countingTarget({
    visibilityState: 'visible',
    readyState: 'interactive',
    prerendering: false,
    baseURI: 'https://page.example/app/',
  });
  const connection = countingTarget({ type: 'wifi', effectiveType: '4g', rtt: 50 });
  const window = countingTarget({
    document,
    navigator: { onLine: true, connection },
    performance: { now: () => 5 },
    location: { href: 'https://page.example/app/', protocol: 'https:', host: 'page.example' },
    URL,
  });
  const scope = window as unknown as Scope;
  return { document, connection, window, scope };
}

function listening(scope: Scope): { signals: Signal[]; off: () => void } {
  const signals: Signal[] = [];
  return { signals, off: browserRuntime(scope).listen((signal) => signals.push(signal)) };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('signals', () => {
  test('what holds already is told before listen returns', () => {
    const { scope, document, window } = page();
    document.visibilityState = 'hidden';
    document.prerendering = true;
    window.navigator.onLine = false;
    expect(listening(scope).signals).toEqual(['hidden', 'prerendering', 'offline']);
    expect(listening(page().scope).signals).toEqual(['visible', 'activated', 'online']);
  });

  test('a trip through the back-forward cache is one suspended and one resumed', () => {
    const { scope, document, window } = page();
    const { signals } = listening(scope);
    signals.length = 0;
    window.fire('pagehide');
    document.visibilityState = 'hidden';
    document.fire('visibilitychange');
    document.fire('freeze');
    document.fire('resume');
    document.visibilityState = 'visible';
    document.fire('visibilitychange');
    window.fire('pageshow');
    expect(signals).toEqual(['suspended', 'hidden', 'resumed', 'visible']);
  });

  test('the first pageshow of a page means nothing', () => {
    const { scope, window } = page();
    const { signals } = listening(scope);
    signals.length = 0;
    window.fire('pageshow');
    expect(signals).toEqual([]);
  });

  test('online, offline and the end of prerendering', () => {
    const { scope, window, document } = page();
    const { signals } = listening(scope);
    signals.length = 0;
    window.fire('offline');
    window.fire('online');
    document.fire('prerenderingchange');
    expect(signals).toEqual(['offline', 'online', 'activated']);
  });

  test('another network is a change, another estimate of it is none', () => {
    const { scope, connection } = page();
    const { signals } = listening(scope);
    signals.length = 0;
    connection.rtt = 100;
    connection.fire('change');
    expect(signals).toEqual([]);
    connection.type = 'cellular';
    connection.fire('change');
    expect(signals).toEqual(['network-changed']);
  });

  test('the document counts as loaded one task after load', () => {
    vi.useFakeTimers();
    const { scope, window } = page();
    const { signals } = listening(scope);
    window.fire('load');
    expect(signals).not.toContain('document-loaded');
    vi.runAllTimers();
    expect(signals.filter((signal) => signal === 'document-loaded')).toHaveLength(1);
  });

  test('a document that is complete counts as loaded one task later: its load handlers may be running', () => {
    vi.useFakeTimers();
    const { scope, document } = page();
    document.readyState = 'complete';
    const within = listening(scope);
    expect(within.signals).not.toContain('document-loaded');
    vi.runAllTimers();
    expect(within.signals).toContain('document-loaded');
  });

  test('what listen returns removes every listener and the timer', () => {
    vi.useFakeTimers();
    const { scope, document, window, connection } = page();
    const { off, signals } = listening(scope);
    window.fire('load');
    expect(document.count() + window.count() + connection.count()).toBeGreaterThan(8);
    off();
    expect([document.count(), window.count(), connection.count(), vi.getTimerCount()]).toEqual([0, 0, 0, 0]);
    signals.length = 0;
    window.fire('pagehide');
    expect(signals).toEqual([]);
  });

  test('a worker has the network only', () => {
    const worker = countingTarget({ navigator: { onLine: true } });
    const { signals, off } = listening(worker as unknown as Scope);
    worker.fire('offline');
    expect(signals).toEqual(['online', 'offline']);
    off();
    expect(worker.count()).toBe(0);
  });
});

describe('what may be missing', () => {
  test('with nothing at all it is made, and says what it lacks', () => {
    const runtime = browserRuntime({});
    expect(runtime.platform).toEqual({});
    expect(runtime.origin).toBeUndefined();
    expect(runtime.store?.get('x')).toBeUndefined();
    expect(() => runtime.randomBytes(1)).toThrow();
    expect(() => runtime.resolveUrl('/x')).toThrow();
    expect(runtime.listen(() => {})).toBeTypeOf('function');
    expect(() => runtime.report(new Error('x'))).not.toThrow();
  });

  test('a storage that throws when it is looked at does so when it is used', () => {
    const scope = {};
    Object.defineProperty(scope, 'localStorage', {
      get() {
        throw new Error('SecurityError');
      },
    });
    expect(() => browserRuntime(scope).store?.get('x')).toThrow('SecurityError');
    const { store } = browserRuntime({ localStorage: null } as unknown as Scope);
    expect([store?.set('x', 'y'), store?.get('x')]).toEqual([undefined, undefined]);
  });

  test('without performance.now the clock stands still while Date goes back', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const runtime = browserRuntime({});
    const start = runtime.now().mono;
    vi.setSystemTime(Date.now() + 100);
    expect(runtime.now().mono).toBe(start + 100);
    vi.setSystemTime(Date.now() - 5000);
    expect(runtime.now().mono).toBe(start + 100);
    vi.setSystemTime(Date.now() + 10);
    expect(runtime.now().mono).toBe(start + 110);
  });

  test.each([
    ['queueMicrotask', { queueMicrotask }],
    ['none of it', {}],
  ])('defer runs after the present task: %s', async (_name, scope) => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      browserRuntime(scope as Scope).defer(() => {
        order.push('deferred');
        resolve();
      });
      order.push('task');
    });
    expect(order).toEqual(['task', 'deferred']);
  });

  test('an opaque origin is none', () => {
    const { scope, window } = page();
    expect(browserRuntime(scope).origin).toBe('https://page.example');
    expect(browserRuntime({ ...window, origin: 'null' } as unknown as Scope).origin).toBeUndefined();
  });
});

test('URLs are resolved against the page', () => {
  const { resolveUrl } = browserRuntime(page().scope);
  expect(resolveUrl('/realtime')).toBe('https://page.example/realtime');
  expect(resolveUrl('realtime')).toBe('https://page.example/app/realtime');
  expect(resolveUrl('wss://other.example/x')).toBe('wss://other.example/x');
  expect(() => resolveUrl('http://')).toThrow();
});

describe('a `URL` that is of no use', () => {
  /** A link as it is in a page, which knows what is no URL by having no host. */
  const createElement = () => ({
    href: '',
    cloneNode() {
      const isUrl = URL.canParse(this.href, 'https://page.example/app/');
      const { href, host } = isUrl
        ? new URL(this.href, 'https://page.example/app/')
        : { href: this.href, host: '' };
      return { href, host };
    },
  });

  test.each<[string, unknown]>([
    ['is absent', undefined],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['makes objects without an href, as in PhantomJS 2.1.1', class {}],
  ])('%s: a link is asked', (_, useless) => {
    const scope = { document: { createElement }, location: {}, URL: useless } as unknown as Scope;
    const { resolveUrl } = browserRuntime(scope);
    expect(resolveUrl('/realtime')).toBe('https://page.example/realtime');
    expect(() => resolveUrl('http://')).toThrow('no URL');
  });
});

/** As Resource Timing tells: one request, all moments in milliseconds since the page began. */
interface Timing {
  readonly name: string;
  readonly connectStart?: number;
  readonly secureConnectionStart?: number;
  readonly connectEnd?: number;
  readonly requestStart?: number;
  readonly responseStart?: number;
}

describe('a round trip', () => {
  const cold = {
    connectStart: 100,
    secureConnectionStart: 0,
    connectEnd: 140,
    requestStart: 140,
    responseStart: 200,
  };
  const secure = {
    ...cold,
    secureConnectionStart: 140,
    connectEnd: 220,
    requestStart: 220,
    responseStart: 300,
  };
  const warm = {
    connectStart: 50,
    secureConnectionStart: 50,
    connectEnd: 50,
    requestStart: 60,
    responseStart: 160,
  };
  const hidden = {
    connectStart: 0,
    secureConnectionStart: 0,
    connectEnd: 0,
    requestStart: 0,
    responseStart: 0,
  };
  const a = 'https://a.example/x.js';

  test.each<[string, readonly Timing[], number | undefined]>([
    ['nothing is known', [], undefined],
    ['a handshake took one', [{ name: a, ...cold }], 40],
    ['the first of a secure handshake took one', [{ name: a, ...secure }], 40],
    ['a warm connection waited for a first byte', [{ name: a, ...warm }], 100],
    [
      'a handshake says more than a wait, whichever came first',
      [
        { name: a, ...cold },
        { name: a, ...warm },
      ],
      40,
    ],
    [
      'the latest wait counts',
      [
        { name: a, ...warm, responseStart: 999 },
        { name: a, ...warm },
      ],
      100,
    ],
    [
      'the latest handshake counts',
      [
        { name: a, ...cold, connectEnd: 999 },
        { name: a, ...cold },
      ],
      40,
    ],
    ['all is hidden', [{ name: a, ...hidden }], undefined],
    ['an engine tells nothing of it', [{ name: a }], undefined],
    ['an answer came from a cache', [{ name: a, ...warm, responseStart: 60 }], undefined],
    ['it is of another origin', [{ name: 'https://a.example.evil/x.js', ...cold }], undefined],
    ['it is of another port', [{ name: 'https://a.example:8443/x.js', ...cold }], undefined],
  ])('where %s', (_, resource, ms) => {
    const getEntriesByType = (type: string) => (type === 'resource' ? resource : []);
    const { roundTripMs } = browserRuntime({ performance: { getEntriesByType } } as unknown as Scope);
    expect(roundTripMs?.('https://A.example/realtime')).toBe(ms);
  });

  test('is what the page itself took, if it is of that origin', () => {
    const getEntriesByType = (type: string) => (type === 'navigation' ? [{ name: a, ...cold }] : []);
    const { roundTripMs } = browserRuntime({ performance: { getEntriesByType } } as unknown as Scope);
    expect(roundTripMs?.('https://a.example/realtime')).toBe(40);
    expect(roundTripMs?.('/realtime')).toBeUndefined();
  });

  test('is not known where the platform has no timings', () => {
    expect(browserRuntime({}).roundTripMs?.('https://a.example/')).toBeUndefined();
    const scope = { performance: { now: () => 5 } } as unknown as Scope;
    expect(browserRuntime(scope).roundTripMs?.('https://a.example/')).toBeUndefined();
  });
});

test('timers run once, or not if they are undone', () => {
  vi.useFakeTimers();
  const { startTimer } = browserRuntime({});
  const run = vi.fn();
  startTimer(run, 10);
  startTimer(run, 10)();
  vi.advanceTimersByTime(10);
  expect(run).toHaveBeenCalledTimes(1);
});
