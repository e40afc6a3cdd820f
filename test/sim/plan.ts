/**
 * A world as data: who is there, and the schedule of all that is done and of all that befalls them. A plan is drawn from a
 * seed (`draw.ts`), shortened after a failure (`shrink.ts`), kept as a file (`corpus/`), or written by hand.
 */
import type { TransportName } from '../../src/adapters/adapter.ts';
import type { Signal } from '../../src/core/model.ts';
import type { Way } from './net.ts';

export const allTransports: readonly TransportName[] = [
  'websocket',
  'http-stream',
  'eventsource',
  'iframe',
  'long-poll',
  'poll',
];

/** What is always so on this client's way, good times included. */
export interface ClientPlan {
  readonly transports: readonly TransportName[];
  readonly eager: boolean;
  /** It opens with its first subscription or send. */
  readonly lazy: boolean;
  readonly outboxSends: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Kinds that never get through: refused at once, or let through and swallowed. */
  readonly refused: readonly TransportName[];
  readonly mute: readonly TransportName[];
  /** Answers come only when they are complete. */
  readonly buffered: boolean;
}

export interface HubPlan {
  readonly partitions: number;
  /** Messages kept for each topic, and for how long. */
  readonly messagesKept: number;
  readonly keptMs: number;
  readonly heartbeatMs: number;
  readonly holdMs: number;
  /** How long sends of a client are remembered after it left. */
  readonly keepMs: number;
  readonly lingerMs: number;
  readonly window: number;
  readonly sendsPerSecond: number;
  readonly bufferBytes: number;
  /** Bytes read from the log at a time, and in a second, for one that catches up. */
  readonly chunkBytes: number;
  readonly replayBytesPerSecond: number;
  /** Bytes that a socket takes before it blocks; `null`: any number. */
  readonly socketBytes: number | null;
  /** A handler takes up to so long. */
  readonly handlerMs: number;
}

/** Who gets a request where there are two hubs with a log each: the first alone, either, or one for each kind. */
export type Balance = 'first' | 'any' | 'by-kind';

interface At {
  /** Milliseconds from the beginning. */
  readonly at: number;
}
interface OfClient extends At {
  readonly client: number;
}
interface ForAWhile extends OfClient {
  readonly ms: number;
}

/** What somebody does. */
export type Act =
  /** `except`: the client that is not to get it. */
  | (At & {
      readonly what: 'publish';
      readonly topic: string;
      readonly hub: number;
      readonly count: number;
      readonly except?: number;
    })
  | (At & { readonly what: 'ephemeral'; readonly topic: string; readonly hub: number })
  | (OfClient & { readonly what: 'send'; readonly timeoutMs: number; readonly count: number })
  | (OfClient & { readonly what: 'volatile' })
  | (OfClient & { readonly what: 'subscribe'; readonly topic: string; readonly last: number })
  /** Goes on from the message so many back. */
  | (OfClient & { readonly what: 'resume'; readonly topic: string; readonly back: number })
  | (OfClient & { readonly what: 'unsubscribe'; readonly topic: string });

/** What befalls somebody. Each kind is counted. */
export type Strike =
  /** The newest sends but so many. */
  | (OfClient & { readonly what: 'abort'; readonly back: number })
  | (OfClient & { readonly what: 'prefer'; readonly transport: TransportName | null })
  /** `glance`: opened and put away in one task. */
  | (OfClient & { readonly what: 'close' | 'open' | 'glance' })
  | (OfClient & { readonly what: 'signal'; readonly signal: Signal })
  | (ForAWhile & { readonly what: 'sleep' | 'freeze' | 'offline' })
  | (ForAWhile & { readonly what: 'throttle'; readonly lateMs: number })
  | (OfClient & { readonly what: 'jump'; readonly byMs: number })
  | (OfClient & { readonly what: 'cut'; readonly share: number })
  | (OfClient & { readonly what: 'silence'; readonly way: Way | 'both'; readonly share: number })
  | (ForAWhile & { readonly what: 'stall' | 'down' | 'dead' | 'buffer' | 'portal' })
  | (ForAWhile & { readonly what: 'slow'; readonly latencyMs: number; readonly jitterMs: number })
  | (ForAWhile & { readonly what: 'refuse' | 'mute'; readonly transports: readonly TransportName[] })
  | (ForAWhile & { readonly what: 'flush'; readonly everyMs: number; readonly bytes: number })
  | (ForAWhile & { readonly what: 'double' | 'lose-answers' | 'late'; readonly probability: number })
  | (ForAWhile & { readonly what: 'idle-cut' | 'age-cut'; readonly afterMs: number })
  /** Another takes its place, with a log of its own or with the former one's. */
  | (At & {
      readonly what: 'restart' | 'restart-with-log';
      readonly hub: number;
      readonly downMs: number;
    })
  | (At & {
      readonly what: 'drain' | 'drain-with-log';
      readonly hub: number;
      readonly drainMs: number;
      readonly downMs: number;
    })
  | (At & { readonly what: 'cut-all' })
  | (OfClient & { readonly what: 'revoke'; readonly topic: string });

export type Step = Act | Strike;
export type StrikeName = Strike['what'];

export interface Plan {
  /** Of all dice in this world. */
  readonly seed: number;
  readonly clients: readonly ClientPlan[];
  readonly hub: HubPlan;
  readonly hubs: number;
  readonly balance: Balance;
  /** When everything is mended. */
  readonly healAt: number;
  /** By time. */
  readonly steps: readonly Step[];
}

export const calmClient: ClientPlan = {
  transports: allTransports,
  eager: true,
  lazy: false,
  outboxSends: 1_000,
  latencyMs: 20,
  jitterMs: 10,
  refused: [],
  mute: [],
  buffered: false,
};

export const calmHub: HubPlan = {
  partitions: 1,
  messagesKept: 10_000,
  keptMs: 3_600_000,
  heartbeatMs: 10_000,
  holdMs: 25_000,
  keepMs: 120_000,
  lingerMs: 15_000,
  window: 256,
  sendsPerSecond: 100_000,
  bufferBytes: 1024 * 1024,
  chunkBytes: 256 * 1024,
  replayBytesPerSecond: 64 * 1024 * 1024,
  socketBytes: null,
  handlerMs: 0,
};

/** A world in which nothing is wrong but what is given: for scenarios written by hand. */
export function calmPlan(
  given: Partial<Omit<Plan, 'hub' | 'clients'>> & {
    readonly hub?: Partial<HubPlan>;
    readonly clients?: readonly Partial<ClientPlan>[];
  },
): Plan {
  const last = given.steps?.at(-1)?.at ?? 0;
  return {
    seed: 1,
    hubs: 1,
    balance: 'first',
    healAt: last + 1_000,
    steps: [],
    ...given,
    hub: { ...calmHub, ...given.hub },
    clients: (given.clients ?? [{}]).map((client) => ({ ...calmClient, ...client })),
  };
}
