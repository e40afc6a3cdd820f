/**
 * The script in worlds that are no page: no window, no document, no XMLHttpRequest, no EventSource, no storage. One has the parts of a
 * service worker; one is as poor as React Native, whose `fetch` gives no streams.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { resolve } from 'node:path';
import { type Context, createContext, runInContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createHub, type Hub } from '../../../src/server/index.ts';

const script = readFileSync(resolve('dist/holdfast.umd.min.js'), 'utf8');

const timers = { setTimeout, clearTimeout };

/** As React Native has it: the text of an answer once it is whole, and no body to read from. */
async function fetchWithoutBody(...args: Parameters<typeof fetch>): Promise<object> {
  const response = await fetch(...args);
  const text = await response.text();
  const { ok, status, headers, redirected, url, type } = response;
  return { ok, status, headers, redirected, url, type, text: async () => text };
}

const worlds = {
  'like a service worker': {
    transports: ['websocket', 'http-stream', 'long-poll', 'poll'],
    parts: {
      ...timers,
      WebSocket,
      fetch,
      AbortController,
      TextDecoder,
      URL,
      crypto,
      performance,
      queueMicrotask,
      location: { href: 'http://127.0.0.1/worker.js', origin: 'http://127.0.0.1' },
    },
  },
  'like React Native': {
    transports: ['websocket', 'long-poll', 'poll'],
    parts: {
      ...timers,
      WebSocket,
      fetch: fetchWithoutBody,
      AbortController,
      URL,
      crypto: { getRandomValues: crypto.getRandomValues.bind(crypto) },
      navigator: { product: 'ReactNative' },
    },
  },
} as const;

const makers = { websocket: 'webSocket', 'http-stream': 'httpStream', 'long-poll': 'longPoll', poll: 'poll' };
const pageParts = ['window', 'document', 'XMLHttpRequest', 'EventSource', 'localStorage', 'sessionStorage'];

let hub: Hub;
let server: Server;
let url: string;
let sockets: Set<Socket>;

beforeEach(async () => {
  hub = createHub({ onSend: ({ data }) => data });
  server = createServer();
  sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  hub.attach(server, { path: '/realtime' });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realtime`;
});

afterEach(async () => {
  await hub.close({ drainMs: 0 });
  server.close();
  cut();
});

function cut(): void {
  for (const socket of sockets) socket.resetAndDestroy();
}

function worldWith(parts: object): Context {
  const world = createContext({ ...parts });
  runInContext('this.self = this', world);
  runInContext(script, world);
  return world;
}

/** Subscribes and sends in the world; `told` keeps what came of it. */
function talk(world: Context, adapters: readonly string[]): void {
  const made = adapters.map((name) => `Holdfast.${name}()`).join();
  const options = made ? `{ adapters: [${made}] }` : '{}';
  runInContext(
    `
    var told = { got: [], ready: false, reply: undefined, trouble: undefined };
    var client = Holdfast.createClient('${url}', ${options});
    client.on('error', function (error) { told.trouble = String(error); });
    client.subscribe('prices', function (message) { told.got.push(message.data); }).ready.then(function () {
      told.ready = true;
      return client.send('chat', new Uint8Array([1, 255]));
    }).then(function (reply) { told.reply = Array.from(reply).join(); }, function (error) { told.trouble = String(error); });
    `,
    world,
  );
}

function toldIn(world: Context): Record<string, unknown> {
  return JSON.parse(runInContext('JSON.stringify(told)', world) as string);
}

describe.each(Object.entries(worlds))('%s', (_, { transports, parts }) => {
  test('it has nothing of a page', () => {
    const world = worldWith(parts);
    for (const name of pageParts) expect(runInContext(`typeof ${name}`, world)).toBe('undefined');
  });

  test.each([...transports, 'default'])(
    'it subscribes, sends and resumes over %s',
    async (transport) => {
      const world = worldWith(parts);
      talk(world, transport === 'default' ? [] : [makers[transport as keyof typeof makers]]);
      await expect.poll(() => toldIn(world)['reply'], { timeout: 10_000 }).toBe('1,255');
      await hub.publish('prices', 1);
      await expect.poll(() => toldIn(world)['got'], { timeout: 10_000 }).toEqual([1]);
      cut();
      await hub.publish('prices', 2);
      await expect.poll(() => toldIn(world)['got'], { timeout: 10_000 }).toEqual([1, 2]);
      expect(runInContext('client.status.transport', world)).toBe(
        transport === 'default' ? 'websocket' : transport,
      );
      runInContext('client.close()', world);
      expect(toldIn(world)['trouble']).toBeUndefined();
    },
    40_000,
  );
});

test('where there is no source of random bytes, it says so', () => {
  const { crypto: _, ...parts } = worlds['like React Native'].parts;
  const world = worldWith(parts);
  expect(() => talk(world, ['webSocket'])).toThrow('no source of random bytes');
});
