/**
 * Runs a plan: a phase in which things go wrong, then everything is mended and must come right in a bounded time, then all
 * close and nothing may be left. Throws the first failure of any checker.
 */

import { type Actor, addActor } from './actor.ts';
import { checkClosedClient, checkClosing, checkIdleHub, closingMs } from './checkers/leftovers.ts';
import { checkRequests } from './checkers/requests.ts';
import { heal } from './heal.ts';
import type { Plan } from './plan.ts';
import { checkHubs, createStage, failFor, type Stage } from './stage.ts';
import { take } from './steps.ts';
import { addTo, noteMost, type Tally } from './tally.ts';

/** All must be well so long after all was mended, and the last sleeper woke. Timers of throttled pages may be a minute late. */
const healMs = 90_000;
/** Nobody's silence lasts longer than this, in the operating system's and the hub's opinion. */
const settleMs = 130_000;
/** A world in which more happens than this before it is mended is mended then. */
const happeningsMax = 8_000;
/** No world needs as many; one that does goes round in circles. */
const endlessMax = 300_000;

export interface Hooks {
  readonly log?: (line: string) => void;
}

export function runPlan(plan: Plan, { log }: Hooks = {}): Tally {
  const stage = createStage(plan, log);
  const { world, tally } = stage;
  for (let index = 0; index < plan.clients.length; index++) addActor(stage, index);
  for (const step of plan.steps) world.later(step.at, () => take(stage, step));
  world.runUntil(plan.healAt, watch(stage, happeningsMax));
  checkHubs(stage);
  heal(stage);
  const mendedAt = Math.max(world.now, ...stage.actors.map(({ client }) => client.machine.awakeAt));
  world.runUntil(
    mendedAt + healMs,
    watch(stage, endlessMax, () => isWell(stage)),
  );
  noteMost(tally, 'ms until all was well', world.now - mendedAt);
  finish(stage);
  leave(stage);
  addTo(tally, 'worlds', 1);
  addTo(tally, 'virtualMs', world.now);
  addTo(tally, 'happenings', world.happenings);
  noteMost(tally, 'happenings', world.happenings);
  return tally;
}

/** Looks at bounds now and then; ends a phase when `isOver` says so, or too much has happened. */
function watch(stage: Stage, most: number, isOver: () => boolean = () => false): () => boolean {
  const { world, actors, tally } = stage;
  return () => {
    if (world.happenings % 32 === 0) {
      checkHubs(stage);
      for (const { net } of actors) noteMost(tally, 'channels', net.channels.length);
    }
    if (world.happenings < most) return isOver();
    if (most === endlessMax) failFor(stage, 'liveness', 'the world')(`${most} happenings, and no end`);
    return true;
  };
}

function epochOf({ client }: Actor, topic: string): string | undefined {
  const { epochs, subscriptions } = client.session.inbox;
  const partition = subscriptions[topic]?.partition ?? -1;
  return partition < 0 ? undefined : epochs[partition];
}

function isWell({ actors, owed }: Stage): boolean {
  if (owed > 0) return false;
  for (const actor of actors) {
    if (!actor.isOpen || actor.client.session.state !== 'open' || !actor.sends.isComplete()) return false;
  }
  for (const actor of actors) {
    for (const [topic, checker] of actor.topics) if (!checker.isComplete(epochOf(actor, topic))) return false;
  }
  return true;
}

/** Says what is not well. */
function finish(stage: Stage): void {
  for (const actor of stage.actors) {
    const { state } = actor.client.session;
    const fail = failFor(stage, 'liveness', `client ${actor.index}`);
    if (state !== 'open') fail(`${state} ${healMs / 1000} s after all was mended`);
    for (const [topic, checker] of actor.topics) checker.finish(epochOf(actor, topic));
    actor.sends.finish();
    const causes = { ms: stage.world.now, published: stage.published, sends: actor.refs.length };
    checkRequests(actor.net, causes, failFor(stage, 'requests', `client ${actor.index}`));
  }
  if (stage.owed > 0)
    failFor(stage, 'liveness', 'the world')(`${stage.owed} things done after all was mended came to nothing`);
}

/** All close; after the linger times nothing of anybody may be left. */
function leave(stage: Stage): void {
  const { world, actors, hubs, plan, ledger } = stage;
  for (const { client } of actors) client.close();
  world.runUntil(world.now + closingMs);
  for (const { client, index } of actors)
    checkClosing(client, failFor(stage, 'leftovers', `client ${index}`));
  world.runUntil(world.now + settleMs + plan.hub.keepMs + plan.hub.lingerMs);
  for (const { client, net, index } of actors) {
    checkClosedClient(client, net, failFor(stage, 'leftovers', `client ${index}`));
  }
  hubs.forEach((hub, place) => {
    if (hub) checkIdleHub(hub.core, ledger.partitions.keys(), failFor(stage, 'leftovers', `hub ${place}`));
    hub?.kill();
  });
  for (const hub of stage.leaving) hub.kill();
  if (world.pendingCount() > 0) {
    failFor(stage, 'leftovers', 'the world')(`${world.pendingCount()} timers are left after all have closed`);
  }
}
