// `npm run sim`: worlds of the simulator (`docs/TESTING.md`).
//   npm run sim -- --seed 42                          one seed with its log; a failure is shortened to a plan
//   npm run sim -- --seeds 1000000 --from 1           many, on all cores; what was met, what failed; exit code 1 if any did
//   npm run sim -- --plan test/sim/corpus/x.json      a plan that was kept, with its log
// Further: `--workers 2`, `--json FILE` (the result, for machines), `--keep-going` (past a hundred failures).

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { root } from './ensure.mjs';
import { buildSim, runMany } from './sim-runner.mjs';
import { describeTally } from './sim-summary.mjs';
import { resultsDir } from './summary.mjs';

/** A run with more failures than this has told enough. */
const failuresMax = 100;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    plan: { type: 'string' },
    workers: { type: 'string' },
    json: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  },
});

const show = (path) => relative(process.cwd(), path);

function save(name, text) {
  mkdirSync(resultsDir, { recursive: true });
  const path = join(resultsDir, name);
  writeFileSync(path, text);
  return path;
}

/** Shortens a plan that fails; the file can be replayed by `--plan`, and kept in `test/sim/corpus`. */
function saveShrunk(sim, plan, name) {
  const shrunk = sim.shrink(plan);
  if (!shrunk) return;
  const { checker, message, runs } = shrunk;
  const path = save(`${name}.json`, `${JSON.stringify({ checker, message, plan: shrunk.plan }, null, 1)}\n`);
  const count = shrunk.plan.steps.length;
  console.log(`\nshortened to ${count} steps in ${runs} worlds: ${show(path)}\n  ${checker}: ${message}`);
  for (const step of shrunk.plan.steps) console.log(`  ${JSON.stringify(step)}`);
}

/** One world with its log. `run` takes hooks; `plan` is absent where there is none to shorten. */
async function replay(sim, name, head, run, plan) {
  const lines = [head];
  console.log(head);
  let failure;
  try {
    const tally = run({ log: (line) => lines.push(line) });
    lines.push('', ...describeTally(tally));
  } catch (error) {
    failure = error;
    lines.push('', error.stack);
  }
  console.log(`log: ${show(save(`${name}.log`, `${lines.join('\n')}\n`))}`);
  if (!failure) return true;
  console.log(`\n${failure.checker ?? 'error'}: ${failure.stack}`);
  if (plan) saveShrunk(sim, plan, name);
  return false;
}

async function replaySeed(sim, seed) {
  const plan = sim.planOf(seed);
  const head =
    plan === 'herd'
      ? `seed ${seed}: a herd`
      : `seed ${seed} ${JSON.stringify({ ...plan, steps: plan.steps.length })}`;
  return replay(
    sim,
    `sim-${seed}`,
    head,
    (hooks) => sim.runSeed(seed, hooks),
    plan === 'herd' ? undefined : plan,
  );
}

async function replayPlan(sim, file) {
  const { plan } = JSON.parse(readFileSync(file, 'utf8'));
  const name = `sim-${basename(file, '.json')}`;
  return replay(
    sim,
    name,
    JSON.stringify({ ...plan, steps: plan.steps.length }),
    (hooks) => sim.runPlan(plan, hooks),
    plan,
  );
}

function progress({ seeds, failed, seconds }) {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r${seeds} seeds, ${failed} failed, ${(seeds / seconds).toFixed(0)} a second `);
}

async function runRange(sim, bundle, from, count) {
  console.log(`seeds ${from} to ${from + count - 1}`);
  const workers = values.workers === undefined ? undefined : Number(values.workers);
  const stopAfter = values['keep-going'] ? Number.POSITIVE_INFINITY : failuresMax;
  const result = await runMany({ bundle, from, count, workers, stopAfter, onProgress: progress });
  if (process.stderr.isTTY) process.stderr.write('\n');
  if (values.json) writeFileSync(values.json, `${JSON.stringify(result, null, 1)}\n`);
  console.log(`\n${describeTally(result.tally).join('\n')}\n`);
  for (const { seed, checker, message } of result.failures)
    console.log(`seed ${seed}: ${checker}: ${message}`);
  console.log(`\n${result.seeds} seeds, ${result.failed} failed, ${result.seconds.toFixed(1)} s`);
  const first = result.failures.find(({ checker }) => checker !== 'hang' && checker !== 'herd');
  if (first) await replaySeed(sim, first.seed);
  return result.failed === 0;
}

async function main() {
  const bundle = await buildSim();
  const sim = await import(pathToFileURL(bundle).href);
  if (values.plan !== undefined) return replayPlan(sim, join(process.cwd(), values.plan));
  if (values.seed !== undefined) return replaySeed(sim, Number(values.seed));
  return runRange(sim, bundle, Number(values.from), Number(values.seeds ?? 20_000));
}

process.chdir(root);
process.setSourceMapsEnabled(true);
process.exitCode = (await main()) ? 0 : 1;
