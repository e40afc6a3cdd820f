/**
 * Makes a failing plan small: fewer steps, clients and hubs, calmer options, as long as the same checker fails. Because a
 * plan is data and every part of a world has dice of its own, what is left behaves as before.
 */
import type { Failure } from './failure.ts';
import { calmClient, calmHub, type Plan, type Step } from './plan.ts';
import { runPlan } from './run.ts';

type Publish = Extract<Step, { readonly what: 'publish' }>;

interface Shrunk {
  readonly plan: Plan;
  readonly checker: string;
  readonly message: string;
  /** Worlds that were run to find it. */
  readonly runs: number;
}

/** What runs a plan; exchanged where shrinking itself is tested. */
type Run = (plan: Plan) => unknown;

/** The first failure of a plan; what no checker threw is a failure of `error`. */
export function failureOf(plan: Plan, run: Run = runPlan): { checker: string; message: string } | undefined {
  try {
    run(plan);
    return undefined;
  } catch (error) {
    const { checker = 'error', message = String(error) } = error as Partial<Failure>;
    return { checker, message };
  }
}

/** All plans that are simpler by one thing, the boldest first. */
function* simpler(plan: Plan): Generator<Plan> {
  for (let gone = 0; plan.clients.length > 1 && gone < plan.clients.length; gone++)
    yield withoutClient(plan, gone);
  if (plan.hubs > 1) yield { ...plan, hubs: 1, balance: 'first', steps: plan.steps.map(toFirstHub) };
  for (const name of Object.keys(calmHub) as (keyof Plan['hub'])[]) {
    if (plan.hub[name] !== calmHub[name]) yield { ...plan, hub: { ...plan.hub, [name]: calmHub[name] } };
  }
  for (let at = 0; at < plan.clients.length; at++) yield* simplerClient(plan, at);
  const end = Math.ceil(plan.steps.at(-1)?.at ?? 0) + 1;
  if (end < plan.healAt) yield { ...plan, healAt: end };
  for (let at = 0; at < plan.steps.length; at++) {
    const step = plan.steps[at] as Step;
    if ('count' in step && step.count > 1)
      yield { ...plan, steps: plan.steps.with(at, { ...step, count: 1 }) };
  }
}

/** As in the worlds that are drawn: where some kinds never get through there is one whose answers end. */
function canGetThrough({ transports, refused, mute, buffered }: Plan['clients'][number]): boolean {
  const isFree = !buffered && refused.length === 0 && mute.length === 0;
  return transports.some((one) => isFree || one === 'long-poll' || one === 'poll');
}

function* simplerClient(plan: Plan, at: number): Generator<Plan> {
  const client = plan.clients[at] as Plan['clients'][number];
  const put = (change: Partial<typeof client>): Plan => ({
    ...plan,
    clients: plan.clients.with(at, { ...client, ...change }),
  });
  for (const one of client.transports) {
    const transports = client.transports.filter((other) => other !== one);
    if (canGetThrough({ ...client, transports })) yield put({ transports });
  }
  if (client.refused.length > 0) yield put({ refused: [] });
  if (client.mute.length > 0) yield put({ mute: [] });
  if (client.lazy) yield put({ lazy: false });
  for (const name of ['eager', 'outboxSends', 'buffered', 'jitterMs', 'latencyMs'] as const) {
    const calm =
      name === 'eager' || name === 'jitterMs' ? { eager: false, jitterMs: 0 }[name] : calmClient[name];
    if (client[name] !== calm) yield put({ [name]: calm });
  }
}

function toFirstHub(step: Step): Step {
  return 'hub' in step ? { ...step, hub: 0 } : step;
}

function withoutExcept(step: Publish, gone: number): Step {
  const { except = gone, ...plain } = step;
  return except === gone ? plain : { ...plain, except: except > gone ? except - 1 : except };
}

function withoutClient(plan: Plan, gone: number): Plan {
  const steps: Step[] = [];
  for (const step of plan.steps) {
    if ('except' in step) steps.push(withoutExcept(step, gone));
    else if (!('client' in step)) steps.push(step);
    else if (step.client !== gone)
      steps.push(step.client > gone ? { ...step, client: step.client - 1 } : step);
  }
  return { ...plan, clients: plan.clients.filter((_, index) => index !== gone), steps };
}

/** Shortens it until nothing more can go, or `runsMax` worlds have been run. `undefined`: it does not fail. */
export function shrink(
  start: Plan,
  { run = runPlan, runsMax = 3_000 }: { run?: Run; runsMax?: number } = {},
): Shrunk | undefined {
  const first = failureOf(start, run);
  if (!first) return undefined;
  let best = { plan: start, ...first };
  let runs = 1;

  function take(plan: Plan): boolean {
    if (runs >= runsMax) return false;
    runs++;
    const failure = failureOf(plan, run);
    if (failure?.checker !== best.checker) return false;
    best = { plan, ...failure };
    return true;
  }

  /** Halves, quarters, …, single steps. */
  function dropSteps(): void {
    for (
      let size = Math.ceil(best.plan.steps.length / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let at = 0; at < best.plan.steps.length; ) {
        const { steps } = best.plan;
        if (!take({ ...best.plan, steps: [...steps.slice(0, at), ...steps.slice(at + size)] })) at += size;
      }
    }
  }

  function simplify(): boolean {
    for (const plan of simpler(best.plan)) if (take(plan)) return true;
    return false;
  }

  let before: Plan;
  do {
    before = best.plan;
    dropSteps();
    while (simplify());
  } while (best.plan !== before && runs < runsMax);
  return { ...best, runs };
}
