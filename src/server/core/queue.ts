/**
 * First in, first out, with a look at any place: a ring over an array whose length is a power of two. It moves what it holds
 * only to grow, and to shrink when three quarters of it are empty; a queue of one takes no room for more.
 */

export interface Queue<T> {
  items: (T | undefined)[];
  head: number;
  count: number;
}

export function createQueue<T>(): Queue<T> {
  return { items: [undefined], head: 0, count: 0 };
}

/** The one at this place, counted from the oldest. */
export function itemAt<T>({ items, head }: Queue<T>, place: number): T | undefined {
  return items[(head + place) & (items.length - 1)];
}

function resize<T>(queue: Queue<T>, size: number): void {
  const items = new Array<T | undefined>(size);
  for (let i = 0; i < queue.count; i++) items[i] = itemAt(queue, i);
  queue.items = items;
  queue.head = 0;
}

export function pushItem<T>(queue: Queue<T>, item: T): void {
  if (queue.count === queue.items.length) resize(queue, 2 * queue.count);
  queue.items[(queue.head + queue.count) & (queue.items.length - 1)] = item;
  queue.count++;
}

/** Takes the oldest. */
export function shiftItem<T>(queue: Queue<T>): T | undefined {
  const { items, head } = queue;
  if (queue.count === 0) return undefined;
  const item = items[head];
  items[head] = undefined;
  queue.head = (head + 1) & (items.length - 1);
  queue.count--;
  if (items.length >= 64 && queue.count * 4 <= items.length) resize(queue, items.length / 2);
  return item;
}

/** Keeps those alone for which `isKept` holds, in their order. */
export function filterQueue<T>(queue: Queue<T>, isKept: (item: T) => boolean): void {
  const kept = createQueue<T>();
  for (let i = 0; i < queue.count; i++) {
    const item = itemAt(queue, i) as T;
    if (isKept(item)) pushItem(kept, item);
  }
  queue.items = kept.items;
  queue.head = kept.head;
  queue.count = kept.count;
}
