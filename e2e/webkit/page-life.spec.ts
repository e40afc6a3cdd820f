/** What WebKit does of a page's life by itself: into the back/forward cache and out again, a window put away and shown again. */
import type { Page } from '@playwright/test';
import { driverOf, expect, expectNumbers, openPage, test, transports, until } from '../harness.ts';
import type { WebKitPage } from './page.ts';

for (const transport of transports) {
  test(`${transport}: a page from the back/forward cache goes on where it was`, async ({
    page,
    site,
    hub,
    hubUrl,
  }) => {
    await openPage(page, `${site.url}/pages/life.html`);
    const driver = driverOf(page);
    await driver.start(hubUrl, [transport]);
    expect(await driver.subscribe('numbers')).toBe('ready');
    await hub.hub.publish('numbers', 1);
    await expectNumbers(driver, 'numbers', 1);

    await page.goto(`${site.url}/hello.txt`);
    await until(() => hub.open().requests + hub.open().sockets === 0, 'nothing held while cached', 5_000);
    await hub.hub.publish('numbers', 2);
    await (page as WebKitPage).command('POST', '/back', {});
    await page.waitForFunction(() => location.pathname.endsWith('life.html'));
    const shows = await page.evaluate(() => (window as unknown as { shows: boolean[] }).shows);
    expect(shows, 'the page came out of the cache').toEqual([false, true]);
    await hub.hub.publish('numbers', 3);
    await expectNumbers(driver, 'numbers', 3);
    expect((await driver.events('status')).map(({ state }) => state)).toContain('suspended');
    expect(await driver.events('gap')).toEqual([]);
    expect(await driver.status()).toMatchObject({ state: 'open', transport });
  });
}

async function hide(page: Page): Promise<void> {
  await (page as WebKitPage).command('POST', '/window/minimize', {});
  await page.waitForFunction(() => document.visibilityState === 'hidden');
}

async function show(page: Page): Promise<void> {
  await (page as WebKitPage).command('POST', '/window/rect', { x: 0, y: 0, width: 800, height: 600 });
  await page.waitForFunction(() => document.visibilityState === 'visible');
}

for (const transport of transports) {
  test(`${transport}: while the window is put away and after it, nothing is lost`, async ({
    page,
    driver,
    hub,
    faults,
    hubUrl,
  }) => {
    await driver.start(hubUrl, [transport]);
    expect(await driver.subscribe('numbers')).toBe('ready');
    await hub.hub.publish('numbers', 1);
    await expectNumbers(driver, 'numbers', 1);
    await hide(page);
    await hub.hub.publish('numbers', 2);
    faults.cut();
    await hub.hub.publish('numbers', 3);
    await show(page);
    await hub.hub.publish('numbers', 4);
    await expectNumbers(driver, 'numbers', 4);
    expect(await driver.events('gap')).toEqual([]);
    await expect.poll(() => driver.status()).toMatchObject({ state: 'open' });
  });
}

test('a window that is shown again finds a dead connection at once', async ({
  page,
  driver,
  hub,
  faults,
  hubUrl,
}) => {
  await driver.start(hubUrl, ['websocket']);
  expect(await driver.subscribe('numbers')).toBe('ready');
  await hide(page);
  faults.set({ blackholeExisting: true });
  await hub.hub.publish('numbers', 1);
  await show(page);
  // The default heartbeat is ten seconds: only the check on waking can be as fast as this.
  await expectNumbers(driver, 'numbers', 1, 6_000);
});
