/** A hub on a real port, and clients made of nothing but `http`, `fetch` and `ws`. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { createHub, type Hub, type HubOptions } from '../../../../src/server/index.ts';
import { type Frame, idOf } from './core-world.ts';

export interface LiveHub {
  readonly hub: Hub;
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

export async function startHub(
  options: HubOptions = {},
  others: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => {
    response.writeHead(404).end('other');
  },
): Promise<LiveHub> {
  const hub = createHub(options);
  const server = createServer(others);
  hub.attach(server, { path: '/realtime' });
  const port = await listen(server);
  return {
    hub,
    server,
    port,
    url: `http://127.0.0.1:${port}/realtime`,
    async close() {
      await hub.close({ drainMs: 0 });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const client = idOf('client');
export const key = idOf('key');

export function openFrame(topics: readonly unknown[], more: object = {}): object {
  return { type: 'open', protocol: 'holdfast.v1', client, key, attempt: 1, topics, ...more };
}

let requests = 0;

export function query(more = ''): string {
  return `?client=${client}&n=${++requests}${more}`;
}

export function lines(...frames: object[]): string {
  return frames.map((frame) => `${JSON.stringify(frame)}\n`).join('');
}

/** Text that is waited for, piece by piece. */
export class Incoming {
  text = '';
  isEnded = false;
  private waiting: (() => void)[] = [];

  add(more: string): void {
    this.text += more;
    this.wake();
  }
  end(): void {
    this.isEnded = true;
    this.wake();
  }
  private wake(): void {
    for (const run of this.waiting.splice(0)) run();
  }
  /** Resolves as soon as the condition holds for what has come. */
  async until(condition: (text: string) => boolean): Promise<string> {
    while (!condition(this.text)) {
      if (this.isEnded) throw new Error(`it ended before: ${this.text.slice(-500)}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    return this.text;
  }
  async ended(): Promise<string> {
    while (!this.isEnded) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.text;
  }
  frames(): Frame[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Frame);
  }
}

export interface Answer extends Incoming {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Goes away without a word. */
  abort(): void;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Leaves the request unfinished. */
  readonly isEndless?: boolean;
}

/** One request; resolves with its head, the body goes on coming. */
export function ask(
  url: string,
  { method = 'GET', headers = {}, body, isEndless }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, (response) => {
      const incoming = new Incoming();
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => incoming.add(chunk));
      response.on('close', () => incoming.end());
      response.on('error', () => undefined);
      const abort = (): void => void outgoing.destroy();
      resolve(
        Object.assign(incoming, { status: response.statusCode ?? 0, headers: response.headers, abort }),
      );
    });
    outgoing.on('error', reject);
    if (body !== undefined) outgoing.write(body);
    if (!isEndless) outgoing.end();
  });
}

export function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/plain;charset=UTF-8', ...headers },
  });
}

export interface Socket extends Incoming {
  readonly ws: WebSocket;
  /** Messages as they came: text, or bytes. */
  readonly messages: (string | Uint8Array)[];
  readonly closed: Promise<number>;
}

/** Opens a WebSocket; with an open as its subprotocol if one is given. */
export async function connect(
  url: string,
  open?: object,
  headers: Record<string, string> = {},
): Promise<Socket> {
  const carried = open && `open.${Buffer.from(JSON.stringify(open)).toString('base64url')}`;
  const protocols = carried ? ['holdfast.v1', carried] : ['holdfast.v1'];
  const ws = new WebSocket(url.replace('http', 'ws'), protocols, { headers });
  return follow(ws);
}

export async function follow(ws: WebSocket): Promise<Socket> {
  const incoming = new Incoming();
  const messages: (string | Uint8Array)[] = [];
  ws.on('message', (data: Buffer, isBinary) => {
    messages.push(isBinary ? data : data.toString());
    if (!isBinary && data.includes('{"type":"ping"')) ws.send('{"type":"pong"}');
    incoming.add(isBinary ? `${data.subarray(0, data.indexOf(10)).toString()}\n` : data.toString());
  });
  const closed = new Promise<number>((resolve) => {
    ws.on('close', (code) => {
      incoming.end();
      resolve(code);
    });
  });
  await new Promise((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', reject);
  });
  return Object.assign(incoming, { ws, messages, closed });
}

/** Until the hub has nothing open any more; looks again after each turn. */
export async function settled(hub: Hub): Promise<void> {
  for (;;) {
    const { connections, uplinks } = hub.stats();
    if (connections + uplinks === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
