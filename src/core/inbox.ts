/**
 * How far each subscription has come, over however many connections bring it: rules D1, D2, D5, D9 and D13.
 * Owns subscriptions, what each connection has confirmed and carried, and what is held back. It decides what the
 * application sees; which connections exist and which is active is decided in `session.ts`.
 */
import { type Cursor, formatCursor, formatId, type Place, parseCursor, parseId } from './cursor.ts';
import type { GapFrame, MessageFrame, TopicAnswer, TopicRequest } from './frames.ts';

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
interface Link {
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
interface Waiting {
  readonly frame: MessageFrame | GapFrame;
  readonly offset: number;
}

/** What one connection has confirmed and carried. */
interface Reception {
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
  readonly receptions: Record<number, Reception>;
  epochs: string[];
  serial: number;
  /** Rises whenever what is wanted, or what a connection has answered, may differ from before. */
  version: number;
  /** Highest counter of the last few origins of ephemeral messages. */
  readonly origins: { origin: string; counter: number }[];
  /** Frames that were dropped, by reason: for traces and tests. */
  readonly dropped: { duplicate: number; unconfirmed: number; epoch: number };
}

/** Frames held back on one connection; one more and it is opened anew instead. */
const waitingMax = 10_000;
const originsMax = 16;

function table<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

export function createInbox(): Inbox {
  return {
    subscriptions: table(),
    receptions: table<Reception>() as Record<number, Reception>,
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

function linkOf(reception: Reception, subscription: Subscription): Link | undefined {
  const link = reception.links[subscription.topic];
  return link && link.serial === subscription.serial ? link : undefined;
}

/** How far the subscription has come by itself and by every connection that carries it on. */
function upto(inbox: Inbox, subscription: Subscription): number {
  let highest = subscription.own;
  for (const id in inbox.receptions) {
    const reception = inbox.receptions[id] as Reception;
    const link = linkOf(reception, subscription);
    if (link?.state !== 'attached') continue;
    const position = reception.position[subscription.partition] ?? -1;
    if (position > highest) highest = position;
  }
  return highest;
}

function id(inbox: Inbox, partition: number, offset: number): string {
  return formatId(partition, offset, Math.max(1, inbox.epochs.length));
}

/** A connection's progress becomes the subscription's own: before its links are replaced or it is forgotten. */
function fold(inbox: Inbox, reception: Reception): void {
  for (const topic in reception.links) {
    const subscription = inbox.subscriptions[topic];
    const link = subscription && linkOf(reception, subscription);
    if (!subscription || link?.state !== 'attached') continue;
    const position = reception.position[subscription.partition] ?? -1;
    if (position > subscription.own) subscription.own = position;
  }
}

function newLink(serial: number, request: number): Link {
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

export interface Offer {
  readonly topics: readonly TopicRequest[];
  readonly cursor: string | undefined;
}

/**
 * What an open of this connection asks for: the minimum of all positions, and for who stands elsewhere its own (D1).
 * Begins what the connection carries; a poll begins anew each time (D11).
 */
export function offer(inbox: Inbox, connection: number): Offer {
  const former = inbox.receptions[connection];
  if (former) fold(inbox, former);
  const reception: Reception = {
    epochs: [],
    position: [],
    goal: [],
    links: table(),
    heldLinks: 0,
    waitingCount: 0,
  };
  const least: number[] = [];
  for (const topic in inbox.subscriptions) {
    const subscription = inbox.subscriptions[topic] as Subscription;
    if (subscription.partition < 0) continue;
    const from = upto(inbox, subscription);
    const lowest = least[subscription.partition];
    if (lowest === undefined || from < lowest) least[subscription.partition] = from;
  }
  const topics: TopicRequest[] = [];
  for (const topic in inbox.subscriptions) {
    const subscription = inbox.subscriptions[topic] as Subscription;
    const link = newLink(subscription.serial, 0);
    subscription.retryAt = undefined;
    reception.links[topic] = link;
    if (subscription.partition >= 0) {
      link.partition = subscription.partition;
      link.start = upto(inbox, subscription);
    }
    topics.push(topicRequest(inbox, subscription, link.start, least));
  }
  inbox.receptions[connection] = reception;
  return { topics, cursor: least.length > 0 ? cursorAt(inbox, least) : undefined };
}

function topicRequest(
  inbox: Inbox,
  subscription: Subscription,
  from: number,
  least: readonly number[],
): TopicRequest {
  const { topic, partition, last, since } = subscription;
  if (partition >= 0) {
    if (from === least[partition]) return topic;
    const offsets: number[] = [];
    offsets[partition] = from;
    return { topic, at: cursorAt(inbox, offsets) };
  }
  if (since !== undefined) return { topic, at: since };
  return last > 0 ? { topic, new: true, last } : { topic, new: true };
}

function cursorAt(inbox: Inbox, offsets: readonly (number | undefined)[]): string {
  const cursor: (Place | undefined)[] = [];
  for (let partition = 0; partition < inbox.epochs.length; partition++) {
    const offset = offsets[partition];
    const epoch = inbox.epochs[partition];
    cursor.push(offset === undefined || epoch === undefined ? undefined : { epoch, offset });
  }
  return formatCursor(cursor);
}

/** What is new since the open, and may be asked for in place: subscriptions without a position of their own. */
export function ask(inbox: Inbox, connection: number, request: number, now: number): TopicRequest[] {
  const reception = inbox.receptions[connection];
  const topics: TopicRequest[] = [];
  if (!reception) return topics;
  for (const topic in inbox.subscriptions) {
    const subscription = inbox.subscriptions[topic] as Subscription;
    if (subscription.partition >= 0 || subscription.since !== undefined) continue;
    const link = linkOf(reception, subscription);
    if (link && link.state !== 'put-off') continue;
    if (subscription.retryAt !== undefined && subscription.retryAt > now) continue;
    subscription.retryAt = undefined;
    reception.links[topic] = newLink(subscription.serial, request);
    topics.push(topicRequest(inbox, subscription, -1, []));
  }
  return topics;
}

/** Topics that the server wanted to be asked for later may be asked for now. */
export function putOffIsOver(inbox: Inbox, now: number): void {
  inbox.version++;
  for (const topic in inbox.subscriptions) {
    const subscription = inbox.subscriptions[topic] as Subscription;
    if (subscription.retryAt !== undefined && subscription.retryAt <= now) subscription.retryAt = undefined;
  }
}

/** Topics that the connection carries although nobody wants them any more; they are forgotten here. */
export function takeUnwanted(inbox: Inbox, connection: number): string[] {
  const reception = inbox.receptions[connection];
  const topics: string[] = [];
  for (const topic in reception ? reception.links : {}) {
    const subscription = inbox.subscriptions[topic];
    if (subscription && linkOf(reception as Reception, subscription)) continue;
    topics.push(topic);
    forgetLink(reception as Reception, topic);
  }
  return topics;
}

function forgetLink(reception: Reception, topic: string): void {
  const link = reception.links[topic];
  if (link?.state === 'held') {
    reception.heldLinks--;
    reception.waitingCount -= link.waiting.length;
  }
  delete reception.links[topic];
}

/** Whether the connection does not carry what is wanted: `missing` a subscription, or only `extra` ones. */
export function compare(inbox: Inbox, connection: number, now: number): 'same' | 'extra' | 'missing' {
  const reception = inbox.receptions[connection];
  if (!reception) return 'missing';
  for (const topic in inbox.subscriptions) {
    const subscription = inbox.subscriptions[topic] as Subscription;
    const link = linkOf(reception, subscription);
    const putOff = subscription.retryAt !== undefined && subscription.retryAt > now;
    if ((!link || link.state === 'put-off') && !putOff) return 'missing';
  }
  for (const topic in reception.links) {
    const subscription = inbox.subscriptions[topic];
    if (!subscription || !linkOf(reception, subscription)) return 'extra';
  }
  return 'same';
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
  const reception = inbox.receptions[connection];
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
  const reception = inbox.receptions[connection];
  if (!reception || reception.epochs.length === 0) return false;
  if (reception.epochs.length !== inbox.epochs.length) return true;
  for (let partition = 0; partition < inbox.epochs.length; partition++) {
    if (reception.epochs[partition] !== inbox.epochs[partition]) return true;
  }
  return false;
}

function samePartition(inbox: Inbox, reception: Reception, partition: number): boolean {
  return (
    reception.epochs.length === inbox.epochs.length && reception.epochs[partition] === inbox.epochs[partition]
  );
}

/**
 * The server's answers to an open (`request` 0: what is not listed was confirmed where it asked) or to a request in place.
 * `now` is for topics that it wants to be asked for later. `false`: an answer is not understood.
 */
export function confirm(
  inbox: Inbox,
  connection: number,
  request: number,
  answers: readonly TopicAnswer[],
  now: number,
  out: InboxEvent[],
): boolean {
  const reception = inbox.receptions[connection];
  if (!reception) return true;
  inbox.version++;
  const listed = table<TopicAnswer>();
  for (let i = 0; i < answers.length; i++) {
    const answer = answers[i] as TopicAnswer;
    listed[answer.topic] = answer;
  }
  for (const topic in reception.links) {
    const link = reception.links[topic] as Link;
    const subscription = inbox.subscriptions[topic];
    if (link.request !== request || link.state !== 'asked') continue;
    if (!subscription || !linkOf(reception, subscription)) continue;
    const answer = listed[topic];
    if (answer?.error) {
      unsubscribe(inbox, topic);
      forgetLink(reception, topic);
      const { code, message } = answer.error;
      out.push({ type: 'ended', topic, serial: link.serial, code, message });
    } else if (answer?.retryMs !== undefined) {
      link.state = 'put-off';
      subscription.retryAt = now + answer.retryMs;
    } else if (answer) {
      const place = answer.start === undefined ? undefined : parseId(answer.start);
      if (!place || reception.epochs[place.partition] === undefined) return false;
      link.last = answer.last ?? [];
      confirmLink(inbox, reception, subscription, link, place.partition, place.offset, out);
    } else if (request === 0 && link.partition >= 0) {
      confirmLink(inbox, reception, subscription, link, link.partition, link.start, out);
    } else {
      return false;
    }
  }
  return true;
}

function confirmLink(
  inbox: Inbox,
  reception: Reception,
  subscription: Subscription,
  link: Link,
  partition: number,
  start: number,
  out: InboxEvent[],
): void {
  link.partition = partition;
  link.start = start;
  if (!samePartition(inbox, reception, partition)) {
    hold(reception, link);
  } else if (subscription.partition < 0) {
    begins(inbox, reception, subscription, link, out);
  } else if (start <= upto(inbox, subscription)) {
    link.state = 'attached';
  } else {
    hold(reception, link);
  }
}

function hold(reception: Reception, link: Link): void {
  link.state = 'held';
  reception.heldLinks++;
}

/** The first confirmation of a subscription: from here on nothing is missed. */
function begins(
  inbox: Inbox,
  reception: Reception,
  subscription: Subscription,
  link: Link,
  out: InboxEvent[],
): void {
  const { topic, serial, since } = subscription;
  subscription.partition = link.partition;
  subscription.own = link.start;
  link.state = 'attached';
  const wanted = since === undefined ? undefined : parseCursor(since)?.[link.partition];
  if (since !== undefined && wanted?.epoch !== reception.epochs[link.partition]) {
    tellGap(inbox, subscription, wanted ? wanted.offset : 0, link.start, 'epoch', out);
  }
  out.push({ type: 'ready', topic, serial, start: id(inbox, link.partition, link.start) });
  for (let i = 0; i < link.last.length; i++) deliver(subscription, link.last[i] as MessageFrame, out);
  link.last = [];
}

function deliver(subscription: Subscription, frame: MessageFrame, out: InboxEvent[]): void {
  const { topic, data } = frame;
  const messageId = frame.id ?? '';
  const gap = subscription.gap;
  if (gap && messageId !== '') {
    subscription.gap = undefined;
    out.push({ type: 'message', message: { topic, data, id: messageId, gap } });
  } else {
    out.push({ type: 'message', message: { topic, data, id: messageId } });
  }
}

function tellGap(
  inbox: Inbox,
  subscription: Subscription,
  from: number,
  to: number,
  reason: string,
  out: InboxEvent[],
): void {
  const { topic, partition } = subscription;
  const gap: Gap = { topic, from: id(inbox, partition, from), to: id(inbox, partition, to), reason };
  subscription.gap = gap;
  out.push({ type: 'gap', gap });
}

/** The session moves to this connection's log: each subscription whose partition has changed is told a gap, once (D9). */
export function adoptEpochs(inbox: Inbox, connection: number, out: InboxEvent[]): void {
  const reception = inbox.receptions[connection];
  if (!reception) return;
  const former = inbox.epochs;
  inbox.version++;
  const changed = (partition: number): boolean =>
    former.length !== reception.epochs.length || former[partition] !== reception.epochs[partition];
  for (const other in inbox.receptions) fold(inbox, inbox.receptions[other] as Reception);
  inbox.epochs = reception.epochs.slice();
  for (const topic in inbox.subscriptions) {
    const subscription = inbox.subscriptions[topic] as Subscription;
    const link = linkOf(reception, subscription);
    const moved = subscription.partition >= 0 && changed(subscription.partition);
    if (link && link.state === 'held' && changed(link.partition)) {
      reception.heldLinks--;
      const from = subscription.own;
      const waiting = link.waiting;
      link.waiting = [];
      reception.waitingCount -= waiting.length;
      if (moved) {
        subscription.partition = link.partition;
        subscription.own = link.start;
        link.state = 'attached';
        tellGap(inbox, subscription, from, link.start, 'epoch', out);
      } else {
        begins(inbox, reception, subscription, link, out);
      }
      for (let i = 0; i < waiting.length; i++) {
        const { frame } = waiting[i] as Waiting;
        if (frame.type === 'gap') gap(inbox, connection, frame, out);
        else message(inbox, connection, frame, true, out);
      }
    } else if (moved) {
      // It is not on this connection: the gap is told now, and it begins anew with the next open.
      tellGap(inbox, subscription, subscription.own, subscription.own, 'epoch', out);
      subscription.partition = -1;
      subscription.since = undefined;
    }
  }
}

/** One message that came on a connection. `active`: whether ephemeral ones are taken from it (D13). `false`: not understood. */
export function message(
  inbox: Inbox,
  connection: number,
  frame: MessageFrame,
  active: boolean,
  out: InboxEvent[],
): boolean {
  const reception = inbox.receptions[connection];
  const subscription = inbox.subscriptions[frame.topic];
  const link = reception && subscription && linkOf(reception, subscription);
  if (!reception || !subscription || !link || link.state === 'asked' || link.state === 'put-off') {
    inbox.dropped.unconfirmed++;
    return true;
  }
  if (frame.id === undefined) {
    if (active && newEphemeral(inbox, frame.ephemeral ?? '')) deliver(subscription, frame, out);
    return true;
  }
  const place = parseId(frame.id);
  if (!place || place.partition !== link.partition) return false;
  if (link.state === 'held') return wait(reception, link, frame, place.offset);
  if (!samePartition(inbox, reception, place.partition)) {
    inbox.dropped.epoch++;
    return true;
  }
  const reached = upto(inbox, subscription);
  if (place.offset > (reception.position[place.partition] ?? -1)) {
    reception.position[place.partition] = place.offset;
  }
  if (place.offset <= reached) {
    inbox.dropped.duplicate++;
    return true;
  }
  subscription.own = place.offset;
  deliver(subscription, frame, out);
  return true;
}

function wait(reception: Reception, link: Link, frame: MessageFrame | GapFrame, offset: number): boolean {
  link.waiting.push({ frame, offset });
  reception.waitingCount++;
  return true;
}

function newEphemeral(inbox: Inbox, mark: string): boolean {
  const dot = mark.lastIndexOf('.');
  const origin = mark.slice(0, dot);
  const counter = Number(mark.slice(dot + 1));
  if (dot < 1 || !(counter >= 0)) return false;
  const origins = inbox.origins;
  for (let i = 0; i < origins.length; i++) {
    const known = origins[i] as { origin: string; counter: number };
    if (known.origin !== origin) continue;
    if (counter <= known.counter) return false;
    known.counter = counter;
    return true;
  }
  origins.push({ origin, counter });
  if (origins.length > originsMax) origins.shift();
  return true;
}

/**
 * Whether another connection may still bring what this one cannot: one that carries the subscription on, or has asked
 * for it from where it stands (a poll between two answers has). It answers or ends in a bounded time.
 */
function bridged(inbox: Inbox, subscription: Subscription, but: Reception): boolean {
  for (const other in inbox.receptions) {
    const reception = inbox.receptions[other] as Reception;
    const link = reception === but ? undefined : linkOf(reception, subscription);
    if (link?.state === 'attached' || (link?.state === 'asked' && link.partition >= 0)) return true;
    // Held back, but it joins on by now.
    const joins = link?.state === 'held' && samePartition(inbox, reception, link.partition);
    if (joins && link.start <= upto(inbox, subscription)) return true;
  }
  return false;
}

/** A gap told by a connection: a later start (D5). `false`: not understood. */
export function gap(inbox: Inbox, connection: number, frame: GapFrame, out: InboxEvent[]): boolean {
  const reception = inbox.receptions[connection];
  const subscription = inbox.subscriptions[frame.topic];
  const link = reception && subscription && linkOf(reception, subscription);
  if (!reception || !subscription || !link || link.state === 'asked' || link.state === 'put-off') return true;
  const to = parseId(frame.to);
  if (!to || to.partition !== link.partition) return false;
  if (link.state === 'held') return wait(reception, link, frame, to.offset);
  if (!samePartition(inbox, reception, to.partition)) return true;
  const reached = upto(inbox, subscription);
  if (to.offset <= reached) return true;
  if (bridged(inbox, subscription, reception)) {
    subscription.own = reached;
    link.start = to.offset;
    link.reason = frame.reason;
    hold(reception, link);
    return true;
  }
  tellGap(inbox, subscription, reached, to.offset, frame.reason, out);
  subscription.own = to.offset;
  return true;
}

/** A position mark: all that is confirmed on this connection has come so far. `false`: not understood. */
export function mark(inbox: Inbox, connection: number, text: string): boolean {
  const reception = inbox.receptions[connection];
  const cursor = parseCursor(text);
  if (!cursor) return false;
  if (reception) setPosition(reception, cursor);
  return true;
}

/** Lets go on whatever waited and can: to be called when progress was made or a connection went. Returns whom nobody can bridge. */
export function letThrough(inbox: Inbox, out: InboxEvent[]): number[] {
  const stranded: number[] = [];
  for (const connection in inbox.receptions) {
    const reception = inbox.receptions[connection] as Reception;
    if (reception.heldLinks === 0) continue;
    if (!releaseLinks(inbox, reception, out) || reception.waitingCount > waitingMax) {
      stranded.push(Number(connection));
    }
  }
  return stranded;
}

function releaseLinks(inbox: Inbox, reception: Reception, out: InboxEvent[]): boolean {
  let bridgeable = true;
  for (const topic in reception.links) {
    const link = reception.links[topic] as Link;
    const subscription = inbox.subscriptions[topic];
    if (link.state !== 'held' || !subscription || !linkOf(reception, subscription)) continue;
    if (!samePartition(inbox, reception, link.partition)) continue;
    const reached = upto(inbox, subscription);
    if (link.start <= reached) {
      attach(inbox, reception, subscription, link, reached, out);
    } else if (!bridged(inbox, subscription, reception)) {
      if (link.reason === undefined) {
        bridgeable = false;
      } else {
        tellGap(inbox, subscription, reached, link.start, link.reason, out);
        attach(inbox, reception, subscription, link, link.start, out);
      }
    }
  }
  return bridgeable;
}

/** What waited is delivered first; only then the connection's position counts for this subscription. */
function attach(
  inbox: Inbox,
  reception: Reception,
  subscription: Subscription,
  link: Link,
  reached: number,
  out: InboxEvent[],
): void {
  subscription.own = Math.max(subscription.own, reached);
  link.reason = undefined;
  reception.heldLinks--;
  const waiting = link.waiting;
  link.waiting = [];
  reception.waitingCount -= waiting.length;
  for (let i = 0; i < waiting.length; i++) {
    const { frame, offset } = waiting[i] as Waiting;
    if (frame.type === 'gap') {
      const now = upto(inbox, subscription);
      if (offset <= now) continue;
      if (bridged(inbox, subscription, reception)) {
        link.start = offset;
        link.reason = frame.reason;
        hold(reception, link);
        link.waiting = waiting.slice(i + 1);
        reception.waitingCount += link.waiting.length;
        return;
      }
      tellGap(inbox, subscription, now, offset, frame.reason, out);
      subscription.own = offset;
    } else {
      if (offset > (reception.position[link.partition] ?? -1)) reception.position[link.partition] = offset;
      if (offset <= upto(inbox, subscription)) {
        inbox.dropped.duplicate++;
        continue;
      }
      subscription.own = offset;
      deliver(subscription, frame, out);
    }
  }
  link.state = 'attached';
}

/** Forgets a connection; what it carried stays with the subscriptions. */
export function forget(inbox: Inbox, connection: number): void {
  const reception = inbox.receptions[connection];
  if (!reception) return;
  if (!inAnotherEpoch(inbox, connection)) fold(inbox, reception);
  delete inbox.receptions[connection];
}

/** Notes what a candidate must reach to stand in for the active connection: all that has been seen by now. */
export function setGoal(inbox: Inbox, connection: number): void {
  const reception = inbox.receptions[connection];
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
  const reception = inbox.receptions[connection];
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
