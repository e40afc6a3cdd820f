/**
 * The log: partitions with dense offsets, and for each topic what it retains (rules D5 and D9).
 * Publishing costs the same however many topics there are; reading costs by the topics read. No clock: times are given.
 */
import { type Cursor, formatCursor, formatId } from '../../core/cursor.ts';
import type { History } from './config.ts';
import {
  createEntry,
  createTopicRecord,
  type Draft,
  dropOldest,
  type Entry,
  keepEntry,
  oldestRetained,
  retainedCount,
  type TopicRecord,
} from './topic-record.ts';

export interface Partition {
  readonly epoch: string;
  tail: number;
  /** The last offset of every topic whose record is gone is at or below it. */
  floor: number;
  readonly topics: Map<string, TopicRecord>;
  /** Ends of the list of all of them in the order of the latest message. */
  silent: TopicRecord | undefined;
  newest: TopicRecord | undefined;
  /** All entries in order of age; dropped ones leave it late. */
  order: Entry[];
  head: number;
  retained: number;
  bytes: number;
}

export interface Log {
  /** Of the hub that has it now. */
  history: History;
  /** The end of every partition, if it was asked for since it moved. */
  ends: readonly number[] | undefined;
  readonly partitions: readonly Partition[];
}

export function createLog(partitionCount: number, history: History, makeEpoch: () => string): Log {
  const partitions: Partition[] = [];
  for (let i = 0; i < partitionCount; i++) {
    partitions.push({
      epoch: makeEpoch(),
      tail: 0,
      floor: 0,
      topics: new Map(),
      silent: undefined,
      newest: undefined,
      order: [],
      head: 0,
      retained: 0,
      bytes: 0,
    });
  }
  return { history, ends: undefined, partitions };
}

export function partitionAt(log: Log, index: number): Partition {
  return log.partitions[index] as Partition;
}

/** FNV-1a; the partition of a topic is the hub's affair alone. */
export function partitionOf(log: Log, key: string): number {
  const count = log.partitions.length;
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % count;
}

export function tailOf(log: Log, partition: number): number {
  return partitionAt(log, partition).tail;
}

export function epochOf(log: Log, partition: number): string {
  return partitionAt(log, partition).epoch;
}

/** The end of every partition. Whoever stands there shares the list. */
export function tails(log: Log): readonly number[] {
  log.ends ??= log.partitions.map((partition) => partition.tail);
  return log.ends;
}

export function cursorAt(log: Log, positions: readonly number[]): string {
  const single = log.partitions[0];
  if (single && log.partitions.length === 1) return `${single.epoch}.${positions[0]}`;
  const cursor: Cursor = log.partitions.map((partition, i) => ({
    epoch: partition.epoch,
    offset: positions[i] ?? 0,
  }));
  return formatCursor(cursor);
}

export function idAt(log: Log, partition: number, offset: number): string {
  return formatId(partition, offset, log.partitions.length);
}

/** Offset of this topic's message before the oldest one that can still be replayed (rule D5). */
export function trimmedTo(log: Log, key: string, partitionIndex: number): number {
  const partition = partitionAt(log, partitionIndex);
  const record = partition.topics.get(key);
  if (!record) return partition.floor;
  return oldestRetained(record)?.prev ?? record.last;
}

/** Offset of the topic's newest message, as far as it is known. */
export function lastOf(log: Log, key: string, partitionIndex: number): number {
  const partition = partitionAt(log, partitionIndex);
  return partition.topics.get(key)?.last ?? partition.floor;
}

function dropFrom(partition: Partition, record: TopicRecord): void {
  const entry = dropOldest(record);
  if (!entry) return;
  partition.retained--;
  partition.bytes -= entry.bytes;
}

/** The oldest retained entry of the partition. Entries that their topics dropped before are passed over. */
function oldestOf(partition: Partition): { entry: Entry; record: TopicRecord } | undefined {
  while (partition.head < partition.order.length) {
    const entry = partition.order[partition.head] as Entry;
    const record = partition.topics.get(entry.key);
    if (record && oldestRetained(record) === entry) return { entry, record };
    partition.head++;
  }
  return undefined;
}

function compact(partition: Partition): void {
  if (partition.order.length - partition.head < 2 * partition.retained + 1024) {
    if (partition.head * 2 < partition.order.length) return;
    partition.order = partition.order.slice(partition.head);
    partition.head = 0;
    return;
  }
  const live = (entry: Entry): boolean => {
    const oldest = partition.topics.get(entry.key);
    const first = oldest && oldestRetained(oldest);
    return first !== undefined && entry.offset >= first.offset;
  };
  partition.order = partition.order.slice(partition.head).filter(live);
  partition.head = 0;
}

function trimAge(log: Log, partition: Partition, now: number): void {
  for (let oldest = oldestOf(partition); oldest; oldest = oldestOf(partition)) {
    const aged = oldest.entry.at + log.history.ageMs <= now;
    if (!aged && partition.bytes * log.partitions.length <= log.history.totalBytes) break;
    dropFrom(partition, oldest.record);
  }
  compact(partition);
}

/** Drops what is too old. Returns when to come again, if anything is retained at all. */
export function expireEntries(log: Log, now: number): number | undefined {
  let next: number | undefined;
  for (const partition of log.partitions) {
    trimAge(log, partition, now);
    const oldest = oldestOf(partition)?.entry;
    if (oldest) next = Math.min(next ?? Number.POSITIVE_INFINITY, oldest.at + log.history.ageMs);
  }
  return next;
}

function unlink(partition: Partition, record: TopicRecord): void {
  const { before, after } = record;
  if (before) before.after = after;
  else partition.silent = after;
  if (after) after.before = before;
  else partition.newest = before;
}

function linkNewest(partition: Partition, record: TopicRecord): void {
  record.before = partition.newest;
  record.after = undefined;
  if (partition.newest) partition.newest.after = record;
  else partition.silent = record;
  partition.newest = record;
}

/** Forgets the topic that was silent longest; its last offset survives in the floor. */
function forgetTopic(partition: Partition): void {
  const record = partition.silent;
  if (!record) return;
  while (retainedCount(record) > 0) dropFrom(partition, record);
  partition.topics.delete(record.key);
  unlink(partition, record);
  partition.floor = Math.max(partition.floor, record.last);
}

function recordFor(log: Log, partition: Partition, key: string): TopicRecord {
  const { newest } = partition;
  if (newest?.key === key) return newest;
  const found = partition.topics.get(key);
  if (found) {
    unlink(partition, found);
    linkNewest(partition, found);
    return found;
  }
  if (partition.topics.size * log.partitions.length >= log.history.topics) forgetTopic(partition);
  // Without a record nothing is known but the floor, so the message before may have been there.
  const record = createTopicRecord(key, partition.floor);
  partition.topics.set(key, record);
  linkNewest(partition, record);
  return record;
}

export function append(log: Log, draft: Draft): Entry {
  const index = partitionOf(log, draft.key);
  const partition = partitionAt(log, index);
  const record = recordFor(log, partition, draft.key);
  const offset = ++partition.tail;
  log.ends = undefined;
  const id = idAt(log, index, offset);
  record.quoted ??= JSON.stringify(draft.topic);
  const entry = createEntry(draft, record.quoted, index, offset, record.last, id);
  record.last = offset;
  keepEntry(record, entry);
  partition.order.push(entry);
  partition.retained++;
  partition.bytes += entry.bytes;
  const { messages, bytes: bytesMax } = log.history;
  while (retainedCount(record) > messages || (record.bytes > bytesMax && retainedCount(record) > 0)) {
    dropFrom(partition, record);
  }
  trimAge(log, partition, draft.at);
  return entry;
}

/** How much is retained, for `stats()`. */
export function logSize(log: Log): { topics: number; messages: number; bytes: number } {
  const size = { topics: 0, messages: 0, bytes: 0 };
  for (const partition of log.partitions) {
    size.topics += partition.topics.size;
    size.messages += partition.retained;
    size.bytes += partition.bytes;
  }
  return size;
}
