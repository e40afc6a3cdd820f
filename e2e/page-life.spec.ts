/** The life of a page: into the back/forward cache and out again, hidden and visible, offline and online, and away. */
// biome-ignore lint/correctness/useImportExtensions: the rule takes the declarations beside the script for the script
import { chromiumArgs, knownBrowsers } from '../scripts/browsers.mjs';
import type { Transport } from './harness.ts';
import { driverOf, expect, expectNumbers, openPage, test, transports, until } from './harness.ts';

for (const transport of transports) {
  test(`${transport}: a page that goes away holds nothing at the hub`, async ({
    page,
    site,
    hub,
    hubUrl,
    driver,
  }) => {
    await driver.start(hubUrl, [transport]);
    expect(await driver.subscribe('numbers')).toBe('ready');
    await page.goto(`${site.url}/hello.txt`);
    await until(() => hub.open().requests + hub.open().sockets === 0, 'nothing held', 5_000);
    await expect.poll(() => hub.hub.stats()).toMatchObject({ connections: 0 });
  });
}

for (const transport of ['websocket', 'http-stream', 'long-poll'] as const) {
  test(`${transport}: a page from the back/forward cache goes on where it was`, async ({
    playwright,
    browserName,
    site,
    hub,
    hubUrl,
  }) => {
    test.skip(browserName !== 'chromium', 'Firefox does not cache a page that had a connection open');
    // Playwright switches the cache off; a browser of our own has it.
    const browser = await playwright.chromium.launch({
      ...knownBrowsers().chromium,
      args: chromiumArgs(),
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    });
    try {
      const page = await browser.newPage();
      await openPage(page, `${site.url}/pages/life.html`);
      const driver = driverOf(page);
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('numbers')).toBe('ready');
      await hub.hub.publish('numbers', 1);
      await expectNumbers(driver, 'numbers', 1);

      await page.goto(`${site.url}/hello.txt`);
      await until(() => hub.open().requests + hub.open().sockets === 0, 'nothing held while cached', 5_000);
      await hub.hub.publish('numbers', 2);
      // Not `goBack` nor `waitForURL`, which wait for a load that does not happen.
      await page.evaluate(() => history.back());
      await until(() => page.url().endsWith('life.html'), 'the former page');
      const shows = await page.evaluate(() => (window as unknown as { shows: boolean[] }).shows);
      expect(shows, 'the page came out of the cache').toEqual([false, true]);
      await hub.hub.publish('numbers', 3);
      await expectNumbers(driver, 'numbers', 3);
      expect((await driver.events('status')).map(({ state }) => state)).toContain('suspended');
      expect(await driver.status()).toMatchObject({ state: 'open', transport });
    } finally {
      await browser.close();
    }
  });
}

/** Says what a browser says when its tab goes to the background or comes back. */
function sayVisibility(state: 'hidden' | 'visible'): void {
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => state === 'hidden' });
  document.dispatchEvent(new Event('visibilitychange'));
}

for (const transport of ['websocket', 'http-stream'] satisfies Transport[]) {
  test(`${transport}: hidden and visible again, nothing is lost`, async ({ page, driver, hub, hubUrl }) => {
    await driver.start(hubUrl, [transport]);
    expect(await driver.subscribe('numbers')).toBe('ready');
    await hub.hub.publish('numbers', 1);
    await expectNumbers(driver, 'numbers', 1);
    await page.evaluate(sayVisibility, 'hidden' as const);
    await hub.hub.publish('numbers', 2);
    await page.evaluate(sayVisibility, 'visible' as const);
    await hub.hub.publish('numbers', 3);
    await expectNumbers(driver, 'numbers', 3);
    await expect.poll(() => driver.status()).toMatchObject({ state: 'open' });
  });
}

test('becoming visible finds a dead connection at once', async ({ page, driver, hub, faults, hubUrl }) => {
  await driver.start(hubUrl, ['websocket']);
  expect(await driver.subscribe('numbers')).toBe('ready');
  await page.evaluate(sayVisibility, 'hidden' as const);
  faults.set({ blackholeExisting: true });
  await hub.hub.publish('numbers', 1);
  await page.evaluate(sayVisibility, 'visible' as const);
  // The default heartbeat is ten seconds: only the check on waking can be as fast as this.
  await expectNumbers(driver, 'numbers', 1, 6_000);
});

test('offline is a hint: a connection that works is kept', async ({ page, driver, hub, faults, hubUrl }) => {
  await driver.start(hubUrl, ['websocket']);
  expect(await driver.subscribe('numbers')).toBe('ready');
  const { upgrades } = faults.stats();
  await page.evaluate(() => dispatchEvent(new Event('offline')));
  await hub.hub.publish('numbers', 1);
  await expectNumbers(driver, 'numbers', 1);
  expect(await driver.status()).toMatchObject({ state: 'open' });
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await hub.hub.publish('numbers', 2);
  await expectNumbers(driver, 'numbers', 2);
  expect(faults.stats().upgrades).toBe(upgrades);
});

test('online ends the wait between attempts', async ({ page, driver, hub, faults, hubUrl }) => {
  await driver.start(hubUrl, ['websocket']);
  expect(await driver.subscribe('numbers')).toBe('ready');
  faults.set({ refuseConnections: true });
  await page.evaluate(() => dispatchEvent(new Event('offline')));
  faults.cut();
  await expect.poll(async () => (await driver.status()).state).toBe('offline');
  await hub.hub.publish('numbers', 1);
  await until(() => faults.stats().connections.refused >= 3, 'some attempts', 30_000);
  faults.set({ refuseConnections: false });
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await expectNumbers(driver, 'numbers', 1, 8_000);
  expect(await driver.status()).toMatchObject({ state: 'open' });
});
