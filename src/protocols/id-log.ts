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
  /** What the message is known again by. `undefined`: an id that came without a message. */
  readonly mark: string | undefined;
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

/** A server that was restarted may count from 1 again: the same id with another text is another message. */
function markOf(key: string, text: string): string {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (sum * 33 + text.charCodeAt(i)) | 0;
  return `${sum} ${key}`;
}

/** `first`: the id to begin after, if the application knows one. */
export function createIdLog(first: string | undefined): IdLog {
  const entries: Entry[] = [];
  /** The last of each mark. */
  const known = Object.create(null) as Record<string, Entry | undefined>;
  let count = 0;
  if (first !== undefined) push(first, undefined);

  function push(id: string, mark: string | undefined): void {
    if (id === '' && entries.length === 0) return;
    const entry = { offset: count, id, mark };
    if (mark !== undefined) known[mark] = entry;
    if (entries.push(entry) > entriesMax) forget(entries.shift() as Entry);
  }

  function forget(entry: Entry): void {
    if (entry.mark !== undefined && known[entry.mark] === entry) delete known[entry.mark];
  }

  /** Where the last entry at or before `offset` is, most often near the end; -1 if there is none. */
  function indexAt(offset: number): number {
    let index = entries.length - 1;
    while (index >= 0 && (entries[index] as Entry).offset > offset) index--;
    return index;
  }

  return {
    count: () => count,
    hasIds: () => entries.length > 0,
    add(id, text, key = id) {
      count++;
      if (id !== undefined) push(id, markOf(key as string, text));
      return count;
    },
    mark(id) {
      if (entries[entries.length - 1]?.id !== id) push(id, undefined);
    },
    skip: () => ++count,
    find: (key, text) => (key === '' ? undefined : known[markOf(key, text)]?.offset),
    idAt: (offset) => entries[indexAt(offset)]?.id || undefined,
    nameOf(offset) {
      const index = indexAt(offset);
      // An id that came after the message without one of its own is not the message's.
      const entry = entries[entries[index]?.mark === undefined ? index - 1 : index];
      return entry?.offset === offset && entry.id !== '' ? entry.id : String(offset);
    },
  };
}
