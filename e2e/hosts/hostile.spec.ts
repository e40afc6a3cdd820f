/** Something of the page is broken, before our script loads or after: the client goes on, or says why not. */
import type { Page } from '@playwright/test';
import type { Transport } from '../harness.ts';
import { expect, expectNumbers, test, transports } from '../harness.ts';
import type { Broken } from './hostile.ts';
import { openTracked, repair, spoil, trackedErrors } from './hostile.ts';

test.describe('broken before our script loads:', () => {
  const cases: readonly (readonly [...broken: Broken, given: readonly Transport[], ends: Transport])[] = [
    ['localStorage', 'absent', transports, 'websocket'],
    ['localStorage', 'throws when read', transports, 'websocket'],
    ['Storage.prototype.getItem', 'throws', transports, 'websocket'],
    ['Storage.prototype.setItem', 'throws', transports, 'websocket'],
    ['WebSocket', 'absent', transports, 'http-stream'],
    ['WebSocket', 'throws', transports, 'http-stream'],
    ['WebSocket', 'does nothing', transports, 'http-stream'],
    ['EventSource', 'absent', ['eventsource', 'long-poll'], 'long-poll'],
    ['EventSource', 'throws', ['eventsource', 'long-poll'], 'long-poll'],
    ['EventSource', 'does nothing', ['eventsource', 'long-poll'], 'long-poll'],
    ['fetch', 'absent', transports, 'websocket'],
    ['fetch', 'throws', transports, 'websocket'],
    ['fetch', 'rejects', transports, 'websocket'],
    ['fetch', 'does nothing', transports, 'websocket'],
    ['AbortController', 'absent', ['http-stream', 'long-poll'], 'http-stream'],
    ['AbortController', 'throws', ['http-stream', 'websocket'], 'websocket'],
    ['TextDecoder', 'absent', ['http-stream', 'long-poll'], 'long-poll'],
    ['TextDecoder', 'throws', ['http-stream', 'websocket'], 'websocket'],
    ['document.createElement', 'throws', ['iframe', 'long-poll'], 'long-poll'],
    ['HTMLFormElement.prototype.submit', 'throws', ['iframe', 'long-poll'], 'long-poll'],
    ['URL', 'throws', transports, 'websocket'],
    ['navigator', 'absent', transports, 'websocket'],
    ['queueMicrotask', 'absent', transports, 'websocket'],
    ['performance', 'absent', transports, 'websocket'],
    ['performance.now', 'absent', transports, 'websocket'],
    ['performance.now', 'does nothing', transports, 'websocket'],
    ['performance.getEntriesByType', 'throws', transports, 'websocket'],
  ];

  for (const [path, how, given, ends] of cases) {
    test(`${path} ${how}, of ${given.length} transports ${ends} works`, async ({
      page,
      site,
      hub,
      hubUrl,
    }) => {
      const driver = await openTracked(page, site, [[path, how]]);
      hub.reply = ({ data }) => data;
      // `null` is nothing chosen: the memory is the browser's storage.
      await driver.start(hubUrl, given, { memory: null });
      expect(await driver.subscribe('numbers')).toBe('ready');
      for (const n of [1, 2, 3]) await hub.hub.publish('numbers', n);
      await expectNumbers(driver, 'numbers', 3);
      expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
      await expect.poll(async () => (await driver.status()).transport).toBe(ends);
      expect(await trackedErrors(page), 'what the page is told').toEqual([]);
    });
  }

  test('no source of random numbers: it is said at once, with a code', async ({ page, site, hubUrl }) => {
    const driver = await openTracked(page, site, [['crypto', 'absent']]);
    await driver.start(hubUrl, transports);
    const thrown = await page.evaluate(() => {
      try {
        return window.driver.subscribe('numbers');
      } catch (error) {
        return String(error);
      }
    });
    expect(thrown).toMatch(/^HoldfastError: .*random.*\[[A-Z_]+\]/);
  });

  test('nothing is left to connect with: it is said, with a code', async ({ page, site, hubUrl }) => {
    const driver = await openTracked(page, site, [
      ['WebSocket', 'absent'],
      ['EventSource', 'absent'],
      ['fetch', 'absent'],
    ]);
    await driver.start(hubUrl, ['websocket', 'http-stream', 'eventsource', 'long-poll', 'poll']);
    await driver.subscribeSoon('numbers');
    await expect.poll(() => driver.events('error')).toMatchObject([{ error: { code: 'NO_TRANSPORT' } }]);
    expect(await trackedErrors(page)).toEqual([]);
  });
});

test.describe('broken while the client is open, and then its connection is cut:', () => {
  /** It goes on as if nothing were, or says what is the matter for as long as that lasts. */
  const cases: readonly (readonly [...broken: Broken, says?: RegExp])[] = [
    ['JSON.stringify', 'throws', /JSON.stringify is broken/],
    ['JSON.stringify', 'does nothing', /BAD_FRAME|undefined/],
    ['JSON.parse', 'throws', /no frame/],
    ['JSON.parse', 'does nothing', /no frame/],
    ['Array.prototype.toJSON', 'does nothing', /BAD_FRAME/],
    ['Array.prototype.map', 'throws', /Array.prototype.map is broken/],
    ['Array.prototype.indexOf', 'throws', /Array.prototype.indexOf is broken/],
    ['EventTarget.prototype.addEventListener', 'throws', /addEventListener is broken/],
    ['crypto.getRandomValues', 'throws'],
    ['Promise.prototype.then', 'throws'],
    ['Promise.prototype.then', 'does nothing'],
    ['Promise', 'throws'],
    ['WebSocket', 'throws'],
    ['fetch', 'throws'],
    ['Storage.prototype.setItem', 'throws'],
    ['reportError', 'throws'],
    ['console.error', 'throws'],
    ['setTimeout', 'does nothing'],
    ['setTimeout', 'throws'],
    ['clearTimeout', 'throws'],
    ['queueMicrotask', 'throws'],
    ['queueMicrotask', 'does nothing'],
    ['performance.now', 'throws'],
    ['performance.now', 'does nothing'],
    ['Date.now', 'throws', /Date.now is broken/],
    ['Date.now', 'does nothing'],
  ];

  for (const [path, how, says] of cases) {
    test(`${path} ${how}: ${says ? 'it says so' : 'it goes on'}`, async ({
      page,
      site,
      hub,
      faults,
      hubUrl,
    }) => {
      const driver = await openTracked(page, site);
      hub.reply = ({ data }) => data;
      await driver.start(hubUrl, ['websocket', 'http-stream', 'long-poll'], { backoff: { capMs: 2_000 } });
      expect(await driver.subscribe('numbers')).toBe('ready');
      await hub.hub.publish('numbers', 1);
      await expectNumbers(driver, 'numbers', 1);

      await page.evaluate(spoil, [[path, how]] as const);
      faults.cut();
      await hub.hub.publish('numbers', 2);
      if (says) await expect.poll(() => said(page), { timeout: 20_000 }).toMatch(says);
      else await expectNumbers(driver, 'numbers', 2);

      await page.evaluate(repair);
      await hub.hub.publish('numbers', 3);
      await expectNumbers(driver, 'numbers', 3, 30_000);
      expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
    });
  }

  /** Where an application, or the page's error tracker, would look. */
  function said(page: Page): Promise<string> {
    return page.evaluate(() => `${window.driver.status().lastError?.text}\n${window.uncaught.join('\n')}`);
  }
});

test('JSON.stringify is broken: a send says so at once, a subscription when it is repaired', async ({
  page,
  site,
  hub,
  hubUrl,
}) => {
  const driver = await openTracked(page, site);
  hub.reply = ({ data }) => data;
  await driver.start(hubUrl, ['websocket']);
  expect(await driver.subscribe('numbers')).toBe('ready');
  await page.evaluate(spoil, [['JSON.stringify', 'throws']] as const);
  await expect(driver.send('chat', 'hi')).rejects.toThrow(/\[MISUSE\]/);
  await driver.subscribeSoon('late');
  await page.evaluate(repair);
  await expect.poll(() => driver.readiness('late'), { timeout: 20_000 }).toBe('ready');
  await hub.hub.publish('late', 1);
  await expectNumbers(driver, 'late', 1);
  expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
});
