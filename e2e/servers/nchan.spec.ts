/**
 * `nchan()` against nginx with Nchan, which knows nothing of Holdfast: in Node and in Chromium, over every transport that it
 * has, with a proxy in between that cuts.
 */
import type { Page } from '@playwright/test';
import { createFaultProxy } from '../fault-proxy.mjs';
import {
  test as base,
  type Driver,
  driverInNode,
  driverOf,
  expect,
  expectNumbers,
  importDist,
  numbers,
  openPage,
  type Transport,
  nodeTransports as transports,
} from '../harness.ts';
import { type Nchan, startNchan } from './nchan-server.ts';

type Place = 'Node' | 'Chromium';

interface Fixtures {
  readonly place: Place;
  /** A client that is yet to be started. */
  readonly client: Driver;
  /** Starts it on a location of Nchan, through the proxy. */
  readonly start: (list: readonly Transport[], channels: readonly string[], path?: string) => Promise<void>;
}

const total = 10_000;
const changes = 50;
/** Each change is begun while so many messages are published. */
const share = total / changes;

let server: Nchan | undefined;
const nchan = (): Nchan => server as Nchan;

/** In a page: the page's own driver gives way to one whose clients speak to Nchan. */
async function driverInPage(page: Page, siteUrl: string): Promise<Driver> {
  await openPage(page, `${siteUrl}/pages/plain.html`);
  await page.evaluate(async () => {
    const load = (path: string): Promise<object> => import(path);
    const all = { ...(await load('/pages/driver.js')), ...(await load('/pages/with-nchan.js')) };
    const { createDriver, withNchan } = all as Record<string, (...args: object[]) => object>;
    const { Holdfast } = window as unknown as { Holdfast: object };
    const protocols = await load('/dist/protocols/nchan.js');
    Object.assign(window, { driver: createDriver?.(withNchan?.(Holdfast, protocols) as object) });
  });
  return driverOf(page);
}

async function driverHere(): Promise<Driver> {
  const { withNchan } = (await import('../pages/with-nchan.js')) as {
    withNchan(holdfast: object, protocols: object): object;
  };
  return driverInNode(async (holdfast) =>
    withNchan(holdfast, await importDist<object>('protocols/nchan.js')),
  );
}

const test = base.extend<Fixtures>({
  place: ['Node', { option: true }],
  client: async ({ place, page, site }, use) => {
    const client = place === 'Node' ? await driverHere() : await driverInPage(page, site.url);
    await use(client);
    await client.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads which fixtures are wanted from this pattern
  faults: async ({}, use) => {
    const faults = await createFaultProxy({ target: { host: '127.0.0.1', port: nchan().port } });
    await use(faults);
    await faults.close();
  },
  start: async ({ client, faults }, use) => {
    await use(async (list, channels, path = '/sub') => {
      const url = `${faults.url}${path}?channel=${channels.join()}`;
      const polled = `${faults.url}/poll?channel=${channels.join()}`;
      const endpoints = Object.fromEntries(list.map((name) => [name, name === 'poll' ? polled : url]));
      await client.start(url, list, { endpoints, nchan: { channels, pollMs: 50 } });
    });
  },
});

// One nginx for all: they share a process.
test.describe.configure({ mode: 'default' });
test.skip(({ browserName }) => browserName !== 'chromium', 'of browsers, one is enough');

test.beforeAll(async () => {
  // Debian's packages may have to come first.
  test.setTimeout(240_000);
  server = await startNchan();
});
test.beforeEach(() => {
  const message = 'nginx with Nchan is not here, and cannot be installed';
  // Where everything must run, what is skipped has failed.
  if (!server && process.env['CI']) throw new Error(message);
  test.skip(!server, message);
});
test.afterAll(() => server?.stop());

/** Channels are a test's own: Nchan remembers what it was given. */
let named = 0;
const newChannel = (): string => `channel-${++named}`;

const numbersFrom = (before: number, count: number): number[] => numbers(count).map((n) => before + n);

/** The id in a request of the client's: in a header where it may be, else in the query. */
function idAskedFor(request: { path: string; headers: Readonly<Record<string, string>> } | undefined) {
  const query = new URL(request?.path ?? '', 'http://nchan').searchParams;
  return request?.headers['last-event-id'] ?? query.get('last_event_id') ?? undefined;
}

async function isOver(client: Driver, transport: Transport): Promise<void> {
  const wanted = { state: 'open', transport };
  await expect.poll(() => client.status(), { timeout: 20_000 }).toMatchObject(wanted);
}

for (const place of ['Node', 'Chromium'] as const) {
  test.describe(place, () => {
    test.use({ place });

    for (const transport of transports) {
      test(`${transport}: in order, and after a cut from where it was`, async ({ client, start, faults }) => {
        const channel = newChannel();
        await start([transport], [channel]);
        await client.subscribe(channel);
        await nchan().publish(channel, numbers(50));
        await expectNumbers(client, channel, 50);
        await isOver(client, transport);
        for (let cut = 1; cut <= 3; cut++) {
          faults.cut();
          await nchan().publish(channel, numbersFrom(50 * cut, 50));
        }
        await expectNumbers(client, channel, 200);
        expect(await client.events('gap')).toEqual([]);
        const { log } = faults.stats();
        const asked = log.flatMap((entry) => (entry.type === 'request' ? [entry] : []));
        // The first asks for what there is; those after a cut say where to go on.
        expect(idAskedFor(asked[0])).toBeUndefined();
        expect(idAskedFor(asked.at(-1))).toMatch(/^\d{10}:\d+$/);
      });
    }

    test(`${total} messages across ${changes} changes of transport: none lost, none repeated, in order`, async ({
      client,
      start,
      faults,
    }) => {
      test.setTimeout(180_000);
      const channel = newChannel();
      await start(transports, [channel]);
      await client.subscribe(channel);
      for (let change = 0; change < changes; change++) {
        const to = transports[change % transports.length] as Transport;
        const publishing = nchan().publish(channel, numbersFrom(change * share, share));
        await client.prefer(to);
        await isOver(client, to);
        // Each of those over HTTP is also cut once.
        if (change % 11 === 6) faults.cut();
        await publishing;
      }
      await expectNumbers(client, channel, total, 60_000);
      expect(await client.events('gap')).toEqual([]);
    });

    test('several channels of one location, each complete across changes of transport', async ({
      client,
      start,
    }) => {
      const channels = [newChannel(), newChannel(), newChannel()];
      await start(transports, channels);
      await client.subscribeAll(channels);
      for (let round = 0; round < 10; round++) {
        const to = transports[round % transports.length] as Transport;
        const publishing = Promise.all(
          channels.map((channel) => nchan().publish(channel, numbersFrom(round * 30, 30))),
        );
        await client.prefer(to);
        await isOver(client, to);
        await publishing;
      }
      for (const channel of channels) await expectNumbers(client, channel, 300);
    });

    test('what is sent is published: by a WebSocket, and by POST', async ({ client, start }) => {
      const channel = newChannel();
      await start(['websocket', 'eventsource'], [channel], '/chat');
      await client.subscribe(channel);
      await isOver(client, 'websocket');
      expect(await client.send(channel, { by: 'websocket' })).toMatchObject({ isSettled: true });
      await client.prefer('eventsource');
      await isOver(client, 'eventsource');
      const { error } = await client.send(channel, { by: 'POST' });
      expect(error).toBeUndefined();
      await expect.poll(() => client.received(channel)).toEqual([{ by: 'websocket' }, { by: 'POST' }]);
    });

    test('bytes by a WebSocket, both ways', async ({ client, start }) => {
      const channel = newChannel();
      await start(['websocket'], [channel], '/chat');
      await client.subscribe(channel);
      await client.sendBytes(channel, 70_000);
      await expect.poll(() => client.received(channel)).toEqual([{ bytes: 70_000, isIntact: true }]);
    });
  });
}
