import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { History } from '../../../src/server/core/config.ts';
import {
  append,
  createLog,
  cursorAt,
  expireEntries,
  idAt,
  type Log,
  lastOf,
  logSize,
  partitionOf,
  tails,
  trimmedTo,
} from '../../../src/server/core/log.ts';
import { newest, readLog } from '../../../src/server/core/read-log.ts';
import { createEntry } from '../../../src/server/core/topic-record.ts';

const roomy: History = { messages: 1e9, bytes: 1e9, ageMs: 1e9, totalBytes: 1e9, topics: 1e9 };

function logWith(history: Partial<History> = {}, partitions = 1): Log {
  let count = 0;
  return createLog(partitions, { ...roomy, ...history }, () => `epoch-number-${count++}`);
}

function put(log: Log, topic: string, at = 0, more: { bytes?: number; except?: string } = {}) {
  const { bytes = 10, except } = more;
  const rare = { except, ephemeral: undefined, binary: undefined, line: undefined, packet: undefined };
  return append(log, topic, createEntry('null', rare, bytes, at));
}

function read(log: Log, topics: readonly string[], position = 0, bytes = 1e9, count = 1e9) {
  const interests = topics.map((key) => ({ key, partition: 0, start: 0 }));
  const reading = readLog(log, 0, interests, position, { bytes, count, except: undefined });
  return { offsets: reading.entries.map((entry) => entry.offset), position: reading.position };
}

describe('offsets', () => {
  test('are dense over all topics of a partition, and each entry knows the one of its topic before', () => {
    const log = logWith();
    const entries = ['a', 'b', 'a', 'a'].map((topic) => put(log, topic));
    expect(entries.map(({ offset, prev }) => [offset, prev])).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 3],
    ]);
    expect(cursorAt(log, tails(log))).toBe('epoch-number-0.4');
  });

  test('count for each partition, and ids name it', () => {
    const log = logWith({}, 3);
    const entries = ['a', 'b', 'c', 'd', 'e'].map((topic) => put(log, topic));
    const ids = entries.map(({ record, offset }) => idAt(log, record.partition, offset));
    expect(entries.map(({ record, offset }) => `${record.head}${offset}`)).toEqual(
      ids.map((id, i) => `{"topic":"${'abcde'.charAt(i)}","id":"${id}`),
    );
    expect(new Set(ids.map((id) => id.split('.')[0])).size).toBeGreaterThan(1);
    expect(tails(log).reduce((sum, tail) => sum + tail)).toBe(5);
    expect(partitionOf(log, 'a')).toBe(partitionOf(log, 'a'));
  });
});

describe('reading', () => {
  test('merges the topics asked for in log order and passes over the others', () => {
    const log = logWith();
    for (const topic of ['a', 'b', 'c', 'a', 'b', 'a']) put(log, topic);
    expect(read(log, ['b', 'a'])).toEqual({ offsets: [1, 2, 4, 5, 6], position: 6 });
    expect(read(log, ['a'], 1)).toEqual({ offsets: [4, 6], position: 6 });
    expect(read(log, ['none'])).toEqual({ offsets: [], position: 6 });
  });

  test('stops at its budget, at a place from which it can go on', () => {
    const log = logWith();
    for (const topic of ['a', 'x', 'a', 'a']) put(log, topic);
    expect(read(log, ['a'], 0, 20)).toEqual({ offsets: [1, 3], position: 3 });
    expect(read(log, ['a'], 0, 1)).toEqual({ offsets: [1], position: 2 });
    expect(read(log, ['a'], 2, 1e9, 1)).toEqual({ offsets: [3], position: 3 });
  });

  test('leaves out what is not for the reader', () => {
    const log = logWith();
    put(log, 'a', 0, { except: 'me' });
    put(log, 'a', 0, { except: 'you' });
    const interests = [{ key: 'a', partition: 0, start: 0 }];
    const budget = { bytes: 1e9, count: 1e9, except: 'me' };
    expect(readLog(log, 0, interests, 0, budget).entries.map(({ offset }) => offset)).toEqual([2]);
    expect(newest(log, { key: 'a', partition: 0, start: 0 }, { ...budget, count: 5 })).toHaveLength(1);
  });

  test('the newest come oldest first', () => {
    const log = logWith();
    for (let i = 0; i < 5; i++) put(log, 'a');
    const found = newest(
      log,
      { key: 'a', partition: 0, start: 3 },
      { bytes: 1e9, count: 9, except: undefined },
    );
    expect(found.map(({ offset }) => offset)).toEqual([4, 5]);
  });
});

describe('retention', () => {
  test('by count holds for each topic alone: a busy one costs a quiet one nothing', () => {
    const log = logWith({ messages: 2 });
    put(log, 'quiet');
    for (let i = 0; i < 10; i++) put(log, 'busy');
    expect(read(log, ['quiet', 'busy']).offsets).toEqual([1, 10, 11]);
    expect(trimmedTo(log, 'quiet', 0)).toBe(0);
    expect(trimmedTo(log, 'busy', 0)).toBe(9);
  });

  test('by bytes', () => {
    const log = logWith({ bytes: 25 });
    for (let i = 0; i < 4; i++) put(log, 'a');
    expect(read(log, ['a']).offsets).toEqual([3, 4]);
  });

  test('by age, also of topics that are silent, and says when to come again', () => {
    const log = logWith({ ageMs: 100 });
    put(log, 'a', 0);
    put(log, 'b', 60);
    expect(expireEntries(log, 99)).toBe(100);
    expect(expireEntries(log, 100)).toBe(160);
    expect(read(log, ['a', 'b']).offsets).toEqual([2]);
    expect(expireEntries(log, 160)).toBeUndefined();
    expect(logSize(log).messages).toBe(0);
  });

  test('by the bytes of all topics together: the oldest goes first', () => {
    const log = logWith({ totalBytes: 30 });
    for (const topic of ['a', 'b', 'c', 'd']) put(log, topic);
    expect(read(log, ['a', 'b', 'c', 'd']).offsets).toEqual([2, 3, 4]);
  });

  test('of nothing at all still knows what was', () => {
    const log = logWith({ messages: 0 });
    put(log, 'a');
    put(log, 'a');
    expect(trimmedTo(log, 'a', 0)).toBe(2);
    expect(lastOf(log, 'a', 0)).toBe(2);
  });
});

describe('what was trimmed', () => {
  test('is what lies before the oldest retained one of this topic', () => {
    const log = logWith({ messages: 1 });
    put(log, 'a');
    put(log, 'b');
    expect(trimmedTo(log, 'a', 0)).toBe(0);
    put(log, 'a');
    expect(trimmedTo(log, 'a', 0)).toBe(1);
  });

  test('is the last one if all have aged out, although nothing is left to see', () => {
    const log = logWith({ ageMs: 10 });
    put(log, 'a', 0);
    put(log, 'b', 5);
    expireEntries(log, 12);
    expect(trimmedTo(log, 'a', 0)).toBe(1);
    expect(trimmedTo(log, 'b', 0)).toBe(0);
  });

  test('outlives the record of a topic in the floor: completeness cannot be proven below it', () => {
    const log = logWith({ topics: 2 });
    put(log, 'a');
    put(log, 'b');
    put(log, 'a');
    put(log, 'c');
    expect(logSize(log).topics).toBe(2);
    // b was silent longest.
    expect(trimmedTo(log, 'b', 0)).toBe(2);
    expect(trimmedTo(log, 'never seen', 0)).toBe(2);
    expect(trimmedTo(log, 'a', 0)).toBe(0);
    put(log, 'b');
    expect(trimmedTo(log, 'b', 0)).toBe(3);
  });
});

test('a record is gone on with while the log has it, and made anew once it was forgotten', () => {
  const log = logWith({ topics: 1 });
  const first = put(log, 'a');
  const second = append(log, 'a', createEntry('null', undefined, 10, 0), 'a', first.record);
  expect(second).toMatchObject({ record: first.record, offset: 2, prev: 1 });
  put(log, 'b');
  const third = append(log, 'a', createEntry('null', undefined, 10, 0), 'a', first.record);
  expect(third.record).not.toBe(first.record);
  // b's message was the last one that was forgotten.
  expect(third).toMatchObject({ offset: 4, prev: 3 });
  expect(read(log, ['a']).offsets).toEqual([4]);
});

/** The obvious log: one list, everything looked at each time. */
test('agrees with a list, whatever is published, trimmed and read', () => {
  const topic = fc.constantFrom('a', 'b', 'c');
  const step = fc.record({ topic, afterMs: fc.nat(5) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.nat(60),
      fc.nat(6),
      fc.nat(20),
      (steps, position, keep, ageMs) => {
        const log = logWith({ messages: keep, ageMs: ageMs + 1 });
        const all: { offset: number; topic: string; at: number }[] = [];
        let now = 0;
        for (const { topic: name, afterMs } of steps) {
          now += afterMs;
          all.push({ offset: put(log, name, now).offset, topic: name, at: now });
        }
        expireEntries(log, now);
        const retained = (name: string) =>
          all
            .filter((each) => each.topic === name)
            .slice(keep === 0 ? all.length : -keep)
            .filter((each) => each.at + ageMs + 1 > now);
        const wanted = ['a', 'b'].flatMap(retained).filter(({ offset }) => offset > position);
        expect(read(log, ['b', 'a'], position).offsets).toEqual(
          wanted.map(({ offset }) => offset).sort((x, y) => x - y),
        );
        for (const name of ['a', 'b', 'c']) {
          const gone = all.filter((each) => each.topic === name && !retained(name).includes(each));
          expect(trimmedTo(log, name, 0)).toBe(gone.at(-1)?.offset ?? 0);
        }
      },
    ),
  );
});
