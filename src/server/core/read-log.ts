/** Reading the log: some topics of one partition in log order. The cost depends on these topics alone. */
import { heapify, heapPop, siftDown } from './heap.ts';
import { type Log, partitionAt } from './log.ts';
import { itemAt, type Queue } from './queue.ts';
import { type Entry, placeAfter } from './topic-record.ts';

/** A topic to read, and the place before which nothing of it is wanted. */
export interface Interest {
  readonly key: string;
  readonly partition: number;
  readonly start: number;
}

export interface Reading {
  readonly entries: Entry[];
  /** How far the log has been read for these topics. */
  readonly position: number;
  readonly bytes: number;
}

/** What one reading may bring. */
export interface Budget {
  readonly bytes: number;
  readonly count: number;
  /** The client that reads: what it is left out of is passed over. */
  readonly except: string | undefined;
}

/** One topic's place in a merge. */
interface Head {
  readonly entries: Queue<Entry>;
  at: number;
}

function entryAt({ entries, at }: Head): Entry {
  return itemAt(entries, at) as Entry;
}

/** Whether this client is not the one that it leaves out. */
export function isFor({ rare }: Entry, client: string | undefined): boolean {
  return rare?.except === undefined || rare.except !== client;
}

function earlier(a: Head, b: Head): boolean {
  return entryAt(a).offset < entryAt(b).offset;
}

/**
 * Reads these topics of one partition in log order, from beyond `position`, until the budgets are used up;
 * at least one entry, where there is one, however large.
 */
export function readLog(
  log: Log,
  partitionIndex: number,
  interests: Iterable<Interest>,
  position: number,
  budget: Budget,
): Reading {
  const partition = partitionAt(log, partitionIndex);
  const heads: Head[] = [];
  for (const interest of interests) {
    if (interest.partition !== partitionIndex) continue;
    const record = partition.topics.get(interest.key);
    const from = Math.max(position, interest.start);
    if (!record || record.last <= from) continue;
    const at = placeAfter(record, from);
    if (at < record.entries.count) heads.push({ entries: record.entries, at });
  }
  heapify(heads, earlier);
  const entries: Entry[] = [];
  let bytes = 0;
  for (let head = heads[0]; head; head = heads[0]) {
    const entry = entryAt(head);
    if (isFor(entry, budget.except)) {
      const full = entries.length >= budget.count || bytes + entry.bytes > budget.bytes;
      if (full && entries.length > 0) return { entries, position: entry.offset - 1, bytes };
      entries.push(entry);
      bytes += entry.bytes;
    }
    head.at++;
    if (head.at < head.entries.count) siftDown(heads, earlier);
    else heapPop(heads, earlier);
  }
  return { entries, position: partition.tail, bytes };
}

/** The newest retained entries of a topic beyond `after`, oldest first, within the budgets. */
export function newest(log: Log, interest: Interest, budget: Budget): Entry[] {
  const record = partitionAt(log, interest.partition).topics.get(interest.key);
  const found: Entry[] = [];
  if (!record) return found;
  let bytes = 0;
  const from = placeAfter(record, interest.start);
  for (let i = record.entries.count - 1; i >= from && found.length < budget.count; i--) {
    const entry = itemAt(record.entries, i) as Entry;
    if (!isFor(entry, budget.except)) continue;
    bytes += entry.bytes;
    if (bytes > budget.bytes) break;
    found.push(entry);
  }
  return found.reverse();
}
