/**
 * The other side of the contract suite: a server that does what the request's `do` says, on any transport, and counts.
 * It holds no Holdfast code, so that an adapter and the hub cannot be wrong together.
 *
 * `do` is a list of steps, joined by commas. Steps before the head (HTTP; a WebSocket is refused by any of them):
 *   `status:503`  `type:text/html`  `redirect` (to a login page)  `hang` (no answer at all)
 * Then, for all transports:
 *   `lines:3`     three units in one write          `each:3`   three writes
 *   `utf8`        one unit, byte by byte            `half`     the beginning of a unit
 *   `gate`        wait for `/go`                    `flood:9`  nine MiB without an end of line
 *   `named:clock` SSE: an event of that name        `forge`    iframe: a message without the mark
 *   `bytes:8`     WebSocket: a binary message       `echo`     what came up, as it came
 *   `close:4000`  WebSocket: a close frame          `end`      the orderly end       `cut`  the connection is broken off
 * A request whose steps run out stays open. Units are numbered for each request: `{"n":1}`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';

export interface Stub {
  /** Where requests with a script go. */
  readonly url: string;
  /** The same behind another port, for failures that browsers remember of a host. */
  readonly otherUrl: string;
  /** Where tests steer and ask; no script ever holds a connection there. */
  readonly controlUrl: string;
  close(): Promise<void>;
}

/** What the server knows of one test. */
interface Case {
  open: number;
  requests: number;
  preflights: number;
  methods: string[];
  bodies: string[];
  /** Scripts that wait for `/go`, and permits that came before them. */
  gates: (() => void)[];
  permits: number;
  /** Who asked to be told once a condition holds. */
  watchers: { readonly holds: () => boolean; readonly tell: () => void }[];
}

interface Writer {
  unit(text: string, kind?: string): void | Promise<void>;
  raw(step: string, value: string): void | Promise<void>;
}

const text = 'grün 😀 ελ';

/** Lets what was written leave in a packet of its own. */
function nextPacket(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => resolve(Buffer.concat(parts).toString()));
    request.on('error', () => resolve(''));
  });
}

function caseKeeper(): (id: string | null) => Case {
  const cases = new Map<string, Case>();
  return (id) => {
    const key = id ?? '';
    let found = cases.get(key);
    if (!found) {
      found = {
        open: 0,
        requests: 0,
        preflights: 0,
        methods: [],
        bodies: [],
        gates: [],
        permits: 0,
        watchers: [],
      };
      cases.set(key, found);
    }
    return found;
  };
}

function notify(about: Case): void {
  const ready = about.watchers.filter((watcher) => watcher.holds());
  about.watchers = about.watchers.filter((watcher) => !ready.includes(watcher));
  for (const watcher of ready) watcher.tell();
}

/** Counts a request until its connection or answer is over. */
function track(about: Case, method: string, over: { once(event: 'close', run: () => void): unknown }): void {
  about.open++;
  about.requests++;
  about.methods.push(method);
  over.once('close', () => {
    about.open--;
    notify(about);
  });
  notify(about);
}

function gate(about: Case): Promise<void> {
  return new Promise((resolve) => {
    if (about.permits > 0) {
      about.permits--;
      resolve();
    } else about.gates.push(resolve);
  });
}

/** Runs the steps that are common to all transports; the others are the writer's own. */
async function runSteps(steps: readonly string[], about: Case, writer: Writer): Promise<void> {
  let count = 0;
  const line = (): string => JSON.stringify({ n: ++count });
  for (const step of steps) {
    const [name = '', value = ''] = step.split(':');
    if (name === 'gate') await gate(about);
    else if (name === 'lines') await writer.unit(Array.from({ length: Number(value) }, line).join('\n'));
    else if (name === 'each') {
      for (let left = Number(value); left > 0; left--) {
        await writer.unit(line());
        await nextPacket();
      }
    } else if (name === 'named') await writer.unit(line(), value);
    else await writer.raw(name, value);
  }
}

function allowOrigin(request: IncomingMessage): Record<string, string> {
  return {
    'access-control-allow-origin': request.headers.origin ?? '*',
    'access-control-allow-credentials': 'true',
    'access-control-allow-headers': String(request.headers['access-control-request-headers'] ?? '*'),
    'access-control-allow-methods': 'GET, POST',
    'cache-control': 'no-store, no-transform',
  };
}

/** The forms that one unit takes over HTTP. */
interface Form {
  readonly type: string;
  readonly begin: string;
  /** Text that goes before and after the unit; the unit as it stands between them. */
  wrap(unit: string, kind: string): { before: string; unit: string; after: string };
}

const ndjson: Form = {
  type: 'application/x-ndjson',
  begin: '',
  wrap: (unit) => ({ before: '', unit, after: '\n' }),
};

const sse: Form = {
  type: 'text/event-stream',
  begin: ':\n\n',
  wrap: (unit, kind) => ({
    before: `${kind ? `event: ${kind}\n` : ''}id: at-${unit.length}\n${unit
      .split('\n')
      .map((part) => `data: ${part}\n`)
      .join('')}`,
    unit: '',
    after: '\n',
  }),
};

function iframeForm(fields: URLSearchParams): Form {
  const origin = JSON.stringify(fields.get('origin') ?? '*');
  const mark = fields.get('nonce') ?? '';
  return {
    type: 'text/html',
    begin: '<!doctype html><meta charset=utf-8><body>',
    wrap: (unit, kind) => ({
      before: `<script>parent.postMessage(${JSON.stringify(kind === 'forged' ? 'x\n' : `${mark}\n`)}+"`,
      unit: JSON.stringify(unit).slice(1, -1),
      after: `",${origin});document.currentScript.remove()</script>\n`,
    }),
  };
}

function formOf(request: IncomingMessage, body: string, query: URLSearchParams): Form {
  if (query.get('as') === 'iframe') return iframeForm(new URLSearchParams(body));
  if (String(request.headers.accept).includes('text/event-stream')) return sse;
  return ndjson;
}

function httpWriter(response: ServerResponse, form: Form, body: string): Writer {
  const write = (part: string | Buffer): Promise<void> =>
    new Promise((resolve) => {
      if (response.destroyed) resolve();
      else response.write(part, () => resolve());
    });
  return {
    unit(unit, kind = '') {
      const { before, unit: middle, after } = form.wrap(unit, kind);
      return write(before + middle + after);
    },
    async raw(step, value) {
      if (step === 'end') response.end();
      else if (step === 'cut') response.socket?.destroy();
      else if (step === 'forge') await this.unit('{"n":0}', 'forged');
      else if (step === 'half') await write(form.wrap('{"half', '').before + form.wrap('{"half', '').unit);
      else if (step === 'echo') await write(body);
      else if (step === 'utf8') {
        const { before, unit, after } = form.wrap(JSON.stringify({ text }), '');
        for (const byte of Buffer.from(before + unit + after)) {
          await write(Buffer.from([byte]));
          if (byte > 127) await nextPacket();
        }
      } else if (step === 'flood') {
        const part = 'x'.repeat(1024 * 1024);
        for (let left = Number(value); left > 0 && !response.destroyed; left--) await write(part);
      } else throw new Error(`no such step over HTTP: ${step}`);
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  caseOf: (id: string | null) => Case,
): Promise<void> {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://stub');
  const about = caseOf(query.get('case'));
  const headers = allowOrigin(request);
  if (request.method === 'OPTIONS') {
    about.preflights++;
    response.writeHead(204, headers).end();
    return;
  }
  track(about, request.method ?? '', response);
  const body = await readBody(request);
  about.bodies.push(body);
  if (pathname === '/login') {
    response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end('<form>Please sign in</form>');
    return;
  }
  const form = formOf(request, body, query);
  const steps = (query.get('do') ?? '').split(',').filter(Boolean);
  let status = 200;
  let type = form.type;
  for (let first = steps[0]; first !== undefined; first = steps[0]) {
    const [name, value = ''] = first.split(':');
    if (name === 'hang') return;
    if (name === 'status') status = Number(value);
    else if (name === 'type') type = value;
    else if (name === 'redirect') {
      response.writeHead(302, { ...headers, location: `/login?case=${query.get('case')}` }).end();
      return;
    } else break;
    steps.shift();
  }
  response.writeHead(status, status === 204 ? headers : { ...headers, 'content-type': type });
  response.flushHeaders();
  if (form.begin && status === 200 && type === form.type) response.write(form.begin);
  await runSteps(steps, about, httpWriter(response, form, body));
}

function socketWriter(socket: WebSocket): Writer {
  return {
    unit: (unit) => socket.send(unit),
    raw(step, value) {
      if (step === 'end') socket.close(1000);
      else if (step === 'close') socket.close(Number(value), 'as asked');
      else if (step === 'cut') socket.terminate();
      else if (step === 'bytes') socket.send(Buffer.from(Array.from({ length: Number(value) }, (_, i) => i)));
      else if (step === 'utf8') socket.send(JSON.stringify({ text }));
      else if (step === 'half') socket.send('{"half', { fin: false });
      else if (step === 'echo') {
        socket.on('message', (data: RawData, isBinary: boolean) => socket.send(data, { binary: isBinary }));
      } else throw new Error(`no such step over WebSocket: ${step}`);
    },
  };
}

function upgrade(
  request: IncomingMessage,
  connection: Duplex,
  head: Buffer,
  sockets: WebSocketServer,
  caseOf: (id: string | null) => Case,
): void {
  const { searchParams: query } = new URL(request.url ?? '/', 'http://stub');
  const about = caseOf(query.get('case'));
  track(about, 'UPGRADE', connection);
  connection.on('error', () => {});
  const steps = (query.get('do') ?? '').split(',').filter(Boolean);
  const [name, value] = steps[0]?.split(':') ?? [];
  if (name === 'hang') {
    connection.on('end', () => connection.end()).resume();
    return;
  }
  if (name === 'status') {
    connection.end(`HTTP/1.1 ${value} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    return;
  }
  sockets.handleUpgrade(request, connection, head, (socket) => {
    const offered = request.headers['sec-websocket-protocol'] ?? '';
    about.bodies.push(offered.replace(/\s/g, ''));
    socket.on('message', (data, isBinary) => about.bodies.push(isBinary ? 'bytes' : String(data)));
    runSteps(steps, about, socketWriter(socket)).catch((error: unknown) => socket.close(4999, String(error)));
  });
}

/** What the tests ask on the control port: `/go` (opens a gate), `/idle` and `/arrived` (answered once it is so). */
function control(
  request: IncomingMessage,
  response: ServerResponse,
  caseOf: (id: string | null) => Case,
): void {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://stub');
  const about = caseOf(query.get('case'));
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('cache-control', 'no-store');
  const tell = (): void => {
    const { open, requests, preflights, methods, bodies } = about;
    response.end(JSON.stringify({ open, requests, preflights, methods, bodies }));
  };
  if (pathname === '/go') {
    const next = about.gates.shift();
    if (next) next();
    else about.permits++;
    tell();
    return;
  }
  const wanted = Number(query.get('requests') ?? 0);
  const holds = (): boolean => about.requests >= wanted && (pathname !== '/idle' || about.open === 0);
  about.watchers.push({ holds, tell });
  notify(about);
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

/** Starts the server; three ports of the loopback. */
export async function startStub(): Promise<Stub> {
  const caseOf = caseKeeper();
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  const upgraded = new Set<Duplex>();
  const scripted = (): Server => {
    const server = createServer((request, response) => {
      answer(request, response, caseOf).catch((error: unknown) => response.destroy(error as Error));
    });
    server.on('upgrade', (request, connection, head) => {
      upgraded.add(connection);
      connection.once('close', () => upgraded.delete(connection));
      upgrade(request, connection, head, sockets, caseOf);
    });
    return server;
  };
  const servers = [
    scripted(),
    scripted(),
    createServer((request, response) => control(request, response, caseOf)),
  ] as const;
  const [url, otherUrl, controlUrl] = await Promise.all([
    listen(servers[0]),
    listen(servers[1]),
    listen(servers[2]),
  ]);
  return {
    url,
    otherUrl,
    controlUrl,
    async close() {
      for (const connection of upgraded) connection.destroy();
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
