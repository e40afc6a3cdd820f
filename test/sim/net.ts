/**
 * The simulated network between one client and its servers: channels that keep order, and everything that can befall them.
 * TCP loses nothing; it stalls, resets, or goes silent. Intermediaries refuse, swallow, buffer and cut.
 */
import type { TransportName } from '../../src/adapters/adapter.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export type Way = 'up' | 'down';

/** What holds on this client's way now. Changed by the scenario while connections live. */
export interface Conditions {
  /** One way, milliseconds; and at most so much more. */
  latencyMs: number;
  jitterMs: number;
  /** Nothing arrives before this time; then all of it does, in order. */
  stalledUntil: number;
  /** New connections of these kinds are refused at once. */
  refused: TransportName[];
  /** New connections of these kinds are let through and then bring nothing. */
  mute: TransportName[];
  /** Answers reach the client only when they are complete. */
  buffered: boolean;
  /** An intermediary hands on what it has every so many milliseconds, or once it has so many bytes. */
  flush: { readonly everyMs: number; readonly bytes: number } | undefined;
  /** Nothing at all gets through, and nobody is told. */
  silent: boolean;
  /** New connections fail at once (no route, connection refused). */
  down: boolean;
  /** Every HTTP request is answered by a page of somebody else's. */
  portal: boolean;
  /** Probability that a request is repeated byte for byte after the server has acted on it. */
  duplicatePost: number;
  /** Probability that the answer to a request is lost, after the server has acted on it. */
  loseAnswer: number;
  /** Probability that a request is under way for up to 3 s, while later ones overtake it. */
  late: number;
  /** A connection on which nothing passes for so long is cut. */
  idleMs: number;
  /** A connection is cut when it is so old. */
  ageMs: number;
  /** After so long the server's operating system takes silence for an end. */
  giveUpMs: number;
}

export function goodConditions(): Conditions {
  return {
    latencyMs: 20,
    jitterMs: 10,
    stalledUntil: 0,
    refused: [],
    mute: [],
    buffered: false,
    flush: undefined,
    silent: false,
    down: false,
    portal: false,
    duplicatePost: 0,
    loseAnswer: 0,
    late: 0,
    idleMs: Number.POSITIVE_INFINITY,
    ageMs: Number.POSITIVE_INFINITY,
    giveUpMs: 60_000,
  };
}

/** One connection through the network. Each direction keeps its order. */
export interface Channel {
  readonly transport: TransportName;
  toServer(run: () => void): void;
  toClient(run: () => void): void;
  /** Both ends are told, each after its latency; whatever was under way is lost. */
  cut(): void;
  /** From now on nothing passes, at least in this direction, and nobody is told. */
  silence(way?: Way): void;
  /** The client has let go: the server is told, and what was on its way to it is lost. */
  abandon(): void;
  /** The client has closed it in good order: what was sent before still arrives. */
  close(): void;
  readonly isOver: boolean;
}

export interface Ends {
  /** The client's end of it broke. */
  readonly clientLost: () => void;
  /** The server's end of it is gone. */
  readonly serverLost: () => void;
}

export interface Net {
  readonly conditions: Conditions;
  readonly channels: Channel[];
  /** Channels opened so far. */
  readonly opened: number;
  channel(transport: TransportName, ends: Ends): Channel;
  /** It may outlive the page, so it is nobody's any more. */
  detach(channel: Channel): void;
  /** Cuts all that is open; `probability` spares some. Returns how many. */
  cutAll(probability?: number): number;
  /** The client's machine takes nothing from the network before then. */
  pauseClient(until: number): void;
}

/** What channels share: the way's conditions, who is open, and when the client's machine takes anything. */
interface Link {
  readonly world: World;
  readonly conditions: Conditions;
  readonly channels: Channel[];
  awakeAt: number;
}

function leave({ channels }: Link, one: Channel): void {
  const at = channels.indexOf(one);
  if (at >= 0) channels.splice(at, 1);
}

/** What the client's machine does waits until it is awake. */
function atClient(link: Link, run: () => void): void {
  const { world, awakeAt } = link;
  if (world.now >= awakeAt) run();
  else world.later(awakeAt - world.now, () => atClient(link, run));
}

function waitsUntil({ awakeAt, conditions }: Link, way: Way): number {
  return way === 'down' ? Math.max(awakeAt, conditions.stalledUntil) : conditions.stalledUntil;
}

function createChannel(link: Link, transport: TransportName, dice: Random, ends: Ends): Channel {
  const { world, conditions } = link;
  let isOver = false;
  let isGivenUp = false;
  const silent = { up: false, down: false };
  const due = { up: 0, down: 0 };
  /** What is under way; however long it takes, it arrives in order. */
  const queues: Record<Way, (() => void)[]> = { up: [], down: [] };
  let busyAt = world.now;

  function arrive(way: Way): void {
    if (isOver) return;
    // A byte that is lost in silence takes all that follow it along: TCP keeps order.
    if (silent[way] || conditions.silent) return hush(way);
    const restMs = waitsUntil(link, way) - world.now;
    if (restMs > 0) return world.later(restMs, () => arrive(way));
    busyAt = world.now;
    queues[way].shift()?.();
  }

  function pass(way: Way, run: () => void): void {
    const delay = conditions.latencyMs + dice.random() * conditions.jitterMs;
    due[way] = Math.max(due[way], world.now + delay);
    queues[way].push(run);
    world.later(due[way] - world.now, () => arrive(way));
  }

  function hush(way: Way): void {
    silent[way] = true;
    if (isGivenUp) return;
    isGivenUp = true;
    // The server writes, and at last learns that nobody hears it. A client that only waits never learns.
    world.later(conditions.giveUpMs, () => {
      if (!isOver) ends.serverLost();
    });
  }

  function finish(): boolean {
    if (isOver) return false;
    isOver = true;
    leave(link, self);
    return true;
  }

  function watchIdle(): void {
    if (isOver || conditions.idleMs === Number.POSITIVE_INFINITY) return;
    const restMs = busyAt + conditions.idleMs - world.now;
    if (restMs <= 0) return self.cut();
    world.later(restMs, watchIdle);
  }

  const self: Channel = {
    transport,
    toServer: (run) => pass('up', run),
    toClient: (run) => pass('down', run),
    cut() {
      if (!finish()) return;
      world.later(dice.random() * 5, () => atClient(link, ends.clientLost));
      world.later(dice.random() * 5, ends.serverLost);
    },
    silence(way) {
      if (way !== 'down') hush('up');
      if (way !== 'up') hush('down');
    },
    abandon() {
      if (!finish()) return;
      // A server that hears nothing finds out by itself, later.
      const isHeard = !silent.up && !conditions.silent;
      world.later(isHeard ? conditions.latencyMs : conditions.giveUpMs, ends.serverLost);
    },
    close() {
      if (isOver) return;
      leave(link, self);
      // Whatever way it takes, the end reaches the server at last.
      pass('up', () => self.abandon());
      world.later(conditions.giveUpMs, () => {
        if (finish()) ends.serverLost();
      });
    },
    get isOver() {
      return isOver;
    },
  };
  watchIdle();
  return self;
}

export function createNet(world: World, conditions: Conditions = goodConditions(), name = 'net'): Net {
  const link: Link = { world, conditions, channels: [], awakeAt: 0 };
  const { channels } = link;
  let opened = 0;
  return {
    conditions,
    channels,
    get opened() {
      return opened;
    },
    channel(transport, ends) {
      // Each channel has its own dice, so that one more or less changes nothing for the others.
      const one = createChannel(link, transport, world.stream(name, opened++), ends);
      channels.push(one);
      if (conditions.mute.includes(transport)) one.silence();
      if (conditions.ageMs < Number.POSITIVE_INFINITY) world.later(conditions.ageMs, () => one.cut());
      return one;
    },
    detach: (one) => leave(link, one),
    cutAll(probability = 1) {
      const all = channels.filter(() => probability === 1 || world.chance(probability));
      for (const one of all) one.cut();
      return all.length;
    },
    pauseClient(until) {
      link.awakeAt = Math.max(link.awakeAt, until);
    },
  };
}
