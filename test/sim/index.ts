/** What scripts need of the simulator; `scripts/sim-runner.mjs` bundles this file for plain Node. */
export { runPlan } from './run.ts';
export { planOf, runSeed } from './scenario.ts';
export { shrink } from './shrink.ts';
export { createTally, tallyUp } from './tally.ts';
