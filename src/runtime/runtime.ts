/**
 * What a platform offers to a client. Passed in, never imported by whoever uses it; two clients with two runtimes in
 * one process do not meet. Types only: `browser.ts` and `node.ts` fill it in.
 */

/** Two clocks, milliseconds. `wall` may jump; `mono` never runs backwards and may stand still in sleep. */
export interface Now {
  readonly wall: number;
  readonly mono: number;
}

/** Facts about the page's life. `docs/ARCHITECTURE.md` says which platform events they come from. */
export type Signal =
  | 'visible'
  | 'hidden'
  | 'suspended'
  | 'resumed'
  | 'prerendering'
  | 'activated'
  | 'online'
  | 'offline'
  | 'network-changed'
  | 'document-loaded';

/** A place that survives the page: what worked here before. All of it may throw; callers guard. */
export interface Store {
  get(key: string): string | null | undefined;
  set(key: string, value: string): void;
}

/** The parts that adapters use. A part that the platform lacks is absent. */
export interface Platform {
  readonly fetch?: typeof fetch | undefined;
  readonly AbortController?: typeof AbortController | undefined;
  readonly TextDecoder?: typeof TextDecoder | undefined;
  /** Characters of an answer after which it should end, where what `fetch` has brought stays in memory until then. */
  readonly answerLengthMax?: number;
  readonly WebSocket?: WebSocketConstructor | undefined;
  readonly EventSource?: EventSourceConstructor | undefined;
  readonly document?: Document | undefined;
  readonly window?: Window | undefined;
}

export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocket;
export type EventSourceConstructor = new (
  url: string,
  options?: {
    withCredentials?: boolean;
    headers?: Record<string, string>;
    heartbeatTimeout?: number;
    /** event-source-polyfill: how it asks. */
    Transport?: unknown;
  },
) => EventSource;

export interface Runtime {
  readonly platform: Platform;
  now(): Now;
  /** Cryptographic random bytes. Throws where the platform has no such source. */
  randomBytes(count: number): Uint8Array;
  /** Runs at the end of the current task, before anything else of the event loop. */
  defer(run: () => void): void;
  /** Runs when all tasks that are ready have run, so that what several of them send goes in one write. Absent: as `defer`. */
  gather?(run: () => void): void;
  /** One host timer, of no more than 2,147,483,647 ms. Returns what undoes it. */
  startTimer(run: () => void, delayMs: number): () => void;
  /** Tells the signals from now on, and at once (before it returns) those that already hold. Returns what ends it. */
  listen(onSignal: (signal: Signal) => void): () => void;
  /** Resolves a URL against the page; throws on nonsense. */
  resolveUrl(url: string): string;
  /** The page's origin, or `undefined` outside pages. */
  readonly origin: string | undefined;
  /** What the page's own timings say of a round trip to this URL's host, milliseconds; `undefined` if nothing. */
  roundTripMs?(url: string): number | undefined;
  /** The default memory; absent where there is none. */
  readonly store: Store | undefined;
  /** Where errors go that nobody listens for. */
  report(error: unknown): void;
}
