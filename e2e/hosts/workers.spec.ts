/**
 * The client inside a dedicated, a shared and a service worker: no window, no document, no storage. What it does there is what it does
 * in a page, over every transport that needs no document.
 */
import { driverOf, expect, expectNumbers, nodeTransports, numbers, openPage, test } from '../harness.ts';

/** What each kind is without. The workers' own scopes tell it, so that a test never runs in a page by mistake. */
const kinds = [
  { kind: 'dedicated', lacks: ['window', 'document', 'localStorage'] },
  { kind: 'shared', lacks: ['window', 'document', 'localStorage'] },
  { kind: 'service', lacks: ['window', 'document', 'XMLHttpRequest', 'localStorage'] },
] as const;

for (const { kind, lacks } of kinds) {
  test(`in a ${kind} worker it subscribes, sends and resumes`, async ({
    page,
    site,
    hub,
    faults,
    hubUrl,
  }) => {
    hub.reply = ({ data }) => data;
    await openPage(page, `${site.url}/pages/workers.html#${kind}`);
    expect(
      await page.evaluate(() => (window.driver as unknown as { lacks(): Promise<string[]> }).lacks()),
    ).toEqual(lacks);
    const driver = driverOf(page);

    await driver.start(hubUrl, nodeTransports);
    expect(await driver.subscribe('numbers')).toBe('ready');
    expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
    expect(await driver.sendBytes('bytes', 1_000)).toMatchObject({ reply: { bytes: 1_000, isIntact: true } });
    let sent = 0;
    for (const transport of nodeTransports) {
      await driver.prefer(transport);
      await expect
        .poll(async () => (await driver.status()).transport, { message: transport, timeout: 15_000 })
        .toBe(transport);
      for (const n of numbers(10)) await hub.hub.publish('numbers', sent + n);
      faults.cut();
      for (const n of numbers(10)) await hub.hub.publish('numbers', sent + 10 + n);
      sent += 20;
      await expectNumbers(driver, 'numbers', sent);
    }
    expect(await driver.events('gap')).toEqual([]);
    await driver.close();
    await expect.poll(() => hub.open(), { timeout: 15_000 }).toEqual({ requests: 0, sockets: 0 });
  });
}
