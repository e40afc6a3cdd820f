/**
 * Behind `respondWith(fetch(event.request))` an abort never reaches the server: a client that aborts what it no longer
 * wants uses up the connections of the whole site. Ours releases.
 */
import { driverOf, expect, expectNumbers, openPage, test, transports, until } from './harness.ts';

test('fifty changes leave at most two requests open, and no request of the page waits', async ({
  page,
  site,
  hub,
  hubUrl,
}) => {
  await openPage(page, `${site.url}/pages/plain.html`);
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/pages/worker.js');
    await navigator.serviceWorker.ready;
  });
  await openPage(page, `${site.url}/pages/plain.html`);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const driver = driverOf(page);

  await driver.start(hubUrl, transports);
  expect(await driver.subscribe('numbers')).toBe('ready');
  for (let change = 0; change < 50; change++) {
    const next = transports[change % transports.length] ?? 'websocket';
    await driver.prefer(next);
    await expect
      .poll(async () => (await driver.status()).transport, {
        message: `change ${change} to ${next}`,
        timeout: 15_000,
      })
      .toBe(next);
    await hub.hub.publish('numbers', change + 1);
  }
  await expectNumbers(driver, 'numbers', 50);
  await until(() => hub.open().requests + hub.open().sockets <= 2, 'at most two held by the hub', 5_000);

  const waitedMs = await page.evaluate(async (hubOrigin) => {
    const startedAt = performance.now();
    await Promise.all([
      fetch('/hello.txt').then((response) => response.text()),
      // The pool that could be used up is the hub's; its 404 is as good an answer as any.
      fetch(`${hubOrigin}/elsewhere`, { mode: 'no-cors' }).then((response) => response.text()),
    ]);
    return performance.now() - startedAt;
  }, new URL(hubUrl).origin);
  expect(waitedMs).toBeLessThan(1_000);
});
