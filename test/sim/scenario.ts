/**
 * One seed, one world: draws who is there and what befalls them, runs a phase with faults, heals everything, and runs a
 * phase in which all must come right in a bounded time.
 */
import type { TransportName } from '../../src/adapters/adapter.ts';
import {
  checkSends,
  checkTopic,
  createLedger,
  note,
  type SendChecker,
  type TopicChecker,
} from './checkers.ts';
import { createSimClient, type SimClient } from './client.ts';
import { createSimHub, type SimHub } from './hub.ts';
import { createNet, goodConditions, type Net } from './net.ts';
import { createWorld, type World } from './world.ts';

export interface Options {
  readonly clients: number;
  readonly topics: number;
  readonly partitions: number;
  readonly transports: readonly TransportName[];
  readonly eager: boolean;
  readonly messagesKept: number;
  readonly socketBytes: number;
  readonly publishEveryMs: number;
  readonly sendEveryMs: number;
  readonly latencyMs: number;
  readonly handlerMs: number;
  /** Faults that this world knows, with the mean time between them. */
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  readonly duplicatePost: number;
  readonly loseAnswer: number;
  readonly safetyMs: number;
}

export type Fault =
  | 'cut'
  | 'cut-some'
  | 'silence'
  | 'mute-kind'
  | 'refuse-kind'
  | 'buffer'
  | 'down'
  | 'restart'
  | 'prefer'
  | 'topics'
  | 'close-open'
  | 'sleep'
  | 'suspend'
  | 'signal'
  | 'abort';

const allTransports: readonly TransportName[] = [
  'websocket',
  'http-stream',
  'eventsource',
  'iframe',
  'long-poll',
  'poll',
];
const allFaults: readonly Fault[] = [
  'cut',
  'cut-some',
  'silence',
  'mute-kind',
  'refuse-kind',
  'buffer',
  'down',
  'restart',
  'prefer',
  'topics',
  'close-open',
  'sleep',
  'suspend',
  'signal',
  'abort',
];

/** Each seed's own world: some faults off, others wild. */
function drawOptions(world: World): Options {
  const faults: Partial<Record<Fault, number>> = {};
  for (const fault of allFaults) if (world.chance(0.35)) faults[fault] = world.between(1, 40) * 250;
  const transports = allTransports.filter(() => world.chance(0.6));
  const sendEveryMs = world.pick([20, 100, 500, 3_000]);
  return {
    clients: world.between(1, 3),
    topics: world.between(1, 4),
    partitions: world.chance(0.3) ? world.between(2, 4) : 1,
    transports: transports.length > 0 ? transports : [world.pick(allTransports)],
    eager: world.chance(0.5),
    messagesKept: world.chance(0.3) ? world.between(1, 20) : 10_000,
    socketBytes: world.chance(0.2) ? world.between(200, 4_000) : Number.POSITIVE_INFINITY,
    publishEveryMs: world.pick([5, 20, 100, 500, 3_000]),
    sendEveryMs,
    latencyMs: world.pick([1, 10, 50, 200]),
    // Handlers of one client run one after another, so they must keep up with what is sent.
    handlerMs: world.pick([0, 0, sendEveryMs / 10, sendEveryMs / 2]),
    faults,
    duplicatePost: world.chance(0.2) ? world.random() * 0.3 : 0,
    loseAnswer: world.chance(0.2) ? world.random() * 0.3 : 0,
    safetyMs: world.between(5, 40) * 1_000,
  };
}

class Failure extends Error {}

interface Actor {
  readonly net: Net;
  readonly client: SimClient;
  readonly topics: Map<string, TopicChecker>;
  readonly sends: SendChecker;
  readonly refs: number[];
  isOpen: boolean;
  isSuspended: boolean;
}

export interface Result {
  readonly messages: number;
  readonly published: number;
  readonly applied: number;
  readonly gaps: number;
  readonly faults: Record<string, number>;
  readonly happenings: number;
}

const healMs = 90_000;

export interface RunHooks {
  readonly log?: (line: string) => void;
  readonly options?: Partial<Options>;
}

export function runSeed(seed: number, hooks: RunHooks = {}): Result {
  const world = createWorld(seed);
  const options: Options = { ...drawOptions(world), ...hooks.options };
  const log = (line: string): void => hooks.log?.(`${Math.round(world.now)} ${line}`);
  log(`seed ${seed} ${JSON.stringify(options)}`);
  const ledger = createLedger();
  const actors: Actor[] = [];
  const counts: Record<string, number> = {};
  const numbers = new Map<string, number>();
  const result = { messages: 0, published: 0, applied: 0, gaps: 0, faults: counts, happenings: 0 };
  let hub: SimHub | undefined;
  let isHealing = false;
  let isPublishing = true;

  const fail = (what: string): never => {
    throw new Failure(`seed ${seed}, at ${Math.round(world.now)} ms: ${what}`);
  };

  function startHub(): void {
    hub = createSimHub({
      world,
      core: {
        partitions: options.partitions,
        history: { messages: options.messagesKept },
        limits: { sendsPerSecond: 100_000 },
      },
      socketBytes: options.socketBytes,
      handle(request, done) {
        const { actor, ref } = request.data as { actor: number; ref: number };
        actors[actor]?.sends.applied(ref);
        result.applied++;
        const answer = (): void => done({ type: 'ok', reply: ref });
        if (options.handlerMs === 0) answer();
        else world.after(world.random() * options.handlerMs, answer);
      },
    });
  }

  function publish(): void {
    if (!isPublishing) return;
    if (hub) {
      const topic = `t${world.between(1, options.topics)}`;
      const n = (numbers.get(topic) ?? 0) + 1;
      const id = hub.core.publish(topic, { n });
      numbers.set(topic, n);
      result.published++;
      const [partition, offset] = id.includes('.') ? id.split('.').map(Number) : [0, Number(id)];
      const epoch = hub.core.cursor().split(',')[partition as number]?.split('.')[0] as string;
      note(ledger, { epoch, offset: offset as number, topic, n });
    }
    world.after(world.random() * 2 * options.publishEveryMs, publish);
  }

  function addActor(index: number): void {
    const net = createNet(world, {
      ...goodConditions(),
      latencyMs: options.latencyMs,
      jitterMs: options.latencyMs / 2,
      duplicatePost: options.duplicatePost,
      loseAnswer: options.loseAnswer,
    });
    const topics = new Map<string, TopicChecker>();
    const sends = checkSends((what) => fail(`client ${index}: ${what}`));
    const client = createSimClient({
      site: { world, net, server: () => hub },
      transports: options.transports,
      eager: options.eager,
      seed: world.between(0, 2 ** 31),
      observer: {
        message(message) {
          result.messages++;
          log(
            `c${index} message ${message.topic} ${message.id} ${JSON.stringify(message.data)}${message.gap ? ' gap' : ''}`,
          );
          topics.get(message.topic)?.message(message);
        },
        gap(gap) {
          result.gaps++;
          log(`c${index} gap ${JSON.stringify(gap)}`);
          topics.get(gap.topic)?.gap(gap);
        },
        ready(topic, start) {
          log(`c${index} ready ${topic} ${start}`);
          const [partition, offset] = start.includes('.') ? start.split('.').map(Number) : [0, Number(start)];
          const epoch = client.session.inbox.epochs[partition as number] as string;
          topics.get(topic)?.ready(epoch, offset as number);
        },
        ended: (topic, code) => fail(`client ${index}: ${topic} ended with ${code}`),
        settled(ref, error) {
          log(`c${index} settled ${ref} ${error?.code ?? 'ok'}`);
          sends.settled(ref, error);
        },
        trace(trace) {
          log(
            `c${index} ${trace.type} ${trace.connection ?? ''} ${trace.transport ?? ''} ${trace.role ?? ''} ${trace.reason ?? ''}`,
          );
        },
      },
    });
    const actor: Actor = { net, client, topics, sends, refs: [], isOpen: true, isSuspended: false };
    actors.push(actor);
    client.open();
    for (let i = 1; i <= options.topics; i++) if (world.chance(0.7)) subscribe(actor, index, `t${i}`);
    world.after(world.random() * 100, () => send(actor, index));
    for (const fault of allFaults) {
      const every = options.faults[fault];
      if (every !== undefined)
        world.after(world.random() * 2 * every, () => strike(actor, index, fault, every));
    }
  }

  function subscribe(actor: Actor, index: number, topic: string): void {
    if (actor.topics.has(topic)) return;
    actor.topics.set(
      topic,
      checkTopic(ledger, topic, (what) => fail(`client ${index}: ${what}`)),
    );
    log(`c${index} subscribe ${topic}`);
    actor.client.subscribe(topic);
  }

  function send(actor: Actor, index: number): void {
    if (actor.isOpen && !isHealing) {
      const ref = actor.client.send(
        'up',
        { actor: index, ref: actor.refs.length + 1 },
        world.pick([300, 5_000, 60_000]),
      );
      if (ref !== actor.refs.length + 1) throw new Error('numbering');
      actor.refs.push(ref);
      actor.sends.sent(ref);
    }
    world.after(world.random() * 2 * options.sendEveryMs, () => send(actor, index));
  }

  /** A condition that holds for a while. */
  function forAWhile(begin: () => () => void): void {
    const undo = begin();
    world.after(world.random() * 15_000, undo);
  }

  function strike(actor: Actor, index: number, fault: Fault, every: number): void {
    if (isHealing) return;
    counts[fault] = (counts[fault] ?? 0) + 1;
    log(`c${index} FAULT ${fault}`);
    const { net, client } = actor;
    const { conditions } = net;
    const kind = world.pick(allTransports);
    if (fault === 'cut') net.cutAll();
    if (fault === 'cut-some') net.cutAll(0.5);
    if (fault === 'silence')
      for (const channel of net.channels.filter(() => world.chance(0.7))) channel.silence();
    if (fault === 'prefer') client.prefer(world.chance(0.2) ? undefined : world.pick(options.transports));
    if (fault === 'abort' && actor.refs.length > 0) client.abort(world.pick(actor.refs));
    if (fault === 'signal')
      client.signal(world.pick(['visible', 'hidden', 'online', 'offline', 'network-changed']));
    if (fault === 'sleep') client.sleep(world.between(1_000, 60_000));
    if (fault === 'down') {
      forAWhile(() => {
        conditions.down = true;
        net.cutAll();
        return () => {
          conditions.down = false;
        };
      });
    }
    if (fault === 'mute-kind' || fault === 'refuse-kind') {
      forAWhile(() => {
        const list = fault === 'mute-kind' ? conditions.mute : conditions.refused;
        list.push(kind);
        return () => {
          const at = list.indexOf(kind);
          if (at >= 0) list.splice(at, 1);
        };
      });
    }
    if (fault === 'buffer') {
      forAWhile(() => {
        conditions.buffered = true;
        return () => {
          conditions.buffered = false;
        };
      });
    }
    if (fault === 'topics') changeTopics(actor, index);
    if (fault === 'close-open') {
      if (actor.isOpen) client.close();
      else client.open();
      actor.isOpen = !actor.isOpen;
    }
    if (fault === 'suspend') {
      client.signal(actor.isSuspended ? 'resumed' : 'suspended');
      actor.isSuspended = !actor.isSuspended;
    }
    if (fault === 'restart' && hub) {
      hub.kill();
      hub = undefined;
      for (const one of actors) one.net.cutAll();
      world.after(world.random() * 4_000, startHub);
    }
    world.after(world.random() * 2 * every, () => strike(actor, index, fault, every));
  }

  function changeTopics(actor: Actor, index: number): void {
    const topic = `t${world.between(1, options.topics)}`;
    if (actor.topics.has(topic)) {
      actor.topics.delete(topic);
      log(`c${index} unsubscribe ${topic}`);
      actor.client.unsubscribe(topic);
    } else subscribe(actor, index, topic);
  }

  function heal(): void {
    isHealing = true;
    log('HEAL');
    for (const actor of actors) {
      Object.assign(actor.net.conditions, goodConditions(), { latencyMs: options.latencyMs });
      if (actor.isSuspended) actor.client.signal('resumed');
      if (!actor.isOpen) actor.client.open();
      actor.client.signal('online');
    }
  }

  startHub();
  for (let i = 0; i < options.clients; i++) addActor(i);
  publish();
  result.happenings += world.runUntil(options.safetyMs);
  heal();
  letGo(healMs, () =>
    actors.every((actor) => actor.client.session.state === 'open' && actor.sends.isComplete()),
  );
  finish();
  return result;

  /** Lets time go on until it is so, at most so long; what is not so then is `finish`'s to say. */
  function letGo(atMostMs: number, isSo: () => boolean): void {
    const end = world.now + atMostMs;
    do result.happenings += world.runUntil(Math.min(end, world.now + 500));
    while (world.now < end && !isSo());
  }

  function finish(): void {
    // Nothing more is published; what there is must arrive.
    isPublishing = false;
    letGo(healMs, () => actors.every((actor) => [...actor.topics.values()].every((one) => one.isComplete())));
    actors.forEach((actor, index) => {
      const { state } = actor.client.session;
      if (state !== 'open') fail(`client ${index}: ${state} after everything was well for two minutes`);
      for (const checker of actor.topics.values()) checker.finish();
      actor.sends.finish();
      actor.client.close();
    });
    // Whoever sleeps wakes within a minute.
    result.happenings += world.runUntil(world.now + 65_000);
    actors.forEach((actor, index) => {
      if (actor.client.timerCount() > 0)
        fail(`client ${index}: ${actor.client.timerCount()} timers after close`);
      if (actor.net.channels.length > 0)
        fail(`client ${index}: ${actor.net.channels.length} connections after close`);
    });
  }
}
