/** What really happened at the hubs, kept apart from them: every message by log and topic. Checkers judge by this alone. */

export interface Published {
  readonly epoch: string;
  readonly partition: number;
  readonly offset: number;
  /** Its place among the topic's messages of this epoch. */
  readonly index: number;
  readonly at: number;
  /** Public id of the client that is not to get it. */
  readonly except: string | undefined;
}

export interface Ledger {
  /** Every message has a number of its own, which travels as its data. */
  readonly byNumber: Map<number, Published>;
  /** By `epoch/topic`, in order. */
  readonly lists: Map<string, Published[]>;
  /** The newest offset of a partition's log, by its epoch. */
  readonly tails: Map<string, number>;
  /** Which partition a topic is in, once known. */
  readonly partitions: Map<string, number>;
}

export function createLedger(): Ledger {
  return { byNumber: new Map(), lists: new Map(), tails: new Map(), partitions: new Map() };
}

const nothing: readonly Published[] = [];

export function listOf(ledger: Ledger, epoch: string, topic: string): readonly Published[] {
  return ledger.lists.get(`${epoch}/${topic}`) ?? nothing;
}

/** Index of the first message of a topic beyond this offset. */
export function indexBeyond(list: readonly Published[], offset: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as Published).offset <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A message's id, or a start: its partition and offset. */
export function placeOf(id: string): { partition: number; offset: number } {
  const dot = id.indexOf('.');
  return dot < 0
    ? { partition: 0, offset: Number(id) }
    : { partition: Number(id.slice(0, dot)), offset: Number(id.slice(dot + 1)) };
}

export function note(
  ledger: Ledger,
  number: number,
  topic: string,
  { epoch, partition, offset, at, except }: Omit<Published, 'index'>,
): void {
  const key = `${epoch}/${topic}`;
  let list = ledger.lists.get(key);
  if (!list) {
    list = [];
    ledger.lists.set(key, list);
  }
  const published = { epoch, partition, offset, index: list.length, at, except };
  list.push(published);
  ledger.byNumber.set(number, published);
  ledger.tails.set(epoch, offset);
  ledger.partitions.set(topic, partition);
}
