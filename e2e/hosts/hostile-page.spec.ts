/** Pages whose clocks, listeners and own ways with events are odd: the client goes on, and nobody else is harmed. */
import { driverOf, expect, expectNumbers, numbers, test, transports } from '../harness.ts';
import { openTracked, trackedErrors } from './hostile.ts';

/** In the page, before our script: clocks and timers that a test can put out of order. */
function loosenClocks(): void {
  const loose = { monoMs: 0, wallMs: () => 0, timerMsLeast: 0 };
  const { now: mono } = performance;
  const { now: wall } = Date;
  const { setTimeout: start } = window;
  performance.now = () => mono.call(performance) + loose.monoMs;
  Date.now = () => wall() + loose.wallMs();
  const startLater = (run: () => void, ms = 0) => start(run, Math.max(ms, loose.timerMsLeast));
  Object.assign(window, { loose, setTimeout: startLater });
}

interface Loose {
  loose: { monoMs: number; wallMs: () => number; timerMsLeast: number };
}

test.describe('clocks out of order, and then a cut:', () => {
  const hourMs = 3_600_000;
  const cases: readonly (readonly [name: string, run: (ms: number) => void])[] = [
    [
      'performance.now falls back an hour',
      (ms) => {
        (window as unknown as Loose).loose.monoMs = -ms;
      },
    ],
    [
      'performance.now leaps ahead an hour',
      (ms) => {
        (window as unknown as Loose).loose.monoMs = ms;
      },
    ],
    [
      'Date.now falls back an hour',
      (ms) => {
        (window as unknown as Loose).loose.wallMs = () => -ms;
      },
    ],
    [
      'Date.now leaps ahead an hour',
      (ms) => {
        (window as unknown as Loose).loose.wallMs = () => ms;
      },
    ],
    [
      'Date.now is anywhere within an hour',
      (ms) => {
        (window as unknown as Loose).loose.wallMs = () => Math.random() * ms;
      },
    ],
    [
      'no timer runs before a second is over',
      () => {
        (window as unknown as Loose).loose.timerMsLeast = 1_000;
      },
    ],
  ];

  for (const [name, run] of cases) {
    test(`${name}: it goes on, with few attempts`, async ({ page, site, hub, faults, hubUrl }) => {
      await page.addInitScript(loosenClocks);
      const driver = await openTracked(page, site);
      hub.reply = ({ data }) => data;
      await driver.start(hubUrl, ['websocket', 'http-stream', 'long-poll']);
      expect(await driver.subscribe('numbers')).toBe('ready');
      await expect.poll(async () => (await driver.status()).transport).toBe('websocket');
      await page.evaluate(run, hourMs);
      for (const n of [1, 2, 3]) {
        faults.cut();
        await hub.hub.publish('numbers', n);
        await expectNumbers(driver, 'numbers', n);
      }
      expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
      expect(faults.stats().upgrades).toBeLessThan(12);
      expect(await trackedErrors(page)).toEqual([]);
    });
  }
});

test('listeners that throw harm neither each other, nor other clients, nor the page', async ({
  page,
  site,
  hub,
  faults,
  hubUrl,
}) => {
  const driver = await openTracked(page, site);
  await page.evaluate((url) => {
    interface Harmful {
      on(event: string, listener: (value: { code?: string }) => void): void;
      subscribe(topic: string, handlers: object): void;
    }
    const { createClient } = (window as unknown as { Holdfast: { createClient(url: string): Harmful } })
      .Holdfast;
    const seen = { codes: [] as unknown[], states: 0, numbers: [] as unknown[], ticks: 0 };
    const fail = (): never => {
      throw new Error('a fault of the page');
    };
    const client = createClient(url);
    for (const event of ['status', 'gap', 'trace', 'error']) client.on(event, fail);
    client.on('error', ({ code }) => seen.codes.push(code));
    client.on('status', () => seen.states++);
    client.subscribe('numbers', { message: fail, gap: fail });
    client.subscribe('numbers', { message: ({ data }: { data: unknown }) => seen.numbers.push(data) });
    setInterval(() => seen.ticks++, 50);
    Object.assign(window, { seen });
  }, hubUrl);
  const seen = () =>
    page.evaluate(
      () =>
        (window as unknown as { seen: { codes: string[]; states: number; numbers: number[]; ticks: number } })
          .seen,
    );
  await driver.start(hubUrl, transports);
  expect(await driver.subscribe('numbers')).toBe('ready');
  await expect.poll(() => hub.hub.stats()).toMatchObject({ clients: 2 });
  for (const n of [1, 2, 3]) {
    await hub.hub.publish('numbers', n);
    await expectNumbers(driver, 'numbers', n);
    await expect.poll(async () => (await seen()).numbers).toEqual(numbers(n));
    faults.cut();
  }
  const { codes, states, ticks } = await seen();
  expect(new Set(codes)).toEqual(new Set(['LISTENER_FAILED']));
  expect(states).toBeGreaterThan(1);
  await expect.poll(async () => (await seen()).ticks).toBeGreaterThan(ticks);
  // What an `error` listener throws is told to nobody but the page.
  expect(new Set(await trackedErrors(page))).toEqual(new Set(['Error: a fault of the page']));
  expect(await driver.events('error')).toEqual([]);
});

test('a page that keeps all `message` events to itself: iframe streaming gives way, the page keeps its own', async ({
  page,
  site,
  hub,
  hubUrl,
}) => {
  await page.addInitScript(() => {
    const mine: unknown[] = [];
    window.addEventListener('message', (event) => {
      event.stopImmediatePropagation();
      if (event.source === window) mine.push(event.data);
    });
    Object.assign(window, { mine });
  });
  const driver = await openTracked(page, site);
  await driver.start(hubUrl, ['iframe', 'long-poll'], { eager: false });
  await driver.subscribeSoon('numbers');
  await expect.poll(() => driver.readiness('numbers'), { timeout: 20_000 }).toBe('ready');
  await hub.hub.publish('numbers', 1);
  await expectNumbers(driver, 'numbers', 1);
  expect(await driver.status()).toMatchObject({ state: 'open', transport: 'long-poll' });
  await page.evaluate(() => window.postMessage('hello', location.origin));
  await expect
    .poll(() => page.evaluate(() => (window as unknown as { mine: unknown[] }).mine))
    .toContain('hello');
});

for (const script of ['umd', 'legacy'] as const) {
  test(`a page that has added to Object.prototype and Array.prototype: the ${script} script goes on`, async ({
    page,
    site,
    hub,
    hubUrl,
  }) => {
    // Before our script, enumerable, as libraries did it long ago; the legacy script is made to use what old engines have.
    await page.addInitScript((isOld) => {
      for (const name of isOld ? ['WebSocket', 'EventSource', 'fetch'] : []) {
        Object.defineProperty(window, name, { value: undefined });
      }
      const added = { value: () => 'added', configurable: true, writable: true, enumerable: true };
      Object.defineProperty(Object.prototype, 'extend', added);
      Object.defineProperty(Array.prototype, 'each', added);
    }, script === 'legacy');
    await openTracked(page, site);
    await page.addScriptTag({ url: `${site.url}/dist/holdfast.${script}.min.js?again` });
    await page.evaluate(async () => {
      const path = '/pages/driver.js';
      const { createDriver } = (await import(path)) as {
        createDriver(holdfast: unknown): typeof window.driver;
      };
      window.driver = createDriver((window as unknown as { Holdfast: unknown }).Holdfast);
    });
    const driver = driverOf(page);
    hub.reply = ({ data }) => data;
    await driver.start(hubUrl, transports);
    expect(await driver.subscribe('numbers')).toBe('ready');
    for (const n of [1, 2, 3]) await hub.hub.publish('numbers', n);
    await expectNumbers(driver, 'numbers', 3);
    expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
    expect(await trackedErrors(page)).toEqual([]);
  });
}
