/** What befalls clients and hubs, kind by kind. */
import { type Actor, standing } from './actor.ts';
import type { Conditions } from './net.ts';
import type { Strike } from './plan.ts';
import { type Stage, startHub } from './stage.ts';

type Of<W extends Strike['what']> = Extract<Strike, { readonly what: W }>;
type Restart = Of<'restart' | 'restart-with-log'>;
type Drain = Of<'drain' | 'drain-with-log'>;
export type HubStrike = Restart | Drain | Of<'cut-all'>;
export type ClientStrike = Exclude<Strike, HubStrike>;

function restart(stage: Stage, { what, hub: place, downMs }: Restart): void {
  const hub = stage.hubs[place];
  if (!hub) return;
  hub.kill();
  stage.leaving.delete(hub);
  stage.hubs[place] = undefined;
  for (const actor of stage.actors) actor.net.cutAll();
  stage.world.later(downMs, () => startHub(stage, place, what === 'restart' ? undefined : hub));
}

/**
 * Rolling: the one that leaves still serves whom it had; the new one takes its place at once, or after a while. Its log it
 * can leave to another only when it has ended.
 */
function drain(stage: Stage, { what, hub: place, drainMs, downMs }: Drain): void {
  const hub = stage.hubs[place];
  if (!hub || stage.leaving.has(hub)) return;
  const isKept = what === 'drain-with-log';
  if (downMs === 0 && !isKept) startHub(stage, place);
  stage.leaving.add(hub);
  hub.drain(drainMs, () => {
    // Its last words are on their way; then the process ends.
    stage.world.later(0, () => {
      hub.kill();
      stage.leaving.delete(hub);
    });
    if (stage.hubs[place] !== hub) return;
    stage.hubs[place] = undefined;
    stage.world.later(downMs, () => startHub(stage, place, isKept ? hub : undefined));
  });
}

export function strikeHub(stage: Stage, strike: HubStrike): void {
  if (strike.what === 'cut-all') for (const { net } of stage.actors) net.cutAll();
  else if ('drainMs' in strike) drain(stage, strike);
  else restart(stage, strike);
}

/** What a strike makes of the client's way for a while; `undefined`: it is none of this kind. */
function conditionsOf(strike: ClientStrike): Partial<Conditions> | undefined {
  switch (strike.what) {
    case 'offline':
    case 'down':
      return { down: true };
    case 'dead':
      return { silent: true };
    case 'buffer':
      return { buffered: true };
    case 'portal':
      return { portal: true };
    case 'slow':
      return { latencyMs: strike.latencyMs, jitterMs: strike.jitterMs };
    case 'flush':
      return { flush: { everyMs: strike.everyMs, bytes: strike.bytes } };
    case 'double':
      return { duplicatePost: strike.probability };
    case 'lose-answers':
      return { loseAnswer: strike.probability };
    case 'late':
      return { late: strike.probability };
    case 'idle-cut':
      return { idleMs: strike.afterMs };
    case 'age-cut':
      return { ageMs: strike.afterMs };
    case 'refuse':
      return { refused: [...strike.transports] };
    case 'mute':
      return { mute: [...strike.transports] };
    default:
      return undefined;
  }
}

/** Holds for a while, unless everything is mended before. */
function change(stage: Stage, { net, plan }: Actor, ms: number, conditions: Partial<Conditions>): void {
  Object.assign(net.conditions, conditions);
  stage.world.later(ms, () => {
    if (stage.isHealed) return;
    const usual = standing(plan);
    for (const name of Object.keys(conditions) as (keyof Conditions)[]) {
      Object.assign(net.conditions, { [name]: usual[name] });
    }
  });
}

/** What concerns the way: connections as they are now, and what holds for new ones. */
function strikeNet(stage: Stage, actor: Actor, strike: ClientStrike): void {
  const { net, client } = actor;
  const { world } = stage;
  const conditions = conditionsOf(strike);
  if (conditions && 'ms' in strike) change(stage, actor, strike.ms, conditions);
  switch (strike.what) {
    case 'offline':
      client.signal('offline');
      net.cutAll();
      return world.later(strike.ms, () => client.signal('online'));
    case 'down':
      net.cutAll();
      return;
    case 'cut':
      net.cutAll(strike.share);
      return;
    case 'silence':
      for (const channel of [...net.channels]) {
        if (world.chance(strike.share)) channel.silence(strike.way === 'both' ? undefined : strike.way);
      }
      return;
    case 'stall':
      net.conditions.stalledUntil = world.now + strike.ms;
  }
}

/** What concerns the client, its page or its machine. */
export function strikeClient(stage: Stage, actor: Actor, strike: ClientStrike): void {
  const { client } = actor;
  switch (strike.what) {
    case 'abort': {
      const ref = actor.refs.at(-1 - strike.back);
      if (ref !== undefined) client.abort(ref);
      return;
    }
    case 'prefer':
      return client.prefer(strike.transport ?? undefined);
    case 'close':
    case 'open':
      actor.isOpen = strike.what === 'open';
      return actor.isOpen ? client.open() : client.close();
    case 'glance':
      actor.isOpen = true;
      actor.isSuspended = true;
      client.open();
      return client.signal('suspended');
    case 'signal':
      if (strike.signal === 'suspended') actor.isSuspended = true;
      if (strike.signal === 'resumed') actor.isSuspended = false;
      if (strike.signal === 'prerendering') actor.isPrerendering = true;
      if (strike.signal === 'activated') actor.isPrerendering = false;
      return client.signal(strike.signal);
    case 'sleep':
      return client.sleep(strike.ms);
    case 'freeze':
      return client.freeze(strike.ms);
    case 'throttle':
      return client.machine.throttle(strike.lateMs, strike.ms);
    case 'jump':
      return client.jumpWall(strike.byMs);
    case 'revoke':
      return stage.hubs[0]?.core.revoke(client.name, strike.topic);
    default:
      return strikeNet(stage, actor, strike);
  }
}
