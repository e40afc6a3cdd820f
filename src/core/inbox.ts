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
  readonly subscription: Subscription;
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
  reason?: string | undefined;
  /** The newest messages before `start`, if they were asked for. */
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
  epochs: string[];
  /** How far the connection has come in each partition; -1 if unknown. */
  position: number[];
  /** What it must reach before it can stand in for another (D4). */
  goal: number[];
  links: Record<string, Link>;
  /** Some of them are held, or were a moment ago. */
  isHeld: boolean;
}

export interface Inbox {
  readonly subscriptions: Record<string, Subscription>;
  receptions: Reception[];
  epochs: string[];
  serial: number;
  /** Rises whenever what is wanted, or what a connection has answered, may differ from before. */
  version: number;
  /** Highest counter of the last few origins of ephemeral messages. */
  readonly origins: { origin: string; counter: number }[];
  /** What the application is to be told, in order. */
  out: InboxEvent[];
}

export function table<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

export function createInbox(out: InboxEvent[]): Inbox {
  return { subscriptions: table(), receptions: [], epochs: [], serial: 0, version: 0, origins: [], out };
}

/** What a connection that is being opened will bring. */
export function createReception(inbox: Inbox): Reception {
  const reception: Reception = { epochs: [], position: [], goal: [], links: table(), isHeld: false };
  inbox.receptions.push(reception);
  return reception;
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

/** The server wants it no more, and says why. */
export function endSubscription(
  inbox: Inbox,
  { topic, serial }: Subscription,
  code: string,
  message: string,
): void {
  unsubscribe(inbox, topic);
  inbox.out.push({ type: 'ended', topic, serial, code, message });
}

export function subscriptionsOf({ subscriptions }: Inbox): Subscription[] {
  const all: Subscription[] = [];
  for (const topic in subscriptions) all.push(subscriptions[topic] as Subscription);
  return all;
}

/** Whether the link's subscription is still wanted. */
export function isCurrent(inbox: Inbox, { subscription }: Link): boolean {
  return inbox.subscriptions[subscription.topic] === subscription;
}

/** The links of subscriptions that are still wanted. */
export function linksOf(inbox: Inbox, { links }: Reception): Link[] {
  const current: Link[] = [];
  for (const topic in links) {
    const link = links[topic] as Link;
    if (isCurrent(inbox, link)) current.push(link);
  }
  return current;
}

export function linkOf(reception: Reception, subscription: Subscription): Link | undefined {
  const link = reception.links[subscription.topic];
  return link?.subscription === subscription ? link : undefined;
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
  linksOf(inbox, reception).forEach(({ state, subscription }) => {
    if (state !== 'attached') return;
    subscription.own = Math.max(subscription.own, reception.position[subscription.partition] ?? -1);
  });
}

export function newLink(subscription: Subscription, request: number): Link {
  const { partition } = subscription;
  return { subscription, request, state: 'asked', partition, start: -1, last: [], waiting: [] };
}

/** The connection has come at least so far. */
export function reach({ position }: Reception, partition: number, offset: number): void {
  if (offset > (position[partition] ?? -1)) position[partition] = offset;
}

function setPosition(reception: Reception, cursor: Cursor): void {
  for (let partition = 0; partition < cursor.length; partition++) {
    const place = cursor[partition];
    if (place && place.epoch === reception.epochs[partition]) reach(reception, partition, place.offset);
  }
}

/** Notes where the connection's log is and where it begins to read. `false`: not a position, or nobody waits for it. */
export function begin(inbox: Inbox, reception: Reception, head: string, cursor: string): boolean {
  const ends = parseCursor(head);
  const begins = parseCursor(cursor);
  if (!ends || begins?.length !== ends.length || inbox.receptions.indexOf(reception) < 0) return false;
  const epochs: string[] = [];
  for (let partition = 0; partition < ends.length; partition++) {
    const end = ends[partition];
    if (!end) return false;
    epochs.push(end.epoch);
  }
  reception.epochs = epochs;
  if (inbox.epochs.length === 0) inbox.epochs = reception.epochs;
  setPosition(reception, begins);
  return true;
}

/** Whether the connection reads another incarnation of the log than the session stands in (D9). */
export function inAnotherEpoch(inbox: Inbox, { epochs }: Reception): boolean {
  return epochs.length > 0 && epochs.join() !== inbox.epochs.join();
}

export function samePartition(inbox: Inbox, reception: Reception, partition: number): boolean {
  return (
    reception.epochs.length === inbox.epochs.length && reception.epochs[partition] === inbox.epochs[partition]
  );
}

export function hold(reception: Reception, link: Link): void {
  link.state = 'held';
  reception.isHeld = true;
}

/** A position mark: all that is confirmed on this connection has come so far. `false`: not understood. */
export function mark(reception: Reception, text: string): boolean {
  const cursor = parseCursor(text);
  if (cursor) setPosition(reception, cursor);
  return cursor !== undefined;
}

/** Forgets a connection; what it carried stays with the subscriptions, and what it still brings is nobody's. */
export function forget(inbox: Inbox, reception: Reception): void {
  if (!inAnotherEpoch(inbox, reception)) fold(inbox, reception);
  reception.links = table();
  inbox.receptions = inbox.receptions.filter((other) => other !== reception);
}

/** Notes what a candidate must reach to stand in for the active connection: all that has been seen by now. */
export function setGoal(inbox: Inbox, reception: Reception): void {
  linksOf(inbox, reception).forEach(({ subscription: { partition, own } }) => {
    if (partition >= 0) reception.goal[partition] = Math.max(own, reception.goal[partition] ?? -1);
  });
}

/** Whether the connection could take over without a pause: everything attached, and as far as its goal. */
export function caughtUp(inbox: Inbox, reception: Reception): boolean {
  const { goal, position } = reception;
  return (
    linksOf(inbox, reception).every(({ state }) => state === 'attached' || state === 'put-off') &&
    goal.every((offset, partition) => offset <= (position[partition] ?? -1))
  );
}
