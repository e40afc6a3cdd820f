/** After `close()` nothing is left: not in the page, where everything was counted before the library loaded, nor at the hub. */
import { driverOf, expect, openPage, test, transports } from './harness.ts';

interface Left {
  readonly timers: string[];
  readonly listeners: string[];
  readonly requests: string[];
  readonly sockets: number;
  readonly streams: number;
  readonly frames: number;
  readonly nodes: number;
}

declare global {
  interface Window {
    left(): Left;
  }
}

for (const transport of transports) {
  test(`${transport}: nothing is left after close()`, async ({ page, site, hub, hubUrl }) => {
    hub.reply = ({ data }) => data;
    await openPage(page, `${site.url}/pages/counted.html`);
    const before = await page.evaluate(() => window.left());
    const driver = driverOf(page);
    await driver.start(hubUrl, [transport]);
    expect(await driver.subscribe('numbers')).toBe('ready');
    expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
    await hub.hub.publish('numbers', 1);
    await expect.poll(() => driver.count('numbers')).toBe(1);
    const during = await page.evaluate(() => window.left());
    // The count itself must be able to see something, else the test says nothing.
    expect(during.listeners.length + during.timers.length).toBeGreaterThan(0);

    await driver.close();
    await expect.poll(() => page.evaluate(() => window.left()), { timeout: 5_000 }).toEqual(before);
    await expect.poll(() => hub.open(), { timeout: 5_000 }).toEqual({ requests: 0, sockets: 0 });
    await expect.poll(() => hub.hub.stats()).toMatchObject({ connections: 0 });
    expect(await driver.status()).toMatchObject({ state: 'closed' });
  });
}

test('a client that is closed while it connects leaves nothing either', async ({
  page,
  site,
  hub,
  faults,
  hubUrl,
}) => {
  await openPage(page, `${site.url}/pages/counted.html`);
  const before = await page.evaluate(() => window.left());
  const driver = driverOf(page);
  faults.set({ latencyMs: 200 });
  await driver.start(hubUrl, transports);
  await driver.subscribeSoon('numbers');
  await expect.poll(() => faults.stats().connections.opened).toBeGreaterThan(0);
  await driver.close();
  await expect.poll(() => page.evaluate(() => window.left()), { timeout: 5_000 }).toEqual(before);
  await expect.poll(() => hub.open(), { timeout: 5_000 }).toEqual({ requests: 0, sockets: 0 });
});

test('an inert client is nothing at all', async ({ page, site, faults, hubUrl }) => {
  await openPage(page, `${site.url}/pages/counted.html`);
  const before = await page.evaluate(() => window.left());
  const driver = driverOf(page);
  await driver.start(hubUrl, transports);
  expect(await page.evaluate(() => window.left())).toEqual(before);
  expect(faults.stats().connections.opened).toBe(0);
});
