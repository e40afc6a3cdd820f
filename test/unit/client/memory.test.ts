/** What worked here before: remembered where the application allows it, believed only if it makes sense. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Knowledge } from '../../../src/core/policy.ts';
import { readMemory, writeMemory } from '../../../src/memory.ts';
import type { Store } from '../../../src/runtime/runtime.ts';
import { createStage, type Stage, type StageOptions, turn } from './stage.ts';

const key = 'holdfast:https://hub.test/realtime';
const dayMs = 24 * 3_600_000;
const now = 1_700_000_000_000;

interface Notes extends Store {
  readonly calls: unknown[][];
}

function notes(text?: string | null): Notes {
  const calls: unknown[][] = [];
  return {
    calls,
    get(name) {
      calls.push(['get', name]);
      return text;
    },
    set(name, value) {
      calls.push(['set', name, JSON.parse(value)]);
    },
  };
}

const both = ['websocket', 'long-poll'] as const;

async function opened(options: StageOptions): Promise<Stage> {
  const stage = createStage({ transports: both, ...options });
  stage.client.open();
  await turn();
  return stage;
}

const transports = (stage: Stage): string[] => stage.wires.map(({ transport }) => transport);
const note = (fields: object): string =>
  JSON.stringify({ transport: 'long-poll', rttMs: 30, at: now, ...fields });

describe('the memory', () => {
  it('is read once, when something is wanted, and written when a transport has proved itself', async () => {
    const memory = notes();
    const stage = createStage({ memory, transports: both, eager: false });
    expect(memory.calls).toEqual([]);
    stage.client.open();
    await stage.pass(60);
    expect(memory.calls).toEqual([['get', key]]);
    stage.wire().hello();
    await turn();
    expect(memory.calls).toEqual([
      ['get', key],
      ['set', key, { transport: 'websocket', rttMs: 30, out: {}, at: now + 60 }],
    ]);
    expect(stage.calls).not.toContain('store');
  });

  it('is the runtime’s by default', async () => {
    const store = notes();
    const stage = createStage({ store, transports: both, eager: false });
    expect(stage.calls).toEqual([]);
    stage.client.open();
    await turn();
    stage.wire().hello();
    await turn();
    expect(store.calls.map(([call, name]) => [call, name])).toEqual([
      ['get', key],
      ['set', key],
    ]);
  });

  it('is not asked where there is nothing to choose from', async () => {
    const memory = notes();
    const stage = await opened({ memory, transports: ['websocket'] });
    stage.wire().hello();
    await turn();
    expect(memory.calls).toEqual([]);
  });

  it('`false` is never touched', async () => {
    const store = notes(note({}));
    const stage = await opened({ memory: false, store });
    stage.wire().hello();
    await turn();
    expect(stage.calls).not.toContain('store');
    expect(store.calls).toEqual([]);
    expect(transports(stage)).toEqual(['websocket', 'long-poll']);
  });

  it('belongs to the whole URL, resolved', async () => {
    const memory = notes();
    await opened({ memory, url: '/realtime' });
    expect(memory.calls).toEqual([['get', 'holdfast:https://page.test/realtime']]);
  });

  it('puts what worked first, and alone', async () => {
    const stage = await opened({ memory: notes(note({})) });
    expect(transports(stage)).toEqual(['long-poll']);
    stage.wire().hello();
    stage.wire().answered();
    await turn();
    expect(stage.client.status).toMatchObject({ transport: 'long-poll', why: 'worked here before' });
  });

  it('says what the round trip was', async () => {
    const stage = await opened({ memory: notes(note({ rttMs: 90 })) });
    expect(stage.client.status.rttMs).toBe(90);
  });

  it('lasts a week', async () => {
    const young = await opened({ memory: notes(note({ at: now - 6.9 * dayMs })) });
    const old = await opened({ memory: notes(note({ at: now - 7.1 * dayMs })) });
    expect(transports(young)).toEqual(['long-poll']);
    expect(transports(old)).toEqual(['websocket', 'long-poll']);
    expect(old.client.status.rttMs).toBeUndefined();
  });

  it.each<[string, string | null | undefined]>([
    ['nothing', null],
    ['nothing at all', undefined],
    ['an empty text', ''],
    ['no JSON', '{"transport":'],
    ['null', 'null'],
    ['a number', '7'],
    ['a list', '["long-poll"]'],
    ['another form', '{"transport":{"name":"long-poll"},"at":1700000000000}'],
    ['no time', '{"transport":"long-poll"}'],
    ['a time to come', note({ at: now + dayMs })],
    ['a time that is none', note({ at: 'yesterday' })],
    ['a transport that is not listed', note({ transport: 'iframe' })],
    ['a transport nobody knows', note({ transport: '__proto__' })],
  ])('that holds %s is no memory: the network is explored', async (_, text) => {
    const stage = await opened({ memory: notes(text) });
    expect(transports(stage)).toEqual(['websocket', 'long-poll']);
    expect(stage.reports).toEqual([]);
  });

  it.each([['fast'], [{}], [-1_000], [1e300], [[]], [true]])(
    'with a round trip of %j is not believed there, and does no harm',
    async (rttMs) => {
      const stage = await opened({ memory: notes(note({ rttMs })) });
      expect(stage.client.status.rttMs).toBeUndefined();
      await stage.pass(20);
      stage.wires[0]?.hello();
      await turn();
      expect(stage.client.status.state).toBe('open');
      expect(stage.client.status.rttMs).toBe(10);
      expect(stage.reports).toEqual([]);
    },
  );

  it('that throws does no harm', async () => {
    const memory: Store = {
      get() {
        throw new Error('SecurityError');
      },
      set() {
        throw new Error('QuotaExceededError');
      },
    };
    const stage = await opened({ memory });
    stage.wire().hello();
    await turn();
    expect(stage.client.status.state).toBe('open');
    expect(stage.reports).toEqual([]);
  });

  it('is not written again by a reconnect of the same transport', async () => {
    const memory = notes();
    const stage = await opened({ memory, eager: false });
    stage.wire().hello();
    await turn();
    stage.wire().ends();
    await stage.pass(0);
    stage.wire().hello();
    await turn();
    expect(memory.calls.filter(([call]) => call === 'set')).toHaveLength(1);
  });
});

describe('what was learned besides the winner', () => {
  const before = { transport: 'long-poll', out: { websocket: { failures: 2, forMs: 20_000 } } };

  it('keeps a transport back that did not get through, for the rest of its time', async () => {
    const stage = await opened({ memory: notes(note({ ...before, at: now - 15_000 })) });
    stage.wire().hello();
    stage.wire().answered();
    await stage.pass(4_900);
    expect(transports(stage)).toEqual(['long-poll']);
    await stage.pass(100);
    expect(transports(stage)).toEqual(['long-poll', 'websocket']);
  });

  it('asks for the heartbeat that was needed here', async () => {
    const text = note({ transport: 'websocket', heartbeatMs: 9_000 });
    const stage = await opened({ memory: notes(text) });
    expect(stage.wire().open.heartbeat).toBe(9_000);
  });

  it('is written when an upgrade has failed: who stands back, and for how long', async () => {
    const memory = notes(note({}));
    const stage = await opened({ memory });
    stage.wire().hello();
    await turn();
    stage.wire().ends({ kind: 'refused' });
    await turn();
    const [, , written] = memory.calls.filter(([call]) => call === 'set').at(-1) as [string, string, object];
    expect(written).toMatchObject({
      transport: 'long-poll',
      out: { websocket: { failures: 1, forMs: 10_000 } },
    });
  });
});

describe('the text of the memory', () => {
  const known: Knowledge = {
    transport: 'long-poll',
    rttMs: 30,
    heartbeatMs: 9_000,
    out: { websocket: { failures: 2, forMs: 20_000 } },
  };
  const read = (text: string | null | undefined): Knowledge | undefined => readMemory(text, both, now);
  const nobody = { transport: 'long-poll', rttMs: 30, heartbeatMs: undefined, out: {} };

  it('says later what it said, but for the time that has passed', () => {
    expect(read(writeMemory(known, now))).toEqual(known);
    const later = { ...known, out: { websocket: { failures: 2, forMs: 15_000 } } };
    expect(read(writeMemory(known, now - 5_000))).toEqual(later);
    const muchLater = { ...known, out: { websocket: { failures: 2, forMs: 0 } } };
    expect(read(writeMemory(known, now - 50_000))).toEqual(muchLater);
  });

  it.each<[string, object, object]>([
    ['a heartbeat that is no number', { heartbeatMs: '9000' }, {}],
    ['a heartbeat below none', { heartbeatMs: -1 }, {}],
    ['a heartbeat beyond reason', { heartbeatMs: 1e12 }, {}],
    ['a heartbeat that is no whole number', { heartbeatMs: 1_500.4 }, { heartbeatMs: 1_500 }],
    ['a round trip beyond reason', { rttMs: 1e12 }, { rttMs: undefined }],
    ['nobody who stands back', { out: null }, {}],
    ['a text for those who stand back', { out: 'websocket' }, {}],
    ['a list of those who stand back', { out: [{ failures: 1, forMs: 1 }] }, {}],
    ['null for one who stands back', { out: { websocket: null } }, {}],
    ['a number for one who stands back', { out: { websocket: 5 } }, {}],
    ['one who never failed', { out: { websocket: { failures: 0, forMs: 5 } } }, {}],
    ['one who failed for no known time', { out: { websocket: { failures: 1 } } }, {}],
    ['one who failed more often than anybody can', { out: { websocket: { failures: 1e9, forMs: 5 } } }, {}],
    ['one who stands back for ever', { out: { websocket: { failures: 1, forMs: 1e12 } } }, {}],
    ['one that is not listed', { out: { iframe: { failures: 1, forMs: 5 } } }, {}],
    ['one that nobody knows', { out: { constructor: { failures: 1, forMs: 5 } } }, {}],
  ])('with %s is believed in all else', (_, fields, expected) => {
    expect(read(note(fields))).toEqual({ ...nobody, ...expected });
  });

  it('of whatever form brings only what makes sense', () => {
    const wild = fc.oneof(fc.jsonValue(), fc.integer(), fc.double(), fc.constant('websocket'));
    const entry = fc.record({ failures: wild, forMs: wild }, { requiredKeys: [] });
    const out = fc.oneof(wild, fc.dictionary(fc.constantFrom('websocket', 'iframe', '__proto__'), entry));
    const fields = fc.record({ rttMs: wild, heartbeatMs: wild, out, at: fc.constantFrom(now, now - 1_000) });
    const isWhole = (value: number | undefined): boolean =>
      value === undefined || (Number.isInteger(value) && value >= 0 && value <= 600_000);
    fc.assert(
      fc.property(fields, (given) => {
        const found = read(note(given)) as Knowledge;
        expect(isWhole(found.rttMs) && isWhole(found.heartbeatMs)).toBe(true);
        expect(Object.keys(found.out).filter((name) => name !== 'websocket')).toEqual([]);
        const { failures, forMs } = found.out['websocket'] ?? { failures: 1, forMs: 0 };
        expect(isWhole(failures) && failures > 0 && isWhole(forMs)).toBe(true);
      }),
    );
  });
});
