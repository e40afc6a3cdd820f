/**
 * Virtual time and named randomness: the only clock and the only dice of the simulated world.
 * Time steps to the next event and nowhere else, so nothing ever fires at the wrong moment and a run costs only its events.
 */

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  isOff: boolean;
}

export interface World {
  /** Milliseconds of true time since the beginning. */
  readonly now: number;
  /** Runs once after so many milliseconds. Returns what undoes it. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs at the end of the present happening, before time goes on. */
  soon(run: () => void): void;
  /** At least 0, below 1; every draw comes from the one seed. */
  random(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Lets time go on until then. Returns how many happenings there were. */
  runUntil(at: number): number;
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
  let state = seed >>> 0;
  let live = 0;

  function random(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  function settle(): void {
    while (queue.length > 0) {
      const all = queue;
      queue = [];
      for (const run of all) run();
    }
  }

  const between = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));

  return {
    get now() {
      return now;
    },
    after(delayMs, run) {
      const item: Happening = { at: now + Math.max(0, delayMs), order: order++, run, isOff: false };
      push(heap, item);
      live++;
      return () => {
        if (item.isOff) return;
        item.isOff = true;
        live--;
      };
    },
    soon: (run) => {
      queue.push(run);
    },
    random,
    between,
    chance: (probability) => random() < probability,
    pick: (list) => list[between(0, list.length - 1)] as (typeof list)[number],
    runUntil(at) {
      let count = 0;
      settle();
      while (heap.length > 0 && (heap[0] as Happening).at <= at) {
        const item = pop(heap) as Happening;
        if (item.isOff) continue;
        item.isOff = true;
        live--;
        now = Math.max(now, item.at);
        count++;
        item.run();
        settle();
      }
      now = Math.max(now, at);
      return count;
    },
    pendingCount: () => live,
  };
}
