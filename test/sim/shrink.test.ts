import { expect, test } from 'vitest';
import { drawPlan } from './draw.ts';
import { Failure } from './failure.ts';
import { calmPlan, type Plan } from './plan.ts';
import { failureOf, shrink } from './shrink.ts';

/** Fails in every world in which a client sleeps after a restart. */
function sleepAfterRestart({ steps }: Plan): void {
  const restart = steps.findIndex(({ what }) => what === 'restart');
  const sleep = steps.findLastIndex(({ what }) => what === 'sleep');
  if (restart >= 0 && sleep > restart) throw new Failure('topic', 'something was lost');
}

function firstFailing(): Plan {
  for (let seed = 1; seed < 10_000; seed++) {
    const plan = drawPlan(seed);
    if (plan.clients.length > 1 && failureOf(plan, sleepAfterRestart)) return plan;
  }
  throw new Error('no such plan');
}

test('a failing plan is shortened to what it takes', () => {
  const shrunk = shrink(firstFailing(), { run: sleepAfterRestart });
  expect(shrunk?.plan.steps.map(({ what }) => what)).toEqual(['restart', 'sleep']);
  expect(shrunk?.plan.clients).toHaveLength(1);
  expect(shrunk).toMatchObject({ checker: 'topic', message: 'something was lost' });
});

test('what is left fails by the same checker, not by another', () => {
  const run = (plan: Plan): void => {
    if (plan.steps.length < 3) throw new Failure('status', 'too short');
    sleepAfterRestart(plan);
  };
  const shrunk = shrink(firstFailing(), { run });
  expect(shrunk?.checker).toBe('topic');
  expect(shrunk?.plan.steps).toHaveLength(3);
});

test('a plan that does not fail is not shortened', () => {
  expect(shrink(calmPlan({}))).toBeUndefined();
});
