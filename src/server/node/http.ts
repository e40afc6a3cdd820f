/**
 * HTTP requests of the hub's URL, told apart by what they ask for (`docs/PROTOCOL.md` section 5). Owns status codes and
 * headers; what frames bring about is the core's affair.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { OpenFrame } from '../../core/frames.ts';
import { escapeForScript, type FrameTokens } from '../core/forms.ts';
import type { HubCore } from '../core/hub.ts';
import type { Meta, Peer, PeerTransport, Sink } from '../core/types.ts';
import { type Body, ignore, readBody } from './body.ts';
import { corsHeaders, firstValue, isAllowedOrigin, type OriginOptions, refuseOrigin } from './origin.ts';
import { createAnswerSink, createStreamSink } from './sinks.ts';

/** What the bindings share. */
export interface Binding {
  readonly core: HubCore;
  readonly origins: OriginOptions;
  readonly answers: Answers;
  /** Whether the application authenticates: nobody else is told of addresses. */
  readonly asksWho: boolean;
}

/** Answers that have not ended, and what listens to each of them: shared, because most last long and do nothing. */
export interface Answers {
  /** By which connections receive. */
  readonly receiving: Map<ServerResponse, Peer>;
  /** All others: what comes and goes by thousands would keep the table of those that stay larger than it need be. */
  readonly passing: Set<ServerResponse>;
  readonly drained: (this: ServerResponse) => void;
  readonly closed: (this: ServerResponse) => void;
}

export function createAnswers(core: HubCore): Answers {
  const receiving: Answers['receiving'] = new Map();
  const passing: Answers['passing'] = new Set();
  return {
    receiving,
    passing,
    drained() {
      const peer = receiving.get(this);
      if (peer) core.drained(peer);
    },
    closed() {
      passing.delete(this);
      const peer = receiving.get(this);
      receiving.delete(this);
      if (peer) core.closed(peer);
    },
  };
}

const neverStored = { 'Cache-Control': 'no-store, no-transform' };
const streamed = { ...neverStored, 'X-Accel-Buffering': 'no' };
const lines = 'application/x-ndjson; charset=utf-8';

/** One request and its answer. */
interface Exchange {
  readonly binding: Binding;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly meta: Meta;
  readonly cors: Record<string, string>;
}

/** Frameworks shorten `url` to what lies below their mount point. */
function wholeUrl(request: IncomingMessage): string {
  return (request as { originalUrl?: string }).originalUrl ?? request.url ?? '/';
}

export function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
}

export function metaOf(request: IncomingMessage, query: URLSearchParams, binding: Binding): Meta {
  const { origins, asksWho } = binding;
  const number = Number(query.get('n') ?? Number.NaN);
  const forwarded = origins.trustProxy ? firstValue(request.headers['x-forwarded-for']) : undefined;
  return {
    headers: request.headers,
    url: wholeUrl(request),
    // Node keeps with the socket what it was once asked for.
    address: asksWho ? (forwarded ?? request.socket.remoteAddress) : undefined,
    requestNumber: Number.isSafeInteger(number) ? number : undefined,
  };
}

function errorBody(code: string, message: string): string {
  return `${JSON.stringify({ type: 'error', code, message })}\n`;
}

function refuse(exchange: Exchange, status: number, code: string, message: string): void {
  const { response, cors, request } = exchange;
  if (response.headersSent || response.destroyed) return;
  const body = errorBody(code, message);
  // What the client still sends is not read, so this connection cannot carry another request.
  const isUnread = !request.readableEnded && request.method === 'POST';
  const headers = {
    ...neverStored,
    ...cors,
    'Content-Type': lines,
    ...(isUnread && { Connection: 'close' }),
  };
  response.writeHead(status, { ...headers, 'Content-Length': String(Buffer.byteLength(body)) });
  response.end(body, () => {
    if (isUnread) request.destroy();
  });
}

function connect(exchange: Exchange, transport: PeerTransport, sink: Sink, frame?: FrameTokens): Peer {
  const { binding, response, meta } = exchange;
  const peer = binding.core.connect({ transport, sink, meta, frame });
  binding.answers.passing.delete(response);
  binding.answers.receiving.set(response, peer);
  response.on('error', ignore);
  return peer;
}

function streamSink(exchange: Exchange, type: string): Sink {
  const headers = {
    ...streamed,
    ...exchange.cors,
    'Content-Type': type,
    'X-Content-Type-Options': 'nosniff',
  };
  return createStreamSink(exchange.response, headers, exchange.binding.answers.drained);
}

function answerSink(exchange: Exchange): Sink {
  const headers = {
    ...neverStored,
    ...exchange.cors,
    'Content-Type': lines,
    'X-Content-Type-Options': 'nosniff',
  };
  return createAnswerSink(exchange.response, headers, exchange.binding.answers.drained);
}

function serveOpen(exchange: Exchange, open: OpenFrame): void {
  const { core } = exchange.binding;
  if (open.ticket !== undefined) {
    if (!core.offer(open, exchange.meta)) {
      return refuse(exchange, 400, 'TICKET_UNKNOWN', 'This ticket is of no use here.');
    }
    exchange.response.writeHead(204, { ...neverStored, ...exchange.cors });
    exchange.response.end();
    return;
  }
  const transport = open.wait === undefined ? 'http-stream' : open.wait === 0 ? 'poll' : 'long-poll';
  const sink = transport === 'http-stream' ? streamSink(exchange, lines) : answerSink(exchange);
  core.open(connect(exchange, transport, sink), open);
}

function servePost(exchange: Exchange, body: string): void {
  const { core } = exchange.binding;
  const post = core.parse(body);
  if (post.type === 'bad') return refuse(exchange, 400, 'BAD_FRAME', post.message);
  if (post.type === 'open') return serveOpen(exchange, post.open);
  const uplink = core.batch(answerSink(exchange), exchange.meta, post.batch, post.lines);
  exchange.response.on('close', () => core.batchClosed(uplink));
}

/** The document around an iframe's scripts (`docs/PROTOCOL.md` 5.4). */
function prelude(origin: string, csp: string): string {
  const post = `parent.postMessage(t,"${escapeForScript(origin)}")`;
  const remove = 'var s=document.getElementsByTagName("script");s=s[s.length-1];s.parentNode.removeChild(s)';
  // Some engines show nothing before the first kilobyte.
  const padding = `<!--${' '.repeat(1024)}-->`;
  const script = `<script nonce="${csp}">function m(t){${post};${remove}}${remove}</script>`;
  return `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Holdfast</title>${padding}${script}</head><body>\n`;
}

function serveFrame(exchange: Exchange, form: URLSearchParams): void {
  const { binding, request, response, cors } = exchange;
  const origin = form.get('origin') ?? '';
  const mark = form.get('nonce') ?? '';
  const post = binding.core.parse(form.get('open') ?? '');
  if (
    !isAllowedOrigin(origin, request.headers, binding.origins) ||
    !/^https?:\/\/[\w.:[\]-]+$/.test(origin)
  ) {
    return refuse(exchange, 403, 'ORIGIN_DENIED', `The frame's origin "${origin}" is not allowed here.`);
  }
  if (post.type !== 'open' || !/^[A-Za-z0-9]{1,64}$/.test(mark)) {
    return refuse(
      exchange,
      400,
      'BAD_FRAME',
      'The form has the fields open, origin and nonce (letters and digits).',
    );
  }
  const csp = randomBytes(16).toString('base64url');
  const headers = {
    ...streamed,
    ...cors,
    'Content-Type': 'text/html; charset=utf-8',
    // Who knows nonces ignores 'unsafe-inline'; engines of CSP 1 (Safari 7 to 9) know nothing else.
    'Content-Security-Policy': `default-src 'none'; script-src 'nonce-${csp}' 'unsafe-inline'; frame-ancestors ${origin}`,
    // A page with Cross-Origin-Embedder-Policy may frame it too; it loads nothing itself.
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
  const sink = createStreamSink(response, headers, binding.answers.drained, prelude(origin, csp));
  binding.core.open(connect(exchange, 'iframe', sink, { mark, csp }), post.open);
}

function serveGet(exchange: Exchange): void {
  const { binding, query, request } = exchange;
  const isSse = String(request.headers.accept).includes('text/event-stream');
  const ticket = query.get('ticket');
  const topics = query.getAll('topic');
  if (ticket !== null) {
    const peer = connect(exchange, 'eventsource', streamSink(exchange, 'text/event-stream; charset=utf-8'));
    return binding.core.present(peer, ticket, query.get('client') ?? '');
  }
  if (firstHeader(request, 'sec-websocket-key') !== undefined) {
    // A proxy has taken the upgrade out: a stream would be begun that nobody reads.
    return refuse(
      exchange,
      426,
      'BAD_FRAME',
      'This was to be a WebSocket; something on the way left out Upgrade.',
    );
  }
  // The header wins, because a browser repeats the old URL when it connects again.
  const cursor = firstHeader(request, 'last-event-id') ?? query.get('cursor') ?? undefined;
  const last = Math.max(0, Math.floor(Number(query.get('last') ?? 0)) || 0);
  const type = isSse ? 'text/event-stream; charset=utf-8' : lines;
  const peer = connect(exchange, isSse ? 'eventsource' : 'http-stream', streamSink(exchange, type));
  binding.core.read(peer, { topics, cursor: cursor === '' ? undefined : cursor, last });
}

/** A cursor holds commas, so nothing is split here. */
function firstHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

function servePreflight(exchange: Exchange): void {
  const { request, response, cors } = exchange;
  const asked = firstHeader(request, 'access-control-request-headers');
  response.writeHead(204, {
    ...cors,
    Vary: 'Origin, Access-Control-Request-Headers',
    'Access-Control-Allow-Methods': 'GET, POST',
    'Access-Control-Allow-Headers': asked ?? 'Content-Type, Authorization',
    'Access-Control-Max-Age': '86400',
  });
  response.end();
}

function isForm(request: IncomingMessage): boolean {
  return String(request.headers['content-type']).includes('application/x-www-form-urlencoded');
}

function serveBody(exchange: Exchange, body: Body): void {
  if (body.type === 'gone') return;
  if (body.type === 'refused') return refuse(exchange, body.status, body.code, body.message);
  if (isForm(exchange.request)) serveFrame(exchange, new URLSearchParams(body.text));
  else servePost(exchange, body.text);
}

/**
 * A page with `Referrer-Policy: no-referrer` posts its form with `Origin: null`. Its field is judged instead: whoever
 * names another origin than its own gets a document that it can neither frame nor hear.
 */
function isAnonymousForm(request: IncomingMessage): boolean {
  return request.method === 'POST' && request.headers.origin === 'null' && isForm(request);
}

/** An answer that waits behind another one of its connection is not told when that goes. */
function watchQueued(binding: Binding, socket: Socket, response: ServerResponse): void {
  const gone = (): void => binding.answers.closed.call(response);
  socket.on('close', gone);
  response.on('close', () => socket.off('close', gone));
}

/** Answers one request of the hub's URL, whatever it is. */
export function serve(binding: Binding, request: IncomingMessage, response: ServerResponse): void {
  const { method } = request;
  const query = queryOf(request);
  const meta = metaOf(request, query, binding);
  const plain: Exchange = { binding, request, response, query, meta, cors: {} };
  binding.answers.passing.add(response);
  response.on('close', binding.answers.closed);
  if (!response.socket) watchQueued(binding, request.socket, response);
  const isFrame = isAnonymousForm(request);
  const denied = isFrame ? undefined : refuseOrigin(request.headers, binding.origins, method === 'POST');
  if (denied !== undefined) return refuse(plain, 403, 'ORIGIN_DENIED', denied);
  const exchange = isFrame ? plain : { ...plain, cors: corsHeaders(request.headers) };
  (request.socket as Socket).setNoDelay?.(true);
  if (method === 'OPTIONS') return servePreflight(exchange);
  if (method === 'GET') return serveGet(exchange);
  if (method !== 'POST') return refuse(exchange, 405, 'BAD_FRAME', `${method} has no meaning here.`);
  const { batchBytes, bodyMs } = binding.core.config.limits;
  readBody(request, { bytesMax: batchBytes, timeMs: bodyMs }, (body) => serveBody(exchange, body));
}
