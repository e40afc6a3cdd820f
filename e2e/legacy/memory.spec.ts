/** Streams whose text stays in memory until they end are replaced before they hurt: an hour of messages leaves a page as it was. */
import type { CDPSession } from '@playwright/test';
import { expect, test } from '../harness.ts';

const minutes = 60;
const messagesPerMinute = 600;
const text = 'x'.repeat(200);

interface Page {
  Holdfast: Record<'httpStream' | 'iframe' | 'eventSource', () => unknown> & {
    createClient(
      url: string,
      options: object,
    ): {
      readonly status: { readonly attempts: readonly { readonly connection: number }[] };
      subscribe(topic: string, handler: (message: { data: { n: number } }) => void): { ready: Promise<void> };
    };
  };
  client: ReturnType<Page['Holdfast']['createClient']>;
  /** Number of the last message, and how many did not follow the one before. */
  last: number;
  wrong: number;
}

async function measure(session: CDPSession): Promise<{ heap: number; nodes: number }> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const { nodes } = await session.send('Memory.getDOMCounters');
  return { heap: usedSize, nodes };
}

for (const factory of ['httpStream', 'eventSource', 'iframe'] as const) {
  test(`an hour of messages by ${factory} without fetch leaves memory flat`, async ({
    page,
    site,
    hub,
    hubUrl,
    browserName,
  }) => {
    test.skip(browserName !== 'chromium', 'only Chromium tells what is in memory');
    await page.goto(`${site.url}/pages/plain.html`);
    await page.addScriptTag({ url: `${site.url}/dist/holdfast.legacy.min.js` });
    await page.evaluate(
      async ([url, name]) => {
        const here = window as unknown as Page;
        Object.assign(window, { fetch: undefined, EventSource: undefined, last: 0, wrong: 0 });
        here.client = here.Holdfast.createClient(url, { memory: false, adapters: [here.Holdfast[name]()] });
        await here.client.subscribe('hour', ({ data }) => {
          if (data.n !== here.last + 1) here.wrong++;
          here.last = data.n;
        }).ready;
      },
      [hubUrl, factory] as const,
    );
    const session = await page.context().newCDPSession(page);
    let sent = 0;

    async function spend(count: number): Promise<void> {
      for (let minute = 0; minute < count; minute++) {
        for (let i = 0; i < messagesPerMinute; i++) await hub.hub.publish('hour', { n: ++sent, text });
        await page.waitForFunction((n) => (window as unknown as Page).last >= n, sent);
      }
    }

    await spend(5);
    const before = await measure(session);
    await spend(minutes - 5);
    const after = await measure(session);
    const seen = await page.evaluate(() => {
      const { last, wrong, client } = window as unknown as Page;
      return { last, wrong, connections: Math.max(...client.status.attempts.map((one) => one.connection)) };
    });
    expect(seen).toMatchObject({ last: sent, wrong: 0 });
    expect(seen.connections).toBeGreaterThan(10);
    expect(after.heap - before.heap).toBeLessThan(2 * 1024 * 1024);
    expect(after.nodes - before.nodes).toBeLessThan(100);
  });
}
