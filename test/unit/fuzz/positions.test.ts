/**
 * The algebra of positions (rule D1), step by step: `upto` only rises, an open asks for the minimum, what is at or below
 * `upto` is a duplicate, and only a connection on which a subscription is confirmed moves it.
 */
import fc from 'fast-check';
import { describe, it, vi } from 'vitest';
import { parseCursor } from '../../../src/core/cursor.ts';
import type { TopicAnswer } from '../../../src/core/frames.ts';
import type { Inbox, InboxEvent, Subscription } from '../../../src/core/inbox.ts';
import type { Offer } from '../../../src/core/offer.ts';
import {
  begin,
  confirm,
  createInbox,
  forget,
  letThrough,
  mark,
  offer,
  receptionOf,
  subscribe,
  takeIn,
  unsubscribe,
  upto,
} from '../core/by-id.ts';
import { insist, insistSame } from './insist.ts';

// Thousands of runs take their time on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const topics = ['A', 'B', 'C'] as const;
const epoch = 'aaaaaaaaaaa';
const place = (offset: number): string => `${epoch}.${offset}`;
const offsetIn = (cursor: string): number => parseCursor(cursor)?.[0]?.offset ?? -1;

/** How far each confirmed subscription is. */
function standings(box: Inbox): Map<Subscription, number> {
  const all = Object.values(box.subscriptions).filter(({ partition }) => partition >= 0);
  return new Map(all.map((one) => [one, upto(box, one)]));
}

/** Each subscription is asked for from where it stands: by the cursor if that is the least of all, else by its own. */
function expectMinimum(box: Inbox, made: Offer): void {
  const known = standings(box);
  const least = Math.min(...known.values());
  const asked = made.cursor === undefined ? undefined : offsetIn(made.cursor);
  insist(
    asked === (known.size === 0 ? undefined : least),
    `the open asks from ${asked}, the least is ${least}`,
  );
  for (const [{ topic }, at] of known) {
    const request = made.topics.find((one) => (typeof one === 'string' ? one : one.topic) === topic);
    insistSame(request, at === least ? topic : { topic, at: place(at) }, `the request for ${topic}`);
  }
}

function answersTo(made: Offer, head: number): TopicAnswer[] {
  return made.topics.flatMap((request) => {
    if (typeof request === 'string') return [];
    return [{ topic: request.topic, start: 'at' in request ? `${offsetIn(request.at)}` : `${head}` }];
  });
}

const step = fc.record({
  act: fc.constantFrom(
    'open',
    'hello',
    'hello',
    'message',
    'message',
    'message',
    'mark',
    'cut',
    'subscribe',
    'unsubscribe',
  ),
  id: fc.integer({ min: 1, max: 3 }),
  topic: fc.constantFrom(...topics),
  offset: fc.nat(30),
});

describe('however connections come, speak and go', () => {
  it('positions obey their rules', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const box = createInbox();
        const offers = new Map<number, Offer>();
        subscribe(box, 'A', 0, undefined);
        let head = 0;
        let before = standings(box);
        for (const { act, id, topic, offset } of steps) {
          const out: InboxEvent[] = [];
          const subscription = box.subscriptions[topic];
          const reached = subscription ? upto(box, subscription) : 0;
          const isConfirmed = receptionOf(box, id).links[topic]?.state === 'attached';
          if (act === 'subscribe') {
            if (!subscription) subscribe(box, topic, 0, undefined);
          } else if (act === 'unsubscribe') unsubscribe(box, topic);
          else if (act === 'open') {
            const made = offer(box, id);
            expectMinimum(box, made);
            offers.set(id, made);
          } else if (act === 'hello') {
            const made = offers.get(id);
            offers.delete(id);
            head = Math.max(head, offset, ...before.values());
            const from = made?.cursor === undefined ? head : offsetIn(made.cursor);
            if (made) begin(box, id, place(head), place(from));
            if (made) confirm(box, id, 0, answersTo(made, head), 0, out);
          } else if (act === 'message') {
            const isOurs =
              subscription !== undefined && receptionOf(box, id).links[topic]?.subscription === subscription;
            takeIn(box, id, { topic, id: `${offset}`, data: offset }, false, out);
            const isDue = isOurs && isConfirmed && offset > reached;
            insistSame(
              out.map(({ type }) => type),
              isDue ? ['message'] : [],
              `${topic} ${offset} after ${reached}`,
            );
            if (isDue) insist(upto(box, subscription) === offset, `${topic} has come to ${offset}`);
          } else if (act === 'mark') {
            mark(box, id, place(offset));
            if (isConfirmed || !subscription) continue;
            insist(upto(box, subscription) === reached, `${topic} moved by a mark where it is not confirmed`);
          } else {
            forget(box, id);
            offers.delete(id);
          }
          letThrough(box, out);
          const after = standings(box);
          for (const [one, at] of before)
            insist((after.get(one) ?? at) >= at, `${one.topic} fell after ${act}`);
          before = after;
        }
      }),
      { numRuns: 700 },
    );
  });
});
