/** Applications of a framework: rendered on a server, taken over in the page, mounted twice to see who minds. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from '@playwright/test';
import { test as base, expect } from '@playwright/test';
import { importDist } from '../harness.ts';
import { bundle } from './bundle.ts';

interface App {
  readonly client: { readonly status: { readonly state: string }; close(): void };
  readonly effects: { readonly run: number; readonly undone: number };
  unmount(): void;
}

declare global {
  interface Window {
    app: App;
    /** What the framework found wrong. */
    complaints: string[];
  }
}

interface Rendered {
  readonly html: string;
  readonly state: string;
}

/** Renders in a process of its own, which ends only if nothing is left behind: no timer, no connection. */
async function renderOnServer(): Promise<Rendered> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-'));
  try {
    const file = join(folder, 'server.mjs');
    await writeFile(file, await bundle('frameworks-server.js', { ssr: true }));
    const program = `
      const { render, state } = await import(${JSON.stringify(pathToFileURL(file).href)});
      console.log(JSON.stringify({ html: render(), state: state() }));
    `;
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout) as Rendered;
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Hub {
  attach(server: unknown, options: { path: string }): void;
  publish(topic: string, data: unknown): Promise<unknown>;
  subscribers(topic: string): string[];
  stats(): { readonly connections: number };
  close(options: { drainMs: number }): Promise<void>;
}

interface AppServer {
  readonly url: string;
  readonly hub: Hub;
  /** Topics for which somebody asked to be let in, in order. */
  readonly asked: string[];
  /** WebSockets that were opened so far. */
  upgrades(): number;
}

/** One server for all of it, as an application has: the rendered page, its script, and the hub. */
async function serve(html: string, script: string): Promise<AppServer & { close(): Promise<void> }> {
  const { createHub } = await importDist<{ createHub(options: object): Hub }>('server.js');
  const asked: string[] = [];
  let upgradeCount = 0;
  const hub = createHub({
    authorize: ({ topic }: { topic: string }) => {
      asked.push(topic);
      return true;
    },
  });
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title><link rel="icon" href="data:,">
    <body><div id="root">${html}</div><script type="module" src="/app.js"></script></body></html>`;
  const server = createServer((request, response) => {
    const isScript = request.url === '/app.js';
    const type = isScript ? 'text/javascript' : 'text/html; charset=utf-8';
    response.writeHead(200, { 'Content-Type': type }).end(isScript ? script : page);
  });
  hub.attach(server, { path: '/realtime' });
  server.on('upgrade', () => upgradeCount++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hub,
    asked,
    upgrades: () => upgradeCount,
    async close() {
      await hub.close({ drainMs: 0 });
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The server's part and the page's are made once for all tests of a worker. */
const test = base.extend<{ app: AppServer }, { built: { rendered: Rendered; script: string } }>({
  built: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads which fixtures are wanted from this pattern
    async ({}, use) => {
      const rendered = await renderOnServer();
      await use({ rendered, script: await bundle('frameworks-page.js', { mode: 'development' }) });
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  app: async ({ built, page }, use) => {
    const server = await serve(built.rendered.html, built.script);
    await use(server);
    // The client goes before its hub does.
    await page.goto('about:blank');
    await server.close();
  },
});

const effectsOf = (page: Page): Promise<App['effects']> => page.evaluate(() => window.app.effects);

test('a client at module level renders on a server, and nothing is left there', ({ built }) => {
  expect(built.rendered).toEqual({
    html: '<main><p id="state">idle</p><p id="prices"></p></main>',
    state: 'idle',
  });
});

test('mounted twice it leaves one connection, one subscription, and each message once', async ({
  page,
  app,
}) => {
  await page.goto(app.url);
  await expect(page.locator('#state')).toHaveText('open');
  expect(await effectsOf(page)).toEqual({ run: 2, undone: 1 });
  await expect.poll(() => app.hub.stats().connections).toBe(1);
  expect(app.hub.subscribers('prices')).toHaveLength(1);
  for (const price of [1, 2, 3]) await app.hub.publish('prices', price);
  await expect(page.locator('#prices')).toHaveText('1 2 3');
  expect(app.upgrades(), 'WebSockets that were opened').toBe(1);
  expect(new Set(app.asked), 'what was asked for').toEqual(new Set(['prices']));
  expect(await page.evaluate(() => window.complaints)).toEqual([]);
});

test('what is unmounted is unsubscribed, and a closed client leaves nothing at the hub', async ({
  page,
  app,
}) => {
  await page.goto(app.url);
  await expect(page.locator('#state')).toHaveText('open');
  await page.evaluate(() => window.app.unmount());
  expect(await effectsOf(page)).toEqual({ run: 2, undone: 2 });
  await expect.poll(() => app.hub.stats().connections).toBe(1);
  // Whoever has polled counts as present for a while longer.
  await expect.poll(() => app.hub.subscribers('prices'), { timeout: 30_000 }).toEqual([]);
  await page.evaluate(() => window.app.client.close());
  await expect.poll(() => app.hub.stats().connections).toBe(0);
  expect(await page.evaluate(() => window.complaints)).toEqual([]);
});
