/**
 * What every test of the contract stands on: the platform of the place it runs in, requests with a script for the stub
 * server, and a sink that writes down what it is told and objects to whatever the laws forbid.
 */
import { inject } from 'vitest';
import type {
  Adapter,
  AdapterConnection,
  AdapterRequest,
  AdapterSink,
  Closed,
  Posted,
  Unit,
} from '../../src/adapters/adapter.ts';
import type { Platform } from '../../src/runtime/runtime.ts';

export const isBrowser: boolean = typeof document !== 'undefined';

export const isFirefox: boolean = isBrowser && navigator.userAgent.includes('Firefox');

/** The platform as our own runtime finds it here. */
export async function hostPlatform(): Promise<Platform> {
  if (isBrowser) return (await import('../../src/runtime/browser.ts')).browserRuntime().platform;
  return (await import('../../src/runtime/node.ts')).nodeRuntime().platform;
}

let caseCount = 0;

export interface State {
  readonly open: number;
  readonly requests: number;
  readonly preflights: number;
  readonly methods: readonly string[];
  readonly bodies: readonly string[];
}

/** One test's part of the stub server. */
export interface StubCase {
  url(script: string, extra?: string): string;
  /** The same on the port for failures. */
  otherUrl(script: string, extra?: string): string;
  post(script: string, body?: string): AdapterRequest;
  /** Lets one `gate` pass, now or when it is reached. */
  go(): Promise<State>;
  /** Resolves once so many requests have come in all. */
  arrived(requests: number): Promise<State>;
  /** Resolves once so many requests have come and none of them is open any more. */
  idle(requests?: number): Promise<State>;
}

export function stubCase(): StubCase {
  const { url, otherUrl, controlUrl } = inject('stub');
  const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}-${++caseCount}`;
  const at = (base: string, script: string, extra = ''): string =>
    `${base}/scripted?case=${id}&do=${script}${extra}`;
  const ask = async (what: string): Promise<State> =>
    (await (await fetch(`${controlUrl}/${what}case=${id}`)).json()) as State;
  return {
    url: (script, extra) => at(url, script, extra),
    otherUrl: (script, extra) => at(otherUrl, script, extra),
    post: (script, body = '') => ({
      url: at(url, script),
      method: 'POST',
      headers: { 'content-type': 'text/plain;charset=UTF-8' },
      body,
      credentials: 'same-origin',
    }),
    go: () => ask('go?'),
    arrived: (requests) => ask(`arrived?requests=${requests}&`),
    idle: (requests = 1) => ask(`idle?requests=${requests}&`),
  };
}

export interface Recorder {
  readonly sink: AdapterSink;
  /** What was told, in order: `opened`, `unit`, `answered`, `posted`, `closed`. */
  readonly told: readonly string[];
  readonly units: readonly Unit[];
  readonly posts: readonly Posted[];
  readonly end: Closed | undefined;
  /** What the laws forbid and was told nevertheless. */
  readonly offences: readonly string[];
  /** Whoever is told may act at once; called after each fact. */
  react: ((fact: string) => void) | undefined;
  hasReturned(): void;
  until(condition: () => boolean): Promise<void>;
  /** All lines of all units. */
  lines(): string[];
}

function recorder(): Recorder {
  const told: string[] = [];
  const units: Unit[] = [];
  const posts: Posted[] = [];
  const offences: string[] = [];
  let waiting: { condition: () => boolean; resolve: () => void }[] = [];
  let end: Closed | undefined;
  let isReturned = false;

  function tell(fact: string): void {
    if (!isReturned) offences.push(`${fact} before open returned`);
    if (told.includes('closed')) offences.push(`${fact} after closed`);
    if (fact === 'opened' && told.includes('opened')) offences.push('opened twice');
    told.push(fact);
    self.react?.(fact);
    const ready = waiting.filter(({ condition }) => condition());
    waiting = waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  }

  const self: Recorder = {
    sink: {
      opened: () => tell('opened'),
      received(unit) {
        units.push(unit);
        tell('unit');
      },
      answered: () => tell('answered'),
      posted(result) {
        posts.push(result);
        tell('posted');
      },
      closed(reason) {
        end = reason;
        tell('closed');
      },
    },
    told,
    units,
    posts,
    get end() {
      return end;
    },
    offences,
    react: undefined,
    hasReturned: () => {
      isReturned = true;
    },
    until(condition) {
      if (condition()) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ condition, resolve }));
    },
    lines: () => units.flatMap((unit) => (unit.text ?? '').split('\n')).filter(Boolean),
  };
  return self;
}

export interface Opened extends Recorder {
  readonly connection: AdapterConnection;
}

export function openRecorded(adapter: Adapter, request: AdapterRequest): Opened {
  const record = recorder();
  const connection = adapter.open(request, record.sink);
  record.hasReturned();
  return Object.assign(record, { connection });
}

/** `{"n":1}` to `{"n":count}`, as the stub numbers its units. */
export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => JSON.stringify({ n: i + 1 }));
}

/** A platform that counts what an adapter takes from it, to see that all of it is given back. */
export interface Counted {
  readonly platform: Platform;
  /** Requests and sockets begun. */
  begun(): number;
  /** Listeners that are still there. */
  listeners(): number;
}

export function counted(platform: Platform): Counted {
  let begun = 0;
  let listeners = 0;

  /** Counts on the object itself, so that it stays what it is. */
  function watch<T extends EventTarget>(target: T): T {
    const add = target.addEventListener.bind(target) as EventTarget['addEventListener'];
    const remove = target.removeEventListener.bind(target) as EventTarget['removeEventListener'];
    target.addEventListener = (...args: Parameters<EventTarget['addEventListener']>) => {
      listeners++;
      add(...args);
    };
    target.removeEventListener = (...args: Parameters<EventTarget['removeEventListener']>) => {
      listeners--;
      remove(...args);
    };
    return target;
  }

  function watchConstructor<A extends unknown[], T extends EventTarget>(
    Constructor: new (...args: A) => T,
  ): new (
    ...args: A
  ) => T {
    return function Watched(...args: A): T {
      begun++;
      return watch(new Constructor(...args));
    } as unknown as new (
      ...args: A
    ) => T;
  }

  const { fetch, WebSocket, EventSource, window } = platform;
  return {
    begun: () => begun,
    listeners: () => listeners,
    platform: {
      ...platform,
      ...(fetch
        ? {
            fetch: (...args: Parameters<typeof fetch>) => {
              begun++;
              return fetch(...args);
            },
          }
        : {}),
      ...(WebSocket ? { WebSocket: watchConstructor(WebSocket) } : {}),
      ...(EventSource ? { EventSource: watchConstructor(EventSource) } : {}),
      // A stand-in, because the page's own window must not change.
      ...(window
        ? {
            window: watch({
              performance: window.performance,
              postMessage: window.postMessage.bind(window) as Window['postMessage'],
              addEventListener: window.addEventListener.bind(window),
              removeEventListener: window.removeEventListener.bind(window),
            } as Window),
          }
        : {}),
    },
  };
}
