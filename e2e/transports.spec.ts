/** Each transport alone, by the promises: complete, in order, once; sends applied once, in order; bytes intact. */
import { audit, expect, expectNumbers, numbers, perfect, test, transports, until } from './harness.ts';

const mebibyte = 1_048_576;

test.use({ hubOptions: { heartbeatMs: 500, holdMs: 2_000 } });

for (const transport of transports) {
  test.describe(transport, () => {
    test('receives in order, and a send brings its reply', async ({ driver, hub, hubUrl }) => {
      hub.reply = ({ data }) => ({ echo: data });
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('numbers')).toBe('ready');
      for (const n of numbers(20)) await hub.hub.publish('numbers', n);
      await expectNumbers(driver, 'numbers', 20);
      expect(await driver.status()).toMatchObject({ state: 'open', transport });
      expect(await driver.send('chat', { text: 'hi' })).toMatchObject({ reply: { echo: { text: 'hi' } } });
      expect(hub.applied.map(({ topic, data }) => ({ topic, data }))).toEqual([
        { topic: 'chat', data: { text: 'hi' } },
      ]);
    });

    test('carries bytes both ways, also a mebibyte', async ({ driver, hub, hubUrl }) => {
      hub.reply = ({ data }) => data;
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('bytes')).toBe('ready');
      for (const length of [0, 1, 2, 3, 255, mebibyte]) {
        const { reply, error } = await driver.sendBytes('bytes', length);
        expect({ length, error, reply }).toEqual({
          length,
          error: undefined,
          reply: { bytes: length, isIntact: true },
        });
        const { data } = hub.applied.at(-1) ?? {};
        expect(data).toBeInstanceOf(Uint8Array);
        await hub.hub.publish('bytes', data);
      }
      await expect.poll(() => driver.count('bytes')).toBe(6);
      expect(await driver.received('bytes')).toEqual(
        [0, 1, 2, 3, 255, mebibyte].map((bytes) => ({ bytes, isIntact: true })),
      );
    });

    test('stays open while nothing is said, and without new requests', async ({
      driver,
      hub,
      faults,
      hubUrl,
    }) => {
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('quiet')).toBe('ready');
      await expect.poll(() => driver.status()).toMatchObject({ state: 'open' });
      const before = faults.stats();
      // Two heartbeats go by, counted by what the proxy sees of them: bytes on streams, requests on polls.
      const isPoll = transport === 'long-poll' || transport === 'poll';
      let heartbeats = 0;
      let seen = before.bytes.down;
      await until(() => {
        const now = faults.stats().bytes.down;
        if (now > seen) heartbeats++;
        seen = now;
        return heartbeats >= 2;
      }, 'two heartbeats');
      if (!isPoll) expect(faults.stats().requests.total).toBe(before.requests.total);
      expect((await driver.events('status')).filter(({ state }) => state === 'reconnecting')).toEqual([]);
      await hub.hub.publish('quiet', 1);
      await expectNumbers(driver, 'quiet', 1);
    });

    test('loses and repeats nothing over cuts', async ({ driver, hub, faults, hubUrl }) => {
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('numbers')).toBe('ready');
      let published = 0;
      // A page is not told that an iframe's document was cut; each cut lasts until the silence is noticed.
      const cutsMax = transport === 'iframe' ? 2 : 5;
      for (let cuts = 0; cuts < cutsMax; cuts++) {
        for (let i = 0; i < 40; i++) await hub.hub.publish('numbers', ++published);
        // Connections that die young are waited for up to 5.5 s.
        const counted = expect.poll(() => driver.count('numbers'), { timeout: 15_000 });
        await counted.toBeGreaterThan(published - 40);
        // The rest is on its way, or nothing is; then the connection goes without a word, and more is published.
        faults.cut({ how: cuts % 2 === 0 ? 'rst' : 'fin' });
        for (let i = 0; i < 10; i++) await hub.hub.publish('numbers', ++published);
      }
      await expectNumbers(driver, 'numbers', published);
      expect(await driver.events('gap')).toEqual([]);
    });

    test('10,000 messages at speed', async ({ driver, hub, hubUrl }) => {
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('numbers')).toBe('ready');
      for (const n of numbers(10_000)) {
        void hub.hub.publish('numbers', n);
        // A real publisher lets others have their turn as well.
        if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await expectNumbers(driver, 'numbers', 10_000);
      expect(await driver.events('gap')).toEqual([]);
    });

    test('1,000 sends over ten cuts are applied once each, in order', async ({
      driver,
      hub,
      faults,
      hubUrl,
    }) => {
      let cuts = 0;
      hub.reply = ({ data }) => {
        // The cut comes while this very send is being applied, so that its answer is lost.
        if (Number(data) % 95 === 0 && cuts < 10) {
          cuts++;
          faults.cut();
        }
        return data;
      };
      await driver.start(hubUrl, [transport]);
      expect(await driver.subscribe('numbers')).toBe('ready');
      await driver.sendMany('count', 1_000);
      await expect
        .poll(() => driver.settledCount(), { timeout: 40_000, message: 'sends settled' })
        .toBe(1_000);
      expect(cuts).toBe(10);
      expect((await driver.settled()).filter(({ error }) => error)).toEqual([]);
      expect(
        audit(
          hub.applied.map(({ data }) => data),
          1_000,
        ),
      ).toEqual(perfect(1_000));
      expect((await driver.settled()).filter(({ n, reply }) => n !== reply)).toEqual([]);
    });
  });
}

for (const transport of ['websocket', 'http-stream', 'eventsource', 'iframe'] as const) {
  test(`${transport}: a connection that has gone silent is replaced`, async ({
    driver,
    hub,
    faults,
    hubUrl,
  }) => {
    await driver.start(hubUrl, [transport]);
    expect(await driver.subscribe('numbers')).toBe('ready');
    await hub.hub.publish('numbers', 1);
    await expectNumbers(driver, 'numbers', 1);
    faults.set({ blackholeExisting: true });
    await hub.hub.publish('numbers', 2);
    await expectNumbers(driver, 'numbers', 2);
  });
}
