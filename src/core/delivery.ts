/**
 * What connections bring: confirmations, messages, gaps, another log. Decides what the application sees, once and in order
 * (rules D1, D2, D5, D9 and D13). Which connections exist, and which is active, is `session.ts`'s affair.
 */
import { parseCursor, parseId } from './cursor.ts';
import type { GapFrame, MessageFrame, TopicAnswer } from './frames.ts';
import {
  fold,
  forgetLink,
  type Gap,
  hold,
  type Inbox,
  type InboxEvent,
  id,
  type Link,
  linkOf,
  type Reception,
  receptionOf,
  type Subscription,
  samePartition,
  table,
  unsubscribe,
  upto,
  type Waiting,
} from './inbox.ts';

/** Frames held back on one connection; one more and it is opened anew instead. */
const waitingMax = 10_000;
const originsMax = 16;

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
  const reception = receptionOf(inbox, connection);
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
  const { topic, data, id = '' } = frame;
  const { gap } = subscription;
  if (gap && id !== '') subscription.gap = undefined;
  out.push({ type: 'message', message: gap && id !== '' ? { topic, data, id, gap } : { topic, data, id } });
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
  const reception = receptionOf(inbox, connection);
  if (!reception) return;
  const former = inbox.epochs;
  inbox.version++;
  const changed = (partition: number): boolean =>
    former.length !== reception.epochs.length || former[partition] !== reception.epochs[partition];
  for (let i = 0; i < inbox.receptions.length; i++) fold(inbox, inbox.receptions[i] as Reception);
  inbox.epochs = reception.epochs.slice();
  for (const topic in inbox.subscriptions) {
    const subscription = inbox.subscriptions[topic] as Subscription;
    const link = linkOf(reception, subscription);
    const moved = subscription.partition >= 0 && changed(subscription.partition);
    if (link && link.state === 'held' && changed(link.partition)) {
      const from = subscription.own;
      if (moved) {
        subscription.partition = link.partition;
        subscription.own = link.start;
        tellGap(inbox, subscription, from, link.start, 'epoch', out);
      } else {
        begins(inbox, reception, subscription, link, out);
      }
      // What waited for other topics has moved the connection's position, which says nothing of this one yet.
      link.state = 'held';
      attach(inbox, reception, subscription, link, link.start, out);
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
  const reception = receptionOf(inbox, connection);
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
  for (let i = 0; i < inbox.receptions.length; i++) {
    const reception = inbox.receptions[i] as Reception;
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
  const reception = receptionOf(inbox, connection);
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

/** Lets go on whatever waited and can: to be called when progress was made or a connection went. Returns whom nobody can bridge. */
export function letThrough(inbox: Inbox, out: InboxEvent[]): number[] {
  const stranded: number[] = [];
  for (let i = 0; i < inbox.receptions.length; i++) {
    const reception = inbox.receptions[i] as Reception;
    if (reception.heldLinks === 0) continue;
    if (!releaseLinks(inbox, reception, out) || reception.waitingCount > waitingMax) {
      stranded.push(reception.connection);
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
