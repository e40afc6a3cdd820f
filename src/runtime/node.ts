/**
 * What Node (also Bun and Deno) offers to a client: no page, and parts that come from packages where the version has
 * none. Its timers and connections keep the process alive, so that a client lives until it is closed.
 */
import { randomFillSync } from 'node:crypto';
import { WebSocket as WsWebSocket } from 'ws';
import { createSseParser } from '../protocols/sse.ts';
import type { EventSourceConstructor, Platform, Runtime, WebSocketConstructor } from './runtime.ts';

const timerDelayMsMax = 2147483647;

/** How long a closed socket may wait for the other side's close frame, while it keeps the process alive. */
const closeTimeoutMs = 2_000;

/** `ws` emits `error` when a socket is closed before it is open, which ends the process if nobody listens. */
function PatientWebSocket(url: string, protocols?: string | string[]): WsWebSocket {
  const options = { closeTimeout: closeTimeoutMs, perMessageDeflate: false };
  const socket = new WsWebSocket(url, protocols ?? [], options);
  socket.on('error', () => {});
  return socket;
}

type Told = { readonly type: string; readonly data?: string; readonly lastEventId?: string };
type Listener = (event: Told) => void;

/** How `adapters/eventsource.ts` asks. */
interface Asking {
  readonly headers: Readonly<Record<string, string>>;
  readonly Transport: new () => {
    open(
      _: undefined,
      onStart: () => void,
      onText: (text: string) => void,
      onEnd: () => void,
      url: string,
      withCredentials: boolean,
      headers: object,
    ): { abort(): void };
  };
}

/**
 * As much of an EventSource as that adapter uses: it reads over the adapter's own requests, and never asks again. The
 * polyfill of old browsers could do it, and takes three times as long for a message.
 */
function EventReader(url: string, { headers, Transport }: Asking): object {
  const listeners: Record<string, Listener[]> = Object.create(null);
  const tell = (told: Told): void => {
    listeners[told.type]?.forEach((listener) => {
      listener(told);
    });
  };
  const parser = createSseParser({
    event: ({ event, data, id }) => tell({ type: event, data, lastEventId: id }),
    retry() {},
    comment() {},
  });
  const fail = (): void => tell({ type: 'error' });
  const read = (text: string): void => {
    if (!parser.add(text)) fail();
  };
  const start = (): void => tell({ type: 'open' });
  // There are servers that tell by it what is wanted (WHATWG HTML, section 9.2.2).
  const asked = { Accept: 'text/event-stream', ...headers };
  const request = new Transport().open(undefined, start, read, fail, url, false, asked);
  return {
    readyState: 0,
    addEventListener(type: string, listener: Listener) {
      listeners[type] = (listeners[type] ?? []).concat(listener);
    },
    removeEventListener(type: string, listener: Listener) {
      listeners[type] = listeners[type]?.filter((one) => one !== listener) ?? [];
    },
    close: () => request.abort(),
  };
}

/** Node 22's own socket (undici 6) tells no end of an open that fails: `error` alone, and it stays in CONNECTING. */
function isDeaf(): boolean {
  return Number.parseInt(process.versions['undici'] ?? '', 10) < 7;
}

function platform(): Platform {
  const { WebSocket, EventSource } = globalThis as { WebSocket?: unknown; EventSource?: unknown };
  return {
    fetch: (input, init) => globalThis.fetch(input, init),
    AbortController,
    TextDecoder,
    WebSocket: ((!isDeaf() && WebSocket) || PatientWebSocket) as unknown as WebSocketConstructor,
    EventSource: (EventSource ?? EventReader) as unknown as EventSourceConstructor,
  };
}

/** `queueMicrotask` keeps a resource for each call. */
const settled = Promise.resolve();

export function nodeRuntime(): Runtime {
  return {
    platform: platform(),
    now: () => ({ wall: Date.now(), mono: performance.now() }),
    randomBytes: (count) => randomFillSync(new Uint8Array(count)),
    defer: (run) => void settled.then(run),
    startTimer(run, delayMs) {
      const timer = setTimeout(run, Math.max(0, Math.min(delayMs, timerDelayMsMax)));
      return () => clearTimeout(timer);
    },
    listen: () => () => {},
    resolveUrl: (url) => new URL(url).href,
    origin: undefined,
    httpPool: () => 'unknown',
    store: undefined,
    report: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
  };
}
