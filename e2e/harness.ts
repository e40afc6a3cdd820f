/**
 * What every end-to-end test starts from: a page server on an origin of its own, a hub with controls, a fault proxy
 * between the two, and a client in the page that is driven by words (`pages/driver.js`).
 * All servers run in the test's own process on ports that the system chooses; nothing outlives its test.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from '@playwright/test';
import { expect, test as playwrightTest } from '@playwright/test';
import { createFaultProxy } from './fault-proxy.mjs';
import { startStub } from './stub-server.mjs';
import type { Stub } from './stub-types.ts';
import { test as webkitTest } from './webkit/test.ts';

export { expect };

export const transports = ['websocket', 'http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'] as const;
export type Transport = (typeof transports)[number];
/** Node has no documents to stream into. */
export const nodeTransports = transports.filter((name) => name !== 'iframe');

export const root = join(import.meta.dirname ?? __dirname, '..');

/** Imports a built file of the package, as a user would. */
export function importDist<T>(file: string): Promise<T> {
  return import(pathToFileURL(join(root, 'dist', file)).href) as Promise<T>;
}

// ---- the client, driven by words -------------------------------------------------------------------------------

interface Told {
  readonly code?: string;
  readonly maybeApplied?: boolean;
  readonly retryable?: boolean;
  readonly text?: string;
}

interface DriverEvent {
  readonly type: string;
  readonly topic?: string;
  readonly state?: string;
  readonly transport?: string;
  readonly data?: unknown;
  readonly received?: number;
  readonly gap?: { readonly topic: string; readonly to: string; readonly reason: string };
  readonly error?: Told;
}

interface SendResult {
  readonly n?: number;
  readonly reply?: unknown;
  readonly error?: Told;
}

/** The words of `pages/driver.js`. */
interface DriverWords {
  start(url: string, transports: readonly Transport[], options?: object): void;
  subscribe(topic: string, options?: object): Promise<string>;
  subscribeAll(topics: readonly string[]): Promise<string[]>;
  subscribeSoon(topic: string, options?: object): void;
  unsubscribe(topic: string): void;
  readiness(topic: string): string;
  received(topic: string): unknown[];
  count(topic: string): number;
  events(type?: string): DriverEvent[];
  status(): { state: string; transport?: Transport; lastError?: Told };
  send(topic: string, data: unknown, options?: object): Promise<SendResult>;
  sendBytes(topic: string, length: number): Promise<SendResult>;
  sendMany(topic: string, count: number): void;
  settled(): SendResult[];
  settledCount(): number;
  prefer(transport: Transport | null): void;
  rotate(transports: readonly Transport[], everyMs: number): void;
  stopRotating(): number;
  open(): void;
  close(): void;
}

/** The same words, each answered by a promise, wherever the client is. */
export type Driver = {
  readonly [Word in keyof DriverWords]: (
    ...args: Parameters<DriverWords[Word]>
  ) => Promise<Awaited<ReturnType<DriverWords[Word]>>>;
};

declare global {
  interface Window {
    driver: DriverWords;
    isDriverReady?: boolean;
    uncaught: string[];
  }
}

function remote(call: (word: keyof DriverWords, args: unknown[]) => Promise<unknown>): Driver {
  const words = new Proxy(
    {},
    {
      // A driver is no thenable, else `await` would call it.
      get: (_, word) =>
        word === 'then'
          ? undefined
          : (...args: unknown[]) => call(word as keyof DriverWords, JSON.parse(JSON.stringify(args))),
    },
  );
  return words as Driver;
}

/** Drives the client of a page, by the page's own driver or by one that a test made beside it. */
export function driverOf(page: Page, name = 'driver'): Driver {
  return remote((word, args) =>
    page.evaluate(
      ([driver, called, given]) => {
        const drivers = window as unknown as Record<string, Record<string, (...args: unknown[]) => unknown>>;
        return drivers[driver]?.[called]?.(...given);
      },
      [name, word, args] as const,
    ),
  );
}

/** Drives a client in this process. `adapt`: the package as the driver is to see it. */
export async function driverInNode(
  adapt = (holdfast: object): object | Promise<object> => holdfast,
): Promise<Driver> {
  const holdfast = await adapt(await importDist<object>('index.node.js'));
  const { createDriver } = (await import(
    pathToFileURL(join(root, 'e2e/pages/driver.js')).href
  )) as unknown as { createDriver(holdfast: object): DriverWords };
  const words = createDriver(holdfast) as unknown as Record<string, (...args: unknown[]) => unknown>;
  return remote(async (word, args) => words[word]?.(...args));
}

// ---- servers ---------------------------------------------------------------------------------------------------

async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Counts sockets so that closing never waits for one that a browser keeps alive. */
function closer(server: Server): () => Promise<void> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.map': 'application/json',
};

/** Where a path of the page server lies on disk. */
function fileOf(path: string): string | undefined {
  if (path.includes('..')) return undefined;
  if (path === '/modules/mitt.mjs') return join(root, 'node_modules/mitt/dist/mitt.mjs');
  if (path.startsWith('/dist/') || path.startsWith('/chunks/')) return join(root, path);
  return join(root, 'e2e/pages', path.replace(/^\/pages\//, '/'));
}

export interface Site {
  /** Its origin, without a slash. */
  readonly url: string;
  /** Pages asked for `/slow.js` wait until this is called. */
  releaseSlow(): void;
  close(): Promise<void>;
}

/** Serves the test pages and `dist/`. */
export async function startSite(): Promise<Site> {
  let release: () => void = () => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://site');
    if (pathname === '/slow.js') {
      await slow;
      response.writeHead(200, { 'Content-Type': types['.js'] }).end('// slow');
      return;
    }
    if (pathname === '/hello.txt') {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }).end('hello');
      return;
    }
    const file = fileOf(pathname);
    if (!file || !existsSync(file)) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not here');
      return;
    }
    response.writeHead(200, {
      'Content-Type': types[extname(file)] ?? 'application/octet-stream',
      'Access-Control-Allow-Origin': '*',
    });
    response.end(await readFile(file));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const close = closer(server);
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, releaseSlow: () => release(), close };
}

/** What the tests use of the hub. */
interface Hub {
  attach(server: Server, options: { path: string }): unknown;
  publish(topic: string, data: unknown, options?: object): Promise<unknown>;
  stats(): Record<string, number>;
  close(options?: { drainMs: number }): Promise<void>;
}

interface SendAtHub {
  readonly topic: string;
  readonly data: unknown;
  readonly client: string;
}

export interface TestHub {
  /** The hub's own address, past the proxy. */
  readonly url: string;
  readonly port: number;
  readonly hub: Hub;
  /** Everything that `onSend` was called with, in order. */
  readonly applied: SendAtHub[];
  /** Called after each entry of `applied`; what it returns is the reply. */
  reply: (send: SendAtHub) => unknown;
  /** Requests and upgrades that the HTTP server is holding now. */
  open(): { requests: number; sockets: number };
  close(): Promise<void>;
}

export interface HubSettings {
  readonly origins?: readonly string[];
  readonly [option: string]: unknown;
}

/** Starts the hub out of `dist/` beside whatever else its server may answer. */
async function startHub(settings: HubSettings = {}): Promise<TestHub> {
  const { createHub } = await importDist<{ createHub(options: object): Hub }>('server.js');
  const applied: SendAtHub[] = [];
  const server = createServer((_, response) => {
    response.writeHead(404).end();
  });
  server.keepAliveTimeout = 65_000;
  const held = new Set<ServerResponse>();
  const upgraded = new Set<unknown>();
  const hub = createHub({
    onSend: (send: SendAtHub) => {
      applied.push({ topic: send.topic, data: send.data, client: send.client });
      return testHub.reply(send);
    },
    ...settings,
  });
  hub.attach(server, { path: '/realtime' });
  // After `attach`, which hands what came before it only the requests of other paths.
  server.on('request', (_, response) => {
    held.add(response);
    response.on('close', () => held.delete(response));
  });
  server.on('upgrade', (_, socket) => {
    upgraded.add(socket);
    socket.on('close', () => upgraded.delete(socket));
  });
  const closeServer = closer(server);
  const port = await listen(server);
  const testHub: TestHub = {
    url: `http://127.0.0.1:${port}/realtime`,
    port,
    hub,
    applied,
    reply: () => null,
    open: () => ({ requests: held.size, sockets: upgraded.size }),
    async close() {
      await hub.close({ drainMs: 0 });
      await closeServer();
    },
  };
  return testHub;
}

export type FaultProxy = Awaited<ReturnType<typeof createFaultProxy>>;

// ---- fixtures --------------------------------------------------------------------------------------------------

interface Fixtures {
  readonly site: Site;
  /** Options of the hub, set by `test.use`. */
  readonly hubOptions: HubSettings;
  readonly hub: TestHub;
  /** Between page and hub. */
  readonly faults: FaultProxy;
  /** The hub as clients reach it: through the proxy. */
  readonly hubUrl: string;
  readonly stub: Stub;
  /** A client in a page that has been loaded and is at rest. */
  readonly driver: Driver;
}

/** Playwright's `test`; in a run for WebKit with that engine's pages. */
export const base =
  process.env['HOLDFAST_ENGINE'] === 'webkit' ? (webkitTest as typeof playwrightTest) : playwrightTest;

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads which fixtures are wanted from this pattern
  site: async ({}, use) => {
    const site = await startSite();
    await use(site);
    site.releaseSlow();
    await site.close();
  },
  hubOptions: [{}, { option: true }],
  hub: async ({ site, hubOptions }, use) => {
    const hub = await startHub({ origins: [site.url], ...hubOptions });
    await use(hub);
    await hub.close();
  },
  faults: async ({ hub }, use) => {
    const faults = await createFaultProxy({ target: { host: '127.0.0.1', port: hub.port } });
    await use(faults);
    await faults.close();
  },
  hubUrl: async ({ faults }, use) => {
    await use(`${faults.url}/realtime`);
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads which fixtures are wanted from this pattern
  stub: async ({}, use) => {
    const stub = await startStub();
    await use(stub);
    await stub.close();
  },
  driver: async ({ page, site }, use) => {
    await page.addInitScript(collectErrors);
    await openPage(page, `${site.url}/pages/plain.html`);
    await use(driverOf(page));
    if (page.isClosed()) return;
    expect(await page.evaluate(() => window.uncaught), 'errors that nobody caught in the page').toEqual([]);
    // The client goes before its hub does.
    await page.goto('about:blank');
  },
});

/** In the page, because Firefox reports every failed request as an error of the page, and our requests fail on purpose. */
function collectErrors(): void {
  window.uncaught = [];
  window.addEventListener('error', ({ message }) => window.uncaught.push(message));
  window.addEventListener('unhandledrejection', ({ reason }) => window.uncaught.push(String(reason)));
}

/** Loads a page with a driver and waits until it can be driven. */
export async function openPage(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.waitForFunction(() => window.isDriverReady === true);
}

// ---- conditions ------------------------------------------------------------------------------------------------

/** Waits for a condition of this process, which Playwright's own polling would look at too seldom. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** 1, 2, 3 … count. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

/** Says briefly how a list differs from 1 … count; printing ten thousand numbers helps nobody. */
export function audit(list: readonly unknown[], count: number) {
  const seen = new Set(list);
  const missing = numbers(count).filter((n) => !seen.has(n));
  const firstOutOfOrder = list.findIndex((n, i) => i > 0 && Number(n) <= Number(list[i - 1]));
  return {
    count: list.length,
    missing: missing.slice(0, 10),
    repeated: list.length - seen.size,
    firstOutOfOrder,
  };
}

/** What `audit` answers when nothing is missing, repeated or out of order. */
export function perfect(count: number) {
  return { count, missing: [], repeated: 0, firstOutOfOrder: -1 };
}

/** Waits until a topic has brought `count` messages, then says whether they are 1 … count. */
export async function expectNumbers(
  driver: Driver,
  topic: string,
  count: number,
  timeoutMs = 20_000,
): Promise<void> {
  await expect
    .poll(() => driver.count(topic), { timeout: timeoutMs, message: `messages of ${topic}` })
    .toBeGreaterThanOrEqual(count);
  expect(audit(await driver.received(topic), count)).toEqual(perfect(count));
}
