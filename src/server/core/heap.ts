/** A binary heap over a plain array. The order is the caller's; the heap owns nothing else. */

type Before<T> = (a: T, b: T) => boolean;

function swap<T>(heap: T[], a: number, b: number): void {
  const held = heap[a] as T;
  heap[a] = heap[b] as T;
  heap[b] = held;
}

/** Lets the item at `from` sink to its place. Heads are replaced in place and sifted by merging readers. */
export function siftDown<T>(heap: T[], before: Before<T>, from = 0): void {
  let at = from;
  for (;;) {
    const left = 2 * at + 1;
    const right = left + 1;
    let first = at;
    if (left < heap.length && before(heap[left] as T, heap[first] as T)) first = left;
    if (right < heap.length && before(heap[right] as T, heap[first] as T)) first = right;
    if (first === at) return;
    swap(heap, at, first);
    at = first;
  }
}

export function heapPush<T>(heap: T[], item: T, before: Before<T>): void {
  heap.push(item);
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(heap[at] as T, heap[parent] as T)) return;
    swap(heap, at, parent);
    at = parent;
  }
}

export function heapPop<T>(heap: T[], before: Before<T>): T | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (heap.length > 0) {
    heap[0] = last as T;
    siftDown(heap, before);
  }
  return top;
}

export function heapify<T>(heap: T[], before: Before<T>): void {
  for (let at = (heap.length >> 1) - 1; at >= 0; at--) siftDown(heap, before, at);
}
