/**
 * The laws of `src/adapters/adapter.ts`, one suite for every adapter. A test file names its adapter and calls `laws`.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Adapter, AdapterFactory, AdapterRequest, CloseKind } from '../../src/adapters/adapter.ts';
import type { Platform } from '../../src/runtime/runtime.ts';
import {
  type Counted,
  counted,
  hostPlatform,
  isBrowser,
  numbered,
  type Opened,
  openRecorded,
  type StubCase,
  stubCase,
} from './harness.ts';

export interface Subject {
  readonly name: string;
  readonly factory: AdapterFactory<Platform>;
  /** Whether this place can have it at all. */
  readonly runsHere: boolean;
  request(url: string): AdapterRequest;
  /** What an orderly end of the server's is told as. */
  readonly orderlyEnd: CloseKind;
  /** Whether the platform tells that a connection broke, or was never made. Where it does not, silence must tell. */
  readonly tellsFailure: boolean;
  /** `false`: the platform keeps the connection of an open that was given up to itself for a while. */
  readonly transmitsAbort?: boolean;
  /** What is told if the platform's constructor throws. */
  readonly thrown: CloseKind;
  /** A platform on which trying is impossible. */
  broken(platform: Platform): Platform;
}

export interface Bench {
  readonly stub: StubCase;
  readonly adapter: Adapter;
  readonly count: Counted;
  /** Opens with a script for the stub server; closed after the test. */
  open(script: string): Opened;
  openUrl(url: string): Opened;
}

/** A fresh adapter and a fresh part of the stub server for each test of a suite. */
export function bench(subject: Subject): Bench {
  let stub = undefined as unknown as StubCase;
  let count = undefined as unknown as Counted;
  let adapter = undefined as unknown as Adapter;
  let opened: Opened[] = [];

  beforeEach(async () => {
    stub = stubCase();
    count = counted(await hostPlatform());
    adapter = subject.factory(count.platform);
    await expect.poll(() => adapter.available()).toBe(true);
  });
  afterEach(() => {
    for (const one of opened) one.connection.close();
    const offences = opened.flatMap((one) => one.offences);
    opened = [];
    expect(offences).toEqual([]);
    expect(count.listeners()).toBe(0);
    if (isBrowser) expect(document.querySelectorAll('iframe, form')).toHaveLength(0);
  });

  const openUrl = (url: string): Opened => {
    const one = openRecorded(adapter, subject.request(url));
    opened.push(one);
    return one;
  };
  return {
    get stub() {
      return stub;
    },
    get adapter() {
      return adapter;
    },
    get count() {
      return count;
    },
    openUrl,
    open: (script) => openUrl(stub.url(script)),
  };
}

export function laws(subject: Subject): void {
  describe.skipIf(!subject.runsHere)(`${subject.name} obeys the laws`, () => {
    const here = bench(subject);
    /** Streams hold on by themselves, a poll is over when it is answered. */
    const isStream = (): boolean => here.adapter.facts.streaming;

    test('1: a platform that throws is told, not thrown', async () => {
      const adapter = subject.factory(subject.broken(here.count.platform));
      const one = openRecorded(adapter, subject.request(here.stub.url('lines:1')));
      expect(one.told).toEqual([]);
      await one.until(() => one.end !== undefined);
      expect(one.end?.kind).toBe(subject.thrown);
      expect(one.told).toEqual(['closed']);
      expect(one.offences).toEqual([]);
    });

    test('1: close() comes before what a throwing platform would tell', () => {
      const adapter = subject.factory(subject.broken(here.count.platform));
      const one = openRecorded(adapter, subject.request(here.stub.url('lines:1')));
      one.connection.close();
      expect(one.told).toEqual(['closed']);
      expect(one.end).toEqual({ kind: 'aborted' });
    });

    test('2: nothing is told before open has returned; opened comes first, and once', async () => {
      const one = here.open('each:3,gate,end');
      expect(one.told).toEqual([]);
      await one.until(() => one.lines().length === 3);
      expect(one.told[0]).toBe('opened');
      await here.stub.go();
      await one.until(() => one.end !== undefined || one.told.includes('answered'));
    });

    test('3: close() at once tells closed, once and last', async () => {
      const one = here.open('lines:3');
      one.connection.close();
      one.connection.close();
      expect(one.told).toEqual(['closed']);
      expect(one.end).toEqual({ kind: 'aborted' });
      await here.stub.idle(0);
      expect(one.told).toEqual(['closed']);
    });

    test('3: close() from within a unit ends everything there', async () => {
      const one = here.open('lines:1,gate,each:5');
      one.react = (fact) => {
        if (fact === 'unit') one.connection.close();
      };
      await one.until(() => one.end !== undefined);
      await here.stub.go();
      await here.stub.idle();
      expect(one.lines()).toEqual(numbered(1));
      expect(one.told.slice(-2)).toEqual(['unit', 'closed']);
    });

    test('3: close() from within opened tells nothing more', async () => {
      const one = here.open('lines:3');
      one.react = (fact) => {
        if (fact === 'opened') one.connection.close();
      };
      await one.until(() => one.end !== undefined);
      await here.stub.idle();
      expect(one.told).toEqual(['opened', 'closed']);
    });

    test('3: an end by the server is told once', async () => {
      const one = here.open(isStream() ? 'lines:2,gate,end' : 'lines:2,gate,cut');
      await one.until(() => one.lines().length === 2);
      await here.stub.go();
      await one.until(() => one.end !== undefined);
      one.connection.close();
      expect(one.lines()).toEqual(numbered(2));
      expect(one.end?.kind).toBe(isStream() ? subject.orderlyEnd : 'failed');
      expect(one.told.filter((fact) => fact === 'closed')).toHaveLength(1);
    });

    test('4: units come in order and whole', async () => {
      const one = here.open('each:5,lines:10000');
      await one.until(() => one.lines().length === 10_005);
      expect(one.lines()).toEqual(numbered(10_005));
    });

    test('4: what was written just before an orderly end is told', async () => {
      const one = here.open('each:3,lines:2000,end');
      await one.until(() => one.end !== undefined || one.told.includes('answered'));
      expect(one.lines()).toEqual(numbered(2003));
    });

    test('4: characters that arrive in pieces are put together', async () => {
      const one = here.open('utf8');
      await one.until(() => one.units.length === 1);
      expect(JSON.parse(one.units[0]?.text ?? '')).toEqual({ text: 'grün 😀 ελ' });
    });

    test('4: a cut tells the whole units before it and nothing of the broken one', async () => {
      const one = here.open('lines:2,each:1,half,gate,cut');
      await one.until(() => one.lines().length === 3);
      await here.stub.go();
      await here.stub.idle();
      if (!subject.tellsFailure) one.connection.close();
      await one.until(() => one.end !== undefined);
      expect(one.lines()).toEqual(numbered(3));
      expect(one.end?.kind).toBe(subject.tellsFailure ? 'failed' : 'aborted');
    });

    test('5: after closed nothing is left at the server, in the document, or listening', async () => {
      const setTimer = vi.spyOn(globalThis, 'setTimeout');
      const one = here.open('lines:2');
      await one.until(() => one.lines().length === 2);
      one.connection.close();
      expect(here.count.listeners()).toBe(0);
      // In Node the platform's own parts are written in the same language, and have timers of their own.
      if (isBrowser) expect(setTimer).not.toHaveBeenCalled();
      setTimer.mockRestore();
      expect((await here.stub.idle()).open).toBe(0);
    });

    test('6: send and poll after closed do nothing', async () => {
      const one = here.open('lines:1');
      await one.until(() => one.lines().length === 1);
      one.connection.close();
      const before = here.count.begun();
      one.connection.send({ messages: ['late', new Uint8Array(1)] });
      one.connection.send({ request: here.stub.post('echo,end', 'late\n') });
      one.connection.poll(subject.request(here.stub.url('lines:1')));
      expect(here.count.begun()).toBe(before);
      expect((await here.stub.idle()).requests).toBe(1);
    });

    test('6: no request is repeated after a failure', async () => {
      const one = here.open('lines:1,cut');
      if (subject.tellsFailure) await one.until(() => one.end !== undefined);
      const before = here.count.begun();
      expect((await here.stub.idle()).requests).toBe(1);
      expect(here.count.begun()).toBe(before);
    });

    test('7: close() ends an open that is not answered, and leaves the way free for the next', async () => {
      const one = here.open('hang');
      await here.stub.arrived(1);
      one.connection.close();
      expect(one.told).toEqual(['closed']);
      const next = here.open('lines:1');
      await next.until(() => next.lines().length === 1);
      next.connection.close();
      if (subject.transmitsAbort !== false) expect((await here.stub.idle(2)).requests).toBe(2);
    });

    test.runIf(subject.tellsFailure)('a server that cannot be reached is told as failed', async () => {
      // Port 9 (discard) is refused by browsers before any connection, and by the machine where nobody listens.
      const one = here.openUrl('http://127.0.0.1:9/');
      await one.until(() => one.end !== undefined);
      expect(['failed', 'refused']).toContain(one.end?.kind);
      expect(one.units).toEqual([]);
    });
  });
}
