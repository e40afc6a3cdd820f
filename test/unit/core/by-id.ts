/** The inbox as tests name its connections: by numbers, and with what each call tells the application in a list of its own. */
import * as delivery from '../../../src/core/delivery.ts';
import type { GapFrame, MessageFrame, TopicAnswer, TopicRequest } from '../../../src/core/frames.ts';
import * as inbox from '../../../src/core/inbox.ts';
import * as offers from '../../../src/core/offer.ts';

/** An inbox and its connections by number. */
export interface Box extends inbox.Inbox {
  readonly known: Map<number, inbox.Reception>;
}

export function createInbox(): Box {
  return { ...inbox.createInbox([]), known: new Map() };
}

export const { subscribe, unsubscribe, upto } = inbox;

/** What was never opened is as what was forgotten. */
export function receptionOf(box: Box, connection: number): inbox.Reception {
  const known = box.known.get(connection);
  if (known) return known;
  const reception = inbox.createReception(box);
  inbox.forget(box, reception);
  return reception;
}

function told<T>(box: Box, out: inbox.InboxEvent[], result: T): T {
  out.push(...box.out.splice(0));
  return result;
}

export function offer(box: Box, connection: number): offers.Offer {
  const former = receptionOf(box, connection);
  if (!box.receptions.includes(former)) box.known.set(connection, inbox.createReception(box));
  return offers.offer(box, receptionOf(box, connection));
}

export function begin(box: Box, connection: number, head: string, cursor: string): boolean {
  return inbox.begin(box, receptionOf(box, connection), head, cursor);
}

export function confirm(
  box: Box,
  connection: number,
  request: number,
  answers: readonly TopicAnswer[],
  now: number,
  out: inbox.InboxEvent[],
): boolean {
  return told(box, out, delivery.confirm(box, receptionOf(box, connection), request, answers, now));
}

export function takeIn(
  box: Box,
  connection: number,
  frame: MessageFrame | GapFrame,
  active: boolean,
  out: inbox.InboxEvent[],
): boolean {
  return told(box, out, delivery.takeIn(box, receptionOf(box, connection), frame, active));
}

export function mark(box: Box, connection: number, cursor: string): boolean {
  return inbox.mark(receptionOf(box, connection), cursor);
}

export function ask(box: Box, connection: number, request: number, now: number): TopicRequest[] {
  return offers.ask(box, receptionOf(box, connection), request, now);
}

/** Topics that nobody wants any more, taken from the connection. */
export function takeUnwanted(box: Box, connection: number): string[] {
  const { links } = receptionOf(box, connection);
  const topics = offers.unwanted(box, receptionOf(box, connection));
  for (const topic of topics) delete links[topic];
  return topics;
}

export function setGoal(box: Box, connection: number): void {
  inbox.setGoal(box, receptionOf(box, connection));
}

export function caughtUp(box: Box, connection: number): boolean {
  return inbox.caughtUp(box, receptionOf(box, connection));
}

export function adoptEpochs(box: Box, connection: number, out: inbox.InboxEvent[]): void {
  told(box, out, delivery.adoptEpochs(box, receptionOf(box, connection)));
}

/** Returns whom nobody can bridge. */
export function letThrough(box: Box, out: inbox.InboxEvent[]): number[] {
  const stranded = [...box.known].filter(([, reception]) => !delivery.letThrough(box, reception));
  return told(
    box,
    out,
    stranded.map(([connection]) => connection),
  );
}

/** What it still brings comes to a connection that carries nothing. */
export function forget(box: Box, connection: number): void {
  inbox.forget(box, receptionOf(box, connection));
}
