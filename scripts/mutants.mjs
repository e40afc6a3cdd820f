// `npm run mutants`: breaks the product on purpose, in one way after another, and sees whether the simulator finds out: first
// its named scenarios and its corpus, then as many worlds as `npm test` runs.
// `npm run mutants -- gap epoch` takes only the mutants whose name or rule holds one of these words; `--seeds 2000` looks
// less far; `--worlds` leaves the scenarios out. It fails if a mutant survives, or if the unbroken product is found broken.

import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { editsOf, mutants } from '../test/mutants/list.mjs';
import { createScenarios } from './mutants-scenarios.mjs';
import { buildSim, dropBundle, runMany } from './sim-runner.mjs';

/** As many worlds as `npm test` runs. */
const seedsDefault = 20_000;
/** A world takes some milliseconds; a broken one may never end. */
const seedTimeoutMs = 10_000;

/** The product as it is, one world at a time: whether that world passes. */
async function createBaseline() {
  const { runSeed } = await import(pathToFileURL(await buildSim()).href);
  const known = new Map();
  function passes(seed) {
    try {
      runSeed(seed);
      return true;
    } catch {
      return false;
    }
  }
  return {
    passes(seed) {
      if (!known.has(seed)) known.set(seed, passes(seed));
      return known.get(seed);
    },
    failing: () => [...known.keys()].filter((seed) => !known.get(seed)).sort((a, b) => a - b),
  };
}

/** The first world found in which the mutant is caught and the product as it is passes; `undefined` if it survives. */
async function hunt(mutant, count, baseline) {
  const bundle = await buildSim({ replace: editsOf(mutant) });
  let seeds = 0;
  try {
    while (seeds < count) {
      const rest = { from: seeds + 1, count: count - seeds };
      const result = await runMany({ bundle, ...rest, stopAtFirst: true, seedTimeoutMs });
      seeds += result.seeds;
      const caught = result.failures.find(({ seed }) => baseline.passes(seed));
      if (caught) return { seeds, caught };
    }
    return { seeds, caught: undefined };
  } finally {
    dropBundle(bundle);
  }
}

/** `message`: it could not be tried at all. */
function outcomeText({ seeds, caught, scenario, message }) {
  if (scenario !== undefined) return `caught by scenario "${scenario}"`;
  if (caught) return `caught by ${caught.checker} in seed ${caught.seed} of ${seeds}`;
  return message === undefined ? `SURVIVED ${seeds} seeds` : `NOT TRIED: ${message}`;
}

function say({ name, rule }, result, seconds) {
  console.log(`${rule.padEnd(9)} ${name}\n${seconds.toFixed(0).padStart(7)} s  ${outcomeText(result)}`);
}

/** `scenarios` is absent where only worlds are to find it. */
async function attempt(mutant, count, baseline, scenarios) {
  try {
    const scenario = await scenarios?.failing(editsOf(mutant));
    return scenario === undefined ? await hunt(mutant, count, baseline) : { scenario };
  } catch ({ message }) {
    return { message };
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seeds: { type: 'string', default: String(seedsDefault) },
      worlds: { type: 'boolean', default: false },
    },
  });
  const isWanted = ({ name, rule }) =>
    positionals.length === 0 || positionals.some((word) => `${rule} ${name}`.includes(word));
  const chosen = mutants.filter(isWanted);
  if (chosen.length === 0) throw new Error(`No mutant of ${mutants.length} has ${positionals.join(' or ')}`);
  const baseline = await createBaseline();
  const scenarios = values.worlds ? undefined : await createScenarios();
  const broken = await scenarios?.failing([]);
  if (broken !== undefined) throw new Error(`The product as it is fails, too: ${broken}`);
  const survivors = [];
  for (const mutant of chosen) {
    const startedMs = performance.now();
    const result = await attempt(mutant, Number(values.seeds), baseline, scenarios);
    say(mutant, result, (performance.now() - startedMs) / 1000);
    if (!result.caught && result.scenario === undefined) survivors.push(mutant.name);
  }
  await scenarios?.close();
  console.log(`\n${chosen.length - survivors.length} of ${chosen.length} mutants caught`);
  const failing = baseline.failing();
  if (failing.length > 0) console.log(`the unbroken product fails, too, in seeds ${failing.join(', ')}`);
  return survivors.length + failing.length === 0;
}

process.exitCode = (await main()) ? 0 : 1;
