/**
 * Every wait of a session, as data: what is waited for, and until when on the monotonic clock.
 * The driver arms one host timer for the earliest; expiry is judged by the clock, so a throttled timer is only late.
 */

/** What waits. */
export type DeadlineKind =
  /** No connection: try again. */
  | 'retry'
  /** A lesser transport is in use: try a better one. */
  | 'upgrade'
  /** A replacement failed beside a working connection: try it again. */
  | 'replace'
  /** The token runs out soon. */
  | 'auth'
  /** The next send gives up waiting. */
  | 'sends'
  /** A subscription whose answer was "ask again". */
  | 'topics'
  /** A candidate has not said hello. */
  | 'prove'
  /** Nothing was heard from a connection. */
  | 'quiet'
  /** Nothing that went up on a duplex connection has been answered. */
  | 'verify'
  /** A POST of it has not been answered. */
  | 'post'
  /** A released connection has not ended by itself. */
  | 'linger'
  /** Time for the next short poll. */
  | 'poll'
  /** Sends that the server put off may be transmitted again. */
  | 'uplink';

export interface Deadline {
  readonly kind: DeadlineKind;
  /** The connection's; 0 is the session itself. */
  readonly id: number;
  readonly at: number;
}

/** As much of a session as this file needs. The deadlines are in no order: there are a handful. */
export interface Waiting {
  deadlines: Deadline[];
  readonly now: { readonly mono: number };
}

/** Whose a deadline is: a connection, or the session itself. */
interface Owner {
  readonly id: number;
}

const itself: Owner = { id: 0 };

/** `undefined` clears it. */
export function setDeadline(
  session: Waiting,
  kind: DeadlineKind,
  at: number | undefined,
  { id }: Owner = itself,
): void {
  session.deadlines = session.deadlines.filter((one) => one.kind !== kind || one.id !== id);
  if (at !== undefined) session.deadlines.push({ kind, id, at });
}

/** The deadline is so many milliseconds from now. */
export function waitFor(session: Waiting, kind: DeadlineKind, ms: number, owner?: Owner): void {
  setDeadline(session, kind, session.now.mono + ms, owner);
}

export function clearDeadline(session: Waiting, kind: DeadlineKind, owner?: Owner): void {
  setDeadline(session, kind, undefined, owner);
}

export function deadlineAt(
  { deadlines }: Waiting,
  kind: DeadlineKind,
  { id }: Owner = itself,
): number | undefined {
  return deadlines.filter((one) => one.kind === kind && one.id === id)[0]?.at;
}

export function hasDeadline(session: Waiting, kind: DeadlineKind, owner?: Owner): boolean {
  return deadlineAt(session, kind, owner) !== undefined;
}

/** Equal ones by name, so that the order in which they were set says nothing. */
function compare(one: Deadline, other: Deadline): number {
  const byName = one.kind < other.kind ? -1 : 1;
  return one.at - other.at || (one.kind === other.kind ? one.id - other.id : byName);
}

function earliest({ deadlines }: Waiting): Deadline | undefined {
  return deadlines.sort(compare)[0];
}

/** The monotonic time at which the session wants to be stepped at the latest; `undefined`: not before something happens. */
export function nextDeadline(session: Waiting): number | undefined {
  return earliest(session)?.at;
}

/** Takes one deadline that is due out of the table, the earliest first; `undefined` if none. */
export function takeDue(session: Waiting): Deadline | undefined {
  const first = earliest(session);
  if (!first || first.at > session.now.mono) return undefined;
  setDeadline(session, first.kind, undefined, first);
  return first;
}

export function clearDeadlinesOf(session: Waiting, { id }: Owner = itself): void {
  session.deadlines = session.deadlines.filter((one) => one.id !== id);
}
