/**
 * Pages under a strict Content-Security-Policy: nothing of ours needs more than `connect-src` and, for iframe streaming,
 * `frame-src`; and what a policy forbids is one more transport that does not work here.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import type { Driver, Site, Transport } from '../harness.ts';
import {
  test as base,
  driverOf,
  expect,
  expectNumbers,
  numbers,
  openPage,
  startSite,
  transports,
} from '../harness.ts';
import { bundle } from './bundle.ts';

interface Violation {
  readonly directive: string;
  readonly blockedURI: string;
  readonly at: number;
}

declare global {
  interface Window {
    violations: Violation[];
  }
}

interface StrictSite extends Site {
  /** Sent with all that the site answers. */
  policy: string;
}

/** The test site behind a policy, with the bundled modules beside it. */
async function startStrictSite(): Promise<StrictSite> {
  const inner = await startSite();
  let bundled: Promise<string> | undefined;
  const contentOf = async (path: string): Promise<{ type: string; body: string }> => {
    if (path === '/bundled.js') {
      bundled ??= bundle('csp-module.js');
      return { type: 'text/javascript', body: await bundled };
    }
    const answer = await fetch(inner.url + path);
    return { type: answer.headers.get('content-type') ?? '', body: await answer.text() };
  };
  const server = createServer((request, response) => {
    contentOf(request.url ?? '/').then(
      ({ type, body }) => {
        response.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': site.policy }).end(body);
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const site: StrictSite = {
    ...inner,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    policy: '',
    async close() {
      server.close();
      server.closeAllConnections();
      await inner.close();
    },
  };
  return site;
}

const test = base.extend<{ site: StrictSite }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads which fixtures are wanted from this pattern
  site: async ({}, use) => {
    const site = await startStrictSite();
    await use(site);
    await site.close();
  },
});

type Build = 'umd' | 'module';

async function openUnder(
  page: Page,
  site: StrictSite,
  policy: string,
  build: Build = 'umd',
): Promise<Driver> {
  site.policy = policy;
  await openPage(page, `${site.url}/pages/csp-${build}.html`);
  return driverOf(page);
}

const violationsOf = (page: Page): Promise<Violation[]> => page.evaluate(() => window.violations);

/** The hub's origin in the words of a policy; `ws:` is not part of `http:`. */
function sourcesOf(hubUrl: string): { http: string; ws: string } {
  const { host } = new URL(hubUrl);
  return { http: `http://${host}`, ws: `ws://${host}` };
}

for (const build of ['umd', 'module'] as const) {
  for (const transport of transports) {
    test(`${build}: ${transport} works, and asks for nothing that is forbidden`, async ({
      page,
      site,
      hub,
      hubUrl,
    }) => {
      const { http, ws } = sourcesOf(hubUrl);
      const frames = transport === 'iframe' ? `; frame-src ${http}` : '';
      const policy = `default-src 'self'; connect-src 'self' ${http} ${ws}${frames}; require-trusted-types-for 'script'`;
      const driver = await openUnder(page, site, policy, build);
      hub.reply = ({ data }) => data;
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('numbers')).toBe('ready');
      for (const n of numbers(3)) await hub.hub.publish('numbers', n);
      await expectNumbers(driver, 'numbers', 3);
      expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
      expect(await violationsOf(page)).toEqual([]);

      // The policy was really there.
      await page.evaluate(() => document.head.appendChild(document.createElement('style')).append('p {}'));
      await expect.poll(async () => (await violationsOf(page)).length).toBeGreaterThan(0);
    });
  }
}

interface Case {
  readonly name: string;
  readonly policy: (sources: { http: string; ws: string }) => string;
  readonly given: readonly Transport[];
  readonly ends: Transport;
}

const cases: readonly Case[] = [
  {
    name: 'no WebSocket',
    policy: ({ http }) => `default-src 'self'; connect-src 'self' ${http}`,
    given: transports,
    ends: 'http-stream',
  },
  {
    name: 'nothing but WebSocket',
    policy: ({ ws }) => `default-src 'self'; connect-src ${ws}`,
    given: transports,
    ends: 'websocket',
  },
  {
    name: 'nothing but WebSocket, which is the last in the list',
    policy: ({ ws }) => `default-src 'self'; connect-src ${ws}`,
    given: ['http-stream', 'eventsource', 'iframe', 'long-poll', 'websocket'],
    ends: 'websocket',
  },
  {
    name: 'no frames',
    policy: ({ http }) => `default-src 'self'; connect-src 'self' ${http}; frame-src 'none'`,
    given: ['iframe', 'long-poll'],
    ends: 'long-poll',
  },
  {
    name: 'no frames of others, because no word is said of frames',
    policy: ({ http }) => `default-src 'self'; connect-src 'self' ${http}`,
    given: ['iframe', 'long-poll'],
    ends: 'long-poll',
  },
  {
    name: 'no forms',
    policy: ({ http }) =>
      `default-src 'self'; connect-src 'self' ${http}; frame-src ${http}; form-action 'none'`,
    given: ['iframe', 'long-poll'],
    ends: 'long-poll',
  },
  {
    name: 'a sandbox without forms',
    policy: ({ http }) =>
      `default-src 'self'; connect-src 'self' ${http}; frame-src ${http}; sandbox allow-scripts allow-same-origin`,
    given: ['iframe', 'long-poll'],
    ends: 'long-poll',
  },
];

for (const { name, policy, given, ends } of cases) {
  test(`${name}: ${ends} carries it, soon and without a storm`, async ({ page, site, hub, hubUrl }) => {
    const driver = await openUnder(page, site, policy(sourcesOf(hubUrl)));
    hub.reply = ({ data }) => data;
    const startedAt = performance.now();
    await driver.start(hubUrl, given);
    expect(await driver.subscribe('numbers')).toBe('ready');
    expect(performance.now() - startedAt).toBeLessThan(8_000);
    await expect.poll(async () => (await driver.status()).transport, { timeout: 15_000 }).toBe(ends);
    for (const n of numbers(20)) await hub.hub.publish('numbers', n);
    await expectNumbers(driver, 'numbers', 20);
    expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
    expect((await violationsOf(page)).length).toBeLessThanOrEqual(given.length);
  });
}

test('everything is forbidden: it is said, and tried again without a storm', async ({
  page,
  site,
  hubUrl,
}) => {
  const driver = await openUnder(page, site, "default-src 'self'; connect-src 'none'; frame-src 'none'");
  await driver.start(hubUrl, transports);
  await driver.subscribeSoon('numbers');
  await expect.poll(async () => (await driver.status()).lastError).toMatchObject({ code: 'DISCONNECTED' });
  const rounds = 3;
  await expect
    .poll(async () => (await violationsOf(page)).length, { timeout: 45_000 })
    .toBeGreaterThanOrEqual(rounds * transports.length);
  const times = (await violationsOf(page)).map(({ at }) => at);
  const mostInASecond = Math.max(...times.map((t) => times.filter((at) => at >= t && at < t + 1_000).length));
  // One round, and the first of the next.
  expect(mostInASecond).toBeLessThanOrEqual(transports.length + 2);
  expect(await driver.events('error'), 'a network that is shut is no error of the application').toEqual([]);
});
