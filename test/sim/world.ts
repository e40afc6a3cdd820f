/**
 * Virtual time: the only clock of the simulated world. Time steps to the next happening and nowhere else, so nothing ever
 * fires at the wrong moment and a run costs only its happenings.
 */
import { createRandom, type Random, seedOf } from './random.ts';

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  isOff: boolean;
}

export interface World extends Random {
  /** Milliseconds of true time since the beginning. */
  readonly now: number;
  /** How much has happened so far. */
  readonly happenings: number;
  /** Runs once after so many milliseconds. Returns what undoes it. */
  after(delayMs: number, run: () => void): () => void;
  /** The same where nobody will want to undo it. */
  later(delayMs: number, run: () => void): void;
  /** Runs at the end of the present happening, before time goes on. */
  soon(run: () => void): void;
  /** Dice of their own for a part of the world. */
  stream(...names: readonly (string | number)[]): Random;
  /** Lets time go on until then, or until `isOver` says so after a happening. */
  runUntil(at: number, isOver?: () => boolean): void;
  /** How many timers and deliveries are still to come. */
  pendingCount(): number;
}

function before(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Happening[], item: Happening): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(item, heap[parent] as Happening)) break;
    heap[at] = heap[parent] as Happening;
    at = parent;
  }
  heap[at] = item;
}

function pop(heap: Happening[]): Happening | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (!first || !last || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Happening, heap[child] as Happening)) child++;
    if (!before(heap[child] as Happening, last)) break;
    heap[at] = heap[child] as Happening;
    at = child;
  }
  heap[at] = last;
  return first;
}

export function createWorld(seed: number): World {
  const heap: Happening[] = [];
  let queue: (() => void)[] = [];
  let now = 0;
  let order = 0;
  let live = 0;
  let happenings = 0;

  function add(delayMs: number, run: () => void): Happening {
    const item: Happening = { at: now + Math.max(0, delayMs), order: order++, run, isOff: false };
    push(heap, item);
    live++;
    return item;
  }

  function settle(): void {
    while (queue.length > 0) {
      const all = queue;
      queue = [];
      for (const run of all) run();
    }
  }

  return {
    ...createRandom(seed),
    get now() {
      return now;
    },
    get happenings() {
      return happenings;
    },
    after(delayMs, run) {
      const item = add(delayMs, run);
      return () => {
        if (item.isOff) return;
        item.isOff = true;
        live--;
      };
    },
    later: (delayMs, run) => {
      add(delayMs, run);
    },
    soon: (run) => {
      queue.push(run);
    },
    stream: (...names) => createRandom(seedOf(seed, ...names)),
    runUntil(at, isOver) {
      settle();
      while (heap.length > 0 && (heap[0] as Happening).at <= at) {
        const item = pop(heap) as Happening;
        if (item.isOff) continue;
        item.isOff = true;
        live--;
        now = Math.max(now, item.at);
        happenings++;
        item.run();
        settle();
        if (isOver?.()) return;
      }
      now = Math.max(now, at);
    },
    pendingCount: () => live,
  };
}
