/** Carries out the steps of a schedule. Those of a client whose machine does nothing just now wait until it does. */
import { formatCursor, type Place } from '../../src/core/cursor.ts';
import { type Actor, subscribe } from './actor.ts';
import { listOf } from './ledger.ts';
import type { Act, Step } from './plan.ts';
import { epochAt, publish, publishEphemeral, type Stage } from './stage.ts';
import { type ClientStrike, strikeClient, strikeHub } from './strikes.ts';
import { countIn } from './tally.ts';

type ClientAct = Extract<Act, { readonly client: number }>;

const acts: ReadonlySet<Step['what']> = new Set<Act['what']>([
  'publish',
  'ephemeral',
  'send',
  'volatile',
  'subscribe',
  'resume',
  'unsubscribe',
]);

/** Returns the number under which it will be settled. */
export function send(actor: Actor, timeoutMs: number): number {
  const ref = actor.client.send('up', { actor: actor.index, ref: actor.refs.length + 1 }, timeoutMs);
  actor.refs.push(ref);
  actor.sends.sent(ref);
  return ref;
}

function sendVolatile(actor: Actor): void {
  const ref = actor.client.sendVolatile('up', { actor: actor.index, ref: actor.refs.length + 1 });
  actor.refs.push(ref);
  actor.sends.sent(ref, true);
}

/** Goes on from a message that was published a while ago, if any was. */
function resume(stage: Stage, actor: Actor, topic: string, back: number): void {
  const hub = stage.hubs[0];
  const partition = stage.ledger.partitions.get(topic);
  if (!hub || partition === undefined) return;
  const epoch = epochAt(hub, partition);
  const from = listOf(stage.ledger, epoch, topic).at(-1 - back);
  if (!from) return;
  const { offset } = from;
  const cursor: (Place | undefined)[] = new Array(stage.plan.hub.partitions).fill(undefined);
  cursor[partition] = { epoch, offset };
  subscribe(stage, actor, topic, 0, { epoch, offset, text: formatCursor(cursor) });
}

function act(stage: Stage, actor: Actor, step: ClientAct): void {
  switch (step.what) {
    case 'send':
      for (let i = 0; actor.isOpen && i < step.count; i++) send(actor, step.timeoutMs);
      return;
    case 'volatile':
      if (actor.isOpen) sendVolatile(actor);
      return;
    case 'subscribe':
      return subscribe(stage, actor, step.topic, step.last);
    case 'resume':
      return resume(stage, actor, step.topic, step.back);
    case 'unsubscribe':
      if (actor.topics.delete(step.topic)) actor.client.unsubscribe(step.topic);
  }
}

/** By a client, or befalling it. */
function takeOfClient(stage: Stage, step: ClientAct | ClientStrike): void {
  const actor = stage.actors[step.client] as Actor;
  if (acts.has(step.what)) act(stage, actor, step as ClientAct);
  else strikeClient(stage, actor, step as ClientStrike);
}

/** Takes one step, unless everything is mended already. */
export function take(stage: Stage, step: Step): void {
  const { world, log, actors } = stage;
  if (stage.isHealed) return;
  const restMs = 'client' in step ? (actors[step.client] as Actor).client.machine.awakeAt - world.now : 0;
  if (restMs > 0) return world.later(restMs, () => take(stage, step));
  countIn(stage.tally, acts.has(step.what) ? 'acts' : 'strikes', step.what);
  log?.(`${Math.round(world.now)} STEP ${JSON.stringify(step)}`);
  switch (step.what) {
    case 'publish': {
      const except = step.except === undefined ? undefined : actors[step.except]?.client.name;
      for (let i = 0; i < step.count; i++) publish(stage, step.topic, step.hub, except);
      return;
    }
    case 'ephemeral':
      publishEphemeral(stage, step.topic, step.hub);
      return;
    case 'restart':
    case 'restart-with-log':
    case 'drain':
    case 'drain-with-log':
    case 'cut-all':
      return strikeHub(stage, step);
    default:
      return takeOfClient(stage, step);
  }
}
