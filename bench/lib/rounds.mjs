// The order of a suite: every round measures every row of every contender once, so that a slow moment of the machine meets all
// of them, and ratios are taken within a round.

import { cpuOf, startPair } from './pair.mjs';

/** The pairs of a suite, started when they are first needed. `isFresh`: a new one for every measurement. */
function createPairs(name, isFresh) {
  const kept = new Map();
  let ownCpuUs = 0;
  const end = async (pair) => {
    ownCpuUs += await cpuOf(pair).catch(() => 0);
    await pair.close();
  };
  return {
    take(contender) {
      if (isFresh) return startPair(name, contender);
      if (!kept.has(contender)) kept.set(contender, startPair(name, contender));
      return kept.get(contender);
    },
    async giveBack(contender, pair, hasFailed) {
      if (!isFresh && !hasFailed) return;
      kept.delete(contender);
      await end(pair);
    },
    async end() {
      for (const pair of kept.values()) await end(pair);
      return ownCpuUs;
    },
  };
}

async function sampleOf(suite, pairs, contender, row) {
  const pair = suite.server && pairs.take(contender);
  try {
    const sample = await suite.measure(pair, row, contender);
    if (pair) await pairs.giveBack(contender, pair, false);
    return sample;
  } catch (error) {
    if (pair) await pairs.giveBack(contender, pair, true);
    return { error: String(error.message).split('\n')[0] };
  }
}

/** `{ rows: [{ name, cells: [{ contender, isBase, samples }] }], cpuUs }`; a measurement that failed is a sample `{ error }`. */
export async function measureSuite(name, suite, { isFull, rounds }) {
  const { isFresh = false } = suite;
  const pairs = createPairs(name, isFresh);
  const contenders = suite.contenders(isFull);
  const rows = suite.rows(isFull).map((row) => ({
    row,
    cells: contenders
      .filter(({ name }) => row.only?.includes(name) ?? true)
      .map((contender) => ({ contender, samples: [] })),
  }));
  // Round 0 is thrown away: it compiles code. What is fresh for every measurement sees to that itself.
  for (let round = isFresh ? 1 : 0; round <= rounds; round++) {
    for (const { row, cells } of rows) {
      if (round > (row.roundsMax ?? rounds)) continue;
      for (const { contender, samples } of cells) {
        progress(`${name}, round ${round} of ${rounds}: ${row.name}, ${contender.name}`);
        const sample = await sampleOf(suite, pairs, contender, row);
        if (round > 0) samples.push(sample);
      }
    }
  }
  progress('');
  return { rows, cpuUs: await pairs.end() };
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
