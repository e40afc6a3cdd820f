/**
 * What servers answer to an event stream, through our client in a page, over HTTP streaming: the table that native EventSource
 * is held to in `sse-reference.spec.ts`, and Node in `test/unit/protocols/plain-eventsource.test.ts`.
 */
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { type EventSourceCase, eventSourceCases } from '../test/unit/protocols/eventsource-cases.ts';
import { codeOf, type Heard, reported, wanted } from '../test/unit/protocols/eventsource-report.ts';
import { endEvent, type Script, startScriptServer } from '../test/unit/protocols/eventsource-server.ts';
import { expect, root, base as test } from './harness.ts';

/** Fewer than an engine's connections to a host, so that none is late because of the others. */
const atOnceMax = 4;

/** WebKitGTK writes what a header has of bytes above 127 as UTF-8 once more, whoever asks by `fetch`. */
const twiceEncodedInWebKit = 'a last event ID of more than ASCII goes as UTF-8';

interface Asking {
  readonly url: string;
  readonly credentials: 'same-origin' | 'include' | 'omit';
  /** What the client must say at the end; `undefined`: the last event comes. */
  readonly code: string | undefined;
}

/** What the page uses of the script build. */
interface Built {
  createClient(
    url: string,
    options: object,
  ): {
    subscribe(topic: string, handler: (message: { topic: string; data: unknown; id: string }) => void): void;
    on(event: 'status', handler: (status: { lastError?: { code: string } }) => void): void;
    close(): void;
  };
  httpStream(): object;
  plain(options: object): object;
}

function credentialsOf({ page }: EventSourceCase): Asking['credentials'] {
  if (page?.withCredentials === undefined) return 'same-origin';
  return page.withCredentials ? 'include' : 'omit';
}

/** Opens a client in the page for each, and waits until each has come to its end. */
function listen(page: Page, askings: readonly Asking[]): Promise<Heard[][]> {
  return page.evaluate(
    ([asked, lastEvent]) => {
      const { createClient, httpStream, plain } = (window as unknown as { Holdfast: Built }).Holdfast;
      const listenOne = ({ url, credentials, code }: Asking) =>
        new Promise<Heard[]>((resolve) => {
          const heard: Heard[] = [];
          const client = createClient(url, {
            adapters: [httpStream()],
            protocol: plain({ parse: 'text' }),
            memory: false,
            credentials,
            backoff: { baseMs: 20, capMs: 50 },
          });
          const finish = () => {
            client.close();
            resolve(heard);
          };
          client.on('status', ({ lastError }) => {
            if (code !== undefined && lastError?.code === code) finish();
          });
          client.subscribe('message', ({ topic, data, id }) => heard.push({ event: topic, data, id }));
          client.subscribe(lastEvent, finish);
          // Whatever is wrong with one, the others are told of.
          setTimeout(finish, 10_000);
        });
      return Promise.all(asked.map(listenOne));
    },
    [askings, endEvent] as const,
  );
}

test('what our client does with answers', async ({ page, browserName }) => {
  const cases = eventSourceCases.filter(
    ({ name }) => browserName !== 'webkit' || name !== twiceEncodedInWebKit,
  );
  const here = await startScriptServer();
  const elsewhere = await startScriptServer();
  const scripts = cases.map((one) => (one.page ? elsewhere : here).play(one.answers));
  const askings = cases.map((one, index) => ({
    url: (scripts[index] as Script).url,
    credentials: credentialsOf(one),
    code: codeOf(one),
  }));
  await page.goto(here.pageUrl);
  await page.addScriptTag({ path: join(root, 'dist/holdfast.umd.min.js') });
  const told: Heard[][] = [];
  for (let from = 0; from < askings.length; from += atOnceMax) {
    told.push(...(await listen(page, askings.slice(from, from + atOnceMax))));
  }
  for (const [index, one] of cases.entries()) {
    const report = reported(one, 'ours', told[index] ?? [], scripts[index] as Script);
    expect.soft(report, one.name).toEqual(wanted(one, 'ours'));
  }
  await here.close();
  await elsewhere.close();
});
