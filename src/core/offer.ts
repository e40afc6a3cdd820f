/**
 * What a connection is asked for: the minimum of all positions in an open, new subscriptions in place (rules D1, D11, D20).
 * It changes what a connection carries, never how far a subscription has come.
 */
import { formatCursor, type Place } from './cursor.ts';
import type { TopicRequest } from './frames.ts';
import {
  fold,
  type Inbox,
  isCurrent,
  type Link,
  linkOf,
  newLink,
  type Reception,
  type Subscription,
  subscriptionsOf,
  table,
  upto,
} from './inbox.ts';

export interface Offer {
  readonly topics: readonly TopicRequest[];
  readonly cursor: string | undefined;
  /** The same from the same places has the same question. */
  readonly question: string;
}

/**
 * What an open of this connection asks for: the minimum of all positions, and for who stands elsewhere its own (D1).
 * Begins what the connection carries; a poll begins anew each time (D11).
 */
export function offer(inbox: Inbox, reception: Reception): Offer {
  fold(inbox, reception);
  reception.epochs = [];
  reception.position = [];
  reception.goal = [];
  reception.links = table();
  const least: number[] = [];
  const links: Link[] = [];
  const topics: TopicRequest[] = [];
  subscriptionsOf(inbox).forEach((subscription) => {
    const { topic, partition } = subscription;
    const link = newLink(subscription, 0);
    subscription.retryAt = undefined;
    if (partition >= 0) {
      link.start = upto(inbox, subscription);
      const lowest = least[partition];
      if (lowest === undefined || link.start < lowest) least[partition] = link.start;
    }
    reception.links[topic] = link;
    links.push(link);
  });
  const cursor = least.length > 0 ? cursorAt(inbox, least) : undefined;
  // Not as JSON, which a page may have broken; no topic has a tab in its name.
  let question = `${cursor}`;
  links.forEach(({ subscription, start }) => {
    topics.push(topicRequest(inbox, subscription, start, least));
    question += `\t${start}\t${subscription.topic}`;
  });
  return { topics, cursor, question };
}

function topicRequest(
  inbox: Inbox,
  { topic, partition, last, since }: Subscription,
  from: number,
  least: readonly number[],
): TopicRequest {
  if (partition >= 0) {
    if (from === least[partition]) return topic;
    const offsets: number[] = [];
    offsets[partition] = from;
    return { topic, at: cursorAt(inbox, offsets) };
  }
  if (since !== undefined) return { topic, at: since };
  return last > 0 ? { topic, new: true, last } : { topic, new: true };
}

function cursorAt({ epochs }: Inbox, offsets: readonly (number | undefined)[]): string {
  const cursor: (Place | undefined)[] = [];
  epochs.forEach((epoch, partition) => {
    const offset = offsets[partition];
    cursor.push(offset === undefined ? undefined : { epoch, offset });
  });
  return formatCursor(cursor);
}

/** Whether it has a place to go on from, which only an open can tell a server. */
export function hasPosition({ partition, since }: Subscription): boolean {
  return partition >= 0 || since !== undefined;
}

/** Subscriptions that the connection does not carry, and for which it may be asked now. */
export function missing(inbox: Inbox, reception: Reception, now: number): Subscription[] {
  return subscriptionsOf(inbox).filter((subscription) => {
    const link = linkOf(reception, subscription);
    return (!link || link.state === 'put-off') && !((subscription.retryAt ?? 0) > now);
  });
}

/** Asks in place for what is new since the open: subscriptions without a position of their own. */
export function ask(inbox: Inbox, reception: Reception, request: number, now: number): TopicRequest[] {
  const topics: TopicRequest[] = [];
  missing(inbox, reception, now).forEach((subscription) => {
    if (hasPosition(subscription)) return;
    subscription.retryAt = undefined;
    reception.links[subscription.topic] = newLink(subscription, request);
    topics.push(topicRequest(inbox, subscription, -1, []));
  });
  return topics;
}

/** Topics that the connection carries although nobody wants them any more. */
export function unwanted(inbox: Inbox, { links }: Reception): string[] {
  const topics: string[] = [];
  for (const topic in links) if (!isCurrent(inbox, links[topic] as Link)) topics.push(topic);
  return topics;
}
