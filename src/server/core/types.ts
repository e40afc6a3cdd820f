/**
 * The records of a running hub, and what it asks of its host. Types only; each file of this folder changes its own part.
 */
import type { ClientFrame, OpenFrame, Payload } from '../../core/frames.ts';
import type { Alarm, Alarms } from './alarms.ts';
import type { History, HubConfig } from './config.ts';
import type { Coded, Control, CursorOf, Form, FrameTokens, Run } from './forms.ts';
import type { AuthorizeAnswer, Grant } from './grant.ts';
import type { Log } from './log.ts';
import type { SendMemory } from './sends.ts';
import type { TopicRecord } from './topic-record.ts';
import type { Waiting } from './waiting.ts';

export type PeerTransport = 'websocket' | 'http-stream' | 'eventsource' | 'iframe' | 'long-poll' | 'poll';

/** What a request brought besides its frames. */
export interface Meta {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The URL's path and query, as the server got it. */
  readonly url: string;
  /** Where it came from, as far as the server knows. */
  readonly address: string | undefined;
  /** The `n` of its URL. */
  readonly requestNumber: number | undefined;
}

/**
 * A connection as the core sees it. None of these may call back before it returns; `write` never fails: a connection
 * that has gone is told by `closed`.
 */
export interface Sink {
  /** Text or, on WebSocket alone, one binary message. `shared`: others are given this very text. */
  write(chunk: string | Uint8Array, shared?: Coded): void;
  /** `true`: what was written waits, and the host will call `drained` once it has gone. */
  blocked(): boolean;
  /** Bytes written and not yet taken by the network. */
  bufferedBytes(): number;
  /** Bytes that have come; absent where nothing comes on it, or nobody counts. */
  readBytes?(): number;
  /** Ends it in good order, after what was written. `code` is a WebSocket close code. */
  end(code: number, reason: string): void;
  /** Ends it here and now. */
  abort(): void;
}

export interface AuthRequest extends Meta {
  /** Absent where there is none: requests without a Holdfast client, or clients without `auth`. */
  readonly token: string | undefined;
  /** The client's public id; absent for `curl` and plain `EventSource`. */
  readonly client: string | undefined;
}

/** `failed`: it could not be decided; the client comes again. */
export type AuthAnswer =
  | { readonly type: 'ok'; readonly identity: string | undefined; readonly expiresInMs: number | undefined }
  | { readonly type: 'denied'; readonly code: 'AUTH_FAILED' | 'FORBIDDEN'; readonly message: string }
  | { readonly type: 'failed' };

export interface AuthorizeRequest {
  readonly action: 'subscribe' | 'send';
  readonly topic: string;
  /** The client's public id; absent for `curl` and plain `EventSource`. */
  readonly client: string | undefined;
  /** What `authenticate` said. */
  readonly identity: string | undefined;
}

export interface SendRequest<T = unknown> {
  readonly topic: string;
  /** A JSON value, or `Uint8Array` where bytes were sent. */
  readonly data: T;
  /** The sender's public id, to be given to `publish` as `except`, for instance. */
  readonly client: string;
  /** What `authenticate` said. */
  readonly identity: string | undefined;
  /** The same for every copy of this send and for no other; absent for volatile sends. */
  readonly idempotencyKey: string | undefined;
}

export type SendAnswer =
  | { readonly type: 'ok'; readonly reply: Payload }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      readonly applied: boolean | 'unknown';
    };

export type HubNote =
  | {
      readonly type: 'connect' | 'disconnect';
      readonly client: string;
      readonly identity: string | undefined;
    }
  | { readonly type: 'error'; readonly error: unknown };

/** What the core needs of the world. Callbacks of `authenticate` and the others may come at once or later, once. */
export interface HubHost {
  /** Milliseconds; never runs backwards. */
  now(): number;
  /** Cryptographic random bytes. */
  random(count: number): Uint8Array;
  /** Bytes of a text in UTF-8. */
  byteLength(text: string): number;
  /** Runs it after everything that this turn of the event loop still brings. */
  defer(run: () => void): void;
  /** Asks for a call of `tick` at this time; an earlier wish is kept. */
  wake(at: number): void;
  authenticate?: ((request: AuthRequest, done: (answer: AuthAnswer) => void) => void) | undefined;
  authorize?: ((request: AuthorizeRequest, done: (answer: AuthorizeAnswer) => void) => void) | undefined;
  handle?: ((request: SendRequest, done: (answer: SendAnswer) => void) => void) | undefined;
  note(note: HubNote): void;
}

/** Before this place a client sees nothing of a topic: revoked and granted again, or granted "from now". */
export interface Barrier {
  /** `undefined`: still to be set, at the next grant. */
  readonly offset: number | undefined;
  readonly reason: 'revoked' | 'trimmed';
}

/** What `authenticate` is being asked, and who waits for it. Nobody joins them after `until`. */
export interface Question {
  readonly until: number;
  readonly settle: ((answer: AuthAnswer) => void)[];
}

/** What `authorize` has not answered yet, for as long as anybody waits for it. */
export interface Pending {
  readonly request: AuthorizeRequest;
  readonly alarm: Alarm;
  /** The topic was taken from who asks: a grant that comes now is none. */
  isRevoked: boolean;
}

/** A token bucket. */
export interface Bucket {
  level: number;
  at: number;
}

/**
 * What the hub knows of one client. There are many, so what most of them never have is made when it is needed. It outlives its connections by `keepMs`. With a broker that is kept, `key`, `nonce`, `sends`,
 * `renewed`, `released`, `served` and `barriers` outlive the hub too (`inherit.ts`).
 */
export interface ClientRecord {
  readonly id: string;
  readonly key: string;
  /** Names its memory of sends, which is made at the first of them. */
  nonce: string;
  sends: SendMemory | undefined;
  /** Its memory was made anew: for the request of this number last, which named this one. */
  renewed: { readonly by: number; readonly from: string } | undefined;
  /** Its connections: a list that is replaced and never changed. */
  peers: readonly Peer[];
  /** POSTs with sends that are being answered. */
  uplinks: number;
  lastConnectedAt: number;
  /** Attempts whose answers are not wanted, also if they are still to come. */
  released: readonly number[];
  /** Tickets that have served, in short (`clients.ts`). Most clients have one, which takes no list. */
  served: number | readonly number[] | undefined;
  /** The one that was given last comes last. */
  grants: readonly Grant[];
  /** By credential. */
  asking: Map<string, Question> | undefined;
  barriers: Map<string, Barrier> | undefined;
  sendBucket: Bucket | undefined;
  replayBucket: Bucket | undefined;
  isPresent: boolean;
  identity: string | undefined;
}

/** One topic of one connection. */
export interface Subscription {
  readonly key: string;
  readonly topic: string;
  readonly partition: number;
  /** Nothing at or before it is written. A gap moves it. */
  start: number;
}

/**
 *  - `waiting`: the open has not come yet (WebSocket), or the other half of a ticket has not
 *  - `opening`: being authenticated
 *  - `catching`: reads the log and ignores what is published
 *  - `live`: gets what is published
 *  - `held`: a poll without an answer
 *  - `lingering`: an answered poll that counts as present; it has no sink any more
 */
export type PeerState = 'waiting' | 'opening' | 'catching' | 'live' | 'held' | 'lingering' | 'ended';

export interface Peer {
  readonly transport: PeerTransport;
  readonly form: Form;
  readonly frame: FrameTokens | undefined;
  readonly sink: Sink;
  /** Empty once it was authenticated. */
  meta: Meta;
  state: PeerState;
  record: ClientRecord | undefined;
  attempt: number;
  grant: Grant | undefined;
  /** In the index of the hub, too: that is where to look whether a topic is among them. */
  topics: readonly Subscription[];
  /** Frames that came before the hello was written, and what the messages weighed that brought them. */
  early: { readonly frames: ClientFrame[]; length: number } | undefined;
  /** Subscribe requests without an answer, by topic: only the latest counts. */
  asked: Map<string, number> | undefined;
  /** The read position in each partition, over all topics (rule D3). */
  positions: readonly number[];
  /** Published since the last write; only while live. */
  pending: Waiting | undefined;
  /** Never dropped. */
  controls: Control[] | undefined;
  controlBytes: number;
  isDirty: boolean;
  isQueued: boolean;
  /** It reads on only when it has waited: it is over its budget, or what comes next is to come by itself. */
  isPaced: boolean;
  /** How often it is to be heard of. */
  heartbeatMs: number;
  heardAt: number;
  /** Bytes that had come at its last heartbeat. */
  readBytes: number;
  blockedAt: number | undefined;
  /** Most messages that it is given together, which then come by themselves; of a poll, of its answer. */
  max: number;
  /** What its state waits for at the longest; of a stream, its next heartbeat. */
  alarm: Alarm | undefined;
  expiry: Alarm | undefined;
}

/** Two requests that belong together (`docs/PROTOCOL.md` 5.3), until a hello was answered. */
export interface Ticket {
  readonly name: string;
  readonly client: string;
  origin: string | undefined;
  /** How long it waits for its other half. */
  until: number;
  open: OpenFrame | undefined;
  meta: Meta | undefined;
  peer: Peer | undefined;
}

/** What a hub has from its broker until it gives it back, for itself alone. Times in it are by a clock that all its hubs have. */
export interface Kept {
  readonly log: Log;
  readonly records: Map<string, ClientRecord>;
  readonly tickets: Map<string, Ticket>;
  /** The hub has ended. It touches nothing of this any more, and another may have it. */
  giveBack(): void;
}

/**
 * Keeps what must outlive a hub: the log, what is remembered of clients and of their sends, and tickets. A hub that is
 * created with the broker of one that was closed goes on where that one ended: clients resume without a gap, sends keep
 * their answers. It serves one hub at a time. Made by `memoryBroker()`.
 */
export interface Broker {
  /** For hubs alone. The log has the first one's partitions for ever, and the history bounds of the one that has it. */
  lend(partitions: number, history: History, makeEpoch: () => string): Kept;
}

/** Those who follow a key, and what the log has of it since it was published to. */
export interface Audience {
  readonly peers: Set<Peer>;
  record: TopicRecord | undefined;
}

export interface Hub {
  readonly config: HubConfig;
  readonly host: HubHost;
  readonly log: Log;
  readonly alarms: Alarms;
  /** Who gets what is published under a key. */
  readonly index: Map<string, Audience>;
  readonly peers: Set<Peer>;
  records: Map<string, ClientRecord>;
  /** Records without a connection, the one longest so first: those that sent, and those that never did. */
  readonly resting: { readonly sent: Map<string, ClientRecord>; readonly idle: Map<string, ClientRecord> };
  /** In the order in which they were made. */
  tickets: Map<string, Ticket>;
  readonly giveBack: () => void;
  /** Of entries, where there is one partition. */
  readonly cursorOf: CursorOf;
  /** What was read from the log last: of those that catch up, many read the same. */
  replay: Run;
  dirty: Peer[];
  catching: Peer[];
  isFlushScheduled: boolean;
  /** When this turn's first message was published: one look at the clock is enough for all of them. */
  turnAt: number | undefined;
  /** When messages had been written last, and to how many; absent if that was all answers. */
  flushedAt: number | undefined;
  writeCount: number;
  /** Of all messages. */
  publishCount: number;
  /** The topic that was published to last: its name is one. */
  checkedTopic: string | undefined;
  /** Of ephemeral messages. */
  readonly origin: string;
  ephemeralCount: number;
  drain: { readonly spreadMs: number } | undefined;
  isClosed: boolean;
  /** What `authorize` is being asked. */
  readonly pending: Set<Pending>;
  /** POSTs with sends that are being answered. */
  uplinks: number;
  /** Sends that were claimed and have no outcome yet. */
  running: number;
  /** Told when the hub may have become idle while it drains. */
  onIdle: (() => void) | undefined;
  /** A heartbeat of a connection is due. */
  beat: ((peer: Peer) => void) | undefined;
  lapseAlarm: Alarm | undefined;
  trimAlarm: Alarm | undefined;
  restAlarm: Alarm | undefined;
}
