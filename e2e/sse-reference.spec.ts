/**
 * The engines' own EventSource as the reference of ours: the same tables, and streams of any kind, must mean the same to both.
 * All streams of a test are played at once, because an engine waits some seconds before it asks again.
 */
import type { Page } from '@playwright/test';
import fc from 'fast-check';
import { eventSourceCases } from '../test/unit/protocols/eventsource-cases.ts';
import { reported, wanted } from '../test/unit/protocols/eventsource-report.ts';
import {
  endEvent,
  type Script,
  type ScriptServer,
  startScriptServer,
} from '../test/unit/protocols/eventsource-server.ts';
import { bytesOf, type Differences, sseCases } from '../test/unit/protocols/sse-cases.ts';
import { decoded, eventStream, read } from '../test/unit/protocols/sse-reading.ts';
import { base, expect } from './harness.ts';

interface Native {
  readonly events: readonly { readonly event: string; readonly data: string; readonly id: string }[];
  /** `held`: the script's last event has come. `closed`: the engine has given up for good. */
  readonly end: 'held' | 'closed';
}

interface Source {
  readonly url: string;
  readonly withCredentials?: boolean;
}

/** The cases in which an engine does as the standard says. */
function agreeing(engine: string): (one: { readonly differs?: Differences }) => boolean {
  return ({ differs }) => differs?.[engine as keyof Differences] === undefined;
}

const test = base.extend<{ readonly server: ScriptServer }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads which fixtures are wanted from this pattern
  server: async ({}, use) => {
    const server = await startScriptServer();
    await use(server);
    await server.close();
  },
});

/** Opens all of them in the page and waits until each has come to its end. */
function watch(page: Page, sources: readonly Source[], names: readonly string[]): Promise<Native[]> {
  return page.evaluate(
    (asked) => {
      const watchOne = ({ url, withCredentials }: Source) =>
        new Promise<Native>((resolve) => {
          const events: Native['events'][number][] = [];
          const source = new EventSource(url, withCredentials === undefined ? {} : { withCredentials });
          const finish = (end: Native['end']) => {
            source.close();
            resolve({ events, end });
          };
          for (const name of asked.names) {
            source.addEventListener(name, ({ type, data, lastEventId }) => {
              events.push({ event: type, data, id: lastEventId });
            });
          }
          source.addEventListener(asked.endEvent, () => finish('held'));
          source.addEventListener('error', () => {
            if (source.readyState === EventSource.CLOSED) finish('closed');
          });
        });
      return Promise.all(asked.sources.map(watchOne));
    },
    { sources, names, endEvent },
  );
}

/** HTTP takes the white space around a header's value away. */
const asHeader = (id: string): string => id.replace(/^[\t ]+|[\t ]+$/g, '');

/** What the request after a script's first answer said. */
const lastEventIdOf = (script: Script): string => script.asked[1]?.headers['last-event-id'] ?? '';

const namesOfCases = [...new Set(sseCases.flatMap(({ events }) => events.map(({ event }) => event)))];
const names = ['message', ...namesOfCases.filter((name) => name !== 'message'), 'no', 'first', 'third'];

for (const [how, byByte] of [
  ['in one piece', false],
  ['byte by byte', true],
] as const) {
  test(`the table, ${how}: native EventSource reads it as our parser does`, async ({
    page,
    server,
    browserName,
  }) => {
    const cases = sseCases.filter(agreeing(browserName));
    const scripts = cases.map((one) => server.play([{ body: bytesOf(one), byByte }]));
    await page.goto(server.pageUrl);
    const natives = await watch(page, scripts, names);
    for (const [index, one] of cases.entries()) {
      const ours = read(decoded([bytesOf(one)]));
      const script = scripts[index] as Script;
      expect.soft(natives[index], one.name).toEqual({ events: ours.events, end: 'closed' });
      expect.soft(lastEventIdOf(script), one.name).toBe(asHeader(ours.lastEventId));
      expect.soft(natives[index]?.events, one.name).toEqual(one.events);
    }
  });
}

test('streams of any kind: native EventSource reads them as our parser does', async ({
  page,
  server,
  browserName,
}) => {
  // What Firefox and WebKit make of ids, and Firefox of NUL, differs from the standard, in ways that the table names.
  const isAsked = (stream: string) => browserName === 'chromium' || !/\0|(?:^\uFEFF?|[\r\n])id/.test(stream);
  const streams = fc.sample(eventStream.filter(isAsked), { numRuns: 300, seed: 9_2_6 });
  const scripts = streams.map((body) => server.play([{ body }]));
  await page.goto(server.pageUrl);
  const natives = await watch(page, scripts, ['message', 'tick']);
  let eventCount = 0;
  for (const [index, stream] of streams.entries()) {
    const { events, lastEventId } = read([stream]);
    const heard = events.filter(({ event }) => event === 'message' || event === 'tick');
    eventCount += heard.length;
    expect.soft(natives[index]?.events, JSON.stringify(stream)).toEqual(heard);
    expect.soft(lastEventIdOf(scripts[index] as Script), JSON.stringify(stream)).toBe(asHeader(lastEventId));
  }
  expect(eventCount).toBeGreaterThan(streams.length / 6);
});

test('what an EventSource does with answers', async ({ page, server, browserName }) => {
  const elsewhere = await startScriptServer();
  const cases = eventSourceCases.filter(agreeing(browserName));
  const scripts = cases.map(({ page: asked, answers }) => (asked ? elsewhere : server).play(answers));
  await page.goto(server.pageUrl);
  const sources = cases.map(({ page: asked }, index) => {
    const { url } = scripts[index] as Script;
    return asked?.withCredentials === undefined ? { url } : { url, withCredentials: asked.withCredentials };
  });
  const natives = await watch(page, sources, names);
  for (const [index, one] of cases.entries()) {
    const native = natives[index] as Native;
    expect.soft(native.end, one.name).toBe(one.end === 'held' ? 'held' : 'closed');
    const report = reported(one, 'native', native.events, scripts[index] as Script);
    expect.soft(report, one.name).toEqual(wanted(one, 'native'));
  }
  await elsewhere.close();
});

test('close() ends the answer, and nothing is asked after it', async ({ page, server }) => {
  const open = server.play([{ body: 'data:one\n\n', close: 'hold' }]);
  const waiting = server.play([{ body: 'retry:300\ndata:one\n\n' }, { close: 'hold' }]);
  const witness = server.play([{ body: 'retry:1500\ndata:one\n\n' }, { close: 'hold' }]);
  await page.goto(server.pageUrl);
  await page.evaluate(
    ([openUrl, waitingUrl]) =>
      Promise.all([
        new Promise<void>((resolve) => {
          const source = new EventSource(openUrl as string);
          source.onmessage = () => {
            source.close();
            resolve();
          };
        }),
        new Promise<void>((resolve) => {
          const source = new EventSource(waitingUrl as string);
          source.onerror = () => {
            source.close();
            resolve();
          };
        }),
      ]),
    [open.url, waiting.url],
  );
  await expect.poll(() => open.held).toBe(0);
  // By the time another one has come back, those two would have long since.
  await watch(page, [witness], ['message']);
  expect(open.asked).toHaveLength(1);
  expect(waiting.asked).toHaveLength(1);
});
