/** One seed, one world: most are drawn as a plan, one in four hundred is a herd. */
import { drawPlan } from './draw.ts';
import { runHerd } from './herd.ts';
import type { Plan } from './plan.ts';
import { type Hooks, runPlan } from './run.ts';
import type { Tally } from './tally.ts';

const herdEvery = 400;

/** The plan of a seed, or the herd, which has none. */
export function planOf(seed: number): Plan | 'herd' {
  return seed % herdEvery === 0 ? 'herd' : drawPlan(seed);
}

export function runSeed(seed: number, hooks: Hooks = {}): Tally {
  const plan = planOf(seed);
  return plan === 'herd' ? runHerd(seed, hooks) : runPlan(plan, hooks);
}
