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
}

/** What has been seen of one transport on this network. */
export interface Experience {
  /** Rounds in a row in which it did not get through although another did. */
  failures: number;
  /** Connections in a row that were proven and soon died. */
  youngDeaths: number;
  /** Monotonic time until which it stands behind the others. */
  outUntil: number;
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
}

const outBaseMs = 10_000;
const outCapMs = 300_000;
/** A proven connection that dies before this has died young. */
export const youngMs = 5_000;
/** What a round trip is taken for while nothing is known. */
const rttDefaultMs = 300;

export function createPolicy(kinds: readonly Kind[]): PolicyState {
  const experience = Object.create(null) as Record<string, Experience>;
  for (let i = 0; i < kinds.length; i++) {
    experience[(kinds[i] as Kind).transport] = { failures: 0, youngDeaths: 0, outUntil: 0 };
  }
  return {
    kinds,
    experience,
    available: Object.create(null) as Record<string, boolean>,
    preferred: undefined,
    remembered: undefined,
    rttMs: undefined,
  };
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
    (experience.outUntil > now && transport !== policy.preferred ? bad : good).push(transport);
  };
  push(policy.preferred);
  push(policy.remembered);
  for (let i = 0; i < policy.kinds.length; i++) push(policy.kinds[i]?.transport);
  const outUntil = (transport: string): number => (policy.experience[transport] as Experience).outUntil;
  bad.sort((a, b) => outUntil(a) - outUntil(b));
  return good.concat(bad);
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

/** How long a candidate of this kind may take to say hello before the next one is tried beside it, milliseconds. */
export function staggerMs(policy: PolicyState, kind: Kind): number {
  const rtt = policy.rttMs ?? rttDefaultMs;
  return Math.min(30_000, Math.round(kind.roundTrips * rtt * 1.5 + 400));
}

export function learnRtt(policy: PolicyState, sampleMs: number): void {
  const former = policy.rttMs;
  policy.rttMs = former === undefined ? sampleMs : former * 0.75 + sampleMs * 0.25;
}

/**
 * It did not get through although another did: it stands back for a while, longer each time. `isLate`: it was let
 * through and brought nothing, as behind a proxy that buffers; then all streams over HTTP share its fate.
 */
export function blame(policy: PolicyState, transport: string, now: number, isLate = false): void {
  const kind = kindOf(policy, transport);
  const shared = isLate && kind?.streaming === true && !kind.duplex;
  for (let i = 0; i < policy.kinds.length; i++) {
    const other = policy.kinds[i] as Kind;
    const same = other.transport === transport || (shared && other.streaming && !other.duplex);
    const experience = same ? policy.experience[other.transport] : undefined;
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
export function noteDeath(policy: PolicyState, transport: string, uptimeMs: number, now: number): void {
  const experience = policy.experience[transport];
  if (!experience) return;
  if (uptimeMs >= youngMs) return forgive(policy, transport);
  experience.youngDeaths++;
  if (experience.youngDeaths >= 3) {
    experience.youngDeaths = 0;
    blame(policy, transport, now);
  }
}

/** It has lasted: nothing is held against it any more. */
export function forgive(policy: PolicyState, transport: string): void {
  const experience = policy.experience[transport];
  if (!experience) return;
  experience.failures = 0;
  experience.youngDeaths = 0;
  experience.outUntil = 0;
}

/** Another network: nothing that was learned holds. */
export function forgetNetwork(policy: PolicyState): void {
  for (const transport in policy.experience) forgive(policy, transport);
  policy.remembered = undefined;
  policy.rttMs = undefined;
}
