/** `plain()` against servers that others wrote, as applications use them: `better-sse` and `ws`, one feed on both. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Channel, createChannel, createSession } from 'better-sse';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import {
  type Client,
  createClient,
  eventSource,
  type Gap,
  httpStream,
  plain,
  webSocket,
} from '../../../src/index.node.ts';
import type { PlainEvent, PlainOptions } from '../../../src/protocols/plain.ts';

interface Item {
  readonly id: string;
  readonly topic: string;
  readonly data: unknown;
}

let server: Server;
let channel: Channel;
let sockets: WebSocketServer;
let base: string;
/** All that was ever published. */
let history: Item[];
let sent: unknown[];
let client: Client;
let gaps: Gap[];

const since = (id: string | null): Item[] => history.slice(history.findIndex((item) => item.id === id) + 1);

/** Node's own way for a browser to say where to go on, as `better-sse` reads it. */
async function stream(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const session = await createSession(request, response, { retry: 10 });
  if (session.lastId !== '')
    for (const { data, topic, id } of since(session.lastId)) session.push(data, topic, id);
  channel.register(session);
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  sent.push(JSON.parse(Buffer.concat(parts).toString()));
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ taken: sent.length }));
}

beforeEach(async () => {
  history = [];
  sent = [];
  gaps = [];
  channel = createChannel();
  server = createServer((request, response) => {
    void (request.method === 'POST' ? take : stream)(request, response);
  });
  sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => {
    const id = new URL(request.url ?? '', base).searchParams.get('lastEventId');
    if (id !== null) for (const item of since(id)) socket.send(JSON.stringify(item));
    socket.on('message', (data) => {
      sent.push(JSON.parse(String(data)));
      socket.send(JSON.stringify({ id: `echo-${sent.length}`, topic: 'echo', data: sent.at(-1) }));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  client.close();
  for (const socket of sockets.clients) socket.terminate();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

function publish(topic: string, data: unknown): void {
  const item = { id: `item-${history.length + 1}`, topic, data };
  history.push(item);
  channel.broadcast(data, topic, { eventId: item.id });
  for (const socket of sockets.clients) socket.send(JSON.stringify(item));
}

function cut(): void {
  for (const socket of sockets.clients) socket.terminate();
  server.closeAllConnections();
}

/** The same item from either server. */
function read({ text = '', event = '', id = '', transport }: PlainEvent): Item[] {
  const value: unknown = JSON.parse(text);
  return [transport === 'websocket' ? (value as Item) : { topic: event, data: value, id }];
}

type Make = typeof webSocket | typeof httpStream | typeof eventSource;

function listen(topic: string, adapters: readonly Make[], how: PlainOptions = {}): unknown[] {
  const heard: unknown[] = [];
  client = createClient(base, {
    adapters: adapters.map((make) => make()),
    protocol: plain({ read, events: ['numbers'], ...how }),
    backoff: { baseMs: 20, capMs: 50 },
    memory: false,
  });
  client.on('gap', (gap) => gaps.push(gap));
  client.subscribe(topic, ({ data }) => heard.push(data));
  return heard;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  await expect.poll(holds, { message: what, timeout: 10_000, interval: 10 }).toBe(true);
}

const isOver = (transport: string) =>
  until(() => client.status.state === 'open' && client.status.transport === transport, transport);
const oneTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test.each([
  ['better-sse over http-stream', 'http-stream', httpStream],
  ['better-sse over EventSource', 'eventsource', eventSource],
  ['ws', 'websocket', webSocket],
] as const)('%s: in order, and after each cut on from the last id', async (_, name, make) => {
  const heard = listen('numbers', [make]);
  await isOver(name);
  publish('numbers', 1);
  await until(() => heard.length === 1, 'the first');
  for (let n = 2; n <= 200; n++) {
    if (n % 20 === 0) cut();
    publish('numbers', n);
    if (n % 20 === 0) await until(() => heard.length === n, `number ${n}`);
  }
  await until(() => heard.length === 200, 'all');
  expect(heard).toEqual(oneTo(200));
  expect(gaps).toEqual([]);
  expect(client.status.resume).toBe('last-event-id');
});

test('from one server to the other and back, and nothing is lost or repeated', async () => {
  const heard = listen('numbers', [webSocket, httpStream, eventSource]);
  await isOver('websocket');
  let n = 0;
  const some = (): void => {
    for (let i = 0; i < 10; i++) publish('numbers', ++n);
  };
  for (const to of [
    'http-stream',
    'eventsource',
    'websocket',
    'eventsource',
    'http-stream',
    'websocket',
  ] as const) {
    some();
    client.prefer(to);
    some();
    await isOver(to);
    some();
  }
  await until(() => heard.length >= n, 'all');
  expect(heard).toEqual(oneTo(n));
  expect(gaps).toEqual([]);
});

test('topics are names of events, without a word of configuration', async () => {
  const heard: [string, unknown, string][] = [];
  client = createClient(base, { adapters: [eventSource()], protocol: plain() });
  for (const topic of ['numbers', 'words']) {
    client.subscribe(topic, ({ data, id }) => heard.push([topic, data, id]));
  }
  await isOver('eventsource');
  publish('numbers', 1);
  publish('others', 'unheard');
  publish('words', { word: 'two\nlines' });
  await until(() => heard.length === 2, 'two');
  expect(heard).toEqual([
    ['numbers', 1, 'item-1'],
    ['words', { word: 'two\nlines' }, 'item-3'],
  ]);
});

test('sends: a message to ws, a POST beside better-sse', async () => {
  const heard = listen('echo', [webSocket, eventSource], { send: ({ data }) => JSON.stringify(data) });
  await isOver('websocket');
  await expect(client.send('echo', { a: 1 })).resolves.toBeUndefined();
  await until(() => heard.length === 1, 'the echo');
  client.prefer('eventsource');
  await isOver('eventsource');
  await expect(client.send('echo', { a: 2 })).resolves.toEqual({ taken: 2 });
  expect(sent).toEqual([{ a: 1 }, { a: 2 }]);
  expect(heard).toEqual([{ a: 1 }]);
});
