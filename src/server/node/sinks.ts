/**
 * Node's answers and sockets as the core's sinks. They write what they are given and say when it has gone; when to write
 * is the core's affair. An idle connection keeps one of them: their functions are shared and find their record by `this`.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Sink } from '../core/types.ts';

export type Encoder = (text: string) => Buffer;

/** In a fan-out the same text goes to many connections: it is turned into bytes once. */
export function createEncoder(encode: Encoder): Encoder {
  let last = '';
  let bytes = encode(last);
  return (text) => {
    if (text !== last) {
      last = text;
      bytes = encode(text);
    }
    return bytes;
  };
}

/** A text as a whole WebSocket message: the head of its one frame (RFC 6455, 5.2), which a server does not mask, and its bytes. */
export function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headLength + length);
  // The last fragment, of text.
  frame[0] = 0x81;
  frame[1] = headLength === 2 ? length : headLength === 4 ? 126 : 127;
  if (headLength === 4) frame.writeUInt16BE(length, 2);
  else if (headLength === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.write(text, headLength);
  return frame;
}

interface StreamSink extends Sink {
  readonly response: ServerResponse;
  readonly encode: Encoder;
  readonly drained: () => void;
  /** Until the head is written. */
  head: { readonly headers: Readonly<Record<string, string>>; readonly prelude: string } | undefined;
}

function writeHead(sink: StreamSink): void {
  const { response, head } = sink;
  sink.head = undefined;
  if (!head || response.headersSent) return;
  response.writeHead(200, head.headers);
  // At once, as one string: beside other chunks the head would stay the tree of 25 strings as which Node has made it.
  response.flushHeaders();
  if (head.prelude !== '') response.write(head.prelude);
}

function writeChunk(this: StreamSink, chunk: string | Uint8Array): void {
  writeHead(this);
  const { response } = this;
  const { socket } = response;
  const bytes = typeof chunk === 'string' ? this.encode(chunk) : chunk;
  // Node would keep a chunk and its length back until the turn is over, by a callback for each connection.
  socket?.cork();
  response.write(bytes);
  socket?.uncork();
}

function isStreamBlocked(this: StreamSink): boolean {
  const { response, drained } = this;
  const isBlocked = response.writableNeedDrain;
  // Most never are, so a listener that waits for it from the beginning would be one too many.
  if (isBlocked) response.off('drain', drained).once('drain', drained);
  return isBlocked;
}

function streamBytes(this: StreamSink): number {
  return this.response.writableLength;
}

function endStream(this: StreamSink): void {
  writeHead(this);
  this.response.end();
}

function abortStream(this: StreamSink): void {
  this.response.destroy();
}

/** What they all do, kept once and not with each of thousands. */
const streamMethods: Sink = {
  write: writeChunk,
  blocked: isStreamBlocked,
  bufferedBytes: streamBytes,
  end: endStream,
  abort: abortStream,
};

/** Streams and answers of unknown length. `drained` listens to the response. `prelude` is written before the first chunk. */
export function createStreamSink(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  encode: Encoder,
  drained: () => void,
  prelude = '',
): Sink {
  const own: Omit<StreamSink, keyof Sink> = { response, encode, drained, head: { headers, prelude } };
  return Object.assign(Object.create(streamMethods) as Sink, own);
}

/**
 * Answers that mostly are whole in one go: written with their length if they end in the turn in which they begin,
 * in chunks otherwise.
 */
export function createAnswerSink(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  encode: Encoder,
  drained: () => void,
): Sink {
  const stream = createStreamSink(response, headers, encode, drained);
  let held: string | undefined;
  const passOn = (): void => {
    if (held !== undefined && !response.writableEnded) stream.write(held);
    held = undefined;
  };
  return {
    blocked: () => stream.blocked(),
    bufferedBytes: () => stream.bufferedBytes(),
    abort: () => stream.abort(),
    write(chunk) {
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      if (response.headersSent) return stream.write(text);
      if (held === undefined) process.nextTick(passOn);
      held = (held ?? '') + text;
    },
    end() {
      if (response.headersSent) return void response.end();
      const body = Buffer.from(held ?? '');
      held = undefined;
      response.writeHead(200, { ...headers, 'Content-Length': String(body.length) });
      response.end(body);
    },
  };
}

/** Milliseconds that a client may take to answer a WebSocket close. */
const closeMs = 2_000;

interface SocketSink extends Sink {
  readonly ws: WebSocket;
  readonly socket: Duplex;
  /** `ws` writes to this very socket and does nothing else to a message, so whole frames may go past it, in order. */
  readonly isDirect: boolean;
  isWatched: boolean;
  readonly frame: Encoder;
  isCorked: boolean;
}

function writeMessage(this: SocketSink, chunk: string | Uint8Array): void {
  const { ws, socket } = this;
  if (typeof chunk === 'string') {
    if (!this.isDirect) ws.send(chunk);
    // Nothing may follow a close frame.
    else if (ws.readyState === ws.OPEN) socket.write(this.frame(chunk));
    return;
  }
  // Messages with bytes cannot be joined, but their writes can.
  if (!this.isCorked) {
    this.isCorked = true;
    socket.cork();
    process.nextTick(() => {
      this.isCorked = false;
      socket.uncork();
    });
  }
  ws.send(chunk, { binary: true });
}

function isSocketBlocked(this: SocketSink): boolean {
  return this.socket.writableNeedDrain;
}

/** As much as Node holds back before it wants to drain, or somewhat more. */
const foreignBytes = 64 * 1024;
const lookMs = 20;

function watch(sink: SocketSink): void {
  sink.isWatched = true;
  setTimeout(() => {
    if (isForeignFull(sink)) return watch(sink);
    sink.isWatched = false;
    sink.socket.emit('drain');
  }, lookMs).unref();
}

function isForeignFull({ ws }: SocketSink): boolean {
  return ws.readyState === ws.OPEN && ws.bufferedAmount >= foreignBytes;
}

/** The socket beneath such a runtime's WebSocket never says that it is full, nor that it has drained. */
function isForeignBlocked(this: SocketSink): boolean {
  const isFull = isForeignFull(this);
  if (isFull && !this.isWatched) watch(this);
  return isFull;
}

function socketBytes(this: SocketSink): number {
  return this.ws.bufferedAmount;
}

function socketReadBytes(this: SocketSink): number {
  return (this.socket as Partial<Socket>).bytesRead ?? 0;
}

function endSocket(this: SocketSink, code: number, reason: string): void {
  const { ws } = this;
  ws.close(code, reason);
  const timer = setTimeout(() => ws.terminate(), closeMs).unref();
  ws.once('close', () => clearTimeout(timer));
}

function abortSocket(this: SocketSink): void {
  this.ws.terminate();
}

const socketMethods: Sink = {
  write: writeMessage,
  blocked: isSocketBlocked,
  bufferedBytes: socketBytes,
  readBytes: socketReadBytes,
  end: endSocket,
  abort: abortSocket,
};
const foreignMethods: Sink = { ...socketMethods, blocked: isForeignBlocked };

/** `frame` makes frames as `frameOf` does. `ws` must not compress. */
export function createSocketSink(ws: WebSocket, socket: Duplex, frame: Encoder): Sink {
  // Bun has a WebSocket server of its own in the place of `ws`: its socket is not to be written to.
  const isDirect = (ws as { _sender?: { _socket?: unknown } })._sender?._socket === socket;
  const own: Omit<SocketSink, keyof Sink> = {
    ws,
    socket,
    isDirect,
    isWatched: false,
    frame,
    isCorked: false,
  };
  return Object.assign(Object.create(isDirect ? socketMethods : foreignMethods) as Sink, own);
}
