/**
 * The hub's log against a naive one that keeps everything and works out anew each time what is retained: by topic, by
 * age, by bytes of all, by the number of topics, over one partition and several.
 */
import fc from 'fast-check';
import { describe, it, vi } from 'vitest';
import {
  append,
  createLog,
  expireEntries,
  type Log,
  lastOf,
  logSize,
  partitionOf,
  tailOf,
  trimmedTo,
} from '../../../src/server/core/log.ts';
import { newest, readLog } from '../../../src/server/core/read-log.ts';
import { createEntry } from '../../../src/server/core/topic-record.ts';
import { insist, insistSame } from './insist.ts';

// Thousands of runs take their time on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const plain = {
  except: undefined,
  ephemeral: undefined,
  binary: undefined,
  line: undefined,
  packet: undefined,
};
const keys = ['a', 'b', 'c', 'd', 'e'] as const;
type Key = (typeof keys)[number];

interface Kept {
  readonly key: Key;
  readonly offset: number;
  readonly bytes: number;
  readonly at: number;
  readonly except: string | undefined;
}

/** One partition, as plainly as it can be said. */
function createNaive(limits: {
  messages: number;
  bytes: number;
  ageMs: number;
  totalBytes: number;
  topics: number;
}) {
  let kept: Kept[] = [];
  let tail = 0;
  let floor = 0;
  /** The last offset of each topic that is known, the most silent first. */
  let known: { key: Key; last: number }[] = [];
  const of = (key: Key): Kept[] => kept.filter((one) => one.key === key);
  const bytesOf = (list: readonly Kept[]): number => list.reduce((sum, one) => sum + one.bytes, 0);
  const last = (key: Key): number => known.find((one) => one.key === key)?.last ?? floor;
  /** Of each topic the place before its oldest retained message. */
  const cuts = new Map<Key, number>();
  const drop = (one: Kept): void => {
    kept = kept.filter((other) => other !== one);
    cuts.set(one.key, one.offset);
  };

  function expire(now: number): void {
    for (let oldest = kept[0]; oldest; oldest = kept[0]) {
      if (oldest.at + limits.ageMs > now && bytesOf(kept) <= limits.totalBytes) break;
      drop(oldest);
    }
  }

  return {
    append(
      key: Key,
      bytes: number,
      at: number,
      except: string | undefined,
    ): { offset: number; prev: number } {
      if (!known.some((one) => one.key === key) && known.length >= limits.topics) {
        const silent = known.shift();
        if (silent) kept = kept.filter((one) => one.key !== silent.key);
        if (silent) cuts.delete(silent.key);
        floor = Math.max(floor, silent?.last ?? 0);
      }
      const prev = last(key);
      if (!cuts.has(key)) cuts.set(key, prev);
      const offset = ++tail;
      known = [...known.filter((one) => one.key !== key), { key, last: offset }];
      kept.push({ key, offset, bytes, at, except });
      while (of(key).length > limits.messages || bytesOf(of(key)) > limits.bytes) drop(of(key)[0] as Kept);
      expire(at);
      return { offset, prev };
    },
    expire,
    of,
    last,
    trimmedTo: (key: Key): number => (known.some((one) => one.key === key) ? (cuts.get(key) ?? 0) : floor),
    size: () => ({ topics: known.length, messages: kept.length, bytes: bytesOf(kept) }),
  };
}

const step = fc.record({
  key: fc.constantFrom(...keys),
  bytes: fc.integer({ min: 1, max: 20 }),
  afterMs: fc.nat(5),
  except: fc.constantFrom('me', 'you', undefined, undefined),
});
const limits = fc.record({
  messages: fc.nat(6),
  bytes: fc.integer({ min: 10, max: 60 }),
  ageMs: fc.integer({ min: 1, max: 40 }),
  totalBytes: fc.integer({ min: 10, max: 150 }),
  topics: fc.integer({ min: 1, max: 6 }),
});
const question = fc.record({
  topics: fc.subarray([...keys]),
  position: fc.nat(60),
  start: fc.nat(60),
  bytes: fc.nat(60),
  count: fc.nat(6),
});

type Naive = ReturnType<typeof createNaive>;
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never;

/** Read to the end in pieces, as a connection that catches up does. */
function readAll(log: Log, partition: number, { topics, position, start, bytes, count }: Question): number[] {
  const interests = topics.map((key) => ({ key, partition, start }));
  const offsets: number[] = [];
  let at = position;
  for (let i = 0; i < 200 && at < tailOf(log, partition); i++) {
    const reading = readLog(log, partition, interests, at, { bytes, count, except: 'me' });
    insist(reading.position > at, `a reading from ${at} goes on`);
    offsets.push(...reading.entries.map(({ offset }) => offset));
    at = reading.position;
  }
  return offsets;
}

function expectSame(log: Log, naive: Naive, partition: number, asked: Question): void {
  const mine = keys.filter((key) => partitionOf(log, key) === partition);
  for (const key of mine) {
    insistSame(trimmedTo(log, key, partition), naive.trimmedTo(key), `trimmedTo of ${key}`);
    insistSame(lastOf(log, key, partition), naive.last(key), `the last of ${key}`);
    const budget = { bytes: 1e9, count: asked.count, except: 'me' };
    const found = newest(log, { key, partition, start: asked.start }, budget).map(({ offset }) => offset);
    const due = naive.of(key).filter((one) => one.offset > asked.start && one.except !== 'me');
    const from = Math.max(0, due.length - asked.count);
    insistSame(found, due.map(({ offset }) => offset).slice(from), `the newest of ${key}`);
  }
  const from = Math.max(asked.position, asked.start);
  const wanted = asked.topics
    .filter((key) => mine.includes(key))
    .flatMap((key) => naive.of(key))
    .filter((one) => one.offset > from && one.except !== 'me');
  const found = readAll(log, partition, {
    ...asked,
    topics: asked.topics.filter((key) => mine.includes(key)),
  });
  const due = wanted.map(({ offset }) => offset).sort((a, b) => a - b);
  insistSame(found, due, `what is read from ${from}`);
}

describe.each([1, 3])('a log of %i partitions', (count) => {
  it('is what a naive one is, after each message', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40, size: 'max' }),
        limits,
        question,
        (steps, history, asked) => {
          let epochs = 0;
          const log = createLog(count, history, () => `epoch-number-${epochs++}`);
          // What holds for all holds for each partition in its share.
          const share = { totalBytes: history.totalBytes / count, topics: Math.ceil(history.topics / count) };
          const naive = Array.from({ length: count }, () => createNaive({ ...history, ...share }));
          let now = 0;
          for (const { key, bytes, afterMs, except } of steps) {
            now += afterMs;
            const rare = except === undefined ? undefined : { ...plain, except };
            const entry = append(log, key, createEntry('{}', rare, bytes, now));
            const { offset, prev, record } = entry;
            const { partition } = record;
            insistSame(
              { offset, prev },
              naive[partition]?.append(key, bytes, now, except),
              `the place of ${key}`,
            );
            expectSame(log, naive[partition] as Naive, partition, asked);
          }
          expireEntries(log, now + 7);
          for (const [partition, one] of naive.entries()) {
            one.expire(now + 7);
            expectSame(log, one, partition, asked);
          }
          const sizes = naive.map((one) => one.size());
          const total = (name: 'topics' | 'messages' | 'bytes'): number =>
            sizes.reduce((sum, size) => sum + size[name], 0);
          const wanted = { topics: total('topics'), messages: total('messages'), bytes: total('bytes') };
          insistSame(logSize(log), wanted, 'the size');
        },
      ),
      { numRuns: 150 },
    );
  });
});
