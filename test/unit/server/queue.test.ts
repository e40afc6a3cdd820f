import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createQueue,
  filterQueue,
  itemAt,
  pushItem,
  type Queue,
  shiftItem,
} from '../../../src/server/core/queue.ts';

const listOf = (queue: Queue<number>): (number | undefined)[] =>
  Array.from({ length: queue.count }, (_, place) => itemAt(queue, place));

test('is a list that is added to at its end and taken from at its start', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('push' as const), count: fc.nat(40) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('shift' as const), count: fc.nat(60) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('filter' as const), count: fc.integer({ min: 1, max: 5 }) }),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = createQueue<number>();
      let list: number[] = [];
      let next = 0;
      for (const { type, count } of steps) {
        if (type === 'filter') {
          filterQueue(queue, (one) => one % count === 0);
          list = list.filter((one) => one % count === 0);
        }
        for (let i = 0; type === 'push' && i < count; i++) {
          pushItem(queue, next);
          list.push(next++);
        }
        for (let i = 0; type === 'shift' && i < count; i++) expect(shiftItem(queue)).toBe(list.shift());
        expect(listOf(queue)).toEqual(list);
        expect(itemAt(queue, queue.count - 1)).toBe(list.at(-1));
      }
    }),
  );
});

test('holds nothing that was taken, and gives room back', () => {
  const queue = createQueue<number>();
  for (let i = 0; i < 1_000; i++) pushItem(queue, i);
  expect(queue.items).toHaveLength(1_024);
  while (queue.count > 1) shiftItem(queue);
  expect(queue.items.length).toBeLessThan(64);
  expect(queue.items.filter((item) => item !== undefined)).toEqual([999]);
});

test('of one takes no room for more, and an empty one has nothing at its start', () => {
  const queue = createQueue<string>();
  expect(itemAt(queue, 0)).toBeUndefined();
  expect(shiftItem(queue)).toBeUndefined();
  pushItem(queue, 'a');
  expect(queue.items).toEqual(['a']);
});
