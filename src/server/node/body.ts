/** Reading a request's body within its bounds of size and time. */
import type { IncomingMessage } from 'node:http';

export type Body =
  | { readonly type: 'whole'; readonly text: string }
  | {
      readonly type: 'refused';
      readonly status: 400 | 408 | 413;
      readonly code: string;
      readonly message: string;
    }
  /** The connection went first: nobody is there to be answered. */
  | { readonly type: 'gone' };

export interface BodyBounds {
  readonly bytesMax: number;
  readonly timeMs: number;
}

/** What a body parser before us has left, if there was one. */
function parsedBefore(request: IncomingMessage): string | undefined {
  const { body } = request as { body?: unknown };
  if (typeof body === 'string') return body;
  if (Buffer.isBuffer(body)) return body.toString('utf8');
  if (!request.readableEnded || typeof body !== 'object' || body === null) return undefined;
  const isForm = String(request.headers['content-type']).includes('urlencoded');
  return isForm ? new URLSearchParams(body as Record<string, string>).toString() : JSON.stringify(body);
}

function decode(chunks: readonly Buffer[]): Body {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return { type: 'whole', text };
  } catch {
    return { type: 'refused', status: 400, code: 'BAD_FRAME', message: 'The body is not UTF-8.' };
  }
}

function tooLarge(bytesMax: number): Body {
  const message = `A body may have ${bytesMax} bytes.`;
  return { type: 'refused', status: 413, code: 'FRAME_TOO_LARGE', message };
}

/**
 * Listens to an error that something else tells of. One for all: whatever lasts keeps what listens to it, and a request lasts
 * as long as its answer.
 */
export function ignore(): void {}

/** Calls `done` once. What comes after a refusal is not read. */
export function readBody(request: IncomingMessage, bounds: BodyBounds, done: (body: Body) => void): void {
  const { bytesMax, timeMs } = bounds;
  const before = parsedBefore(request);
  if (before !== undefined) return done({ type: 'whole', text: before });
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return done(tooLarge(bytesMax));
  const chunks: Buffer[] = [];
  let length = 0;
  const settle = (body: Body): void => {
    clearTimeout(timer);
    request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    if (body.type === 'refused') request.pause();
    // An error that comes after the verdict must not end the process.
    request.on('error', ignore);
    done(body);
  };
  const onData = (chunk: Buffer): void => {
    length += chunk.length;
    if (length > bytesMax) settle(tooLarge(bytesMax));
    else chunks.push(chunk);
  };
  const onEnd = (): void => settle(decode(chunks));
  const onClose = (): void => settle({ type: 'gone' });
  const timer = setTimeout(() => {
    const message = `The body did not end within ${timeMs} ms.`;
    settle({ type: 'refused', status: 408, code: 'BODY_TIMEOUT', message });
  }, timeMs);
  request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
}
