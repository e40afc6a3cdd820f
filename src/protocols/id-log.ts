/**
 * Places for the messages of a server that counts none by itself: each gets the next number, under which the session knows
 * it; the server's own ids stand beside them, so that a resume goes on from the right one and a repeat is known again.
 *
 * @internal
 */

/** Ids that are kept: to resume from, and to know a repeat by. */
const entriesMax = 4_096;

interface Entry {
  readonly offset: number;
  /** Empty: the server has taken its ids back. */
  readonly id: string;
  /** What the message is known again by. */
  readonly key: string;
  /** `undefined`: an id that came without a message. */
  readonly sum: number | undefined;
}

export interface IdLog {
  /** Messages so far. */
  count(): number;
  /** Whether the server gives ids. */
  hasIds(): boolean;
  /**
   * The next message. Without `id` those before stand; an empty one takes them back. `key`: what it is known again by, if not
   * by its id.
   */
  add(id: string | undefined, text: string, key?: string): number;
  /** An id without a message: from here on it is the one to resume from. */
  mark(id: string): void;
  /** A number that no message has: something was lost there. */
  skip(): number;
  /** The number of this very message; `undefined` if it is not known. */
  find(key: string, text: string): number | undefined;
  /** The id of the last message at or before `offset` that has one. */
  idAt(offset: number): string | undefined;
  /** What the message at `offset` is called; the number itself if the server gave no id. */
  nameOf(offset: number): string;
}

/**
 * 32-bit FNV-1a. A server that was restarted may count from 1 again: the same id with another text is another message.
 */
function checksum(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    sum ^= text.charCodeAt(i);
    sum += (sum << 1) + (sum << 4) + (sum << 7) + (sum << 8) + (sum << 24);
  }
  return sum >>> 0;
}

/** `first`: the id to begin after, if the application knows one. */
export function createIdLog(first: string | undefined): IdLog {
  const entries: Entry[] = [];
  /** The same by their keys, oldest first. */
  const byKey = Object.create(null) as Record<string, Entry[] | undefined>;
  let count = 0;
  if (first !== undefined) push(first, undefined, first);

  function push(id: string, sum: number | undefined, key: string): void {
    if (id === '' && entries.length === 0) return;
    const entry = { offset: count, id, key, sum };
    entries.push(entry);
    const same = byKey[key];
    if (same) same.push(entry);
    else byKey[key] = [entry];
    if (entries.length > entriesMax) forgetOldest();
  }

  function forgetOldest(): void {
    const { key } = entries.shift() as Entry;
    const same = byKey[key] as Entry[];
    same.shift();
    if (same.length === 0) delete byKey[key];
  }

  /** The last entry at or before `offset`. */
  function entryAt(offset: number): Entry | undefined {
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((entries[middle] as Entry).offset <= offset) low = middle + 1;
      else high = middle;
    }
    return entries[low - 1];
  }

  return {
    count: () => count,
    hasIds: () => entries.length > 0,
    add(id, text, key = id) {
      count++;
      if (id !== undefined) push(id, checksum(text), key ?? id);
      return count;
    },
    mark(id) {
      if (entries[entries.length - 1]?.id !== id) push(id, undefined, id);
    },
    skip: () => ++count,
    find(key, text) {
      const same = key === '' ? [] : (byKey[key] ?? []);
      const sum = checksum(text);
      for (let i = same.length - 1; i >= 0; i--) {
        const entry = same[i] as Entry;
        if (entry.sum === sum) return entry.offset;
      }
      return undefined;
    },
    idAt: (offset) => entryAt(offset)?.id || undefined,
    nameOf(offset) {
      // An id that came after the message without one of its own is not the message's.
      let entry = entryAt(offset);
      if (entry && entry.sum === undefined) entry = entries[entries.indexOf(entry) - 1];
      return entry && entry.offset === offset && entry.id !== '' ? entry.id : String(offset);
    },
  };
}
