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

/** In no order: there are a handful. */
export type Deadlines = Deadline[];

function find(deadlines: Deadlines, kind: DeadlineKind, id: number): Deadline | undefined {
  for (let i = 0; i < deadlines.length; i++) {
    const one = deadlines[i] as Deadline;
    if (one.kind === kind && one.id === id) return one;
  }
  return undefined;
}

function take(deadlines: Deadlines, one: Deadline | undefined): void {
  if (one) deadlines.splice(deadlines.indexOf(one), 1);
}

/** `undefined` clears it. */
export function setDeadline(deadlines: Deadlines, kind: DeadlineKind, at: number | undefined, id = 0): void {
  const one = find(deadlines, kind, id);
  if (at === undefined) take(deadlines, one);
  else if (one) one.at = at;
  else deadlines.push({ kind, id, at });
}

export function clearDeadline(deadlines: Deadlines, kind: DeadlineKind, id = 0): void {
  setDeadline(deadlines, kind, undefined, id);
}

export function hasDeadline(deadlines: Deadlines, kind: DeadlineKind, id = 0): boolean {
  return find(deadlines, kind, id) !== undefined;
}

export function deadlineAt(deadlines: Deadlines, kind: DeadlineKind, id = 0): number | undefined {
  return find(deadlines, kind, id)?.at;
}

/** Equal ones by name, so that the order in which they were set says nothing. */
function isBefore(one: Deadline, other: Deadline): boolean {
  if (one.at !== other.at) return one.at < other.at;
  return one.kind === other.kind ? one.id < other.id : one.kind < other.kind;
}

function earliest(deadlines: Deadlines): Deadline | undefined {
  let first = deadlines[0];
  for (let i = 1; i < deadlines.length; i++) {
    const one = deadlines[i] as Deadline;
    if (isBefore(one, first as Deadline)) first = one;
  }
  return first;
}

export function earliestDeadline(deadlines: Deadlines): number | undefined {
  return earliest(deadlines)?.at;
}

/** Takes one deadline that is due out of the table, the earliest first; `undefined` if none. */
export function takeDue(deadlines: Deadlines, now: number): Deadline | undefined {
  const first = earliest(deadlines);
  if (!first || first.at > now) return undefined;
  take(deadlines, first);
  return first;
}

export function clearDeadlinesOf(deadlines: Deadlines, id: number): void {
  for (let i = deadlines.length - 1; i >= 0; i--) if (deadlines[i]?.id === id) deadlines.splice(i, 1);
}
