/** The hub without a Holdfast client: a plain EventSource and what `curl -N` would see. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { expect, test, until } from './harness.ts';

declare global {
  interface Window {
    source: EventSource;
    heard: { data: unknown; id: string; type: string }[];
    opens: number;
  }
}

test('a plain EventSource receives, and resumes by Last-Event-ID', async ({
  page,
  site,
  hub,
  faults,
  hubUrl,
}) => {
  await page.goto(`${site.url}/pages/plain.html`);
  await page.evaluate((url) => {
    window.heard = [];
    window.opens = 0;
    window.source = new EventSource(`${url}?topic=prices&topic=news`);
    window.source.addEventListener('open', () => {
      window.opens++;
    });
    window.source.addEventListener('message', ({ data, lastEventId, type }) => {
      window.heard.push({ data: JSON.parse(data), id: lastEventId, type });
    });
  }, hubUrl);
  await page.waitForFunction(() => window.opens === 1);
  const heard = () => page.evaluate(() => window.heard.map(({ data }) => (data as { data: unknown }).data));

  await hub.hub.publish('prices', { eur: 1.07 });
  await hub.hub.publish('weather', 'never asked for');
  await hub.hub.publish('news', 'hello');
  await expect.poll(heard).toEqual([{ eur: 1.07 }, 'hello']);
  const [first] = await page.evaluate(() => window.heard);
  expect(first?.data).toMatchObject({ topic: 'prices' });
  expect(first?.id).toMatch(/^[\w-]{11,22}\.\d+$/);

  faults.cut();
  await hub.hub.publish('prices', { eur: 1.08 });
  await hub.hub.publish('prices', { eur: 1.09 });
  // The browser comes back by itself after its own delay of a few seconds.
  await expect
    .poll(heard, { timeout: 15_000 })
    .toEqual([{ eur: 1.07 }, 'hello', { eur: 1.08 }, { eur: 1.09 }]);
  const resumed = faults.stats().log.findLast((entry) => entry.type === 'request');
  expect(resumed).toMatchObject({ headers: { 'last-event-id': expect.stringMatching(/\.\d+$/) } });
  await page.evaluate(() => window.source.close());
});

const withoutBrowser = 'needs no browser: once, beside the tests of Chromium, is enough';

/** What `curl -N` does: asks, and prints what comes. */
async function curl(url: string) {
  const request = get(url, { headers: { 'User-Agent': 'curl/7.88.1', Accept: '*/*' } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const printed = { text: '' };
  response.setEncoding('utf8').on('data', (text: string) => {
    printed.text += text;
  });
  response.on('error', () => {});
  return { response, printed, stop: () => request.destroy() };
}

test('curl -N prints a readable stream, a frame a line', async ({ hub, browserName }) => {
  test.skip(browserName !== 'chromium', withoutBrowser);
  const { response, printed, stop } = await curl(`${hub.url}?topic=prices`);
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toContain('application/x-ndjson');
  expect(response.headers['cache-control']).toBe('no-store, no-transform');
  expect(response.headers['x-accel-buffering']).toBe('no');
  await until(() => printed.text.includes('\n'), 'a first line');
  await hub.hub.publish('prices', { eur: 1.07, note: 'größer' });
  await until(() => printed.text.includes('größer'), 'the message');
  const frames = printed.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(frames[0]).toMatchObject({ type: 'hello' });
  expect(frames.at(-1)).toEqual({ topic: 'prices', id: '1', data: { eur: 1.07, note: 'größer' } });
  stop();
});

test('retained messages and a cursor by query', async ({ hub, browserName }) => {
  test.skip(browserName !== 'chromium', withoutBrowser);
  for (const n of [1, 2, 3]) await hub.hub.publish('prices', n);
  const last = await curl(`${hub.url}?topic=prices&last=2`);
  await until(() => last.printed.text.includes('"id":"3"'), 'the newest');
  expect(last.printed.text).not.toContain('"id":"1"');
  const hello = JSON.parse(last.printed.text.split('\n')[0] ?? '');
  last.stop();

  const epoch = String(hello.head).split('.')[0];
  const resumed = await curl(`${hub.url}?topic=prices&cursor=${epoch}.1`);
  await until(() => resumed.printed.text.includes('"id":"3"'), 'the rest');
  expect(resumed.printed.text).toContain('"id":"2"');
  expect(resumed.printed.text).not.toContain('"id":"1"');
  resumed.stop();
});
