/**
 * Node's answers and sockets as the core's sinks. They write what they are given and say when it has gone; when to write
 * is the core's affair.
 */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Sink } from '../core/types.ts';

/** In a fan-out the same text goes to many connections: it is turned into bytes once. */
export function createEncoder(): (text: string) => Buffer {
  let last = '';
  let bytes = Buffer.alloc(0);
  return (text) => {
    if (text !== last || last === '') {
      last = text;
      bytes = Buffer.from(text);
    }
    return bytes;
  };
}

export type Encoder = (text: string) => Buffer;

/** Streams and answers of unknown length. `prelude` is written before the first chunk. */
export function createStreamSink(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  encode: Encoder,
  prelude = '',
): Sink {
  const begin = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, headers);
    if (prelude !== '') response.write(prelude);
  };
  return {
    write(chunk) {
      begin();
      response.write(typeof chunk === 'string' ? encode(chunk) : chunk);
    },
    blocked: () => response.writableNeedDrain,
    bufferedBytes: () => response.writableLength,
    end() {
      begin();
      response.end();
    },
    abort: () => response.destroy(),
  };
}

/**
 * Answers that mostly are whole in one go: written with their length if they end in the turn in which they begin,
 * in chunks otherwise.
 */
export function createAnswerSink(
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  encode: Encoder,
): Sink {
  const stream = createStreamSink(response, headers, encode);
  let held: string | undefined;
  const passOn = (): void => {
    if (held !== undefined && !response.writableEnded) stream.write(held);
    held = undefined;
  };
  return {
    ...stream,
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

export function createSocketSink(ws: WebSocket, socket: Duplex, encode: Encoder): Sink {
  let isCorked = false;
  return {
    write(chunk) {
      if (typeof chunk === 'string') return ws.send(encode(chunk), { binary: false });
      // Messages with bytes cannot be joined, but their writes can.
      if (!isCorked) {
        isCorked = true;
        socket.cork();
        process.nextTick(() => {
          isCorked = false;
          socket.uncork();
        });
      }
      ws.send(chunk, { binary: true });
    },
    blocked: () => socket.writableNeedDrain,
    bufferedBytes: () => ws.bufferedAmount,
    end(code, reason) {
      ws.close(code, reason);
      const timer = setTimeout(() => ws.terminate(), closeMs).unref();
      ws.once('close', () => clearTimeout(timer));
    },
    abort: () => ws.terminate(),
  };
}
