/**
 * A server that knows nothing of Holdfast: it gives the answers of a script, one request after another, and notes what was
 * asked and when. A script lives under a path of its own, so that any number of them can be played at once.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer } from './eventsource-cases.ts';

export interface Asked {
  /** As they came, in lower case and as UTF-8, and `:method`. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the answer before was written to its end; `undefined` for the first. */
  readonly waitedMs: number | undefined;
  /** The id to go on from, in whichever way it was told: the header, or `lastEventId` in the query. */
  readonly lastEventId: string | undefined;
}

export interface Script {
  readonly url: string;
  /** Without preflights. */
  readonly asked: readonly Asked[];
  /** Answers that are held open now. */
  readonly held: number;
}

export interface ScriptServer {
  /** Serves an empty page, from which its scripts are of the same origin. */
  readonly pageUrl: string;
  play(answers: readonly Answer[]): Script;
  close(): Promise<void>;
}

/** The streams of fetch drop what nobody has read when the connection breaks, so a cut comes a while after the last words. */
const beforeCutMs = 200;

interface Playing {
  readonly answers: readonly Answer[];
  readonly asked: Asked[];
  held: number;
  endedAtMs: number | undefined;
}

/** The last event of an answer that is held, which tells a reader that it has read everything. */
export const endEvent = 'end';
const last = `event:${endEvent}\ndata\n\n`;

/** Header values are bytes to HTTP; those of EventSource are UTF-8. */
function headersOf({ headers, method }: IncomingMessage): Record<string, string | undefined> {
  const read = Object.entries(headers).map(([name, value]) => [
    name,
    Buffer.from(String(value), 'latin1').toString(),
  ]);
  return { ...Object.fromEntries(read), ':method': method };
}

function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => response.write(bytes, () => setImmediate(resolve)));
}

async function writeBody(response: ServerResponse, { body = '', byByte }: Answer): Promise<void> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const length = byByte ? 1 : bytes.length;
  for (let at = 0; at < bytes.length && !response.destroyed; at += length) {
    await write(response, bytes.subarray(at, at + length));
  }
}

function writeHead(response: ServerResponse, request: IncomingMessage, answer: Answer): void {
  const { status = 200, type = 'text/event-stream', redirect, headers = {} } = answer;
  if (type !== null) response.setHeader('Content-Type', type);
  if (redirect) response.setHeader('Location', request.url ?? '/');
  response.setHeader('Cache-Control', 'no-store');
  // A client that keeps none of them alive never asks on a connection that is just being closed.
  response.setHeader('Connection', 'close');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.writeHead(status);
  response.flushHeaders();
}

/** Lets pages of other origins ask; says whether that was all they asked. */
function allow(request: IncomingMessage, response: ServerResponse): boolean {
  const { origin } = request.headers;
  if (origin !== undefined) {
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Allow-Credentials', 'true');
  }
  if (request.method !== 'OPTIONS') return false;
  response.setHeader('Access-Control-Allow-Headers', request.headers['access-control-request-headers'] ?? '');
  response.writeHead(204).end();
  return true;
}

async function give(playing: Playing, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (allow(request, response)) return;
  const answer = playing.answers[playing.asked.length] ?? { status: 204 };
  const { endedAtMs } = playing;
  const headers = headersOf(request);
  const query = new URL(request.url ?? '/', 'http://script').searchParams;
  playing.asked.push({
    headers,
    lastEventId: headers['last-event-id'] ?? query.get('lastEventId') ?? undefined,
    waitedMs: endedAtMs === undefined ? undefined : performance.now() - endedAtMs,
  });
  writeHead(response, request, answer);
  await writeBody(response, answer);
  if (answer.close === 'hold') {
    playing.held++;
    response.once('close', () => {
      playing.held--;
    });
    response.write(last);
    return;
  }
  if (answer.close === 'cut') await pause(beforeCutMs);
  playing.endedAtMs = performance.now();
  if (answer.close === 'cut') response.destroy();
  else response.end();
}

export async function startScriptServer(): Promise<ScriptServer> {
  const playing: Playing[] = [];
  const server = createServer((request, response) => {
    const found = /^\/script\/(\d+)$/.exec(request.url?.split('?')[0] ?? '');
    const played = found ? playing[Number(found[1])] : undefined;
    if (played) give(played, request, response).catch(() => response.destroy());
    else response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>A page</title>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    pageUrl: `${origin}/page`,
    play(answers) {
      const index = playing.length;
      const one: Playing = { answers, asked: [], held: 0, endedAtMs: undefined };
      playing.push(one);
      return {
        url: `${origin}/script/${index}`,
        asked: one.asked,
        get held() {
          return one.held;
        },
      };
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
