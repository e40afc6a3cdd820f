/**
 * What worked on a network before, as text in a store that anybody may have written to. Owns its form and its time to live;
 * what follows from it is the policy's affair.
 */
import type { Knowledge } from './core/policy.ts';

const memoryMs = 7 * 24 * 3_600_000;
/** No network that anybody remembers has a longer round trip, and no transport stands back for longer. */
const durationMaxMs = 600_000;
const failuresMax = 1_000;

function numberIn(value: unknown, most: number): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= most ? Math.round(value) : undefined;
}

function outOf(given: unknown, transports: readonly string[], ageMs: number): Knowledge['out'] {
  const out: Record<string, { failures: number; forMs: number }> = {};
  for (let i = 0; i < transports.length; i++) {
    const name = transports[i] as string;
    const one = (given as Record<string, { failures?: unknown; forMs?: unknown } | undefined> | undefined)?.[
      name
    ];
    const failures = numberIn(one?.failures, failuresMax);
    const forMs = numberIn(one?.forMs, durationMaxMs);
    if (failures && forMs !== undefined) out[name] = { failures, forMs: Math.max(0, forMs - ageMs) };
  }
  return out;
}

/** `undefined`: nothing that makes sense is known, or not any more. Throws on what is no JSON. */
export function readMemory(
  text: string | null | undefined,
  transports: readonly string[],
  nowWall: number,
): Knowledge | undefined {
  if (!text) return undefined;
  const { transport, rttMs, heartbeatMs, out, at } = JSON.parse(text) as Record<string, unknown>;
  const ageMs = nowWall - Number(at);
  if (transports.indexOf(transport as string) < 0 || !(ageMs >= 0 && ageMs < memoryMs)) return undefined;
  return {
    transport: transport as string,
    rttMs: numberIn(rttMs, durationMaxMs),
    heartbeatMs: numberIn(heartbeatMs, durationMaxMs),
    out: outOf(out, transports, ageMs),
  };
}

export function writeMemory(known: Knowledge, nowWall: number): string {
  return JSON.stringify({ ...known, at: nowWall });
}
