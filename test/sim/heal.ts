/** Everything is mended. What is published and sent from now on must come, and be applied, once the last sleeper is awake. */
import { activeOf } from '../../src/core/model.ts';
import { type Actor, standing } from './actor.ts';
import { publish, publishEphemeral, type Stage } from './stage.ts';
import { send } from './steps.ts';

/** Nothing that is sent now may wait so long. */
const patienceMs = 600_000;
/** How often it is looked whether something had its effect. */
const lookMs = 400;

export function heal(stage: Stage): void {
  const { world, actors } = stage;
  stage.isHealed = true;
  stage.log?.(`${Math.round(world.now)} HEAL`);
  for (const { net, plan } of actors) Object.assign(net.conditions, standing(plan));
  for (const actor of actors) {
    actor.client.machine.throttle(0, 0);
    const sleepsMs = Math.max(0, actor.client.machine.awakeAt - world.now);
    stage.owed += 2;
    world.later(sleepsMs, () => {
      wake(stage, actor);
      sendLater(stage, actor, 2);
    });
  }
  const topics = new Set(actors.flatMap((actor) => [...actor.topics.keys()]));
  for (const topic of topics) {
    stage.owed += 3;
    publishLater(stage, topic, 2);
    publishEphemeralLater(stage, topic, stage.published);
  }
}

/** Half of the pages are told that they are looked at and online; the others find out by themselves. */
function wake({ world }: Stage, actor: Actor): void {
  const { client } = actor;
  if (actor.isSuspended) client.signal('resumed');
  if (!actor.isOpen) client.open();
  if (actor.isPrerendering) client.signal('activated');
  actor.isSuspended = false;
  actor.isOpen = true;
  if (world.chance(0.5)) return;
  client.signal('visible');
  client.signal('online');
}

/** What is published after all was mended must arrive too. */
function publishLater(stage: Stage, topic: string, times: number): void {
  if (times === 0) return;
  stage.world.later(200, () => {
    const isDone = publish(stage, topic, 0);
    if (isDone) stage.owed--;
    publishLater(stage, topic, isDone ? times - 1 : times);
  });
}

/** An ephemeral message may be lost, but not every one: everybody gets one of those after `since`. */
function publishEphemeralLater(stage: Stage, topic: string, since: number): void {
  stage.world.later(lookMs, () => {
    const waiting = stage.actors.filter(({ topics, client }) => {
      const checker = topics.get(topic);
      // A short poll finds what is kept.
      const mayGet = activeOf(client.session)?.kind.transport !== 'poll';
      return checker && mayGet && checker.newestEphemeral() <= since;
    });
    if (waiting.length === 0) {
      stage.owed--;
      return;
    }
    if (waiting.some(({ client }) => client.session.state === 'open')) {
      for (let place = 0; place < stage.plan.hubs; place++) publishEphemeral(stage, topic, place);
    }
    publishEphemeralLater(stage, topic, since);
  });
}

/** When all before is settled, one after another: what is left of the bad time may cost one of them, but then the next is applied. */
function sendLater(stage: Stage, actor: Actor, times: number, ref?: number): void {
  if (times === 0) return;
  stage.world.later(lookMs, () => {
    if (!actor.sends.isComplete()) return sendLater(stage, actor, times, ref);
    const isDone = ref !== undefined && actor.sends.isResolved(ref);
    const rest = isDone ? times - 1 : times;
    stage.owed -= times - rest;
    sendLater(stage, actor, rest, rest > 0 ? send(actor, patienceMs) : undefined);
  });
}
