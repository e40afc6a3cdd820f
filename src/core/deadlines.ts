/**
 * Every wait of a session, as data: a table from a name to a moment of the monotonic clock.
 * The driver arms one host timer for the earliest; expiry is judged by the clock, so a throttled timer is only late.
 */

/** What waits. Kinds that belong to a connection are kept under its id. */
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

export type Deadlines = Record<string, number>;

function key(kind: DeadlineKind, id: number): string {
  return id === 0 ? kind : `${kind}:${id}`;
}

/** `id` 0 is the session itself. */
export function setDeadline(deadlines: Deadlines, kind: DeadlineKind, at: number, id = 0): void {
  deadlines[key(kind, id)] = at;
}

export function clearDeadline(deadlines: Deadlines, kind: DeadlineKind, id = 0): void {
  delete deadlines[key(kind, id)];
}

export function hasDeadline(deadlines: Deadlines, kind: DeadlineKind, id = 0): boolean {
  return deadlines[key(kind, id)] !== undefined;
}

export function deadlineAt(deadlines: Deadlines, kind: DeadlineKind, id = 0): number | undefined {
  return deadlines[key(kind, id)];
}

export function earliestDeadline(deadlines: Deadlines): number | undefined {
  let earliest: number | undefined;
  for (const name in deadlines) {
    const at = deadlines[name] as number;
    if (earliest === undefined || at < earliest) earliest = at;
  }
  return earliest;
}

export interface Due {
  readonly kind: DeadlineKind;
  readonly id: number;
}

/** Takes one deadline that is due out of the table, the earliest first and equal ones by name; `undefined` if none. */
export function takeDue(deadlines: Deadlines, now: number): Due | undefined {
  let first: string | undefined;
  for (const name in deadlines) {
    const at = deadlines[name] as number;
    if (at > now) continue;
    const best = first === undefined ? at + 1 : (deadlines[first] as number);
    if (at < best || (at === best && name < (first as string))) first = name;
  }
  if (first === undefined) return undefined;
  delete deadlines[first];
  const colon = first.indexOf(':');
  if (colon < 0) return { kind: first as DeadlineKind, id: 0 };
  return { kind: first.slice(0, colon) as DeadlineKind, id: Number(first.slice(colon + 1)) };
}

export function clearDeadlinesOf(deadlines: Deadlines, id: number): void {
  const ending = `:${id}`;
  for (const name in deadlines) {
    if (name.slice(-ending.length) === ending) delete deadlines[name];
  }
}
