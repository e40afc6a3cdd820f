/** Beside others on one server, and inside frameworks. */
import { createServer, type Server } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createHub, type Hub } from '../../../src/server/index.ts';
import { ask, connect, follow, lines, listen, openFrame, post, query, startHub } from './support/live-hub.ts';

const fresh = [{ topic: 'a', new: true }];
const poll = lines(openFrame(fresh, { wait: 0 }));
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

function cleanUp(server: Server, hub: Hub): void {
  undo.push(async () => {
    await hub.close({ drainMs: 0 });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
}

async function speaks(url: string): Promise<void> {
  const answer = await post(url + query(), poll);
  expect(await answer.ended()).toContain('"hello"');
  const socket = await connect(url + query(), openFrame(fresh, { attempt: 2 }));
  await socket.until((text) => text.includes('"hello"'));
  socket.ws.close();
}

describe('on a server of others', () => {
  test('requests and upgrades of other paths reach exactly those who were there', async () => {
    const hub = createHub();
    const server = createServer((request, response) => response.end(`app ${request.url}`));
    const chat = new WebSocketServer({ server, path: '/chat' });
    chat.on('connection', (ws) => ws.send('chat\n'));
    undo.push(() => chat.close());
    hub.attach(server, { path: '/realtime' });
    cleanUp(server, hub);
    const base = `http://127.0.0.1:${await listen(server)}`;
    expect(await (await ask(`${base}/page?x=1`)).ended()).toBe('app /page?x=1');
    expect(await (await ask(`${base}/realtime-not`)).ended()).toBe('app /realtime-not');
    const socket = await follow(new WebSocket(`${base.replace('http', 'ws')}/chat`));
    await socket.until((text) => text === 'chat\n');
    socket.ws.close();
    await speaks(`${base}/realtime`);
    await speaks(`${base}/realtime/`);
  });

  test('an upgrade that nobody wants is refused rather than left hanging', async () => {
    const live = await startHub();
    undo.push(() => live.close());
    await expect(follow(new WebSocket(`ws://127.0.0.1:${live.port}/nobody`))).rejects.toThrow('404');
  });

  test('after the hub is closed the others have the server as it was, and nothing is left open', async () => {
    const live = await startHub();
    const stream = await post(live.url + query(), lines(openFrame(fresh)));
    const socket = await connect(live.url + query(), openFrame(fresh, { attempt: 2 }));
    await live.hub.close({ drainMs: 0 });
    await stream.ended();
    expect(await socket.closed).toBe(1012);
    expect(live.hub.stats()).toMatchObject({ connections: 0, uplinks: 0 });
    expect(live.server.listenerCount('request')).toBe(1);
    expect(live.server.listenerCount('upgrade')).toBe(0);
    expect((await ask(live.url)).status).toBe(404);
    const next = createHub();
    next.attach(live.server, { path: '/realtime' });
    cleanUp(live.server, next);
    await speaks(live.url);
  });
});

describe('in a framework', () => {
  test('Express, also behind its body parsers', async () => {
    const hub = createHub();
    const app = express();
    app.use(express.json(), express.text(), express.urlencoded({ extended: false }));
    app.use('/realtime', hub.handler);
    app.get('/page', (_, response) => void response.send('page'));
    const server = createServer(app);
    server.on('upgrade', hub.upgrade);
    cleanUp(server, hub);
    const base = `http://127.0.0.1:${await listen(server)}`;
    await speaks(`${base}/realtime`);
    expect(await (await ask(`${base}/page`)).ended()).toBe('page');
  });

  test('Koa', async () => {
    const hub = createHub();
    const app = new Koa();
    app.use(hub.koa({ path: '/realtime' }));
    app.use((context) => {
      context.body = 'page';
    });
    const server = createServer(app.callback());
    server.on('upgrade', hub.upgrade);
    cleanUp(server, hub);
    const base = `http://127.0.0.1:${await listen(server)}`;
    await speaks(`${base}/realtime`);
    expect(await (await ask(`${base}/page`)).ended()).toBe('page');
  });

  test('Fastify, under a prefix', async () => {
    const hub = createHub();
    const app = fastify();
    await app.register(hub.fastify({ path: '/realtime' }), { prefix: '/api' });
    app.get('/page', async () => 'page');
    undo.push(() => app.close());
    undo.push(() => hub.close({ drainMs: 0 }));
    const base = await app.listen({ port: 0, host: '127.0.0.1' });
    await speaks(`${base}/api/realtime`);
    expect(await (await ask(`${base}/page`)).ended()).toBe('page');
  });

  test('plain node:http', async () => {
    const hub = createHub();
    const server = createServer(hub.handler);
    server.on('upgrade', hub.upgrade);
    cleanUp(server, hub);
    await speaks(`http://127.0.0.1:${await listen(server)}/`);
  });
});

test('a listener that throws harms nobody, and a listener can leave', async () => {
  const live = await startHub();
  undo.push(() => live.close());
  const told: string[] = [];
  const off = live.hub.on('connect', ({ client }) => told.push(client));
  await (await post(live.url + query(), poll)).ended();
  off();
  expect(told).toHaveLength(1);
});
