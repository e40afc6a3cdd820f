/** What one topic of the log retains: its newest entries in order, and what its last offset was. */
/** One message of the log, or an ephemeral one (`offset` 0) that only passes through. */
export interface Entry {
  /** Where the log and the index of topics file it. */
  readonly key: string;
  /** The topic as JSON. */
  readonly quoted: string;
  readonly partition: number;
  readonly offset: number;
  /** Offset of the message of this topic before it; what a gap is reckoned by (rule D5). */
  readonly prev: number;
  /** The id on the wire, or `origin.counter` of an ephemeral one. */
  readonly id: string;
  /** The client that is left out, by its public id. */
  readonly except: string | undefined;
  readonly bytes: number;
  readonly at: number;
  /** The payload as JSON, encoded once for all receivers; absent where it is bytes. */
  readonly json: string | undefined;
  readonly binary: Uint8Array | undefined;
  /** Most need none. */
  costly: CostlyForms | undefined;
}

/** Wire forms that cost something, each made once and at its first use; see `forms.ts`. */
export interface CostlyForms {
  line: string | undefined;
  escaped: string | undefined;
  packet: Uint8Array | undefined;
}

/** What to append; the log adds its place. */
export interface Draft {
  readonly key: string;
  readonly topic: string;
  readonly except: string | undefined;
  readonly bytes: number;
  readonly at: number;
  /** The payload: as JSON, or as bytes. */
  readonly json: string | undefined;
  readonly binary: Uint8Array | undefined;
}

/**
 * In one literal: with a spread in it, V8 makes each entry the slow way, which was two thirds of what a publish cost.
 * `quoted`: the topic as JSON, which all of its messages share.
 */
export function createEntry(
  { key, except, bytes, at, json, binary }: Draft,
  quoted: string,
  partition: number,
  offset: number,
  prev: number,
  id: string,
): Entry {
  return {
    key,
    quoted,
    partition,
    offset,
    prev,
    id,
    except,
    bytes,
    at,
    json,
    binary,
    costly: undefined,
  };
}

export interface TopicRecord {
  readonly key: string;
  /** Its topic as JSON, once something was published. */
  quoted: string | undefined;
  /** Offset of the newest message, retained or not. */
  last: number;
  /** The retained ones are `entries[head]` and after. */
  entries: Entry[];
  head: number;
  bytes: number;
  /** Its neighbours in the order of the latest message. */
  before: TopicRecord | undefined;
  after: TopicRecord | undefined;
}

export function createTopicRecord(key: string, last: number): TopicRecord {
  return {
    key,
    quoted: undefined,
    last,
    entries: [],
    head: 0,
    bytes: 0,
    before: undefined,
    after: undefined,
  };
}

export function retainedCount(record: TopicRecord): number {
  return record.entries.length - record.head;
}

export function oldestRetained(record: TopicRecord): Entry | undefined {
  return record.entries[record.head];
}

export function keepEntry(record: TopicRecord, entry: Entry): void {
  record.entries.push(entry);
  record.bytes += entry.bytes;
}

export function dropOldest(record: TopicRecord): Entry | undefined {
  const entry = record.entries[record.head];
  if (!entry) return undefined;
  record.head++;
  record.bytes -= entry.bytes;
  // The array is cut when half of it is dead: constant cost on average, and no entry is held for long.
  if (record.head * 2 >= record.entries.length) {
    record.entries = record.entries.slice(record.head);
    record.head = 0;
  }
  return entry;
}

/** Index in `entries` of the first retained one after `offset`. */
export function indexAfter(record: TopicRecord, offset: number): number {
  let low = record.head;
  let high = record.entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((record.entries[middle] as Entry).offset <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
