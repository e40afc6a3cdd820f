/**
 * The outbox under everything that may befall a send: it expires, is aborted, is put off, kills connections, loses its
 * server's memory, or is settled with all others. Numbers stay dense, a number keeps its send, and each send is settled once.
 */
import fc from 'fast-check';
import { describe, it, vi } from 'vitest';
import type { SendFrame } from '../../../src/core/frames.ts';
import * as outbox from '../../../src/core/outbox.ts';
import { insist, insistSame } from './insist.ts';

// Thousands of runs take their time on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const limits = { window: 4, frameBytes: 100, batchBytes: 35 };

const act = fc.oneof(
  { weight: 6, arbitrary: fc.constant('send' as const) },
  { weight: 6, arbitrary: fc.constant('take' as const) },
  { weight: 5, arbitrary: fc.constant('ack' as const) },
  { weight: 2, arbitrary: fc.constantFrom('expire', 'abort', 'putOff', 'cut') },
  { weight: 1, arbitrary: fc.constantFrom('blame', 'drain', 'drain', 'forget', 'settleAll') },
);
const step = fc.record({ act, back: fc.nat(9), bytes: fc.integer({ min: 1, max: 120 }), lifeMs: fc.nat(20) });

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One outbox, and what an observer knows of its sends. */
function createRun() {
  const out: outbox.Settlement[] = [];
  const box = outbox.createOutbox({ sends: 20, bytes: 1_000 }, out);
  const told = new Set<number>();
  const transmitted = new Set<number>();
  /** Which send each number of the present memory was used for, and the numbers without an answer. */
  let owners = new Map<number, number>();
  const open = new Set<number>();
  /** How often each send was transmitted, but for where a hub refused it as it was going away: never is as if not sent. */
  const flights = new Map<number, number>();
  const fly = (ref: number, by: number): void => void flights.set(ref, (flights.get(ref) ?? 0) + by);
  let [refs, connection, nonce] = [0, 1, 1];
  outbox.adoptNonce(box, 'n1');

  const check = (frame: SendFrame): void => {
    const seq = frame.seq as number;
    const entry = box.entries.find((one) => one.seq === seq);
    const owner = owners.get(seq);
    insist(entry !== undefined, `number ${seq} belongs to nothing`);
    if (owner === undefined) insist(seq === owners.size + 1, `number ${seq} comes after ${owners.size}`);
    else insist(entry.ref === owner, `number ${seq} was that of ${owner}, and is that of ${entry.ref}`);
    if (owner === undefined) open.add(seq);
    owners.set(seq, entry.ref);
    insist((frame.void === true) === told.has(entry.ref), `number ${seq} is void if nobody waits for it`);
    fly(entry.ref, 1);
    if (!frame.void) transmitted.add(entry.ref);
  };
  const onOldest = (run: (seq: number, ref: number) => void): void => {
    const oldest = box.entries.find(({ seq, on }) => seq > 0 && on === connection);
    if (oldest) run(oldest.seq, oldest.ref);
  };
  const putOff = (code: string): void =>
    onOldest((seq, ref) => {
      const error = { code, message: '', applied: false };
      outbox.acknowledge(box, { type: 'ack', seq, consumed: false, error });
      insist(outbox.hasUntransmitted(box), 'what was put off waits');
      if (code === 'DRAINING') fly(ref, -1);
    });

  return {
    acts: {
      send: ({ bytes, lifeMs }: Step, now: number) =>
        outbox.enqueue(box, { ref: ++refs, topic: 'S', data: refs, bytes }, now + lifeMs),
      take() {
        for (const frame of outbox.take(box, connection, limits, false)) check(frame);
        insist(open.size <= limits.window, `${open.size} numbers are open`);
      },
      ack: () =>
        onOldest((seq) => {
          outbox.acknowledge(box, { type: 'ack', seq, reply: 1 });
          open.delete(seq);
        }),
      putOff: () => putOff('BUSY'),
      drain: () => putOff('DRAINING'),
      expire: (_: Step, now: number) => outbox.expire(box, now),
      abort: ({ back }: Step) => outbox.abort(box, Math.max(1, refs - back)),
      blame: () => outbox.blameOldest(box, connection),
      cut() {
        connection++;
        outbox.retransmit(box);
      },
      forget() {
        outbox.adoptNonce(box, `n${++nonce}`);
        owners = new Map();
        open.clear();
        for (const [ref, count] of flights) if (count === 0) transmitted.delete(ref);
      },
      settleAll: () => outbox.settleAll(box, 'CLOSED'),
    },
    /** After each act: what was told is new and true, and the sums are right. */
    note(): void {
      for (const one of out.splice(0)) {
        insist(!told.has(one.ref), `send ${one.ref} was settled twice`);
        told.add(one.ref);
        const wasOnItsWay = one.ok || one.error.maybeApplied === true;
        insist(transmitted.has(one.ref) === wasOnItsWay, `send ${one.ref}: ${one.ok || one.error.code}`);
      }
      insist(outbox.pendingCount(box) === refs - told.size, 'all that is not settled is waited for');
      const held = box.entries.flatMap(({ seq }) => (seq > 0 ? [seq] : []));
      insistSame(held, [...open], 'the numbers that are kept until they are used up');
      const bytesHeld = box.entries.reduce((sum, one) => sum + one.bytes, 0);
      insist(box.bytes === bytesHeld, `${box.bytes} bytes are counted, ${bytesHeld} are held`);
    },
    openCount: () => refs - told.size,
  };
}

describe('whatever befalls a send', () => {
  it('its number is its own, numbers are dense, and it is settled once and truly', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const run = createRun();
        for (const [now, one] of steps.entries()) {
          run.acts[one.act](one, now);
          run.note();
        }
        run.acts.settleAll();
        run.note();
        insist(run.openCount() === 0, 'nothing is left open');
      }),
      { numRuns: 700 },
    );
  });
});
