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

/** What has been seen of one transport on this network. */
export interface Experience {
  /** Times in a row that it did not get through although another did. */
  failures: number;
  /** Connections in a row that were proven and died young, while the network was well. */
  youngDeaths: number;
  /** Monotonic time until which it stands behind the others. */
  outUntil: number;
  /** The code of what was told about it last, since it worked. */
  told: string | undefined;
  /** It was proven at least once. */
  worked: boolean;
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
  readonly kinds: readonly Kind[];
  readonly experience: Record<string, Experience>;
  /** Transports that can run here and now. */
  available: Record<string, boolean>;
  /** What the application asked for. */
  preferred: string | undefined;
  /** What worked here before. */
  remembered: string | undefined;
  /** Smoothed round trip, milliseconds; `undefined` until measured or remembered. */
  rttMs: number | undefined;
  /** What the platform takes a round trip for; counts only while none was measured. */
  estimatedRttMs: number | undefined;
  /** The transport whose connection died young last, while it is open whether anything else gets through. */
  lastDeath: string | undefined;
  /** How long connections were idle when they were cut, and how often in a row it was about that long. */
  idleCut: { ms: number; times: number };
  /** What a server is asked for; `undefined`: its own interval will do. */
  heartbeatMs: number | undefined;
}

const outBaseMs = 10_000;
const outCapMs = 300_000;
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
  const experience = Object.create(null) as Record<string, Experience>;
  for (let i = 0; i < kinds.length; i++) {
    experience[(kinds[i] as Kind).transport] = {
      failures: 0,
      youngDeaths: 0,
      outUntil: 0,
      told: undefined,
      worked: false,
    };
  }
  return {
    kinds,
    experience,
    available: Object.create(null) as Record<string, boolean>,
    preferred: undefined,
    remembered: undefined,
    rttMs: undefined,
    estimatedRttMs: undefined,
    lastDeath: undefined,
    idleCut: { ms: 0, times: 0 },
    heartbeatMs: undefined,
  };
}

/** What a round trip takes here, as far as anybody knows, milliseconds. */
export function rttOf(policy: PolicyState): number {
  return policy.rttMs ?? policy.estimatedRttMs ?? rttDefaultMs;
}

export function kindOf(policy: PolicyState, transport: string): Kind | undefined {
  for (let i = 0; i < policy.kinds.length; i++) {
    if (policy.kinds[i]?.transport === transport) return policy.kinds[i];
  }
  return undefined;
}

/**
 * All transports that can run, in the order in which to try them: the one asked for, the one that worked here before,
 * then as listed; those that proved bad come last, the soonest forgiven first.
 */
export function ranking(policy: PolicyState, now: number): string[] {
  const good: string[] = [];
  const bad: string[] = [];
  const push = (transport: string | undefined): void => {
    if (transport === undefined || !policy.available[transport]) return;
    const experience = policy.experience[transport];
    if (!experience || good.indexOf(transport) >= 0 || bad.indexOf(transport) >= 0) return;
    const isBad = experience.outUntil > now || isFlapping(policy, transport);
    (isBad && transport !== policy.preferred ? bad : good).push(transport);
  };
  push(policy.preferred);
  push(policy.remembered);
  for (let i = 0; i < policy.kinds.length; i++) push(policy.kinds[i]?.transport);
  const outUntil = (transport: string): number => (policy.experience[transport] as Experience).outUntil;
  bad.sort((a, b) => outUntil(a) - outUntil(b));
  return good.concat(bad);
}

/** Its connections keep dying young, the last one just now. */
export function isFlapping(policy: PolicyState, transport: string): boolean {
  const deaths = policy.experience[transport]?.youngDeaths ?? 0;
  return policy.lastDeath === transport && deaths >= youngDeathsMax;
}

/** The best of those that open on a connection of their own and do not stand back. */
export function freshest(policy: PolicyState, now: number): string | undefined {
  const order = ranking(policy, now);
  for (let i = 0; i < order.length; i++) {
    const transport = order[i] as string;
    const { outUntil } = policy.experience[transport] as Experience;
    if (kindOf(policy, transport)?.fresh && outUntil <= now) return transport;
  }
  return undefined;
}

/** The best of those whose every answer ends, and which so get through wherever HTTP does; `undefined` if none can run. */
export function safest(policy: PolicyState, now: number): string | undefined {
  const order = ranking(policy, now);
  for (let i = 0; i < order.length; i++) {
    if (kindOf(policy, order[i] as string)?.streaming === false) return order[i];
  }
  return undefined;
}

/** Why `transport` is what it is, for status and traces. */
export function reasonFor(policy: PolicyState, transport: string): string {
  if (transport === policy.preferred) return 'asked for';
  if (transport === policy.remembered) return 'worked here before';
  return betterThan(policy, transport).length === 0 ? 'best of those listed' : 'best of those that may work';
}

/** Transports that would be better than this one, best first: what an upgrade tries. */
export function betterThan(policy: PolicyState, transport: string): string[] {
  if (policy.preferred !== undefined && policy.available[policy.preferred]) {
    return policy.preferred === transport ? [] : [policy.preferred];
  }
  const better: string[] = [];
  for (let i = 0; i < policy.kinds.length; i++) {
    const kind = policy.kinds[i] as Kind;
    if (kind.transport === transport) break;
    if (policy.available[kind.transport]) better.push(kind.transport);
  }
  return better;
}

/** When to look for a better transport, monotonic; `undefined` if there is none. */
export function upgradeAt(policy: PolicyState, transport: string, now: number): number | undefined {
  const better = betterThan(policy, transport);
  let earliest: number | undefined;
  for (let i = 0; i < better.length; i++) {
    const experience = policy.experience[better[i] as string] as Experience;
    const at = Math.max(now, experience.outUntil);
    if (earliest === undefined || at < earliest) earliest = at;
  }
  return earliest;
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
  const { idleCut } = policy;
  const isSame = Math.abs(idleMs - idleCut.ms) <= 500 + idleCut.ms / 10;
  idleCut.times = isSame ? idleCut.times + 1 : 1;
  idleCut.ms = idleMs;
  if (idleCut.times < 2) return;
  policy.heartbeatMs = Math.max(
    idleMinMs / 2,
    Math.min(policy.heartbeatMs ?? idleMs, Math.round(idleMs / 2)),
  );
}

/** What keeps one of them back keeps the other: all streams over HTTP behind a proxy that buffers. */
export function sharesFate(a: Kind, b: Kind): boolean {
  return a.transport === b.transport || (a.streaming && b.streaming && !a.duplex && !b.duplex);
}

/**
 * It did not get through although another did: it stands back for a while, longer each time. `isLate`: it was let
 * through and brought nothing, as behind a proxy that buffers; then all streams over HTTP share its fate.
 */
export function blame(policy: PolicyState, transport: string, now: number, isLate = false): void {
  const kind = kindOf(policy, transport);
  for (let i = 0; i < policy.kinds.length; i++) {
    const other = policy.kinds[i] as Kind;
    const isSame = other.transport === transport || (isLate && kind !== undefined && sharesFate(kind, other));
    const experience = isSame ? policy.experience[other.transport] : undefined;
    if (!experience) continue;
    experience.failures++;
    experience.outUntil = now + Math.min(outCapMs, outBaseMs * 2 ** Math.min(experience.failures - 1, 10));
  }
}

/** Whoever answers there does not want it before then: nothing is held against it, it only stands behind the others. */
export function standBack(policy: PolicyState, transport: string, until: number): void {
  const experience = policy.experience[transport];
  if (experience) experience.outUntil = Math.max(experience.outUntil, until);
}

/** It was proven, and ended after `uptimeMs` without anybody wanting it. */
export function noteDeath(policy: PolicyState, transport: string, uptimeMs: number): void {
  const experience = policy.experience[transport];
  if (!experience) return;
  if (uptimeMs >= youngMs) return forgive(policy, transport);
  experience.youngDeaths++;
  policy.lastDeath = transport;
}

/** Nothing else gets through either: a server restarts, or a network is gone, and the last death says nothing. */
export function excuseDeath(policy: PolicyState): void {
  const experience = policy.lastDeath === undefined ? undefined : policy.experience[policy.lastDeath];
  if (experience) experience.youngDeaths--;
  policy.lastDeath = undefined;
}

/** Something got through: whoever kept dying young on this same network loses its place. */
export function judgeDeath(policy: PolicyState, winner: string, now: number): void {
  const dead = policy.lastDeath;
  if (dead !== undefined && dead !== winner && isFlapping(policy, dead)) blame(policy, dead, now);
  policy.lastDeath = undefined;
}

/** It has lasted: nothing is held against it any more. */
export function forgive(policy: PolicyState, transport: string): void {
  const experience = policy.experience[transport];
  if (!experience) return;
  experience.failures = 0;
  experience.youngDeaths = 0;
  experience.outUntil = 0;
  experience.told = undefined;
}

/** Another network: nothing that was learned holds. */
export function forgetNetwork(policy: PolicyState): void {
  for (const transport in policy.experience) forgive(policy, transport);
  policy.remembered = undefined;
  policy.rttMs = undefined;
  policy.estimatedRttMs = undefined;
  policy.lastDeath = undefined;
  policy.idleCut = { ms: 0, times: 0 };
  policy.heartbeatMs = undefined;
}

/** What is to be remembered of this network, on which `transport` carries the session. */
export function knowledge(policy: PolicyState, transport: string, now: number): Knowledge {
  const out: Record<string, { failures: number; forMs: number }> = {};
  for (let i = 0; i < policy.kinds.length; i++) {
    const name = (policy.kinds[i] as Kind).transport;
    const { failures, outUntil } = policy.experience[name] as Experience;
    if (failures > 0) out[name] = { failures, forMs: Math.max(0, outUntil - now) };
  }
  const { rttMs, heartbeatMs } = policy;
  return { transport, rttMs, heartbeatMs, out };
}

export function recall(policy: PolicyState, known: Knowledge, now: number): void {
  policy.remembered = known.transport;
  policy.rttMs = known.rttMs;
  policy.heartbeatMs = known.heartbeatMs;
  for (const transport in known.out) {
    const experience = policy.experience[transport];
    if (!experience) continue;
    const { failures, forMs } = known.out[transport] as Knowledge['out'][string];
    experience.failures = failures;
    experience.outUntil = now + Math.min(outCapMs, forMs);
  }
}
