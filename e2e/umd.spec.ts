/** The package as pages load it: one script from somewhere else, and the ES modules. */
import type { Driver } from './harness.ts';
import { driverOf, expect, expectNumbers, openPage, startSite, test } from './harness.ts';

interface Globals {
  Holdfast: { createClient: unknown };
  first: unknown;
  second: unknown;
  createDriver(holdfast: unknown): unknown;
}

/** Playwright puts a global of its own into Firefox's pages whenever it likes. */
const isOurs = (name: string) => !name.startsWith('__pw');

test('one script from another origin makes one global, and works', async ({ page, site, hub, hubUrl }) => {
  const cdn = await startSite();
  try {
    await page.goto(`${site.url}/hello.txt`);
    const before = await page.evaluate(() => Object.getOwnPropertyNames(window));
    await page.addScriptTag({ url: `${cdn.url}/dist/holdfast.umd.min.js` });
    const after = await page.evaluate(() => Object.getOwnPropertyNames(window));
    expect(after.filter((name) => !before.includes(name)).filter(isOurs)).toEqual(['Holdfast']);
    const received = page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const { createClient } = (window as unknown as { Holdfast: { createClient: CreateClient } })
            .Holdfast;
          type CreateClient = (url: string) => {
            subscribe(topic: string, handler: (message: { data: unknown }) => void): { ready: Promise<void> };
          };
          const client = createClient(url);
          const { ready } = client.subscribe('prices', ({ data }) => resolve(data));
          ready.then(() => document.body.setAttribute('data-ready', ''));
        }),
      hubUrl,
    );
    await page.locator('body[data-ready]').waitFor({ state: 'attached' });
    await hub.hub.publish('prices', { eur: 1.07 });
    expect(await received).toEqual({ eur: 1.07 });
  } finally {
    await page.goto('about:blank');
    await cdn.close();
  }
});

test('two copies on one page do not meet', async ({ page, site, hub, hubUrl }) => {
  await openPage(page, `${site.url}/pages/plain.html`);
  await page.evaluate(() => {
    (window as unknown as Globals).first = (window as unknown as Globals).Holdfast;
  });
  await page.addScriptTag({ url: `${site.url}/dist/holdfast.umd.min.js?second` });
  const areTwo = await page.evaluate(async () => {
    const globals = window as unknown as Globals & Record<string, unknown>;
    globals.second = globals.Holdfast;
    const path = '/pages/driver.js';
    const { createDriver } = (await import(path)) as Pick<Globals, 'createDriver'>;
    globals['driverA'] = createDriver(globals.first);
    globals['driverB'] = createDriver(globals.second);
    return globals.first !== globals.second;
  });
  expect(areTwo).toBe(true);
  const drivers: Driver[] = [driverOf(page, 'driverA'), driverOf(page, 'driverB')];
  hub.reply = ({ data }) => data;
  for (const driver of drivers) {
    await driver.start(hubUrl, ['websocket', 'iframe', 'long-poll']);
    expect(await driver.subscribe('numbers')).toBe('ready');
  }
  for (const transport of ['iframe', 'long-poll', 'websocket'] as const) {
    for (const driver of drivers) await driver.prefer(transport);
    for (const driver of drivers) {
      // A busy machine may miss a first try, and the next one is some seconds later.
      const transportNow = async (): Promise<unknown> => (await driver.status()).transport;
      await expect.poll(transportNow, { timeout: 15_000 }).toBe(transport);
    }
  }
  for (const n of [1, 2, 3]) await hub.hub.publish('numbers', n);
  for (const driver of drivers) {
    await expectNumbers(driver, 'numbers', 3);
    expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
  }
  expect(new Set(hub.applied.map(({ client }) => client)).size).toBe(2);
  await drivers[0]?.close();
  await hub.hub.publish('numbers', 4);
  await expectNumbers(drivers[1] as Driver, 'numbers', 4);
  expect(await drivers[0]?.count('numbers')).toBe(3);
});

test('the ES modules touch no global, and work', async ({ page, site, hub, hubUrl }) => {
  await openPage(page, `${site.url}/pages/module.html`);
  const added = await page.evaluate(() => (window as unknown as { addedGlobals: string[] }).addedGlobals);
  expect(added.filter(isOurs)).toEqual([]);
  const driver = driverOf(page);
  await driver.start(hubUrl, ['websocket', 'http-stream']);
  expect(await driver.subscribe('numbers')).toBe('ready');
  await hub.hub.publish('numbers', 1);
  await expectNumbers(driver, 'numbers', 1);
});
