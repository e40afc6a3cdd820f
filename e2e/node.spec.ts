/** The client in Node. It needs no page, so it runs once, beside Chromium's tests. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Driver, Transport } from './harness.ts';
import {
  audit,
  driverInNode,
  expect,
  expectNumbers,
  nodeTransports,
  numbers,
  perfect,
  root,
  test,
} from './harness.ts';

const run = promisify(execFile);

test.skip(({ browserName }) => browserName !== 'chromium', 'needs no browser: once is enough');

const importing = `
  const before = Object.getOwnPropertyNames(globalThis).join();
  const { active } = await import('node:async_hooks').then(({ createHook }) => {
    const active = [];
    createHook({ init: (id, type) => { if (/^(Timeout|Immediate|TCP|GETADDRINFO)/.test(type)) active.push(type); } }).enable();
    return { active };
  });
  const holdfast = await import('./dist/ENTRY');
  const client = holdfast.createClient('/realtime', holdfast.webSocket ? { adapters: [holdfast.webSocket()] } : { adapters: [] });
  if (typeof window !== 'undefined' || typeof document !== 'undefined') throw new Error('a window');
  if (client.status.state !== 'idle') throw new Error(client.status.state);
  if (Object.getOwnPropertyNames(globalThis).join() !== before) throw new Error('a global');
  if (active.length > 0) throw new Error(active.join());
  console.log('nothing');
`;

// A bundler's server-side pass takes the browser's entries, Node itself the others; both run without a window.
for (const entry of ['index.js', 'index.node.js', 'core.js', 'core.node.js']) {
  test(`importing ${entry} without a window does nothing`, async () => {
    const code = importing.replace('ENTRY', entry);
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: root });
    expect(stdout).toBe('nothing\n');
  });
}

for (const transport of nodeTransports) {
  test.describe(transport, () => {
    let driver: Driver;
    test.beforeEach(async () => {
      driver = await driverInNode();
    });
    test.afterEach(() => driver.close());

    test('receives, sends, and carries bytes', async ({ hub, hubUrl }) => {
      hub.reply = ({ data }) => data;
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('numbers')).toBe('ready');
      for (const n of numbers(100)) await hub.hub.publish('numbers', n);
      await expectNumbers(driver, 'numbers', 100);
      expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
      for (const length of [0, 3, 1_048_576]) {
        expect(await driver.sendBytes('bytes', length)).toMatchObject({
          reply: { bytes: length, isIntact: true },
        });
      }
    });

    test('loses and repeats nothing over cuts', async ({ hub, faults, hubUrl }) => {
      hub.reply = ({ data }) => {
        if (Number(data) % 50 === 0) faults.cut();
        return data;
      };
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('numbers')).toBe('ready');
      await driver.sendMany('count', 200);
      for (const n of numbers(200)) await hub.hub.publish('numbers', n);
      await expect.poll(() => driver.settledCount(), { timeout: 20_000 }).toBe(200);
      expect((await driver.settled()).filter(({ error }) => error)).toEqual([]);
      expect(
        audit(
          hub.applied.map(({ data }) => data),
          200,
        ),
      ).toEqual(perfect(200));
      await expectNumbers(driver, 'numbers', 200);
      expect(await driver.events('gap')).toEqual([]);
    });
  });
}

for (const transport of nodeTransports) {
  test(`${transport}: a large send on a slow line up is no silence`, async ({ hub, faults, hubUrl }) => {
    const driver = await driverInNode();
    hub.reply = ({ data }) => data;
    await driver.start(hubUrl, [transport]);
    expect(await driver.subscribe('numbers')).toBe('ready');
    // A connection that was heard a second ago is asked nothing.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const before = faults.stats().requests.total;
    // Four seconds, twice as long as a question waits for its answer.
    faults.set({ upBytesPerSecond: 262_144 });
    expect(await driver.sendBytes('bytes', 1_048_576)).toMatchObject({ reply: { bytes: 1_048_576 } });
    expect(hub.applied.map(({ topic }) => topic)).toEqual(['bytes']);
    // Nothing but what carries it; polls ask again by themselves.
    const carries = { websocket: 0, 'http-stream': 1, eventsource: 1 }[transport as string];
    if (carries !== undefined) expect(faults.stats().requests.total - before).toBe(carries);
    await driver.close();
  });
}

const poisoned: readonly (readonly Transport[])[] = [
  ...nodeTransports.map((transport) => [transport]),
  nodeTransports,
];
for (const ways of poisoned) {
  test(`${ways.join(', ')}: a message that kills what carries it is told as a gap, and all others come`, async ({
    hub,
    faults,
    hubUrl,
  }) => {
    const driver = await driverInNode();
    await driver.start(hubUrl, ways, { backoff: { baseMs: 10, capMs: 100 } });
    expect(await driver.subscribe('numbers')).toBe('ready');
    faults.set({ cutAtText: 'poison' });
    for (const data of ['before', 'poison', 'after']) await hub.hub.publish('numbers', data);
    await expect.poll(() => driver.received('numbers'), { timeout: 30_000 }).toEqual(['before', 'after']);
    expect((await driver.events('gap')).map(({ gap }) => gap?.reason)).toEqual(['undeliverable']);
    await driver.close();
  });
}

test('a process ends by itself after close()', async ({ hubUrl }) => {
  const code = `
    const { createClient } = await import('./dist/index.node.js');
    const client = createClient(${JSON.stringify(hubUrl)});
    await client.subscribe('numbers', () => {}).ready;
    client.close();
    console.log('closed');
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    timeout: 10_000,
  });
  expect(stdout).toBe('closed\n');
});
