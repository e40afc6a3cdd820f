import eventSourcePolyfill from 'event-source-polyfill';
import { describe, expect, test } from 'vitest';
import { eventSource } from '../../src/adapters/eventsource.ts';
import type { EventSourceConstructor } from '../../src/runtime/runtime.ts';
import { isBrowser, openRecorded } from './harness.ts';
import { bench, laws, type Subject } from './laws.contract.ts';
import { uplinks } from './uplink.contract.ts';

const Polyfill = eventSourcePolyfill.EventSourcePolyfill as EventSourceConstructor;

function Forbidden(): never {
  throw new Error('forbidden');
}

/** In browsers and Deno; Node and Bun get a reader of ours. */
const isNative = typeof (globalThis as { EventSource?: unknown }).EventSource === 'function';

/** The platform's own: native in browsers, our reader in Node. */
const own: Subject = {
  name: 'eventsource',
  factory: eventSource(),
  runsHere: true,
  request: (url) => ({
    url,
    method: 'GET',
    // It says by itself what it asks for; the stub tells by that.
    headers: {},
    credentials: 'same-origin',
  }),
  // A native EventSource does not tell an end from a cut.
  orderlyEnd: isNative ? 'failed' : 'closed',
  tellsFailure: true,
  thrown: 'refused',
  broken: (platform) => ({ ...platform, EventSource: Forbidden as never }),
};

const injected: Subject = {
  ...own,
  name: 'eventsource, injected',
  factory: (platform) =>
    eventSource({
      EventSource: platform.EventSource === (Forbidden as never) ? (Forbidden as never) : Polyfill,
      headers: { 'x-page': 'yes' },
    })(platform),
  runsHere: isBrowser,
  orderlyEnd: 'closed',
};

for (const subject of [own, injected]) {
  laws(subject);
  uplinks(subject);

  describe.skipIf(!subject.runsHere)(`${subject.name} reads events`, () => {
    const here = bench(subject);

    test('unnamed events and those named holdfast, with their ids', async () => {
      const one = here.open('lines:1,named:holdfast,named:other,lines:1');
      await one.until(() => one.units.length === 3);
      expect(one.units).toEqual([
        { text: '{"n":1}', event: 'message', id: 'at-7' },
        { text: '{"n":2}', event: 'holdfast', id: 'at-7' },
        { text: '{"n":4}', event: 'message', id: 'at-7' },
      ]);
    });

    test.each(['status:503,end', 'status:204,end', 'type:text/html,end', 'redirect'])(
      'an answer %s ends it for good',
      async (script) => {
        const one = here.open(script);
        await one.until(() => one.end !== undefined);
        expect(one.told).toEqual(['closed']);
        expect((await here.stub.idle()).requests).toBeLessThanOrEqual(2);
      },
    );

    test('the request beside it goes out at the same moment, and its success is silent', async () => {
      const request = {
        ...subject.request(here.stub.url('gate,lines:1')),
        beside: here.stub.post('status:204,end', 'open'),
      };
      const one = openRecorded(here.adapter, request);
      const { methods } = await here.stub.arrived(2);
      expect([...methods].sort()).toEqual(['GET', 'POST']);
      await here.stub.go();
      await one.until(() => one.units.length === 1);
      expect(one.told).toEqual(['opened', 'unit']);
      one.connection.close();
      expect((await here.stub.idle(2)).preflights).toBe(subject === injected ? 1 : 0);
    });

    test('the failure of the request beside it ends the connection', async () => {
      const request = {
        ...subject.request(here.stub.url('hang')),
        beside: here.stub.post('status:403,lines:1,end', 'open'),
      };
      const one = openRecorded(here.adapter, request);
      await one.until(() => one.end !== undefined);
      expect(one.told).toEqual(['unit', 'closed']);
      expect(one.end).toMatchObject({ kind: 'status', status: 403 });
      await here.stub.idle(2);
      expect(one.offences).toEqual([]);
    });
  });
}

test('a platform without EventSource has it where the page brings one', () => {
  expect(eventSource()({}).available()).toBe(false);
  expect(eventSource({ EventSource: Polyfill })({}).available()).toBe(true);
});
