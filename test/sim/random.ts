/**
 * Named dice: each stream of chance has a name, so that a change in one part of a world shifts no draw of another.
 * A generator is a 32-bit state; there is no other source of chance in the simulated world.
 */

export interface Random {
  /** At least 0, below 1. */
  random(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  bytes(count: number): Uint8Array;
}

/** The seed of a stream: the world's seed and the stream's names, mixed (FNV-1a, then a finalizer). */
export function seedOf(seed: number, ...names: readonly (string | number)[]): number {
  let hash = Math.imul(seed ^ 0x811c9dc5, 0x01000193);
  for (const name of names) {
    const text = typeof name === 'number' ? `#${name}` : name;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  /** Mulberry32. */
  function random(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  const between = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));

  return {
    random,
    between,
    chance: (probability) => probability > 0 && random() < probability,
    pick: (list) => list[between(0, list.length - 1)] as (typeof list)[number],
    bytes(count) {
      const bytes = new Uint8Array(count);
      for (let i = 0; i < count; i++) bytes[i] = random() * 256;
      return bytes;
    },
  };
}
