/**
 * The session's own randomness: jitter and spread, never ids or keys (those come from the crypto source).
 * The state is one number inside the session's record, so that a seed and a list of inputs replay exactly.
 */

export interface Prng {
  state: number;
}

export function createPrng(seed: number): Prng {
  return { state: seed >>> 0 };
}

/** At least 0, below 1 (the generator is known as mulberry32). */
export function random(prng: Prng): number {
  prng.state = (prng.state + 0x6d2b79f5) >>> 0;
  let mixed = prng.state;
  mixed = multiply(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + multiply(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}

/** The low 32 bits of a product; `Math.imul` for engines that lack it. */
function multiply(a: number, b: number): number {
  return ((a & 0xffff) * b + ((((a >>> 16) * b) & 0xffff) << 16)) | 0;
}
