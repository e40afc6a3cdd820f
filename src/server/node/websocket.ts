/**
 * WebSocket upgrades of the hub's URL (`docs/PROTOCOL.md` section 5), by the `ws` package: handshake, messages,
 * backpressure. A foreign origin is refused before the handshake.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { fromBase64 } from '../../core/base64.ts';
import { decodeFrame } from '../../core/codec.ts';
import { checkClientFrame, protocolName } from '../../core/frames.ts';
import type { HubCore } from '../core/hub.ts';
import type { Peer } from '../core/types.ts';
import { ignore } from './body.ts';
import { type Binding, metaOf, queryOf } from './http.ts';
import { refuseOrigin } from './origin.ts';
import { createSocketSink } from './sinks.ts';

const openPrefix = 'open.';

export interface Upgrades {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Sockets that have not gone. */
  readonly sockets: ReadonlySet<WebSocket>;
}

function refuse(socket: Duplex, message: string): void {
  const body = `${JSON.stringify({ type: 'error', code: 'ORIGIN_DENIED', message })}\n`;
  const head = ['HTTP/1.1 403 Forbidden', 'Connection: close', 'Content-Type: application/x-ndjson'];
  socket.on('error', () => undefined);
  socket.end(`${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** The subprotocols a client offers; one of them may be its open. */
function offered(request: IncomingMessage): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

/**
 * Ours if it is offered. Else any other, for a browser fails a connection whose offers were all left aside, and
 * could not be told in band what is wrong.
 */
function selectProtocol(names: Set<string>): string | false {
  if (names.has(protocolName)) return protocolName;
  for (const name of names) if (!name.startsWith(openPrefix)) return name;
  return false;
}

function viewOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return viewOf(Buffer.concat(data));
  return Buffer.isBuffer(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

function begin(binding: Binding, peer: Peer, request: IncomingMessage): void {
  const { core } = binding;
  const names = offered(request);
  const isOurs = names[0] === '' || names.includes(protocolName);
  const carried = names.find((name) => name.startsWith(openPrefix));
  if (carried === undefined && isOurs) return core.awaitOpen(peer);
  const bytes = carried === undefined ? undefined : fromBase64(carried.slice(openPrefix.length));
  const value = bytes && (decodeFrame(Buffer.from(bytes).toString('utf8')) as { protocol?: unknown });
  const frame = checkClientFrame(value);
  if (!isOurs) {
    const protocol = frame?.type === 'open' ? frame.protocol : (names[0] ?? '');
    const open = { type: 'open', protocol, client: '', key: '', attempt: 0, topics: [] } as const;
    return core.open(peer, protocol === protocolName ? { ...open, protocol: names[0] ?? '' } : open);
  }
  // Anything else than an open is refused like any first frame that is none.
  if (frame?.type === 'open') core.open(peer, frame);
  else core.receive(peer, 'no open');
}

/** In a scope of its own: what listens for as long as a connection lasts must not hold the request that began it. */
function listen(core: HubCore, peer: Peer, sockets: Set<WebSocket>, ws: WebSocket, socket: Duplex): void {
  sockets.add(ws);
  socket.on('drain', () => core.drained(peer));
  ws.on('message', (data, isBinary) => core.receive(peer, isBinary ? viewOf(data) : data.toString()));
  ws.on('close', () => {
    sockets.delete(ws);
    core.closed(peer);
  });
  // `ws` has closed it with the right code (1009 for a message that is too large) and tells `close` next.
  ws.on('error', ignore);
}

export function createUpgrades(binding: Binding): Upgrades {
  const sockets = new Set<WebSocket>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: binding.core.config.limits.frameBytes,
    handleProtocols: selectProtocol,
  });
  return {
    sockets,
    upgrade(request, socket, head) {
      const denied = refuseOrigin(request.headers, binding.origins, true);
      if (denied !== undefined) return refuse(socket, denied);
      (socket as Socket).setNoDelay?.(true);
      server.handleUpgrade(request, socket, head, (ws) => {
        const meta = metaOf(request, queryOf(request), binding);
        const sink = createSocketSink(ws, socket);
        const peer = binding.core.connect({ transport: 'websocket', sink, meta });
        listen(binding.core, peer, sockets, ws, socket);
        begin(binding, peer, request);
      });
    },
  };
}
