/** `socketio()` where a server knows one transport only, changes them, or is none; and what its POSTs must not do. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ClientOptions } from '../../../src/client-types.ts';
import { createClient, longPoll, webSocket } from '../../../src/index.node.ts';
import { type SocketioOptions, socketio } from '../../../src/protocols/socketio.ts';
import { startSocketServer } from './socketio-server.ts';

vi.setConfig({ testTimeout: 20_000 });

let leftovers: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of leftovers.reverse()) await end();
  leftovers = [];
});

async function serve(...given: Parameters<typeof startSocketServer>) {
  const server = await startSocketServer(...given);
  leftovers.push(() => server.close());
  return server;
}

/** Without a word about adapters a client has all: those that Socket.IO does not know must not be tried. */
function connect(url: string, options: SocketioOptions = {}, more: Partial<ClientOptions> = {}) {
  const client = createClient(url, {
    protocol: socketio(options),
    backoff: { baseMs: 20, capMs: 50 },
    memory: false,
    ...more,
  });
  const codes: string[] = [];
  client.on('error', ({ code }) => codes.push(code));
  leftovers.push(() => client.close());
  return { client, codes };
}

const until = (holds: () => unknown): Promise<unknown> =>
  vi.waitUntil(() => Boolean(holds()), { timeout: 15_000, interval: 5 });

test('a server of long polling alone is found behind a WebSocket that is refused', async () => {
  const server = await serve({ transports: ['polling'] });
  const { client } = connect(server.url);
  await client.subscribe('news').ready;
  expect(client.status.transport).toBe('long-poll');
  expect(server.sockets).toHaveLength(1);
  expect(new Set(server.asked)).toEqual(new Set(['GET websocket', 'GET polling', 'POST polling']));
});

test('a server of WebSockets alone is found behind polls that are refused', async () => {
  const server = await serve({ transports: ['websocket'] });
  const { client, codes } = connect(server.url, {}, { adapters: [longPoll(), webSocket()] });
  await client.subscribe('news').ready;
  expect(client.status.transport).toBe('websocket');
  expect(codes).toEqual(['BAD_STATUS']);
  expect(server.asked).toEqual(['GET polling', 'GET websocket']);
});

test('to another transport and back while messages flow: a new socket each time, the former one gone', async () => {
  const server = await serve({ connectionStateRecovery: {} });
  const { client } = connect(server.url);
  const heard: unknown[] = [];
  await client.subscribe('count', ({ data }) => heard.push(data)).ready;
  let sent = 0;
  const timer = setInterval(() => server.io.emit('count', ++sent), 5);
  for (const transport of ['long-poll', 'websocket', 'long-poll'] as const) {
    client.prefer(transport);
    await until(() => client.status.transport === transport);
    const before = heard.length;
    await until(() => heard.length > before + 10);
  }
  clearInterval(timer);
  await until(() => heard.at(-1) === sent);
  expect(server.sockets.length).toBeGreaterThanOrEqual(4);
  await until(() => server.sockets.filter(({ connected }) => connected).length === 1);
  // Each comes once and in order; at a change of transport, those that a poll had yet to fetch may be missing.
  expect(heard).toEqual([...new Set(heard as number[])].sort((a, b) => a - b));
});

test('an address with a path, and one with a query', async () => {
  const server = await serve({ path: '/deep/io/' });
  const seen: unknown[] = [];
  server.io.on('connection', ({ handshake }) => seen.push(handshake.query['room']));
  await connect(`${server.url}/deep/io/?room=7`).client.subscribe('news').ready;
  const main = await serve();
  main.io.on('connection', ({ handshake }) => seen.push(handshake.query['room']));
  await connect(`${main.url}?room=8`).client.subscribe('news').ready;
  expect(seen).toEqual(['7', '8']);
});

describe('POSTs', () => {
  const polling = { adapters: [longPoll()] };

  test('never overlap, keep the order, and share a request', async () => {
    const heard: number[] = [];
    const server = await serve({ pingInterval: 20, pingTimeout: 2_000 }, 0, (io) =>
      io.on('connection', (socket) => {
        socket.on('n', (n, answer) => {
          heard.push(n);
          answer(-n);
        });
      }),
    );
    const { client } = connect(server.url, {}, polling);
    await client.subscribe('news').ready;
    const replies = await Promise.all(Array.from({ length: 300 }, (_, n) => client.send('n', n)));
    expect(heard).toEqual(replies.map((_, n) => n));
    expect(replies[299]).toBe(-299);
    expect(server.sockets).toHaveLength(1);
    expect(server.asked.filter((one) => one === 'POST polling').length).toBeLessThan(60);
  });

  test('stay below what the server takes at once', async () => {
    let largest = 0;
    const heard: number[] = [];
    const server = await serve({ maxHttpBufferSize: 5_000 }, 0, (io) => {
      io.engine.on('headers', (_headers, request: IncomingMessage) => {
        largest = Math.max(largest, Number(request.headers['content-length'] ?? 0));
      });
      io.on('connection', (socket) => {
        socket.on('text', (text, answer) => answer(heard.push(text.length)));
      });
    });
    const { client } = connect(server.url, {}, polling);
    await client.subscribe('news').ready;
    await Promise.all(Array.from({ length: 40 }, () => client.send('text', '€'.repeat(500))));
    expect(heard).toEqual(Array(40).fill(500));
    expect(largest).toBeGreaterThan(1_500);
    expect(largest).toBeLessThanOrEqual(5_000);
    expect(server.sockets).toHaveLength(1);
  });

  test('one that is too large costs its sends, and no others', async () => {
    const heard: number[] = [];
    const server = await serve({ maxHttpBufferSize: 5_000 }, 0, (io) =>
      io.on('connection', (socket) => {
        socket.on('text', (text, answer) => answer(heard.push(text.length)));
      }),
    );
    const { client, codes } = connect(server.url, {}, polling);
    await client.subscribe('news').ready;
    const sends = [10_000, 1, 2].map((length) => client.send('text', 'x'.repeat(length)));
    const [large, ...small] = await Promise.allSettled(sends);
    expect(large).toMatchObject({ status: 'rejected', reason: { code: 'OUTCOME_UNKNOWN' } });
    // They still waited for a POST of their own, and so went by the next connection.
    expect(small.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(heard).toEqual([1, 2]);
    expect(codes).toEqual(['BAD_STATUS']);
  });
});

describe('no server of Socket.IO', () => {
  type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

  async function script(handle: Handler): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      handle(request, response, asked.push(`${request.method} ${request.url}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    leftovers.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
  }

  const opening = '0{"sid":"a b","upgrades":[],"pingInterval":25000,"pingTimeout":20000}';
  const text = { 'content-type': 'text/plain; charset=UTF-8' };

  const cases: readonly (readonly [string, Handler, string])[] = [
    [
      'a page for people',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello'),
      'WRONG_TYPE',
    ],
    ['something else', (_, response) => response.writeHead(200, text).end('Hello'), 'UNPARSABLE'],
    ['nothing there', (_, response) => response.writeHead(404, text).end('no'), 'BAD_STATUS'],
    ['an empty answer', (_, response) => response.writeHead(200, text).end(), 'UNPARSABLE'],
    [
      'a server of version 2',
      (_, response, count) => response.writeHead(200, text).end(count === 1 ? `${opening}\x1e40` : '6'),
      'UNSUPPORTED_PROTOCOL',
    ],
    [
      'half a packet with bytes',
      (_, response) => response.writeHead(200, text).end(`${opening}\x1e451-["a",{}]\x1e42["b"]`),
      'UNPARSABLE',
    ],
    [
      'an attachment that is missing',
      (_, response) =>
        response.writeHead(200, text).end(`${opening}\x1e451-["a",{"_placeholder":true,"num":1}]\x1ebAQ==`),
      'UNPARSABLE',
    ],
    [
      'bytes of nothing',
      (_, response) => response.writeHead(200, text).end(`${opening}\x1ebAQ==`),
      'UNPARSABLE',
    ],
    ['no base64', (_, response) => response.writeHead(200, text).end(`${opening}\x1eb!`), 'UNPARSABLE'],
    ['no packet', (_, response) => response.writeHead(200, text).end(`${opening}\x1e49`), 'UNPARSABLE'],
  ];

  test.each(cases)('%s is an error with a code', async (_name, handle, code) => {
    const { url } = await script(handle);
    const { client, codes } = connect(url, {}, { adapters: [longPoll()] });
    client.subscribe('news', { error: () => {} });
    await until(() => codes.length > 0);
    expect(codes[0]).toBe(code);
  });

  test('answers that bring nothing are not asked for without end', async () => {
    const { url, asked } = await script((request, response, count) => {
      if (request.method === 'POST') return response.writeHead(200, text).end('ok');
      const first = `${opening}\x1e40{"sid":"x"}`;
      return count === 1 ? response.writeHead(200, text).end(first) : response.writeHead(204).end();
    });
    const { client } = connect(url, {}, { adapters: [longPoll()] });
    await client.subscribe('news').ready;
    const startedAt = performance.now();
    await until(() => asked.filter((one) => one.startsWith('GET')).length === 4);
    expect(performance.now() - startedAt).toBeGreaterThan(1_000);
    expect(client.status.state).toBe('open');
    expect(asked.slice(1).every((one) => one.includes('&sid=a%20b'))).toBe(true);
    expect(new Set(asked).size).toBe(asked.length);
  });
});
