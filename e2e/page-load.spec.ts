/** A page that subscribes while it is being parsed loads as if it did not: no transport may hold `load` back. */
import { expect, test } from './harness.ts';

interface Seen {
  readonly loads: number;
  readonly historyLength: number;
  readonly statesAtLoad: string[];
  readonly statesAfterLoad: string[];
  readonly received: unknown[];
  readonly transports: (string | undefined)[];
}

declare global {
  interface Window {
    seen: Seen;
  }
}

for (const adapter of ['iframe', 'httpStream', 'eventSource', 'longPoll', 'webSocket']) {
  test(`${adapter} does not delay load, and the page stays complete`, async ({ page, site, hub, hubUrl }) => {
    const query = new URLSearchParams({ hub: hubUrl, adapter });
    await page.goto(`${site.url}/pages/parsing.html?${query}`, { waitUntil: 'commit' });
    await page.waitForFunction(() => window.seen !== undefined);
    site.releaseSlow();
    await page.waitForFunction(() => window.seen.loads === 1);
    await expect.poll(() => hub.hub.stats()).toMatchObject({ connections: 1 });
    // `publish` until one arrives: the subscription has no `ready` that this page could tell us of.
    await expect
      .poll(async () => {
        await hub.hub.publish('clock', 'tick');
        return (await page.evaluate(() => window.seen.received)).length;
      })
      .toBeGreaterThan(3);
    const seen = await page.evaluate(() => window.seen);
    expect(seen.statesAfterLoad).toEqual([]);
    expect(seen.loads).toBe(1);
    expect(await page.evaluate(() => document.readyState)).toBe('complete');
    expect(await page.evaluate(() => history.length - window.seen.historyLength)).toBe(0);
  });
}

test('a thousand messages by iframe leave no nodes behind', async ({
  driver,
  hub,
  hubUrl,
  page,
  browserName,
}) => {
  test.skip(browserName === 'webkit', 'our pages over WebDriver do not look into frames');
  await driver.start(hubUrl, ['iframe']);
  expect(await driver.subscribe('numbers')).toBe('ready');
  for (let n = 1; n <= 1_000; n++) {
    void hub.hub.publish('numbers', n);
    if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => driver.count('numbers')).toBe(1_000);
  const frames = page.frames().filter((frame) => frame !== page.mainFrame());
  expect(frames).toHaveLength(1);
  expect(await frames[0]?.evaluate(() => document.querySelectorAll('*').length)).toBeLessThan(30);
});
