/**
 * The simulated network between one client and its servers: channels that keep order, and everything that can befall them.
 * TCP loses nothing; it stalls, resets, or goes silent. Intermediaries refuse, swallow, buffer and cut.
 */
import type { TransportName } from '../../src/adapters/adapter.ts';
import type { World } from './world.ts';

/** What holds on this client's way now. Changed by the scenario while connections live. */
export interface Conditions {
  /** One way, milliseconds; and at most so much more. */
  latencyMs: number;
  jitterMs: number;
  /** New connections of these kinds are refused at once. */
  refused: TransportName[];
  /** New connections of these kinds are let through and then bring nothing. */
  mute: TransportName[];
  /** Answers reach the client only when they are complete. */
  buffered: boolean;
  /** Nothing at all gets through, and nobody is told. */
  silent: boolean;
  /** New connections fail at once (no route, connection refused). */
  down: boolean;
  /** Every HTTP request is answered by a page of somebody else's. */
  portal: boolean;
  /** Probability that a POST is repeated byte for byte after the server has acted on it. */
  duplicatePost: number;
  /** Probability that the answer to a POST is lost, after the server has acted on it. */
  loseAnswer: number;
}

export function goodConditions(): Conditions {
  return {
    latencyMs: 20,
    jitterMs: 10,
    refused: [],
    mute: [],
    buffered: false,
    silent: false,
    down: false,
    portal: false,
    duplicatePost: 0,
    loseAnswer: 0,
  };
}

/** One connection through the network. Each direction keeps its order. */
export interface Channel {
  readonly transport: TransportName;
  toServer(run: () => void): void;
  toClient(run: () => void): void;
  /** Both ends are told, each after its latency; whatever was under way is lost. */
  cut(): void;
  /** From now on nothing passes, and nobody is told. */
  silence(): void;
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
  channel(transport: TransportName, ends: Ends): Channel;
  /** It may outlive the page, so it is nobody's any more. */
  detach(channel: Channel): void;
  /** Cuts all that is open; `probability` spares some. Returns how many. */
  cutAll(probability?: number): number;
}

export function createNet(world: World, conditions: Conditions = goodConditions()): Net {
  const channels: Channel[] = [];

  function channel(transport: TransportName, ends: Ends): Channel {
    let isOver = false;
    let isSilent = false;
    const due = { up: 0, down: 0 };

    function pass(way: 'up' | 'down', run: () => void): void {
      const delay = conditions.latencyMs + world.random() * conditions.jitterMs;
      due[way] = Math.max(due[way], world.now + delay);
      world.after(due[way] - world.now, () => {
        if (isOver || isSilent || conditions.silent) {
          // A byte that is lost in silence takes all that follow it along: TCP keeps order.
          if (!isOver) hush();
          return;
        }
        run();
      });
    }

    /** In the end the operating system gives up. */
    function hush(): void {
      if (isSilent) return;
      isSilent = true;
      world.after(60_000, () => self.cut());
    }

    function finish(): boolean {
      if (isOver) return false;
      isOver = true;
      const at = channels.indexOf(self);
      if (at >= 0) channels.splice(at, 1);
      return true;
    }

    const self: Channel = {
      transport,
      toServer: (run) => pass('up', run),
      toClient: (run) => pass('down', run),
      cut() {
        if (!finish()) return;
        world.after(world.random() * 5, ends.clientLost);
        world.after(world.random() * 5, ends.serverLost);
      },
      silence: hush,
      abandon() {
        if (!finish()) return;
        if (!isSilent && !conditions.silent) world.after(conditions.latencyMs, ends.serverLost);
        // A server that hears nothing finds out by itself, later.
        else world.after(60_000, ends.serverLost);
      },
      close() {
        if (isOver) return;
        const at = channels.indexOf(self);
        if (at >= 0) channels.splice(at, 1);
        // Whatever way it takes, the end reaches the server at last.
        pass('up', () => self.abandon());
        world.after(60_000, () => self.abandon());
      },
      get isOver() {
        return isOver;
      },
    };
    channels.push(self);
    if (conditions.mute.includes(transport)) hush();
    return self;
  }

  return {
    conditions,
    channels,
    channel,
    detach(one) {
      const at = channels.indexOf(one);
      if (at >= 0) channels.splice(at, 1);
    },
    cutAll(probability = 1) {
      const all = channels.filter(() => world.chance(probability));
      for (const one of all) one.cut();
      return all.length;
    },
  };
}
