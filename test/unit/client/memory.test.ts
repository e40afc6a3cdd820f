/** What worked here before: remembered where the application allows it, believed only if it makes sense. */
import { describe, expect, it } from 'vitest';
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
      ['set', key, { transport: 'websocket', rttMs: 30, at: now + 60 }],
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
