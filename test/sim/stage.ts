/** A plan's world as it runs: its hubs, who reaches which, and what was published. `actor.ts` puts clients on it. */
import type { TransportName } from '../../src/adapters/adapter.ts';
import type { CoreOptions } from '../../src/server/core/config.ts';
import type { SendAnswer, SendRequest } from '../../src/server/core/types.ts';
import type { Actor } from './actor.ts';
import { checkPeer } from './checkers/buffers.ts';
import { checkHandlers, type HandlerChecker } from './checkers/handlers.ts';
import { type Fail, Failure } from './failure.ts';
import { createSimHub, type SimHub } from './hub.ts';
import { createLedger, type Ledger, note, placeOf } from './ledger.ts';
import type { HubPlan, Plan } from './plan.ts';
import type { Random } from './random.ts';
import { addTo, createTally, type Tally } from './tally.ts';
import { createWorld, type World } from './world.ts';

export interface Stage {
  readonly plan: Plan;
  readonly world: World;
  readonly ledger: Ledger;
  readonly tally: Tally;
  readonly actors: Actor[];
  /** By place behind the balancer; `undefined` while nobody listens there. */
  readonly hubs: (SimHub | undefined)[];
  /** Hubs that were told to go, and still serve whom they had. */
  readonly leaving: Set<SimHub>;
  readonly log: ((line: string) => void) | undefined;
  readonly handlers: HandlerChecker;
  readonly dice: { readonly handlers: Random; readonly balancer: Random };
  /** Hubs that were started so far, and logs that there were. */
  incarnations: number;
  logs: number;
  /** Messages so far; each has a number of its own. */
  published: number;
  /** Everything is mended. */
  isHealed: boolean;
  /** Messages and sends after that which have not had their effect. */
  owed: number;
}

export function createStage(plan: Plan, log: Stage['log']): Stage {
  const world = createWorld(plan.seed);
  const stage: Stage = {
    plan,
    world,
    ledger: createLedger(),
    tally: createTally(),
    actors: [],
    hubs: [],
    leaving: new Set(),
    log,
    handlers: checkHandlers((what) => failIn(world, 'handlers', 'a hub', what)),
    dice: { handlers: world.stream('handlers'), balancer: world.stream('balancer') },
    incarnations: 0,
    logs: 0,
    published: 0,
    isHealed: false,
    owed: 0,
  };
  for (let place = 0; place < plan.hubs; place++) startHub(stage, place);
  return stage;
}

function failIn({ now }: World, checker: string, who: string, what: string): never {
  throw new Failure(checker, `at ${Math.round(now)} ms, ${who}: ${what}`);
}

/** How a checker says that somebody broke what must hold. */
export function failFor({ world }: Stage, checker: string, who: string): Fail {
  return (what) => failIn(world, checker, who, what);
}

function coreOptions(plan: HubPlan): CoreOptions {
  const { partitions, heartbeatMs, holdMs, keepMs, lingerMs, messagesKept, keptMs } = plan;
  const { window, sendsPerSecond, bufferBytes, chunkBytes, replayBytesPerSecond } = plan;
  return {
    partitions,
    heartbeatMs,
    holdMs,
    keepMs,
    idleKeepMs: keepMs,
    lingerMs,
    history: { messages: messagesKept, ageMs: keptMs },
    limits: {
      window,
      sendsPerSecond,
      bufferBytes,
      chunkBytes,
      pollBytes: chunkBytes,
      replayBytesPerSecond,
    },
  };
}

/** The application's handler: it notes what it applies, and takes its time. */
function handle(stage: Stage, hub: string, request: SendRequest, done: (answer: SendAnswer) => void): void {
  const { handlerMs } = stage.plan.hub;
  const { actor, ref } = request.data as { actor: number; ref: number };
  // Some are refused before anything is done.
  if (ref % 23 === 0) {
    return done({ type: 'failed', code: 'HANDLER_FAILED', message: 'not this one', applied: false });
  }
  stage.actors[actor]?.sends.applied(ref);
  addTo(stage.tally, 'applied', 1);
  if (handlerMs === 0) return done({ type: 'ok', reply: ref });
  // Volatile ones have none.
  const key = request.idempotencyKey && `${hub} ${request.idempotencyKey}`;
  if (key !== undefined) stage.handlers.began(key);
  stage.world.later(stage.dice.handlers.random() * handlerMs, () => {
    if (key !== undefined) stage.handlers.ended(key);
    done({ type: 'ok', reply: ref });
  });
}

/** `former`: the one whose log it goes on with. */
export function startHub(stage: Stage, place: number, former?: SimHub): void {
  const { hub } = stage.plan;
  const name = `hub ${stage.incarnations++}`;
  if (!former) stage.logs++;
  const started = createSimHub({
    world: stage.world,
    name,
    broker: former?.broker,
    core: coreOptions(hub),
    socketBytes: hub.socketBytes ?? Number.POSITIVE_INFINITY,
    handle: (request, done) => handle(stage, name, request, done),
  });
  stage.hubs[place] = started;
  if (former && former.core.cursor() !== started.core.cursor()) {
    failFor(stage, 'kept', name)(`begins at ${started.core.cursor()}, not at ${former.core.cursor()}`);
  }
}

/** Who answers a request of this kind. */
export function serverFor(stage: Stage, transport: TransportName): SimHub | undefined {
  const { plan, hubs, dice } = stage;
  if (stage.isHealed || plan.balance === 'first') return hubs[0];
  if (plan.balance === 'any') return hubs[dice.balancer.between(0, plan.hubs - 1)];
  return hubs[transport === 'websocket' ? plan.hubs - 1 : 0];
}

/** The incarnation of a partition's log at a hub. */
export function epochAt(hub: SimHub, partition: number): string {
  return hub.core.cursor().split(',')[partition]?.split('.')[0] as string;
}

/** `false`: there is no such hub now. `except`: public id of the client that is not to get it. */
export function publish(stage: Stage, topic: string, place: number, except?: string): boolean {
  const hub = stage.hubs[place];
  if (!hub) return false;
  const n = ++stage.published;
  const id = hub.core.publish(topic, { n }, except === undefined ? {} : { except });
  addTo(stage.tally, 'published', 1);
  const { partition, offset } = placeOf(id);
  const epoch = epochAt(hub, partition);
  note(stage.ledger, n, topic, { epoch, partition, offset, at: stage.world.now, except });
  return true;
}

/** Returns its number. */
export function publishEphemeral(stage: Stage, topic: string, place: number): number {
  const n = ++stage.published;
  stage.hubs[place]?.core.publish(topic, { n }, { ephemeral: true });
  addTo(stage.tally, 'published', 1);
  return n;
}

/** Bounds of the hubs, looked at from time to time. */
export function checkHubs(stage: Stage): void {
  stage.hubs.forEach((hub, place) => {
    if (!hub) return;
    const fail = failFor(stage, 'buffers', `hub ${place}`);
    for (const peer of hub.peers) checkPeer(peer, hub.core.config, fail);
  });
}
