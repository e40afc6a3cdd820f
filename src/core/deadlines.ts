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
  at: number;
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

function find({ deadlines }: Waiting, kind: DeadlineKind, { id }: Owner): Deadline | undefined {
  for (let i = 0; i < deadlines.length; i++) {
    const one = deadlines[i] as Deadline;
    if (one.kind === kind && one.id === id) return one;
  }
  return undefined;
}

function drop({ deadlines }: Waiting, one: Deadline | undefined): void {
  if (one) deadlines.splice(deadlines.indexOf(one), 1);
}

/** `undefined` clears it. */
export function setDeadline(
  session: Waiting,
  kind: DeadlineKind,
  at: number | undefined,
  owner: Owner = itself,
): void {
  const one = find(session, kind, owner);
  if (at === undefined) drop(session, one);
  else if (one) one.at = at;
  else session.deadlines.push({ kind, id: owner.id, at });
}

/** The deadline is so many milliseconds from now. */
export function waitFor(session: Waiting, kind: DeadlineKind, ms: number, owner?: Owner): void {
  setDeadline(session, kind, session.now.mono + ms, owner);
}

export function clearDeadline(session: Waiting, kind: DeadlineKind, owner?: Owner): void {
  setDeadline(session, kind, undefined, owner);
}

export function deadlineAt(session: Waiting, kind: DeadlineKind, owner: Owner = itself): number | undefined {
  return find(session, kind, owner)?.at;
}

export function hasDeadline(session: Waiting, kind: DeadlineKind, owner?: Owner): boolean {
  return deadlineAt(session, kind, owner) !== undefined;
}

/** Equal ones by name, so that the order in which they were set says nothing. */
function isBefore(one: Deadline, other: Deadline): boolean {
  if (one.at !== other.at) return one.at < other.at;
  return one.kind === other.kind ? one.id < other.id : one.kind < other.kind;
}

function earliest({ deadlines }: Waiting): Deadline | undefined {
  let first = deadlines[0];
  for (let i = 1; i < deadlines.length; i++) {
    const one = deadlines[i] as Deadline;
    if (isBefore(one, first as Deadline)) first = one;
  }
  return first;
}

/** The monotonic time at which the session wants to be stepped at the latest; `undefined`: not before something happens. */
export function nextDeadline(session: Waiting): number | undefined {
  return earliest(session)?.at;
}

/** Takes one deadline that is due out of the table, the earliest first; `undefined` if none. */
export function takeDue(session: Waiting): Deadline | undefined {
  const first = earliest(session);
  if (!first || first.at > session.now.mono) return undefined;
  drop(session, first);
  return first;
}

export function clearDeadlinesOf(session: Waiting, { id }: Owner = itself): void {
  session.deadlines = session.deadlines.filter((one) => one.id !== id);
}
