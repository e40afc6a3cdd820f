/** One client on a stage: its side of the network, and what its application is told, one line each. */
import type { TransportName } from '../../../src/adapters/adapter.ts';
import { activeOf } from '../../../src/core/model.ts';
import { createSimClient, type Observer, type SimClient } from '../client.ts';
import type { SimHub } from '../hub.ts';
import { type Conditions, createNet, goodConditions, type Way } from '../net.ts';
import type { World } from '../world.ts';
import { type Rule, type Wire, wiredNet } from './wires.ts';

export interface ActorOptions {
  readonly transports?: readonly TransportName[];
  readonly eager?: boolean;
  readonly token?: () => string | undefined;
  /** Which hub a new request of this transport reaches; by default the only one. */
  readonly balance?: (transport: TransportName) => SimHub | undefined;
}

export interface Actor {
  readonly client: SimClient;
  /** All requests and sockets so far, by age. */
  readonly wires: readonly Wire[];
  /** The newest request of the connection with this number. */
  wire(attempt: number): Wire;
  readonly conditions: Conditions;
  /** New requests for which this holds wait, one way, until they are released. Default: down. */
  holdNew(which: (transport: TransportName) => boolean, way?: Way): void;
  /** POSTs of the uplink wait before the server. */
  readonly posts: { hold(): void; release(): void };
  /** From now on a proxy looks into all that passes. */
  inspect(rule: Rule): void;
  /** What the application was told since the last call. */
  told(): string[];
  /** The opens that arrived since the last call: `#attempt transport [topics] from`. */
  opens(): string[];
  /** The transport in use, and the number of its connection. */
  active(): string;
}

const oneWayMs = 10;

/** What comes with the observer's calls is added to what is returned by `take`. */
function createTold(): { readonly observer: Observer; take(): string[] } {
  const told: string[] = [];
  return {
    take: () => told.splice(0),
    observer: {
      message: ({ topic, id, data, gap }) =>
        told.push(`${topic} ${id || JSON.stringify(data)}${gap ? ' (after a gap)' : ''}`),
      gap: ({ topic, from, to, reason }) => told.push(`gap ${topic} ${from}-${to} ${reason}`),
      ready: (topic, start) => told.push(`ready ${topic} from ${start}`),
      ended: (topic, code) => told.push(`${topic} ended: ${code}`),
      settled: (ref, error, reply) =>
        told.push(`send ${ref}: ${error ? error.code : JSON.stringify(reply ?? null)}`),
      error: (error) => told.push(`error ${error.code}`),
    },
  };
}

export function createActor(
  world: World,
  seed: number,
  how: ActorOptions & Required<Pick<ActorOptions, 'balance'>>,
): Actor {
  const { transports = ['websocket'], eager = false, token, balance } = how;
  const plain = createNet(world, { ...goodConditions(), latencyMs: oneWayMs, jitterMs: 0 });
  const { net, server, opens, wires, wire, holdNew, posts, inspect } = wiredNet(plain, balance);
  const { observer, take } = createTold();
  const site = { world, net, server };
  const client = createSimClient({ site, transports, eager, seed, observer, ...(token && { token }) });
  return {
    client,
    wires,
    wire,
    conditions: plain.conditions,
    holdNew,
    posts,
    inspect,
    told: take,
    opens: () => opens.splice(0),
    active() {
      const active = activeOf(client.session);
      return active ? `#${active.id} ${active.kind.transport}` : 'none';
    },
  };
}
