/**
 * The servers of `examples/plain`, none of which knows of Holdfast, under one client: by the page that shows them all, and
 * by clients of the test's own where the page shows less than must hold.
 */
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { test as base, expect } from '@playwright/test';
import { main } from '../../examples/plain/run.mjs';

type Servers = Awaited<ReturnType<typeof main>>;
type ServerName = keyof Servers['servers'];

const clocks = ['eventsource', 'iframe', 'long-poll', 'poll'] as const;
/** Until a silence is noticed, a wait is over, or a better transport is tried again. */
const patienceMs = 30_000;
/** Fast enough for many ticks in a test; every fifteenth is a quarter. */
const tickMs = 100;

const test = base.extend<{ running: Servers; view: View }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern where there are no fixtures to take.
  running: async ({}, use) => {
    const running = await main({ tickMs });
    await use(running);
    await running.close();
  },
  view: async ({ page, running }, use) => {
    await page.addInitScript(collectErrors);
    await page.goto(running.address);
    await use(viewOf(page, running));
    expect(await page.evaluate(() => window.uncaught), 'errors that nobody caught in the page').toEqual([]);
    // The clients go before their servers do.
    await page.goto('about:blank');
  },
});

type View = ReturnType<typeof viewOf>;

/** In the page, because Firefox reports every failed request as an error of the page, and our requests fail on purpose. */
function collectErrors(): void {
  window.uncaught = [];
  window.addEventListener('error', ({ message }) => window.uncaught.push(message));
  window.addEventListener('unhandledrejection', ({ reason }) => window.uncaught.push(String(reason)));
}

/** The page, as somebody sees it who looks at it. */
function viewOf(page: Page, { servers }: Servers) {
  const card = (name: string) => page.locator(`[data-card="${name}"]`);
  const view = {
    page,
    card,
    value: (name: string) => card(name).locator('[data-value]'),
    lines: (name: string, type = '') =>
      card(name).locator(type ? `[data-value] [data-type="${type}"]` : '[data-value] li'),
    count: async (name: string, what: string) =>
      Number(await card(name).locator(`[data-count="${what}"]`).textContent()) || 0,
    isOpen: (name: string) =>
      expect(card(name)).toHaveAttribute('data-state', 'open', { timeout: patienceMs }),
    isAway: (name: string) =>
      expect(card(name)).toHaveAttribute('data-state', /reconnecting|connecting|offline/, {
        timeout: patienceMs,
      }),
    isOver: (name: string, transport: string) =>
      expect(card(name)).toHaveAttribute('data-transport', transport, { timeout: patienceMs }),
    /** The clock shows something else than now. */
    async moves(name: string) {
      const before = (await view.value(name).textContent()) ?? '';
      await expect(view.value(name)).not.toHaveText(before, { timeout: patienceMs });
    },
    /** The numbered clock has gone on so far, and has missed and repeated nothing. */
    async counts(name: string, by: number) {
      const before = await view.count(name, 'last');
      await expect.poll(() => view.count(name, 'last'), { timeout: patienceMs }).toBeGreaterThan(before + by);
      expect(await view.count(name, 'missed'), 'missed').toBe(0);
      expect(await view.count(name, 'repeated'), 'repeated').toBe(0);
    },
    /** By the page's own button. */
    async press(name: ServerName, on: boolean) {
      const button = page.locator(`[data-switch="${name}"]`);
      await button.click();
      await expect(button).toHaveAttribute('aria-pressed', String(on));
    },
    turn: (name: ServerName, on: boolean) => servers[name].switch.turn(on),
  };
  return view;
}

// ---- each server ---------------------------------------------------------------------------------------------------

for (const name of clocks) {
  test(`a clock by ${name}`, async ({ view }) => {
    await view.isOpen(name);
    await view.isOver(name, name);
    await expect(view.value(name)).toHaveText(/^\d\d:\d\d:\d\d$/);
    await view.moves(name);
    await view.moves(name);
  });
}

test('EventSource: named events, events without an id, data of two lines, comments', async ({ view }) => {
  await view.isOpen('eventsource');
  await expect(view.card('eventsource')).toHaveAttribute('data-resume', 'last-event-id');
  // The first line break is the event's own: text that is no JSON stays text.
  await expect
    .poll(() => view.card('eventsource').locator('[data-quarter]').textContent(), { timeout: patienceMs })
    .toMatch(/^Fifteen more,\nat \d\d:\d\d:\d\d$/);
  await view.counts('eventsource', 5);
});

for (const name of ['eventsource', 'long-poll'] as const) {
  test(`${name}: comes back to all that it missed`, async ({ view }) => {
    await view.counts(name, 3);
    const before = await view.count(name, 'last');
    view.turn(name, false);
    await view.isAway(name);
    // The other one goes on counting: these are missed.
    const witness = name === 'eventsource' ? 'long-poll' : 'eventsource';
    await expect
      .poll(() => view.count(witness, 'last'), { timeout: patienceMs })
      .toBeGreaterThan(before + 10);
    view.turn(name, true);
    await view.isOpen(name);
    await view.counts(name, 5);
    expect(await view.count(name, 'last')).toBeGreaterThan(before + 10);
  });
}

for (const name of ['iframe', 'poll'] as const) {
  test(`${name}: is found to be away, and comes back`, async ({ view }) => {
    await view.isOpen(name);
    await view.moves(name);
    view.turn(name, false);
    await view.isAway(name);
    view.turn(name, true);
    await view.isOpen(name);
    await view.moves(name);
    await view.moves(name);
  });
}

for (const [name, answer] of [
  ['echo', /^Hello, (one|two)$/],
  ['echo-with-express', /^Hello, (one|two) \(heard at \d\d:\d\d:\d\d\)$/],
] as const) {
  test(`a WebSocket: ${name}`, async ({ view }) => {
    await view.isOpen(name);
    await view.isOver(name, 'websocket');
    const say = async (words: string) => {
      await view.card(name).locator('input').fill(words);
      await view.card(name).locator('form button').click();
    };
    await say('Hello, one');
    await expect(view.lines(name)).toHaveText([answer]);

    await view.press(name, false);
    await view.isAway(name);
    await say('Hello, two');
    await view.press(name, true);
    await view.isOpen(name);
    // It waited for the connection.
    await expect(view.lines(name)).toHaveText([answer, answer]);
  });
}

// ---- from one to the other -----------------------------------------------------------------------------------------

test('falls from one server to the next as they are switched off, and comes back to the best', async ({
  view,
}) => {
  // Each of them is missed only after a silence or a wait.
  test.slow();
  for (const name of clocks) {
    await view.isOver('any', name);
    await view.isOpen('any');
    await view.moves('any');
    // Two clients of one page take nothing from each other.
    await view.moves(name);
    await expect(view.page.locator(`.beads [data-transport="${name}"]`).first()).toBeAttached();
    await expect(view.page.locator('[data-endpoint][data-used]')).toHaveAttribute('data-endpoint', name);
    if (name !== 'poll') await view.press(name, false);
  }
  await view.press('eventsource', true);
  await view.isOver('any', 'eventsource');
  await view.moves('any');
});

// ---- what the page does not show -----------------------------------------------------------------------------------

interface Message {
  readonly data: unknown;
  readonly id?: string;
}

/** What the tests below use of the package, imported in the page. */
interface Package {
  createClient(url: string, options: object): Client;
  plain(options?: object): unknown;
}

interface Client {
  readonly status: { readonly state: string; readonly transport?: string; readonly resume: string };
  subscribe(topic: string, handler: (message: Message) => void): void;
  on(event: 'error', handler: () => void): void;
  send(topic: string, data: unknown): Promise<unknown>;
  close(): void;
}

declare global {
  interface Window {
    holdfast: Package;
    /** A client of the test's own, and what it was told. */
    own: { client: Client; told: unknown[] };
  }
}

/** Loads the package where the test can reach it. */
async function importPackage(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const load = (path: string): Promise<object> => import(path);
    window.holdfast = {
      ...(await load('/dist/index.js')),
      ...(await load('/dist/protocols/plain.js')),
    } as Package;
  });
}

const told = (page: Page) => page.evaluate(() => window.own.told);
const transportOf = (page: Page) => page.evaluate(() => window.own.client.status.transport);

test('nothing is lost or repeated between servers whose ids mean the same', async ({ view, running }) => {
  const { page } = view;
  const urls = {
    eventsource: running.servers.eventsource.url,
    'long-poll': running.servers['long-poll'].url,
  };
  await importPackage(page);
  await page.evaluate((endpoints) => {
    const { createClient, plain } = window.holdfast;
    const protocol = plain({
      events: ['time'],
      topic: () => 'clock',
      id: 'id',
    });
    const backoff = { baseMs: 100, capMs: 1_000 };
    const client = createClient(endpoints.eventsource, { endpoints, protocol, backoff, memory: false });
    const told: unknown[] = [];
    // Servers that are off are complained of.
    client.on('error', () => {});
    client.subscribe('clock', ({ id }) => told.push(Number(id)));
    window.own = { client, told };
  }, urls);

  for (let round = 0; round < 3; round++) {
    for (const [name, other] of [
      ['eventsource', 'long-poll'],
      ['long-poll', 'eventsource'],
    ] as const) {
      view.turn(other, false);
      await expect.poll(() => transportOf(page), { timeout: patienceMs }).toBe(name);
      const before = (await told(page)).length;
      await expect
        .poll(async () => (await told(page)).length, { timeout: patienceMs })
        .toBeGreaterThan(before + 5);
      view.turn(other, true);
    }
  }
  const ids = (await told(page)) as number[];
  expect(ids).toEqual(ids.map((_, index) => (ids[0] as number) + index));
  expect(await page.evaluate(() => window.own.client.status.resume)).toBe('last-event-id');
});

test('two clients that wait for one function of an iframe stream hear their own, and the page gets no global', async ({
  view,
  running,
}) => {
  const { page } = view;
  // A page of the same origin without streams of its own: a browser opens six connections to a host.
  await page.goto(`${running.address}servers`);
  await page.addScriptTag({ url: '/dist/holdfast.umd.min.js' });
  // Scripts reach only a parent of their own origin, so the page's server passes this one on.
  const url = `${running.address}iframe/clock`;
  const came = await page.evaluate(async (iframe) => {
    const { createClient, plain } = (window as unknown as { Holdfast: Package }).Holdfast;
    const make = () => {
      const heard: unknown[] = [];
      const protocol = plain({ callbacks: ['setOwn', 'setTime'] });
      const client = createClient(iframe, { endpoints: { iframe }, protocol, memory: false });
      client.subscribe('setTime', ({ data }) => heard.push(data));
      return { client, heard };
    };
    const both = [make(), make()];
    await new Promise<void>((done) => {
      const look = setInterval(() => {
        if (both.some(({ heard }) => heard.length < 10)) return;
        clearInterval(look);
        done();
      }, 20);
    });
    for (const { client } of both) client.close();
    const [first, second] = both.map(({ heard }) => heard.length) as [number, number];
    return {
      apart: Math.abs(first - second),
      globals: ['setTime', 'setOwn'].filter((name) => name in window),
    };
  }, url);
  expect(came.globals).toEqual([]);
  // Each has heard every tick once: who hears the other's too has twice as many.
  expect(came.apart).toBeLessThan(5);
});

test('bytes go to a WebSocket and come back as bytes', async ({ view, running }) => {
  const { page } = view;
  await importPackage(page);
  const { url } = running.servers.echo;
  const came = await page.evaluate(async (websocket) => {
    const { createClient, plain } = window.holdfast;
    const client = createClient(websocket, { endpoints: { websocket }, protocol: plain(), memory: false });
    const came = await new Promise((resolve) => {
      client.subscribe('message', ({ data }) =>
        resolve([data instanceof Uint8Array, ...(data as Uint8Array)]),
      );
      client.send('message', new Uint8Array([0, 127, 128, 255]));
    });
    client.close();
    return came;
  }, url);
  expect(came).toEqual([true, 0, 127, 128, 255]);
});

test('what goes up beside a stream is a POST, and its answer the reply', async ({ view, running }) => {
  const { page } = view;
  await importPackage(page);
  const { eventsource, 'echo-with-express': echo } = running.servers;
  const reply = await page.evaluate(
    async ([down, up]) => {
      const { createClient, plain } = window.holdfast;
      const send = ({ topic, data }: { topic: string; data: unknown }) => ({
        url: up,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ kind: topic, text: data }),
      });
      const client = createClient(down as string, {
        endpoints: { eventsource: down },
        protocol: plain({ send }),
        memory: false,
      });
      const reply = await client.send('greeting', 'Hello');
      client.close();
      return reply;
    },
    [eventsource.url, echo.url],
  );
  expect(reply).toEqual({
    kind: 'greeting',
    text: 'Hello',
    heard: expect.stringMatching(/^\d\d:\d\d:\d\d$/),
  });
});

// ---- Socket.IO -----------------------------------------------------------------------------------------------------

test('a chat by Socket.IO: refused, connected, away, back; to all, and to one', async ({
  view,
  running,
  browser,
}) => {
  const second = viewOf(await browser.newPage(), running);
  await second.page.goto(running.address);
  const connect = async (who: View, name: string) => {
    await who.card('chat').locator('[name="name"]').fill(name);
    await who.page.locator('[data-test="connect"]').click();
  };
  const say = async (who: View, words: string) => {
    await who.card('chat').locator('[name="text"]').fill(words);
    await who.page.locator('[data-test="say"]').click();
  };

  await test.step('connect_error', async () => {
    await connect(view, '');
    await expect(view.lines('chat', 'error').first()).toContainText('Say a name.', { timeout: patienceMs });
  });
  await test.step('connect', async () => {
    await connect(view, 'Ada');
    await view.isOpen('chat');
    await connect(second, 'Grace');
    await second.isOpen('chat');
    await expect(view.lines('chat', 'chat')).toHaveText(['Grace: is here']);
  });
  await test.step('broadcast, acknowledged', async () => {
    await say(view, 'Hello to all');
    for (const one of [view, second])
      await expect(one.lines('chat', 'chat').last()).toHaveText('Ada: Hello to all');
    await expect(view.lines('chat', 'status').last()).toHaveText('taken, for 2');
  });
  await test.step('to one alone', async () => {
    await view.card('chat').locator('select').selectOption({ label: 'to Grace alone' });
    await say(view, 'A secret');
    await expect(second.lines('chat', 'whisper')).toHaveText(['Ada, to you alone: A secret']);
    await expect(view.lines('chat', 'status').last()).toHaveText('taken, for 1');
    await expect(view.lines('chat', 'whisper')).toHaveCount(0);
  });
  await test.step('disconnect, and reconnection by itself', async () => {
    await view.press('chat', false);
    await view.isAway('chat');
    await expect(view.lines('chat', 'status').last()).toHaveText(/^disconnect/);
    await view.press('chat', true);
    await view.isOpen('chat');
    await expect(view.lines('chat', 'status').last()).toHaveText('connect');
    await second.isOpen('chat');
  });
  await test.step('closed and opened by hand', async () => {
    await second.page.locator('[data-test="disconnect"]').click();
    await expect(second.card('chat')).toHaveAttribute('data-state', 'closed');
    await expect(view.card('chat').locator('option')).toHaveText(['to everybody', 'to Ada alone']);
    await connect(second, 'Grace');
    await second.isOpen('chat');
    await say(second, 'Back');
    await expect(view.lines('chat', 'chat').last()).toHaveText('Grace: Back');
  });
  await second.page.close();
});

// ---- the page itself -----------------------------------------------------------------------------------------------

test.describe('on a phone', () => {
  test.use({ viewport: { width: 360, height: 740 } });

  test('it fits, and leaves a picture', async ({ view, browserName }) => {
    for (const name of clocks) await view.moves(name);
    const overflow = await view.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow, 'no horizontal scroll').toBeLessThanOrEqual(0);
    const path = join('test-results', 'examples-plain', `phone-${browserName}.png`);
    await view.page.screenshot({ path, fullPage: true });
  });
});
