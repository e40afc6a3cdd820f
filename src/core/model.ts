/**
 * The session's record and its alphabet: what comes in (`Input`) and what comes out (`Effect`). Types and constructors only.
 */
import type { BackoffConfig } from './backoff.ts';
import type { Deadline } from './deadlines.ts';
import type { HoldfastError } from './errors.ts';
import type { BatchFrame, ClientFrame, HelloFrame, OpenFrame, ServerFrame } from './frames.ts';
import { createInbox, type Inbox, type InboxEvent, type Reception } from './inbox.ts';
import { createOutbox, type Outbox, type OutboxConfig, type SendRequest, type Settlement } from './outbox.ts';
import { createPolicy, type Kind, type Knowledge, type PolicyState, type Way } from './policy.ts';
import { createPrng, type Prng, random } from './prng.ts';
import type { Ending } from './verdict.ts';

/** Both clocks, milliseconds. Each input brings them; the core has none. */
export interface Now {
  readonly wall: number;
  readonly mono: number;
}

export interface SessionConfig {
  /** In the application's order of preference, best first. */
  readonly kinds: readonly Kind[];
  /** Whether a token must be had before an open. */
  readonly auth: boolean;
  /** Whether an unknown network is explored with two opens at once. */
  readonly eager: boolean;
  /** Whether requests may go in the other credentials mode, which another pool of connections serves. */
  readonly mayRenew?: boolean;
  readonly backoff: BackoffConfig;
  readonly outbox: OutboxConfig;
  /** Seed of the session's own randomness. */
  readonly seed: number;
}

export type Signal =
  | 'visible'
  | 'hidden'
  | 'suspended'
  | 'resumed'
  | 'prerendering'
  | 'activated'
  | 'online'
  | 'offline'
  | 'network-changed';

/** Everything that can happen to a session. `id` is a connection's; inputs of connections it no longer knows are dropped. */
export type Input =
  | { readonly type: 'identity'; readonly client: string; readonly key: string }
  | { readonly type: 'available'; readonly transports: readonly string[] }
  | { readonly type: 'memory'; readonly known: Knowledge }
  /** What the platform takes a round trip for. */
  | { readonly type: 'estimate'; readonly rttMs: number }
  | { readonly type: 'open' }
  | { readonly type: 'close' }
  | {
      readonly type: 'subscribe';
      readonly topic: string;
      readonly last: number;
      readonly since: string | undefined;
    }
  | { readonly type: 'unsubscribe'; readonly topic: string }
  | { readonly type: 'send'; readonly request: SendRequest; readonly timeoutMs: number }
  | { readonly type: 'volatile'; readonly request: SendRequest }
  | { readonly type: 'abort'; readonly ref: number }
  | { readonly type: 'prefer'; readonly transport: string | undefined }
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'token-failed'; readonly cause: unknown }
  | { readonly type: 'reauthenticate' }
  | { readonly type: 'opened'; readonly id: number }
  | { readonly type: 'frames'; readonly id: number; readonly frames: readonly ServerFrame[] }
  | { readonly type: 'undecodable'; readonly id: number }
  /** What it has brought fills the memory: another of its kind should go on. */
  | { readonly type: 'full'; readonly id: number }
  | { readonly type: 'answered'; readonly id: number }
  | {
      readonly type: 'posted';
      readonly id: number;
      readonly ok: boolean;
      readonly status: number | undefined;
    }
  | { readonly type: 'ended'; readonly id: number; readonly ending: Ending }
  | { readonly type: 'signal'; readonly signal: Signal }
  | { readonly type: 'time' };

/** What the driver is to do, in order. */
export type Effect =
  | {
      readonly type: 'open';
      readonly id: number;
      readonly transport: string;
      readonly open: OpenFrame;
      /** Over none of the connections that other requests use. */
      readonly fresh: boolean;
    }
  | { readonly type: 'poll'; readonly id: number; readonly open: OpenFrame }
  | {
      readonly type: 'transmit';
      readonly id: number;
      readonly frames: readonly ClientFrame[];
      readonly batch: BatchFrame;
      readonly keepalive: boolean;
    }
  | { readonly type: 'end'; readonly id: number }
  /** It was not refused, and nothing will be heard of it until there is something to say. */
  | { readonly type: 'presume'; readonly id: number }
  /** A `subscribe` was taken: what is told of this topic from here on is of this subscription. */
  | { readonly type: 'taken'; readonly topic: string }
  | { readonly type: 'ask-token' }
  | { readonly type: 'rekey' }
  | { readonly type: 'remember'; readonly known: Knowledge }
  | { readonly type: 'error'; readonly error: HoldfastError }
  | { readonly type: 'trace'; readonly trace: Trace }
  | InboxEvent
  | Settlement;

export type Role = 'candidate' | 'active' | 'draining';

/** One line of a connection's life, for people: `client.on('trace')`. */
export interface Trace {
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly type:
    | 'attempt'
    | 'opened'
    | 'hello'
    | 'promoted'
    | 'released'
    | 'closed'
    | 'retry'
    | 'wake'
    | 'state'
    | 'dropped';
  readonly connection: number | undefined;
  readonly transport: string | undefined;
  readonly role: Role | undefined;
  readonly reason: string | undefined;
}

/** What became of one attempt at a connection. Times are milliseconds since it began; `undefined`: it never came so far. */
export interface Attempt {
  readonly connection: number;
  readonly transport: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
  /** Why it was made. */
  readonly why: string;
  /** The handshake or the answer's head. */
  openedMs: number | undefined;
  /** The server's first words: it is proven. */
  helloMs: number | undefined;
  /** It became the active one. */
  promotedMs: number | undefined;
  endedMs: number | undefined;
  /** Why it was left, or how it ended. */
  end: string | undefined;
}

export type State = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'offline' | 'suspended' | 'closed';

/** Why a candidate exists: nothing was there, the active one must be replaced, or a better kind may work. */
export type Purpose = 'connect' | 'replace' | 'upgrade';

/** One disposable attempt. */
export interface Connection {
  readonly id: number;
  readonly kind: Way;
  /** What is told of it. */
  readonly attempt: Attempt;
  /** What it has confirmed and carried. */
  readonly reception: Reception;
  purpose: Purpose;
  /** Its requests avoid the connections of the pool. */
  readonly fresh: boolean;
  /** Serial of the token that it was opened with. */
  readonly tokenSerial: number;
  readonly openedAt: number;
  role: Role;
  /** The server has our open and takes its time. */
  isTaken?: true;
  /** What the server said first, but for the topics: with it the connection is proven. */
  hello?: HelloFrame;
  provenAt: number;
  heardAt: number;
  /** The longest pause between two things heard, a fading memory of it, milliseconds. */
  paceMs: number;
  /** Heartbeats in a row that came late. */
  lates: number;
  /** What it was asked for, and from where; of polls also when, and how long the answer may be held. */
  askedAt: number;
  heldMs: number;
  question: string;
  /** Times that `prove` or `quiet` have run out in a row. */
  misses: number;
  /** It was given more time, as the machine was busy when that was over. */
  excused?: true;
  /** Its hello came after its time: perhaps held back on the way, until all of the answer was there. */
  isLate?: true;
  /** An upgrade that takes long to prove itself: the next one may be tried beside it. */
  overdue?: true;
  /** The active connection was asked to say how far it has come, because this one starts beyond. */
  bridging?: true;
  /** What it brings is doubted: it must be replaced. */
  suspect?: string | undefined;
  /**
   * What was asked on it was answered. There are networks that let a WebSocket bring and swallow what it sends, and others
   * that let go of a stream's first words only.
   */
  verified: boolean;
  /** The server is about to end it. */
  leaving?: true;
  /** What it has brought fills the memory. */
  full?: true;
  /** Polls: an answer is under way. */
  asking: boolean;
  /** It brought a message; of polls, the last answer did. */
  brought?: boolean;
  pollMs: number;
  /** One-way: a POST is under way. */
  posting?: boolean;
  /** One-way: it is to be asked for a sign of life when the POST under way is over. */
  doubted?: boolean;
  postedAt: number;
  /** The memory of sends that the last frames up belonged to: their answers do, too, whatever a later poll's hello says. */
  postedUnder?: string;
  postFailures: number;
  /** One-way: sends in the POST that is under way, and answers to sends since it began. */
  postedSends: number;
  acks: number;
  /** Times in a row that the server put sends off. */
  putOffs: number;
  request: number;
  /** The inbox's version at which it carried just what is wanted. */
  inboxVersion: number;
  /** The `error` frame that announced its end. */
  error?: { readonly code: string; readonly message: string };
}

export interface Session {
  readonly config: SessionConfig;
  readonly prng: Prng;
  /** Its own place among all who wait for a server (`backoff.ts`). */
  readonly turn: number;
  readonly policy: PolicyState;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  deadlines: Deadline[];
  now: Now;
  /** `idle` until something is wanted. */
  phase: 'idle' | 'running' | 'suspended' | 'closed';
  prerendering: boolean;
  /** What the platform said, and whether an attempt has failed since: only then it is believed. */
  offline: 'no' | 'said' | 'seen';
  hidden: boolean;
  client: string;
  key: string;
  /** By age. */
  connections: Connection[];
  nextId: number;
  /** Transports that failed in the present round, none of them proven. */
  tried: Way[];
  /** Attempts since a connection last held. */
  attempt: number;
  replaceFailures: number;
  /** Something died in silence, and the connections of the pool may be dead, too: opens that may still be given up early. */
  doubt: number;
  /** What the last candidate asked for, if it had a place to begin at, and how many that asked for the same were lost. */
  question: string;
  losses: number;
  /** What the first answer to a POST may take beside its round trip and its bytes, milliseconds. */
  postLimitMs: number;
  /** The clock of the server that knows our sends by this name: the least difference to our own, and when it was so. */
  clock: { readonly sends: string | undefined; readonly skew: number; readonly at: number } | undefined;
  /** The transport of the last connection that was active. */
  lastGood: Way | undefined;
  everOpen: boolean;
  /** As the last hello told it; `null` before the first. */
  identity: string | undefined | null;
  token: { state: 'none' | 'asking' | 'have'; value: string | undefined; serial: number; failures: number };
  /** Attempts whose answers the server has yet to be told to end. */
  toRelease: number[];
  lastError: HoldfastError | undefined;
  /** The last few, oldest first. */
  readonly attempts: Attempt[];
  /** Rises when an attempt begins, wins or ends. */
  attemptsVersion: number;
  /** Since when (wall clock) the state is what it is. */
  state: State;
  since: number;
  /** Its inbox and its outbox write here, too. */
  out: Effect[];
}

/** What the first answer to a POST may take beside its round trip and its bytes, until that proves too short. */
export const postLimitMs = 1_800;

export function createSession(config: SessionConfig): Session {
  const prng = createPrng(config.seed);
  const out: Effect[] = [];
  return {
    config,
    prng,
    turn: random(prng),
    policy: createPolicy(config.kinds),
    inbox: createInbox(out as InboxEvent[]),
    outbox: createOutbox(config.outbox, out as Settlement[]),
    deadlines: [],
    now: { wall: 0, mono: 0 },
    phase: 'idle',
    prerendering: false,
    offline: 'no',
    hidden: false,
    client: '',
    key: '',
    connections: [],
    nextId: 1,
    tried: [],
    attempt: 0,
    replaceFailures: 0,
    doubt: 0,
    question: '',
    losses: 0,
    postLimitMs,
    clock: undefined,
    lastGood: undefined,
    everOpen: false,
    identity: null,
    token: { state: 'none', value: undefined, serial: 0, failures: 0 },
    toRelease: [],
    lastError: undefined,
    attempts: [],
    attemptsVersion: 0,
    state: 'idle',
    since: 0,
    out,
  };
}

export function findConnection(session: Session, id: number): Connection | undefined {
  for (let i = 0; i < session.connections.length; i++) {
    if (session.connections[i]?.id === id) return session.connections[i];
  }
  return undefined;
}

export function activeOf(session: Session): Connection | undefined {
  for (let i = 0; i < session.connections.length; i++) {
    if (session.connections[i]?.role === 'active') return session.connections[i];
  }
  return undefined;
}

/**
 * Whether there is a candidate of which something is to be hoped for soon: an upgrade that is overdue is waited for, and
 * counts for nothing.
 */
export function hasHopeful(session: Session): boolean {
  return session.connections.some(({ role, overdue }) => role === 'candidate' && !overdue);
}

export function candidatesOf(session: Session): Connection[] {
  return session.connections.filter((connection) => connection.role === 'candidate');
}

/** A line for people, and the record of the attempt that it is about. */
export function trace(
  session: Session,
  type: Trace['type'],
  connection: Connection | undefined,
  reason?: string,
): void {
  const at = session.now.wall;
  if (connection) {
    const { attempt } = connection;
    const ms = Math.round(at - attempt.at);
    if (type === 'opened') attempt.openedMs = ms;
    if (type === 'hello') attempt.helloMs = ms;
    if (type === 'promoted') attempt.promotedMs = ms;
    if (type === 'closed') attempt.endedMs = ms;
    if (type === 'closed' || type === 'released') attempt.end = attempt.end ?? reason;
    if (type !== 'opened' && type !== 'hello') session.attemptsVersion++;
  }
  session.out.push({
    type: 'trace',
    trace: {
      at,
      type,
      connection: connection?.id,
      transport: connection?.kind.transport,
      role: connection?.role,
      reason,
    },
  });
}

/** Something that the application should know of, beside what it asked for. */
export function tellError(session: Session, error: HoldfastError): void {
  session.out.push({ type: 'error', error });
}
