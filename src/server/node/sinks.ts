/**
 * Node's answers and sockets as the core's sinks. They write what they are given and say when it has gone; when to write
 * is the core's affair. An idle connection keeps one of them: their functions are shared and find their record by `this`.
 */
import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Coded } from '../core/forms.ts';
import type { Sink } from '../core/types.ts';

function bytesOf(text: string, shared: Coded | undefined): Uint8Array {
  if (!shared) return Buffer.from(text);
  shared.bytes ??= Buffer.from(text);
  return shared.bytes;
}

/** A text as a whole WebSocket message: the head of its one frame (RFC 6455, 5.2), which a server does not mask, and its bytes. */
export function makeFrame(text: string): Buffer {
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

function frameOf(text: string, shared: Coded | undefined): Uint8Array {
  if (!shared) return makeFrame(text);
  shared.frame ??= makeFrame(text);
  return shared.frame;
}

/** A text as a chunk of an HTTP/1.1 answer, with its length and end (RFC 9112, 7.1). */
function makeChunk(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = `${length.toString(16)}\r\n`;
  const chunk = Buffer.allocUnsafe(head.length + length + 2);
  chunk.write(head);
  chunk.write(text, head.length);
  chunk.write('\r\n', head.length + length);
  return chunk;
}

function chunkOf(text: string, shared: Coded | undefined): Uint8Array {
  if (!shared) return makeChunk(text);
  shared.chunk ??= makeChunk(text);
  return shared.chunk;
}

// ---- answers that stay open ------------------------------------------------------------------------------------------

interface StreamSink extends Sink {
  readonly response: ServerResponse;
  readonly drained: (this: ServerResponse) => void;
  /** Until the head is written. */
  head: { readonly headers: Readonly<Record<string, string>>; readonly prelude: string } | undefined;
  /**
   * Where Node would write a chunk's length, the chunk and its end, three pieces for each connection: whole chunks, which all of
   * them share, go past it, in order. Not where something in between (a compression) has its own way to write, nor where there
   * are no chunks (HTTP/1.0, HTTP/2).
   */
  socket: Socket | undefined;
  /** Once it had to wait. */
  resume: (() => void) | undefined;
}

/** Other runtimes have answers that tell of no chunks. */
function socketOf(response: ServerResponse): Socket | undefined {
  const isPlain = response.write === ServerResponse.prototype.write && response.chunkedEncoding;
  return (isPlain && response.socket) || undefined;
}

function writeHead(sink: StreamSink): void {
  const { response, head } = sink;
  sink.head = undefined;
  if (!head || response.headersSent) return;
  response.writeHead(200, head.headers);
  // At once, as one string: beside other chunks the head would stay the tree of 25 strings as which Node has made it.
  response.flushHeaders();
  if (head.prelude !== '') response.write(head.prelude);
  sink.socket = socketOf(response);
}

function writeChunk(this: StreamSink, text: string | Uint8Array, shared?: Coded): void {
  writeHead(this);
  // Whoever else has the answer (a time limit, a framework) may have ended it: its connection is the next one's by now.
  if (this.response.writableEnded) return;
  if (typeof text !== 'string') this.response.write(text);
  else if (this.socket) this.socket.write(chunkOf(text, shared));
  else this.response.write(bytesOf(text, shared));
}

function isStreamBlocked(this: StreamSink): boolean {
  const { response, socket = response } = this;
  if (!socket.writableNeedDrain) return false;
  // Most never are, so a listener that waits for it from the beginning would be one too many.
  this.resume ??= () => this.drained.call(response);
  socket.off('drain', this.resume).once('drain', this.resume);
  return true;
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

/** Streams and answers of unknown length. `drained` is called with the response. `prelude` is written before the first chunk. */
export function createStreamSink(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  drained: (this: ServerResponse) => void,
  prelude = '',
): Sink {
  const head = { headers, prelude };
  const own: Omit<StreamSink, keyof Sink> = { response, drained, head, socket: undefined, resume: undefined };
  return Object.assign(Object.create(streamMethods) as Sink, own);
}

/**
 * Answers that mostly are whole in one go: written with their length if they end in the turn in which they begin,
 * in chunks otherwise.
 */
export function createAnswerSink(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  drained: (this: ServerResponse) => void,
): Sink {
  const stream = createStreamSink(response, headers, drained);
  let held: Uint8Array[] | undefined;
  const passOn = (): void => {
    for (const bytes of held ?? []) stream.write(bytes);
    held = undefined;
  };
  return {
    blocked: () => stream.blocked(),
    bufferedBytes: () => stream.bufferedBytes(),
    abort: () => stream.abort(),
    write(chunk, shared) {
      if (response.headersSent) return stream.write(chunk, shared);
      if (!held) process.nextTick(passOn);
      held ??= [];
      held.push(typeof chunk === 'string' ? bytesOf(chunk, shared) : chunk);
    },
    end() {
      if (response.headersSent) return void response.end();
      const parts = held ?? [];
      held = undefined;
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      response.writeHead(200, { ...headers, 'Content-Length': String(length) });
      const last = parts.pop();
      for (const part of parts) response.write(part);
      response.end(last);
    },
  };
}

// ---- sockets ---------------------------------------------------------------------------------------------------------

/** Milliseconds that a client may take to answer a WebSocket close. */
const closeMs = 2_000;

interface SocketSink extends Sink {
  readonly ws: WebSocket;
  readonly socket: Duplex;
  /** `ws` writes to this very socket and does nothing else to a message, so whole frames may go past it, in order. */
  readonly isDirect: boolean;
  isWatched: boolean;
  isCorked: boolean;
}

function writeMessage(this: SocketSink, chunk: string | Uint8Array, shared?: Coded): void {
  const { ws, socket } = this;
  if (typeof chunk === 'string') {
    if (!this.isDirect) ws.send(chunk);
    // Nothing may follow a close frame.
    else if (ws.readyState === ws.OPEN) socket.write(frameOf(chunk, shared));
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

/** `ws` must not compress. */
export function createSocketSink(ws: WebSocket, socket: Duplex): Sink {
  // Bun has a WebSocket server of its own in the place of `ws`: its socket is not to be written to.
  const isDirect = (ws as { _sender?: { _socket?: unknown } })._sender?._socket === socket;
  const own: Omit<SocketSink, keyof Sink> = {
    ws,
    socket,
    isDirect,
    isWatched: false,
    isCorked: false,
  };
  return Object.assign(Object.create(isDirect ? socketMethods : foreignMethods) as Sink, own);
}
