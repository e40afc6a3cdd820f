/**
 * Which transport comes next: a pure function from facts to an order. It opens nothing and waits for nothing.
 * Facts about kinds come from the adapters; facts about this network are learned here, one record for each transport.
 */

export interface Kind {
  readonly transport: string;
  /** Round trips that it declares until the first answer. */
  readonly roundTrips: number;
  readonly duplex: boolean;
  readonly streaming: boolean;
  readonly held: boolean;
  /** Opens on a connection of its own even if the pooled ones are dead. */
  readonly fresh?: boolean;
  /** Does so when it is asked to: requests of the other credentials mode have a pool of their own. */
  readonly twoPools?: boolean;
  /** What answers knows nothing of Holdfast: it is asked nothing, told nothing, and judged by nothing that it never said. */
  readonly plain?: boolean;
  /** Topics may change while it is open. Default: on a duplex connection. */
  readonly inPlace?: boolean;
  /** Says nothing until there is something to say: if it is not refused in its time, it is taken to be open. */
  readonly presumed?: boolean;
}

/** A transport on this network: what its adapter says of it, and what has been seen of it. */
export interface Way extends Kind {
  /** It can run here and now. */
  isAvailable: boolean;
  /** Times in a row that it did not get through although another did. */
  failures: number;
  /** Connections in a row that were proven and died young, while the network was well. */
  youngDeaths: number;
  /** Connections that asked for the next message alone, and were lost before it came (rule D22). */
  kills: number;
  /** Monotonic time until which it stands behind the others. */
  outUntil: number;
  /** The code of what was told about it last, since it worked. */
  told?: string | undefined;
  /** It was proven at least once. */
  worked?: true;
}

/** What one visit to a network teaches the next. */
export interface Knowledge {
  /** The transport that carried the session. */
  readonly transport: string;
  readonly rttMs: number | undefined;
  /** How often a server is asked to be heard of, where something cuts what is idle. */
  readonly heartbeatMs: number | undefined;
  /** Those that did not get through: how often in a row, and for how many milliseconds more they stand back. */
  readonly out: Readonly<Record<string, { readonly failures: number; readonly forMs: number }>>;
}

export interface PolicyState {
  /** Best first, as the application lists them. */
  readonly kinds: readonly Way[];
  /** What the application asked for. */
  preferred: Way | undefined;
  /** What worked here before. */
  remembered: Way | undefined;
  /** Smoothed round trip, milliseconds; `undefined` until measured or remembered. */
  rttMs: number | undefined;
  /** What the platform takes a round trip for; counts only while none was measured. */
  estimatedRttMs: number | undefined;
  /** The one whose connection died young last, while it is open whether anything else gets through. */
  lastDeath: Way | undefined;
  /** How long connections were idle when they were cut, and how often in a row it was about that long. */
  idleMs: number;
  idleCuts: number;
  /** What a server is asked for; `undefined`: its own interval will do. */
  heartbeatMs: number | undefined;
}

const outBaseMs = 10_000;
const outCapMs = 300_000;
/** After so many, and one for each way, it is passed over. */
const killsMax = 4;
/** A proven connection that dies before this has died young. */
export const youngMs = 30_000;
/** So many young deaths in a row, and a transport gives way to others. */
const youngDeathsMax = 3;
/** What a round trip is taken for while nothing is known. */
const rttDefaultMs = 300;
/** An alternative that is opened although all is well is a needless connection, so what is known to work is given this at least. */
const knownStaggerMinMs = 1_000;
/** A cut after less idling than this is no idle limit; nor is any heartbeat asked for below its half. */
const idleMinMs = 2_000;

export function createPolicy(kinds: readonly Kind[]): PolicyState {
  const ways = kinds.map((kind) => ({
    ...kind,
    isAvailable: false,
    failures: 0,
    youngDeaths: 0,
    kills: 0,
    outUntil: 0,
  }));
  const policy = { kinds: ways, preferred: undefined } as unknown as PolicyState;
  forgetNetwork(policy);
  return policy;
}

/** What a round trip takes here, as far as anybody knows, milliseconds. */
export function rttOf(policy: PolicyState): number {
  return policy.rttMs ?? policy.estimatedRttMs ?? rttDefaultMs;
}

export function kindOf(policy: PolicyState, transport: string | undefined): Way | undefined {
  return policy.kinds.filter((kind) => kind.transport === transport)[0];
}

/**
 * All transports that can run, in the order in which to try them: the one asked for, the one that worked here before,
 * then as listed; those that proved bad come last, the soonest forgiven first.
 */
export function ranking(policy: PolicyState, now: number): Way[] {
  const { preferred, remembered, kinds } = policy;
  const isBad = (kind: Way): boolean =>
    kind.kills > 0 || (kind !== preferred && (kind.outUntil > now || isFlapping(policy, kind)));
  const order = [preferred, remembered]
    .concat(kinds)
    .filter((kind, i, all): kind is Way => kind?.isAvailable === true && all.indexOf(kind) === i);
  const bad = order.filter(isBad).sort((a, b) => a.outUntil - b.outUntil);
  return order.filter((kind) => !isBad(kind)).concat(bad);
}

/** What comes next kills whatever carries it. */
export function isHopeless({ kinds }: PolicyState): boolean {
  return kinds.reduce((sum, { kills }) => sum + kills, 0) >= killsMax + kinds.length;
}

/** The next connection begins elsewhere. */
export function forgetKills({ kinds }: PolicyState): void {
  kinds.forEach((kind) => {
    kind.kills = 0;
  });
}

/** Its connections keep dying young, the last one just now. */
export function isFlapping({ lastDeath }: PolicyState, kind: Way): boolean {
  return lastDeath === kind && kind.youngDeaths >= youngDeathsMax;
}

/** The best of those that open on a connection of their own and do not stand back. */
export function freshest(policy: PolicyState, now: number): Way | undefined {
  return ranking(policy, now).filter(({ fresh, outUntil }) => fresh && outUntil <= now)[0];
}

/** The best of those whose every answer ends, and which so get through wherever HTTP does; `undefined` if none can run. */
export function safest(policy: PolicyState, now: number): Way | undefined {
  return ranking(policy, now).filter(({ streaming }) => !streaming)[0];
}

/** Why this one is what it is, for status and traces. */
export function reasonFor(policy: PolicyState, kind: Way): string {
  if (kind === policy.preferred) return 'asked for';
  if (kind === policy.remembered) return 'worked here before';
  return betterThan(policy, kind).length === 0 ? 'best of those listed' : 'best of those that may work';
}

/** Transports that would be better than this one, best first: what an upgrade tries. */
export function betterThan({ preferred, kinds }: PolicyState, kind: Way): Way[] {
  if (preferred?.isAvailable) return preferred === kind ? [] : [preferred];
  return kinds.slice(0, kinds.indexOf(kind)).filter(({ isAvailable }) => isAvailable);
}

/** When to look for a better transport, monotonic; `undefined` if there is none. */
export function upgradeAt(policy: PolicyState, kind: Way, now: number): number | undefined {
  const soonest = betterThan(policy, kind).sort((a, b) => a.outUntil - b.outUntil)[0];
  return soonest && Math.max(now, soonest.outUntil);
}

/**
 * How long a candidate of this kind may take to say hello before the next one is tried beside it, milliseconds.
 * `isKnown`: it worked here before, so that a slow moment is likelier than a closed way.
 */
export function staggerMs(policy: PolicyState, kind: Kind, isKnown: boolean): number {
  const ms = Math.round(kind.roundTrips * rttOf(policy) * 1.5 + 100);
  return Math.min(30_000, isKnown ? Math.max(knownStaggerMinMs, ms) : ms);
}

/** A hello may have been held back on its way for a long time, so that one of them alone does not say much. */
export function learnRtt(policy: PolicyState, sampleMs: number): void {
  const former = policy.rttMs;
  const sample = Math.min(sampleMs, 4 * rttOf(policy));
  policy.rttMs = former === undefined ? sample : former * 0.75 + sample * 0.25;
}

/**
 * A connection was cut after it had been idle for so long. Twice in a row about the same is a limit of something on the
 * way: the server is asked to be heard of in time.
 */
export function learnIdleCut(policy: PolicyState, idleMs: number): void {
  if (idleMs < idleMinMs) return;
  const former = policy.idleMs;
  const isSame = Math.abs(idleMs - former) <= 500 + former / 10;
  policy.idleCuts = isSame ? policy.idleCuts + 1 : 1;
  policy.idleMs = idleMs;
  if (policy.idleCuts < 2) return;
  policy.heartbeatMs = Math.max(
    idleMinMs / 2,
    Math.min(policy.heartbeatMs ?? idleMs, Math.round(idleMs / 2)),
  );
}

/** What keeps one of them back keeps the other: all streams over HTTP behind a proxy that buffers. */
export function sharesFate(a: Way, b: Way): boolean {
  return a === b || (a.streaming && b.streaming && !a.duplex && !b.duplex);
}

/**
 * It did not get through although another did: it stands back for a while, longer each time. `isLate`: it was let
 * through and brought nothing, as behind a proxy that buffers; then all streams over HTTP share its fate.
 */
export function blame(policy: PolicyState, kind: Way, now: number, isLate = false): void {
  policy.kinds.forEach((other) => {
    if (isLate ? !sharesFate(kind, other) : kind !== other) return;
    other.failures++;
    other.outUntil = now + Math.min(outCapMs, outBaseMs * 2 ** Math.min(other.failures - 1, 10));
  });
}

/** Whoever answers there does not want it before then: nothing is held against it, it only stands behind the others. */
export function standBack(kind: Way, until: number): void {
  kind.outUntil = Math.max(kind.outUntil, until);
}

/** It was proven, and ended after `uptimeMs` without anybody wanting it. */
export function noteDeath(policy: PolicyState, kind: Way, uptimeMs: number): void {
  if (uptimeMs >= youngMs) return forgive(kind);
  kind.youngDeaths++;
  policy.lastDeath = kind;
}

/** Nothing else gets through either: a server restarts, or a network is gone, and the last death says nothing. */
export function excuseDeath(policy: PolicyState): void {
  if (policy.lastDeath) policy.lastDeath.youngDeaths--;
  policy.lastDeath = undefined;
}

/** Something got through: whoever kept dying young on this same network loses its place. */
export function judgeDeath(policy: PolicyState, winner: Way, now: number): void {
  const dead = policy.lastDeath;
  if (dead && dead !== winner && isFlapping(policy, dead)) blame(policy, dead, now);
  policy.lastDeath = undefined;
}

/** It has lasted: nothing is held against it any more. */
export function forgive(kind: Way): void {
  kind.failures = 0;
  kind.youngDeaths = 0;
  kind.outUntil = 0;
  kind.told = undefined;
}

/** Another network: nothing that was learned holds. */
export function forgetNetwork(policy: PolicyState): void {
  policy.kinds.forEach(forgive);
  policy.remembered = undefined;
  policy.rttMs = undefined;
  policy.estimatedRttMs = undefined;
  policy.lastDeath = undefined;
  policy.idleMs = 0;
  policy.idleCuts = 0;
  policy.heartbeatMs = undefined;
}

/** What is to be remembered of this network, on which `winner` carries the session. */
export function knowledge(policy: PolicyState, winner: Way, now: number): Knowledge {
  const out: Record<string, { failures: number; forMs: number }> = {};
  policy.kinds.forEach(({ transport, failures, outUntil }) => {
    if (failures > 0) out[transport] = { failures, forMs: Math.max(0, outUntil - now) };
  });
  const { rttMs, heartbeatMs } = policy;
  return { transport: winner.transport, rttMs, heartbeatMs, out };
}

export function recall(policy: PolicyState, known: Knowledge, now: number): void {
  policy.remembered = kindOf(policy, known.transport);
  policy.rttMs = known.rttMs;
  policy.heartbeatMs = known.heartbeatMs;
  policy.kinds.forEach((kind) => {
    const was = known.out[kind.transport];
    if (!was) return;
    kind.failures = was.failures;
    kind.outUntil = now + Math.min(outCapMs, was.forMs);
  });
}
