/**
 * How far each subscription has come, over however many connections bring it (rules D1 and D4): the records, and what may be
 * asked of them. What is asked of a server is made in `offer.ts`; what it brings is taken in by `delivery.ts`.
 */
import { type Cursor, formatId, parseCursor } from './cursor.ts';
import type { GapFrame, MessageFrame } from './frames.ts';

/** Messages of this topic after `from` up to and including `to` cannot be had any more. */
export interface Gap {
  readonly topic: string;
  /** Id of the last message before the gap, or of the place where the subscription began. */
  readonly from: string;
  /** Id of the last message that is missing. */
  readonly to: string;
  /** `trimmed`, `epoch`, `revoked`, `undeliverable`, or what another server calls it. */
  readonly reason: string;
}

export interface Message {
  readonly topic: string;
  readonly data: unknown;
  /** Its place in the log; empty for an ephemeral message. */
  readonly id: string;
  /** Present on the first message after a gap. */
  readonly gap?: Gap;
}

export type InboxEvent =
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'gap'; readonly gap: Gap }
  /** Nothing after `start` (an id) is missed from here on. */
  | { readonly type: 'ready'; readonly topic: string; readonly serial: number; readonly start: string }
  | {
      readonly type: 'ended';
      readonly topic: string;
      readonly serial: number;
      readonly code: string;
      readonly message: string;
    };

export interface Subscription {
  readonly topic: string;
  /** Tells this subscription from an earlier one of the same topic. */
  readonly serial: number;
  readonly last: number;
  since: string | undefined;
  /** -1 until a connection has confirmed it. */
  partition: number;
  /** Its own progress, in the session's epoch of its partition; connections may have carried it further. */
  own: number;
  /** Told to the application, waiting to be marked on the next message. */
  gap: Gap | undefined;
  /** Monotonic time before which the server does not want to be asked again. */
  retryAt: number | undefined;
}

/** A subscription on one connection. */
export interface Link {
  readonly serial: number;
  /** Number of the in-place request, or 0 if it went with the open. */
  readonly request: number;
  /**
   * `asked`: no answer yet. `attached`: carries the subscription on. `held`: starts beyond it (or in another epoch), so
   * that what it brings waits. `put-off`: the server could not decide.
   */
  state: 'asked' | 'attached' | 'held' | 'put-off';
  partition: number;
  start: number;
  /** Set if `start` came with a gap: the gap is told if nobody can bridge it. */
  reason: string | undefined;
  last: readonly MessageFrame[];
  waiting: Waiting[];
}

/** A frame that waits for others to bring what lies before it. */
export interface Waiting {
  readonly frame: MessageFrame | GapFrame;
  readonly offset: number;
}

/** What one connection has confirmed and carried. */
export interface Reception {
  readonly connection: number;
  epochs: string[];
  /** How far the connection has come in each partition; -1 if unknown. */
  position: number[];
  /** What it must reach before it can stand in for another (D4). */
  goal: number[];
  links: Record<string, Link>;
  heldLinks: number;
  waitingCount: number;
}

export interface Inbox {
  readonly subscriptions: Record<string, Subscription>;
  readonly receptions: Reception[];
  epochs: string[];
  serial: number;
  /** Rises whenever what is wanted, or what a connection has answered, may differ from before. */
  version: number;
  /** Highest counter of the last few origins of ephemeral messages. */
  readonly origins: { origin: string; counter: number }[];
  /** Frames that were dropped, by reason: for traces and tests. */
  readonly dropped: { duplicate: number; unconfirmed: number; epoch: number };
}

export function table<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

export function createInbox(): Inbox {
  return {
    subscriptions: table(),
    receptions: [],
    epochs: [],
    serial: 0,
    version: 0,
    origins: [],
    dropped: { duplicate: 0, unconfirmed: 0, epoch: 0 },
  };
}

export function subscribe(
  inbox: Inbox,
  topic: string,
  last: number,
  since: string | undefined,
): Subscription {
  const subscription: Subscription = {
    topic,
    serial: ++inbox.serial,
    last,
    since,
    partition: -1,
    own: 0,
    gap: undefined,
    retryAt: undefined,
  };
  inbox.subscriptions[topic] = subscription;
  inbox.version++;
  return subscription;
}

export function unsubscribe(inbox: Inbox, topic: string): void {
  delete inbox.subscriptions[topic];
  inbox.version++;
}

export function receptionOf(inbox: Inbox, connection: number): Reception | undefined {
  for (let i = 0; i < inbox.receptions.length; i++) {
    if (inbox.receptions[i]?.connection === connection) return inbox.receptions[i];
  }
  return undefined;
}

export function linkOf(reception: Reception, subscription: Subscription): Link | undefined {
  const link = reception.links[subscription.topic];
  return link && link.serial === subscription.serial ? link : undefined;
}

/** How far the subscription has come by itself and by every connection that carries it on. */
export function upto(inbox: Inbox, subscription: Subscription): number {
  let highest = subscription.own;
  for (let i = 0; i < inbox.receptions.length; i++) {
    const reception = inbox.receptions[i] as Reception;
    const link = linkOf(reception, subscription);
    if (link?.state !== 'attached') continue;
    const position = reception.position[subscription.partition] ?? -1;
    if (position > highest) highest = position;
  }
  return highest;
}

export function id(inbox: Inbox, partition: number, offset: number): string {
  return formatId(partition, offset, Math.max(1, inbox.epochs.length));
}

/** A connection's progress becomes the subscription's own: before its links are replaced or it is forgotten. */
export function fold(inbox: Inbox, reception: Reception): void {
  for (const topic in reception.links) {
    const subscription = inbox.subscriptions[topic];
    const link = subscription && linkOf(reception, subscription);
    if (!subscription || link?.state !== 'attached') continue;
    const position = reception.position[subscription.partition] ?? -1;
    if (position > subscription.own) subscription.own = position;
  }
}

export function newLink(serial: number, request: number): Link {
  return {
    serial,
    request,
    state: 'asked',
    partition: -1,
    start: -1,
    reason: undefined,
    last: [],
    waiting: [],
  };
}

export function forgetLink(reception: Reception, topic: string): void {
  const link = reception.links[topic];
  if (link?.state === 'held') {
    reception.heldLinks--;
    reception.waitingCount -= link.waiting.length;
  }
  delete reception.links[topic];
}

function setPosition(reception: Reception, cursor: Cursor): void {
  for (let partition = 0; partition < cursor.length; partition++) {
    const place = cursor[partition];
    if (!place || place.epoch !== reception.epochs[partition]) continue;
    if (place.offset > (reception.position[partition] ?? -1)) reception.position[partition] = place.offset;
  }
}

/** Notes where the connection's log is and where it begins to read. `false`: not a position. */
export function begin(inbox: Inbox, connection: number, head: string, cursor: string): boolean {
  const reception = receptionOf(inbox, connection);
  const ends = parseCursor(head);
  const begins = parseCursor(cursor);
  if (!reception || !ends || !begins || begins.length !== ends.length) return false;
  reception.epochs = [];
  for (let partition = 0; partition < ends.length; partition++) {
    const end = ends[partition];
    if (!end) return false;
    reception.epochs[partition] = end.epoch;
  }
  if (inbox.epochs.length === 0) inbox.epochs = reception.epochs.slice();
  setPosition(reception, begins);
  return true;
}

/** Whether the connection reads another incarnation of the log than the session stands in (D9). */
export function inAnotherEpoch(inbox: Inbox, connection: number): boolean {
  const reception = receptionOf(inbox, connection);
  if (!reception || reception.epochs.length === 0) return false;
  if (reception.epochs.length !== inbox.epochs.length) return true;
  for (let partition = 0; partition < inbox.epochs.length; partition++) {
    if (reception.epochs[partition] !== inbox.epochs[partition]) return true;
  }
  return false;
}

export function samePartition(inbox: Inbox, reception: Reception, partition: number): boolean {
  return (
    reception.epochs.length === inbox.epochs.length && reception.epochs[partition] === inbox.epochs[partition]
  );
}

export function hold(reception: Reception, link: Link): void {
  link.state = 'held';
  reception.heldLinks++;
}

/** A position mark: all that is confirmed on this connection has come so far. `false`: not understood. */
export function mark(inbox: Inbox, connection: number, text: string): boolean {
  const reception = receptionOf(inbox, connection);
  const cursor = parseCursor(text);
  if (!cursor) return false;
  if (reception) setPosition(reception, cursor);
  return true;
}

/** Forgets a connection; what it carried stays with the subscriptions. */
export function forget(inbox: Inbox, connection: number): void {
  const reception = receptionOf(inbox, connection);
  if (!reception) return;
  if (!inAnotherEpoch(inbox, connection)) fold(inbox, reception);
  inbox.receptions.splice(inbox.receptions.indexOf(reception), 1);
}

/** Notes what a candidate must reach to stand in for the active connection: all that has been seen by now. */
export function setGoal(inbox: Inbox, connection: number): void {
  const reception = receptionOf(inbox, connection);
  if (!reception) return;
  for (const topic in reception.links) {
    const subscription = inbox.subscriptions[topic];
    if (!subscription || subscription.partition < 0 || !linkOf(reception, subscription)) continue;
    const goal = reception.goal[subscription.partition] ?? -1;
    if (subscription.own > goal) reception.goal[subscription.partition] = subscription.own;
  }
}

/** Whether the connection could take over without a pause: everything attached, and as far as its goal. */
export function caughtUp(inbox: Inbox, connection: number): boolean {
  const reception = receptionOf(inbox, connection);
  if (!reception) return false;
  for (const topic in reception.links) {
    const subscription = inbox.subscriptions[topic];
    const link = subscription && linkOf(reception, subscription);
    if (link && (link.state === 'asked' || link.state === 'held')) return false;
  }
  for (let partition = 0; partition < reception.goal.length; partition++) {
    if ((reception.position[partition] ?? -1) < (reception.goal[partition] ?? -1)) return false;
  }
  return true;
}
