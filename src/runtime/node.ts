/**
 * What Node (also Bun and Deno) offers to a client: no page, and parts that come from packages where the version has
 * none. Its timers and connections keep the process alive, so that a client lives until it is closed.
 */
import { randomFillSync } from 'node:crypto';
import eventSourcePolyfill from 'event-source-polyfill';
import { WebSocket as WsWebSocket } from 'ws';
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
    EventSource: (EventSource ?? eventSourcePolyfill.EventSourcePolyfill) as EventSourceConstructor,
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
