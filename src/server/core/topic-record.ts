/** What one topic of the log retains: its newest entries in order, and what its last offset was. */
import { createQueue, itemAt, pushItem, type Queue, shiftItem } from './queue.ts';

/**
 * One message of the log, or an ephemeral one (`offset` 0) that only passes through. Thousands are kept and as many dropped in
 * a second, so it holds no more than it must: what all messages of a topic share is its record's, what few have is `rare`.
 */
export interface Entry {
  /** Of its topic. */
  record: TopicRecord;
  offset: number;
  /** Offset of the message of this topic before it; what a gap is reckoned by (rule D5). */
  prev: number;
  readonly bytes: number;
  readonly at: number;
  /** The payload as JSON, encoded once for all receivers; absent where it is bytes. */
  readonly json: string | undefined;
  readonly rare: Rare | undefined;
}

export interface Rare {
  /** The client that is left out, by its public id. */
  readonly except: string | undefined;
  /** `origin.counter` of one that is in no log. */
  readonly ephemeral: string | undefined;
  /** The payload as bytes, and its wire forms, each made at its first use; see `forms.ts`. */
  readonly binary: Uint8Array | undefined;
  line: string | undefined;
  packet: Uint8Array | undefined;
}

export interface TopicRecord {
  /** Where the log and the index of topics file it. */
  readonly key: string;
  readonly partition: number;
  /** How a message of this topic begins, up to and without its offset. */
  readonly head: string;
  /** Offset of the newest message, retained or not. */
  last: number;
  /** What `last` was when the topic took its place among those that are silent. */
  rank: number;
  readonly entries: Queue<Entry>;
  bytes: number;
}

export function createTopicRecord(key: string, partition: number, head: string, last: number): TopicRecord {
  return { key, partition, head, last, rank: last, entries: createQueue(), bytes: 0 };
}

/** Of a topic that no log knows. */
const nowhere = createTopicRecord('', 0, '', 0);

/** Without a place yet. In one literal: with a spread in it, V8 makes each the slow way. */
export function createEntry(
  json: string | undefined,
  rare: Rare | undefined,
  bytes: number,
  at: number,
): Entry {
  return { record: nowhere, offset: 0, prev: 0, bytes, at, json, rare };
}

export function oldestRetained(record: TopicRecord): Entry | undefined {
  return itemAt(record.entries, 0);
}

export function keepEntry(record: TopicRecord, entry: Entry): void {
  pushItem(record.entries, entry);
  record.bytes += entry.bytes;
}

export function dropOldest(record: TopicRecord): Entry | undefined {
  const entry = shiftItem(record.entries);
  if (entry) record.bytes -= entry.bytes;
  return entry;
}

/** Place among the retained ones of the first after `offset`. */
export function placeAfter({ entries }: TopicRecord, offset: number): number {
  let low = 0;
  let high = entries.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((itemAt(entries, middle) as Entry).offset <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
