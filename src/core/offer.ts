/**
 * What a connection is asked for: the minimum of all positions in an open, new subscriptions in place (rules D1, D11, D20).
 * It changes what a connection carries, never how far a subscription has come.
 */
import { formatCursor, type Place } from './cursor.ts';
import type { TopicRequest } from './frames.ts';
import {
  fold,
  forgetLink,
  type Inbox,
  linkOf,
  newLink,
  type Reception,
  receptionOf,
  type Subscription,
  table,
  upto,
} from './inbox.ts';

export interface Offer {
  readonly topics: readonly TopicRequest[];
  readonly cursor: string | undefined;
}

/**
 * What an open of this connection asks for: the minimum of all positions, and for who stands elsewhere its own (D1).
 * Begins what the connection carries; a poll begins anew each time (D11).
 */
export function offer(inbox: Inbox, connection: number): Offer {
  const former = receptionOf(inbox, connection);
  if (former) fold(inbox, former);
  const reception: Reception = {
    connection,
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
  if (former) inbox.receptions[inbox.receptions.indexOf(former)] = reception;
  else inbox.receptions.push(reception);
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
  const reception = receptionOf(inbox, connection);
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
  const reception = receptionOf(inbox, connection);
  const topics: string[] = [];
  if (!reception) return topics;
  for (const topic in reception.links) {
    const subscription = inbox.subscriptions[topic];
    if (subscription && linkOf(reception, subscription)) continue;
    topics.push(topic);
    forgetLink(reception, topic);
  }
  return topics;
}

/** Whether the connection does not carry what is wanted: `missing` a subscription, or only `extra` ones. */
export function compare(inbox: Inbox, connection: number, now: number): 'same' | 'extra' | 'missing' {
  const reception = receptionOf(inbox, connection);
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
