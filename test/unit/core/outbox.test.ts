/**
 * The outbox against a reference hub that claims numbers strictly one after another, over connections that are cut at any
 * moment and whose last bytes may still arrive later: nothing is applied twice, and what is told is true.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AckFrame, SendFrame } from '../../../src/core/frames.ts';
import * as outbox from '../../../src/core/outbox.ts';

const limits = { window: 4, frameBytes: 100, batchBytes: 35 };

/** The hub's memory of one client's sends. */
function createHub() {
  let nonce = 1;
  let claimed = 0;
  const applied: number[] = [];
  return {
    applied,
    nonce: (): string => `n${nonce}`,
    restart(): void {
      nonce++;
      claimed = 0;
    },
    /** `undefined`: the frame belongs to another memory and is refused whole. */
    take(named: string, frame: SendFrame): AckFrame | undefined {
      if (named !== `n${nonce}`) return undefined;
      const seq = frame.seq as number;
      if (seq > claimed + 1) throw new Error(`hole: ${seq} after ${claimed}`);
      if (seq <= claimed) return { type: 'ack', seq };
      claimed = seq;
      if (!frame.void) applied.push(frame.data as number);
      return { type: 'ack', seq };
    },
  };
}

interface Wire {
  readonly id: number;
  readonly nonce: string;
  readonly up: SendFrame[];
  readonly down: AckFrame[];
}

function createRun(isOneWay: boolean) {
  const hub = createHub();
  const out: outbox.Settlement[] = [];
  const box = outbox.createOutbox({ sends: 30, bytes: 1_000 }, out);
  const told = new Map<number, outbox.Settlement[]>();
  let wires = 0;
  let refs = 0;
  let late: Wire[] = [];
  let wire: Wire = { id: 0, nonce: '', up: [], down: [] };

  const note = (): void => {
    for (const settled of out.splice(0)) told.set(settled.ref, [...(told.get(settled.ref) ?? []), settled]);
  };
  const arrive = (from: Wire): void => {
    const frame = from.up.shift();
    const answer = frame && hub.take(from.nonce, frame);
    if (answer) from.down.push(answer);
  };
  const run = {
    send(): void {
      refs++;
      outbox.enqueue(box, { ref: refs, topic: 'S', data: refs, bytes: 10 }, Number.POSITIVE_INFINITY);
      note();
    },
    abort(back: number): void {
      outbox.abort(box, Math.max(1, refs - back));
      note();
    },
    transmit(): void {
      if (isOneWay && wire.up.length + wire.down.length > 0) return;
      wire.up.push(...outbox.take(box, wire.id, limits, isOneWay));
      note();
    },
    arrive: (): void => arrive(wire),
    /** Bytes of a connection that is gone reach the hub all the same; its answers do not come back. */
    arriveLate: (): void => {
      for (const former of late) arrive(former);
    },
    answer(): void {
      const ack = wire.down.shift();
      if (ack) outbox.acknowledge(box, ack);
      note();
    },
    cut(): void {
      late.push(wire);
      wire = { id: ++wires, nonce: hub.nonce(), up: [], down: [] };
      outbox.adoptNonce(box, wire.nonce);
      outbox.retransmit(box);
      note();
    },
    restart(): void {
      hub.restart();
      late = [];
      run.cut();
    },
    finish(): void {
      run.cut();
      for (let i = 0; i < 200; i++) {
        run.transmit();
        run.arrive();
        run.answer();
      }
    },
    check(): void {
      expect(new Set(hub.applied).size, 'nothing is applied twice').toBe(hub.applied.length);
      for (let ref = 1; ref <= refs; ref++) {
        const settlements = told.get(ref) ?? [];
        expect(settlements.length, `send ${ref} is settled once`).toBe(1);
        const [settled] = settlements;
        const isApplied = hub.applied.includes(ref);
        if (settled?.ok) expect(isApplied, `send ${ref} was said to be applied`).toBe(true);
        if (settled && !settled.ok && settled.error.maybeApplied !== true) {
          expect(isApplied, `send ${ref} was said not to be applied`).toBe(false);
        }
      }
      const sure = hub.applied.filter((ref) => told.get(ref)?.[0]?.ok);
      expect(sure, 'in order').toEqual([...sure].sort((a, b) => a - b));
      expect([outbox.pendingCount(box), box.bytes, box.entries.length]).toEqual([0, 0, 0]);
    },
  };
  run.cut();
  late = [];
  return run;
}

const act = fc.oneof(
  { weight: 5, arbitrary: fc.constant('send' as const) },
  { weight: 5, arbitrary: fc.constant('transmit' as const) },
  { weight: 7, arbitrary: fc.constant('arrive' as const) },
  { weight: 7, arbitrary: fc.constant('answer' as const) },
  { weight: 2, arbitrary: fc.constantFrom('abort', 'cut', 'arriveLate') },
  { weight: 1, arbitrary: fc.constantFrom('restart', 'cut') },
);

describe('however connections and hubs fail', () => {
  it.each([
    ['over websockets', false],
    ['over one POST at a time', true],
  ])('each send is applied at most once, in order, and settled once and truly, %s', (_, isOneWay) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(act, fc.nat(5)), { maxLength: 80, size: 'max' }), (steps) => {
        const run = createRun(isOneWay);
        for (const [what, back] of steps) {
          if (what === 'abort') run.abort(back);
          else run[what]();
        }
        run.finish();
        run.check();
      }),
      { numRuns: 1_000 },
    );
  });
});

const entry = (ref: number, bytes = 10) => ({ ref, topic: 'S', data: ref, bytes });
const settledOf = (out: readonly outbox.Settlement[]): string[] =>
  out.map((settled) => `${settled.ref} ${settled.ok ? 'ok' : settled.error.code}`);

describe('bounds', () => {
  it('are kept by sends and bytes alike, whatever comes and goes', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.boolean()), {
      size: 'max',
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (all) => {
        const box = outbox.createOutbox({ sends: 5, bytes: 100 }, []);
        all.forEach(([bytes, isAborted], ref) => {
          outbox.enqueue(box, entry(ref, bytes), 1);
          if (isAborted) outbox.abort(box, ref - 1);
          expect(box.entries.length).toBeLessThanOrEqual(5);
          expect(box.bytes).toBe(box.entries.reduce((sum, one) => sum + one.bytes, 0));
          expect(box.bytes).toBeLessThanOrEqual(100);
        });
      }),
    );
  });

  it('let the first send of a batch through even if it alone is more than one may hold', () => {
    const box = outbox.createOutbox({ sends: 5, bytes: 100 }, []);
    outbox.enqueue(box, entry(1, 50), 1);
    outbox.enqueue(box, entry(2, 50), 1);
    const taken = outbox.take(box, 1, limits, false);
    expect(taken.map((frame) => frame.seq)).toEqual([1]);
  });
});

describe('when a send stops waiting', () => {
  it('is known for the earliest that is still waited for', () => {
    const box = outbox.createOutbox({ sends: 5, bytes: 100 }, []);
    expect(outbox.nextExpiry(box)).toBeUndefined();
    outbox.enqueue(box, entry(1), 300);
    outbox.enqueue(box, entry(2), 100);
    outbox.enqueue(box, entry(3), 200);
    expect(outbox.nextExpiry(box)).toBe(100);
    outbox.take(box, 1, limits, false);
    outbox.expire(box, 100);
    expect([outbox.nextExpiry(box), outbox.pendingCount(box)]).toEqual([200, 2]);
  });
});

describe('a new memory of sends', () => {
  it('that is the same changes nothing', () => {
    const out: outbox.Settlement[] = [];
    const box = outbox.createOutbox({ sends: 5, bytes: 100 }, out);
    outbox.adoptNonce(box, 'n1');
    outbox.enqueue(box, entry(1), 1);
    outbox.take(box, 1, limits, false);
    outbox.adoptNonce(box, 'n1');
    expect([settledOf(out), box.entries.length]).toEqual([[], 1]);
  });

  it('forgets tombstones without a word, and keeps what was never transmitted', () => {
    const out: outbox.Settlement[] = [];
    const box = outbox.createOutbox({ sends: 5, bytes: 100 }, out);
    outbox.enqueue(box, entry(1), 1);
    outbox.take(box, 1, limits, false);
    outbox.abort(box, 1);
    outbox.enqueue(box, entry(2), 1);
    outbox.adoptNonce(box, 'n2');
    expect([settledOf(out), box.entries.map((one) => one.ref), box.bytes]).toEqual([
      ['1 OUTCOME_UNKNOWN'],
      [2],
      10,
    ]);
  });
});

describe('a frame that was too large', () => {
  it('is looked for among those of the connection that ended', () => {
    const out: outbox.Settlement[] = [];
    const box = outbox.createOutbox({ sends: 5, bytes: 100 }, out);
    outbox.enqueue(box, entry(1), 1);
    for (let i = 0; i < 3; i++) outbox.blameOldest(box, 7);
    outbox.take(box, 1, limits, false);
    for (let i = 0; i < 3; i++) outbox.blameOldest(box, 7);
    expect(settledOf(out)).toEqual([]);
  });

  it('that nobody waits for any more is told nobody', () => {
    const out: outbox.Settlement[] = [];
    const box = outbox.createOutbox({ sends: 5, bytes: 100 }, out);
    outbox.enqueue(box, entry(1), 1);
    outbox.take(box, 1, limits, false);
    outbox.abort(box, 1);
    for (let i = 0; i < 3; i++) outbox.blameOldest(box, 1);
    expect(settledOf(out)).toEqual(['1 OUTCOME_UNKNOWN']);
  });
});

describe('settling everything', () => {
  it('says of each whether it may have been applied', () => {
    const out: outbox.Settlement[] = [];
    const box = outbox.createOutbox({ sends: 5, bytes: 100 }, out);
    outbox.enqueue(box, entry(1), 1);
    outbox.enqueue(box, entry(2), 1);
    outbox.take(box, 1, limits, false);
    outbox.abort(box, 1);
    outbox.enqueue(box, entry(3), 1);
    outbox.settleAll(box, 'CLOSED');
    expect(settledOf(out)).toEqual(['1 OUTCOME_UNKNOWN', '2 OUTCOME_UNKNOWN', '3 CLOSED']);
    expect(outbox.pendingCount(box)).toBe(0);
  });
});

describe('a memory of sends that was left', () => {
  it('is known as such, among the last sixteen', () => {
    const box = outbox.createOutbox({ sends: 10, bytes: 1_000 }, []);
    for (let n = 1; n <= 18; n++) outbox.adoptNonce(box, `n${n}`);
    const isLeft = (n: number) => outbox.isLeft(box, `n${n}`);
    expect([1, 2, 17, 18, 19].map(isLeft)).toEqual([false, true, true, false, false]);
  });
});
