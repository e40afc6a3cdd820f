/** Chance that a seed repeats. Plain JavaScript without imports, because pages load it too. */

/** @param {number} seed */
export function createRandom(seed) {
  let state = seed >>> 0;

  /** From 0 to below 1 (Mulberry32). */
  function next() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  return {
    next,
    between: (/** @type {number} */ least, /** @type {number} */ most) => least + next() * (most - least),
    whole: (/** @type {number} */ least, /** @type {number} */ most) =>
      Math.floor(least + next() * (most - least + 1)),
    isOneIn: (/** @type {number} */ count) => next() * count < 1,
    /** @template T @param {readonly T[]} list @returns {T} */
    pick: (list) => list[Math.floor(next() * list.length)],
  };
}
