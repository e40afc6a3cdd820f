/**
 * The log: partitions with dense offsets, and for each topic what it retains (rules D5 and D9).
 * Publishing costs the same however many topics there are; reading costs by the topics read. No clock: times are given.
 */
import { type Cursor, formatCursor, formatId } from '../../core/cursor.ts';
import type { History } from './config.ts';
import { heapPop, heapPush, siftDown } from './heap.ts';
import { createQueue, filterQueue, itemAt, pushItem, type Queue, shiftItem } from './queue.ts';
import {
  createTopicRecord,
  dropOldest,
  type Entry,
  keepEntry,
  oldestRetained,
  type TopicRecord,
} from './topic-record.ts';

export interface Partition {
  readonly epoch: string;
  tail: number;
  /** The last offset of every topic whose record is gone is at or below it. */
  floor: number;
  readonly topics: Map<string, TopicRecord>;
  /** All of them, a heap by `rank`: whoever was published to since has a rank that is too low, which is seen at the top. */
  readonly silent: TopicRecord[];
  /** All entries in order of age; those that their topics dropped leave it late. */
  readonly order: Queue<Entry>;
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

/** What one client alone is told. */
export const directTopic = '$direct';

/** Where it is filed. */
export function directKey(client: string): string {
  return `${directTopic}/${client}`;
}

export function createLog(partitionCount: number, history: History, makeEpoch: () => string): Log {
  const partitions: Partition[] = [];
  for (let i = 0; i < partitionCount; i++) {
    partitions.push({
      epoch: makeEpoch(),
      tail: 0,
      floor: 0,
      topics: new Map(),
      silent: [],
      order: createQueue(),
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

/** Whether its topic has not dropped it. */
function isRetained({ record, offset }: Entry): boolean {
  const oldest = oldestRetained(record);
  return oldest !== undefined && offset >= oldest.offset;
}

/** The oldest retained entry of the partition. Entries that their topics dropped before are passed over. */
function oldestOf({ order }: Partition): Entry | undefined {
  for (;;) {
    const entry = itemAt(order, 0);
    if (!entry || isRetained(entry)) return entry;
    shiftItem(order);
  }
}

function trimAge(log: Log, partition: Partition, now: number): void {
  for (let oldest = oldestOf(partition); oldest; oldest = oldestOf(partition)) {
    const aged = oldest.at + log.history.ageMs <= now;
    if (!aged && partition.bytes * log.partitions.length <= log.history.totalBytes) break;
    dropFrom(partition, oldest.record);
  }
  if (partition.order.count >= 2 * partition.retained + 1024) filterQueue(partition.order, isRetained);
}

/** Drops what is too old. Returns when to come again, if anything is retained at all. */
export function expireEntries(log: Log, now: number): number | undefined {
  let next: number | undefined;
  for (const partition of log.partitions) {
    trimAge(log, partition, now);
    const oldest = oldestOf(partition);
    if (oldest) next = Math.min(next ?? Number.POSITIVE_INFINITY, oldest.at + log.history.ageMs);
  }
  return next;
}

function isSilentBefore(a: TopicRecord, b: TopicRecord): boolean {
  return a.rank < b.rank;
}

/** Rank of a record that the log has no more. */
const forgotten = -1;

/** Forgets the topic that was silent longest; its last offset survives in the floor. */
function forgetTopic(partition: Partition): void {
  const { silent } = partition;
  for (let top = silent[0]; top && top.rank < top.last; top = silent[0]) {
    top.rank = top.last;
    siftDown(silent, isSilentBefore);
  }
  const record = heapPop(silent, isSilentBefore);
  if (!record) return;
  while (record.entries.count > 0) dropFrom(partition, record);
  record.rank = forgotten;
  partition.topics.delete(record.key);
  partition.floor = Math.max(partition.floor, record.last);
}

/** How a message begins, up to and without its offset. */
function headOf(log: Log, topic: string, partition: number): string {
  return `{"topic":${JSON.stringify(topic)},"id":"${log.partitions.length === 1 ? '' : `${partition}.`}`;
}

function recordFor(log: Log, key: string, topic: string): TopicRecord {
  const index = partitionOf(log, key);
  const partition = partitionAt(log, index);
  const { topics, silent } = partition;
  const known = topics.get(key);
  if (known) return known;
  if (topics.size * log.partitions.length >= log.history.topics) forgetTopic(partition);
  // Without a record nothing is known but the floor, so the message before may have been there.
  const record = createTopicRecord(key, index, headOf(log, topic, index), partition.floor);
  // It is about to have the latest message.
  record.rank = partition.tail + 1;
  topics.set(key, record);
  heapPush(silent, record, isSilentBefore);
  return record;
}

/**
 * Gives the entry its place. `topic`: what receivers are told, where it is filed under another key. `known`: the record of this
 * key, as an entry before had it, to spare the search.
 */
export function append(
  log: Log,
  key: string,
  entry: Entry,
  topic: string = key,
  known?: TopicRecord | undefined,
): Entry {
  const record = known && known.rank !== forgotten ? known : recordFor(log, key, topic);
  const partition = partitionAt(log, record.partition);
  log.ends = undefined;
  entry.record = record;
  entry.offset = ++partition.tail;
  entry.prev = record.last;
  record.last = entry.offset;
  keepEntry(record, entry);
  pushItem(partition.order, entry);
  partition.retained++;
  partition.bytes += entry.bytes;
  const { messages, bytes: bytesMax } = log.history;
  const { entries } = record;
  while (entries.count > messages || (record.bytes > bytesMax && entries.count > 0)) {
    dropFrom(partition, record);
  }
  trimAge(log, partition, entry.at);
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
