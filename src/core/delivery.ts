/**
 * What connections bring: confirmations, messages, gaps, another log. Decides what the application sees, once and in order
 * (rules D1, D2, D5, D9 and D13). Which connections exist, and which is active, is `session.ts`'s affair.
 */
import { parseCursor, parseId } from './cursor.ts';
import type { GapFrame, MessageFrame, TopicAnswer } from './frames.ts';
import {
  endSubscription,
  fold,
  type Gap,
  hold,
  type Inbox,
  id,
  isCurrent,
  type Link,
  linkOf,
  linksOf,
  type Reception,
  reach,
  type Subscription,
  samePartition,
  subscriptionsOf,
  table,
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
  reception: Reception,
  request: number,
  answers: readonly TopicAnswer[],
  now: number,
): boolean {
  inbox.version++;
  const listed = table<TopicAnswer>();
  answers.forEach((answer) => {
    listed[answer.topic] = answer;
  });
  return linksOf(inbox, reception).every((link) => {
    const { subscription } = link;
    const { topic } = subscription;
    const answer = listed[topic];
    if (link.request !== request || link.state !== 'asked') return true;
    if (answer?.error) {
      delete reception.links[topic];
      endSubscription(inbox, subscription, answer.error.code, answer.error.message);
      return true;
    }
    if (answer?.retryMs !== undefined) {
      link.state = 'put-off';
      subscription.retryAt = now + answer.retryMs;
      return true;
    }
    if (answer) {
      const place = parseId(answer.start ?? '');
      if (!place || reception.epochs[place.partition] === undefined) return false;
      link.partition = place.partition;
      link.start = place.offset;
      link.last = answer.last ?? [];
    } else if (request > 0 || link.partition < 0) {
      return false;
    }
    if (!samePartition(inbox, reception, link.partition)) hold(reception, link);
    else if (subscription.partition < 0) begins(inbox, reception, link);
    else if (link.start <= upto(inbox, subscription)) link.state = 'attached';
    else hold(reception, link);
    return true;
  });
}

/** The first confirmation of a subscription: from here on nothing is missed. */
function begins(inbox: Inbox, reception: Reception, link: Link): void {
  const { subscription, partition, start, last } = link;
  const { topic, serial, since } = subscription;
  subscription.partition = partition;
  subscription.own = start;
  link.state = 'attached';
  const wanted = since === undefined ? undefined : parseCursor(since)?.[partition];
  if (since !== undefined && wanted?.epoch !== reception.epochs[partition]) {
    tellGap(inbox, subscription, wanted ? wanted.offset : 0, start, 'epoch');
  }
  inbox.out.push({ type: 'ready', topic, serial, start: id(inbox, partition, start) });
  link.last = [];
  last.forEach((frame) => {
    deliver(inbox, subscription, frame);
  });
}

function deliver(inbox: Inbox, subscription: Subscription, frame: MessageFrame): void {
  const { topic, data, id = '' } = frame;
  const gap = id === '' ? undefined : subscription.gap;
  if (gap) subscription.gap = undefined;
  inbox.out.push({ type: 'message', message: gap ? { topic, data, id, gap } : { topic, data, id } });
}

/** What lies between cannot be had any more: the subscription goes on from `to`. */
function tellGap(inbox: Inbox, subscription: Subscription, from: number, to: number, reason: string): void {
  const { topic, partition } = subscription;
  const gap: Gap = { topic, from: id(inbox, partition, from), to: id(inbox, partition, to), reason };
  subscription.own = to;
  subscription.gap = gap;
  inbox.out.push({ type: 'gap', gap });
}

/** The session moves to this connection's log: each subscription whose partition has changed is told a gap, once (D9). */
export function adoptEpochs(inbox: Inbox, reception: Reception): void {
  const former = inbox.epochs;
  const { epochs } = reception;
  inbox.version++;
  const changed = (partition: number): boolean =>
    former.length !== epochs.length || former[partition] !== epochs[partition];
  inbox.receptions.forEach((other) => {
    fold(inbox, other);
  });
  inbox.epochs = epochs;
  subscriptionsOf(inbox).forEach((subscription) => {
    const link = linkOf(reception, subscription);
    const { partition, own } = subscription;
    const moved = partition >= 0 && changed(partition);
    if (link?.state === 'held' && changed(link.partition)) {
      subscription.partition = link.partition;
      if (moved) tellGap(inbox, subscription, own, link.start, 'epoch');
      else begins(inbox, reception, link);
      // What waited for other topics has moved the connection's position, which says nothing of this one yet.
      link.state = 'held';
      attach(inbox, reception, link, link.start);
    } else if (moved) {
      // It is not on this connection: the gap is told now, and it begins anew with the next open.
      tellGap(inbox, subscription, own, own, 'epoch');
      subscription.partition = -1;
      subscription.since = undefined;
    }
  });
}

/**
 * A message, or a gap, which is a later start (D5), that came on a connection. `active`: whether ephemeral messages are taken
 * from it (D13). `false`: not understood.
 */
export function takeIn(
  inbox: Inbox,
  reception: Reception,
  frame: MessageFrame | GapFrame,
  active: boolean,
): boolean {
  const link = reception.links[frame.topic];
  if (!link || !isCurrent(inbox, link) || link.state === 'asked' || link.state === 'put-off') return true;
  const text = frame.type === 'gap' ? frame.to : frame.id;
  if (text === undefined) {
    const { ephemeral = '' } = frame as MessageFrame;
    if (active && newEphemeral(inbox, ephemeral)) deliver(inbox, link.subscription, frame as MessageFrame);
    return true;
  }
  const place = parseId(text);
  if (!place || place.partition !== link.partition) return false;
  if (link.state === 'held') link.waiting.push({ frame, offset: place.offset });
  // Else it is of a log that the session has left.
  else if (samePartition(inbox, reception, place.partition))
    pass(inbox, reception, link, frame, place.offset);
  return true;
}

/** `false`: a gap that another connection may still bridge; until then, what follows on this one waits. */
function pass(
  inbox: Inbox,
  reception: Reception,
  link: Link,
  frame: MessageFrame | GapFrame,
  offset: number,
): boolean {
  const { subscription } = link;
  const reached = upto(inbox, subscription);
  if (frame.type === 'gap') {
    if (offset <= reached) return true;
    if (bridged(inbox, subscription, reception)) {
      subscription.own = reached;
      link.start = offset;
      link.reason = frame.reason;
      hold(reception, link);
      return false;
    }
    tellGap(inbox, subscription, reached, offset, frame.reason);
    return true;
  }
  reach(reception, link.partition, offset);
  if (offset <= reached) return true;
  subscription.own = offset;
  deliver(inbox, subscription, frame);
  return true;
}

function newEphemeral({ origins }: Inbox, mark: string): boolean {
  const dot = mark.lastIndexOf('.');
  const origin = mark.slice(0, dot);
  const counter = Number(mark.slice(dot + 1));
  if (dot < 1 || !(counter >= 0)) return false;
  const known = origins.filter((one) => one.origin === origin)[0];
  if (known) {
    const isNew = counter > known.counter;
    if (isNew) known.counter = counter;
    return isNew;
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
  return inbox.receptions.some((reception) => {
    const link = reception === but ? undefined : linkOf(reception, subscription);
    if (!link || link.state === 'put-off') return false;
    if (link.state === 'attached') return true;
    if (link.state === 'asked') return link.partition >= 0;
    // Held back, but it joins on by now.
    return samePartition(inbox, reception, link.partition) && link.start <= upto(inbox, subscription);
  });
}

/**
 * Lets go on what waited on a connection and can: to be called when progress was made or a connection went.
 * `false`: it starts beyond what anybody can bridge, or too much waits.
 */
export function letThrough(inbox: Inbox, reception: Reception): boolean {
  if (!reception.isHeld) return true;
  let isBridgeable = true;
  let waiting = 0;
  reception.isHeld = false;
  linksOf(inbox, reception).forEach((link) => {
    if (link.state !== 'held') return;
    if (samePartition(inbox, reception, link.partition)) {
      const { subscription, start, reason } = link;
      const reached = upto(inbox, subscription);
      if (start <= reached) {
        attach(inbox, reception, link, reached);
      } else if (!bridged(inbox, subscription, reception)) {
        if (reason === undefined) {
          isBridgeable = false;
        } else {
          tellGap(inbox, subscription, reached, start, reason);
          attach(inbox, reception, link, start);
        }
      }
    }
    waiting += link.waiting.length;
    reception.isHeld = reception.isHeld || link.state === 'held';
  });
  return isBridgeable && waiting <= waitingMax;
}

/** What waited is delivered first; only then the connection's position counts for this subscription. */
function attach(inbox: Inbox, reception: Reception, link: Link, reached: number): void {
  const { subscription, waiting } = link;
  subscription.own = Math.max(subscription.own, reached);
  link.reason = undefined;
  link.waiting = [];
  for (let i = 0; i < waiting.length; i++) {
    const { frame, offset } = waiting[i] as Waiting;
    if (!pass(inbox, reception, link, frame, offset)) {
      link.waiting = waiting.slice(i + 1);
      return;
    }
  }
  link.state = 'attached';
}
