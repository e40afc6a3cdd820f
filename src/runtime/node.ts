/**
 * What Node (also Bun and Deno) offers to a client: no page, and parts that come from packages where the version has
 * none. Its timers and connections keep the process alive, so that a client lives until it is closed.
 */
import { randomFillSync } from 'node:crypto';
import { WebSocket as WsWebSocket } from 'ws';
import { createSseParser } from '../protocols/sse.ts';
import type { EventSourceConstructor, Platform, Runtime, WebSocketConstructor } from './runtime.ts';

const asText = { binary: false };

/** How long a closed socket may wait for the other side's close frame, while it keeps the process alive. */
const closeTimeoutMs = 2_000;

/** What the adapters read of an event. */
interface Told {
  readonly type: string;
  readonly data?: unknown;
  readonly lastEventId?: string;
  readonly message?: string;
  readonly code?: number;
  readonly reason?: string;
}
type Listener = (event: Told) => void;

/**
 * As much of a WebSocket as `adapters/websocket.ts` uses. The events of `ws` are objects of many parts, and a text that it has to
 * turn into bytes itself leaves in two pieces.
 */
function PatientWebSocket(url: string, protocols?: string | string[]): object {
  const options = { closeTimeout: closeTimeoutMs, perMessageDeflate: false };
  const socket = new WsWebSocket(url, protocols ?? [], options);
  const listeners: Record<string, Listener | undefined> = {};
  const tell = (told: Told): void => listeners[told.type]?.(told);
  socket.binaryType = 'arraybuffer';
  socket.on('open', () => tell({ type: 'open' }));
  socket.on('message', (data, isBinary) => tell({ type: 'message', data: isBinary ? data : String(data) }));
  // Also when it is closed before it is open: that would end the process if nobody listened.
  socket.on('error', ({ message }) => tell({ type: 'error', message }));
  socket.on('close', (code, reason) => tell({ type: 'close', code, reason: String(reason) }));
  return {
    get readyState() {
      return socket.readyState;
    },
    send(data: string | Uint8Array) {
      if (typeof data === 'string') socket.send(Buffer.from(data), asText);
      else socket.send(data);
    },
    close: (code: number) => socket.close(code),
    addEventListener(type: string, listener: Listener) {
      listeners[type] = listener;
    },
    removeEventListener(type: string) {
      listeners[type] = undefined;
    },
  };
}

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
  // The global is a getter.
  const clock = performance;
  return {
    platform: platform(),
    now: () => ({ wall: Date.now(), mono: clock.now() }),
    randomBytes: (count) => randomFillSync(new Uint8Array(count)),
    defer: (run) => void settled.then(run),
    gather: (run) => void setImmediate(run),
    startTimer(run, delayMs) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    listen: () => () => {},
    resolveUrl: (url) => new URL(url).href,
    origin: undefined,
    store: undefined,
    report: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
  };
}
