/**
 * The built `socketio()` in a page, against a real server of Socket.IO on another origin, through the fault proxy. What it
 * means in detail is tested in Node (`test/unit/protocols/socketio*.test.ts`); here is what a browser adds.
 */
import type { Page } from '@playwright/test';
import type { ServerOptions } from 'socket.io';
import { startSocketServer } from '../../test/unit/protocols/socketio-server.ts';
import { createFaultProxy } from '../fault-proxy.mjs';
import { test as base, expect, type Site, until } from '../harness.ts';

interface Message {
  readonly topic: string;
  readonly data: unknown;
}

/** What the page has of a client. */
interface Chat {
  status: { state: string; transport?: string; resume: string };
  subscribe(topic: string, options: object): { ready: Promise<unknown> };
  send(topic: string, data: unknown, options?: object): Promise<unknown>;
  prefer(transport: string | null): void;
  on(name: string, handler: (error: { code: string }) => void): void;
  close(): void;
  open(): void;
}

declare global {
  interface Window {
    kit: {
      createClient(url: string, options: object): Chat;
      socketio(options: object): unknown;
      adapters: Record<string, () => unknown>;
    };
    chat: Chat;
    /** Messages as `[topic, data]`, gaps as `[topic, { gap }]`, bytes as lists. */
    said: [string, unknown][];
    codes: string[];
  }
}

interface Started {
  readonly server: Awaited<ReturnType<typeof startSocketServer>>;
  readonly faults: Awaited<ReturnType<typeof createFaultProxy>>;
}

type Start = (options?: Partial<ServerOptions>) => Promise<Started>;

const test = base.extend<{ readonly start: Start }>({
  start: async ({ page, site }, use) => {
    const ends: (() => unknown)[] = [];
    await use(async (options = {}) => {
      const server = await startSocketServer({ cors: { origin: site.url, credentials: true }, ...options });
      const faults = await createFaultProxy({ target: { host: '127.0.0.1', port: server.port } });
      ends.push(
        () => server.close(),
        () => faults.close(),
      );
      return { server, faults };
    });
    // The client goes before its server does.
    await page.goto('about:blank');
    for (const end of ends) await end();
  },
});

const kit = `
  import * as holdfast from '/dist/index.js';
  import { socketio } from '/dist/protocols/socketio.js';
  const { createClient, webSocket, longPoll } = holdfast;
  window.kit = { createClient, socketio, adapters: { websocket: webSocket, 'long-poll': longPoll } };
`;

/** Makes a client in the page and waits until its topics are ready. */
async function chatIn(page: Page, site: Site, url: string, transports: readonly string[], auth = {}) {
  await page.goto(`${site.url}/pages/module.html`);
  await page.addScriptTag({ type: 'module', content: kit });
  await page.waitForFunction(() => window.kit !== undefined);
  await page.evaluate(
    ([address, names, credentials]) => {
      const { createClient, socketio, adapters } = window.kit;
      const plain = (value: unknown): unknown => (value instanceof Uint8Array ? Array.from(value) : value);
      window.said = [];
      window.codes = [];
      window.chat = createClient(address, {
        adapters: names.map((name) => adapters[name]?.()),
        memory: false,
        backoff: { baseMs: 50, capMs: 200 },
        protocol: socketio({
          auth: credentials,
          onAck: (topic: string, data: unknown) => ({ topic, size: (data as Uint8Array).length ?? 0 }),
        }),
      });
      window.chat.on('error', ({ code }) => window.codes.push(code));
      const subscriptions = ['chat', 'file'].map((topic) =>
        window.chat.subscribe(topic, {
          message: ({ data }: Message) => window.said.push([topic, plain(data)]),
          gap: ({ reason }: { reason: string }) => window.said.push([topic, { gap: reason }]),
        }),
      );
      return Promise.all(subscriptions.map(({ ready }) => ready)).then(() => undefined);
    },
    [url, transports, auth] as const,
  );
}

const said = (page: Page) => page.evaluate(() => window.said);
const transport = (page: Page) => page.evaluate(() => window.chat.status.transport);

for (const way of ['websocket', 'long-poll']) {
  test(`${way}: events, acknowledgements and bytes, both ways`, async ({ page, site, start }) => {
    const { server, faults } = await start();
    await chatIn(page, site, faults.url, [way], { name: 'Ada' });
    const [socket] = server.sockets;
    expect(socket?.handshake.auth).toEqual({ name: 'Ada' });
    socket?.on('upper', (text, answer) => answer(text.toUpperCase()));
    socket?.on('reverse', (bytes, answer) => answer(Buffer.from(bytes).reverse()));

    expect(await page.evaluate(() => window.chat.send('upper', 'größer 😀'))).toBe('GRÖSSER 😀');
    const reversed = await page.evaluate(() =>
      window.chat
        .send('reverse', new Uint8Array([1, 2, 255]))
        .then((reply) => Array.from(reply as Uint8Array)),
    );
    expect(reversed).toEqual([255, 2, 1]);

    server.io.emit('chat', { from: 'Bob' }, 'hello');
    server.io.emit('file', Buffer.from([7, 8, 9]));
    await expect
      .poll(() => said(page))
      .toEqual([
        ['chat', [{ from: 'Bob' }, 'hello']],
        ['file', [7, 8, 9]],
      ]);
    const asked = socket?.timeout(5_000).emitWithAck('size', Buffer.alloc(5));
    expect(await asked).toEqual({ topic: 'size', size: 5 });
  });

  test(`${way}: a cut, and what was missed is recovered`, async ({ page, site, start }) => {
    const { server, faults } = await start({ connectionStateRecovery: {} });
    await chatIn(page, site, faults.url, [way]);
    server.io.emit('chat', 1);
    await expect.poll(() => said(page)).toEqual([['chat', 1]]);
    expect(await page.evaluate(() => window.chat.status.resume)).toBe('last-event-id');
    server.sockets[0]?.on('disconnect', () => server.io.emit('chat', 2));
    await until(() => server.sockets[0]?.conn.transport.writable === true, 'a poll that is held');
    faults.cut();
    await until(() => server.sockets.length === 2, 'another connection');
    server.io.emit('chat', 3);
    await expect.poll(() => said(page)).toEqual([1, 2, 3].map((n) => ['chat', n]));
    expect(server.sockets[1]?.recovered).toBe(true);
  });

  test(`${way}: a cut without recovery is a gap, and a new socket`, async ({ page, site, start }) => {
    const { server, faults } = await start();
    await chatIn(page, site, faults.url, [way]);
    // Between two polls there is nothing to cut: the next would go on as if nothing had been.
    await until(() => server.sockets[0]?.conn.transport.writable === true, 'a poll that is held');
    faults.cut();
    await until(() => server.sockets.length === 2, 'another connection');
    await expect.poll(() => page.evaluate(() => window.chat.status.state)).toBe('open');
    server.io.emit('chat', 1);
    await expect
      .poll(() => said(page))
      .toEqual([
        ['chat', { gap: 'no-resume' }],
        ['file', { gap: 'no-resume' }],
        ['chat', 1],
      ]);
  });

  test(`${way}: a page that goes leaves no socket behind`, async ({ page, site, start }) => {
    const { server, faults } = await start();
    await chatIn(page, site, faults.url, [way]);
    await page.goto('about:blank');
    await until(() => server.sockets[0]?.connected === false, 'the socket to be disconnected');
    expect(server.sockets).toHaveLength(1);
  });
}

test('a server of long polling alone, then one of WebSockets alone', async ({ page, site, start }) => {
  const polling = await start({ transports: ['polling'] });
  await chatIn(page, site, polling.faults.url, ['websocket', 'long-poll']);
  expect(await transport(page)).toBe('long-poll');
  const sockets = await start({ transports: ['websocket'] });
  await chatIn(page, site, sockets.faults.url, ['long-poll', 'websocket']);
  expect(await transport(page)).toBe('websocket');
});

test('from one transport to the other while it is open: another socket, the former one gone', async ({
  page,
  site,
  start,
}) => {
  const { server, faults } = await start();
  await chatIn(page, site, faults.url, ['websocket', 'long-poll']);
  for (const [at, name] of ['long-poll', 'websocket', 'long-poll'].entries()) {
    await page.evaluate((wanted) => window.chat.prefer(wanted), name);
    await expect.poll(() => transport(page)).toBe(name);
    await until(() => server.sockets.filter(({ connected }) => connected).length === 1, 'one socket');
    expect(server.sockets).toHaveLength(at + 2);
    server.io.emit('chat', name);
    await expect.poll(async () => (await said(page)).at(-1)).toEqual(['chat', name]);
  }
});

test('two pages: to all, to all but one, to one', async ({ page, site, start, context }) => {
  const { server, faults } = await start();
  const other = await context.newPage();
  await chatIn(page, site, faults.url, ['websocket']);
  await chatIn(other, site, faults.url, ['long-poll']);
  const [first, second] = server.sockets;
  server.io.emit('chat', 'all');
  first?.broadcast.emit('chat', 'but one');
  server.io.to(second?.id ?? '').emit('chat', 'alone');
  await expect.poll(() => said(other)).toEqual(['all', 'but one', 'alone'].map((text) => ['chat', text]));
  expect(await said(page)).toEqual([['chat', 'all']]);
  await other.close();
});

test('who is refused is told why, and let in once it says who it is', async ({ page, site, start }) => {
  const { server, faults } = await start();
  let isOpen = false;
  server.io.use((_socket, next) => next(isOpen ? undefined : new Error('Not yet.')));
  const ready = chatIn(page, site, faults.url, ['websocket', 'long-poll']);
  await page.waitForFunction(() => window.codes?.length > 0);
  expect(await page.evaluate(() => window.codes[0])).toBe('AUTH_FAILED');
  isOpen = true;
  await ready;
  expect(server.sockets).toHaveLength(1);
});
