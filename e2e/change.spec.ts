/** Changes of transport in mid-stream, asked for by the program and forced by the network. */
import type { Transport } from './harness.ts';
import { audit, expect, expectNumbers, perfect, test, transports, until } from './harness.ts';

/** A busy machine may miss a first try, and the next one is some seconds later. */
const changeTimeoutMs = 15_000;

/** Publishes 1, 2, 3 … at about `perSecond`, until stopped; answers with how many. */
function publishSteadily(publish: (n: number) => Promise<unknown>, perSecond: number) {
  const tickMs = 10;
  let published = 0;
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1_000) * perSecond;
    // A hub that is closed in the middle of it belongs to a test that has failed already.
    while (published < due) publish(++published).catch(() => {});
  }, tickMs);
  return {
    get count() {
      return published;
    },
    stop() {
      clearInterval(timer);
      return published;
    },
  };
}

const pairs: readonly (readonly [Transport, Transport])[] = [
  ['websocket', 'long-poll'],
  ['websocket', 'eventsource'],
  ['http-stream', 'iframe'],
];

for (const [one, other] of pairs) {
  test(`changes from ${one} to ${other} and back in mid-stream`, async ({ driver, hub, hubUrl }) => {
    await driver.start(hubUrl, [one, other], { eager: false });
    await driver.prefer(one);
    expect(await driver.subscribe('numbers')).toBe('ready');
    const stream = publishSteadily((n) => hub.hub.publish('numbers', n), 500);
    for (const next of [other, one, other, one]) {
      const before = stream.count;
      await driver.prefer(next);
      await expect
        .poll(async () => (await driver.status()).transport, { message: next, timeout: changeTimeoutMs })
        .toBe(next);
      await until(() => stream.count > before + 100, 'more messages after the change');
    }
    await expectNumbers(driver, 'numbers', stream.stop());
    expect(await driver.events('gap')).toEqual([]);
    // Make before break: the application is never told that there is nothing.
    expect((await driver.events('status')).filter(({ state }) => state === 'reconnecting')).toEqual([]);
  });
}

test('a new transport every 200 ms under 1,000 messages a second', async ({ driver, hub, hubUrl }) => {
  await driver.start(hubUrl, transports);
  expect(await driver.subscribe('numbers')).toBe('ready');
  const stream = publishSteadily((n) => hub.hub.publish('numbers', n), 1_000);
  await driver.rotate(transports, 200);
  await until(() => stream.count >= 10_000, 'ten thousand messages', 30_000);
  const turns = await driver.stopRotating();
  const published = stream.stop();
  expect(turns).toBeGreaterThan(40);
  await expectNumbers(driver, 'numbers', published);
  expect(await driver.events('gap')).toEqual([]);
  const used = new Set((await driver.events('status')).map(({ transport }) => transport));
  expect([...used].filter(Boolean).sort()).toEqual([...transports].sort());
});

test('sends go on over changes: each applied once, in order', async ({ driver, hub, hubUrl }) => {
  hub.reply = ({ data }) => data;
  await driver.start(hubUrl, transports);
  expect(await driver.subscribe('numbers')).toBe('ready');
  await driver.rotate(transports, 100);
  for (let part = 1; part <= 10; part++) {
    await driver.sendMany(`part ${part}`, 100);
    await expect.poll(() => driver.settledCount(), { timeout: 20_000 }).toBe(part * 100);
  }
  await driver.stopRotating();
  expect((await driver.settled()).filter(({ error }) => error)).toEqual([]);
  for (let part = 1; part <= 10; part++) {
    const applied = hub.applied.filter(({ topic }) => topic === `part ${part}`).map(({ data }) => data);
    expect(audit(applied, 100)).toEqual(perfect(100));
  }
});

test('falls back when WebSocket is refused, without a message lost', async ({
  driver,
  hub,
  faults,
  hubUrl,
}) => {
  await driver.start(hubUrl, transports);
  expect(await driver.subscribe('numbers')).toBe('ready');
  await expect.poll(() => driver.status()).toMatchObject({ state: 'open', transport: 'websocket' });
  await hub.hub.publish('numbers', 1);
  faults.set({ refuseUpgrade: 403 });
  faults.cut();
  await hub.hub.publish('numbers', 2);
  await expectNumbers(driver, 'numbers', 2);
  expect((await driver.status()).transport).not.toBe('websocket');
});
