/** The public interface of a client, as types. `client.ts` is what stands behind it. */
import type { AdapterFactory, TransportName } from './adapters/adapter.ts';
import type { HoldfastError } from './core/errors.ts';
import type { Gap } from './core/inbox.ts';
import type { Attempt, State, Trace } from './core/model.ts';
import type { ProtocolFactory } from './protocols/protocol.ts';
import type { Platform, Store } from './runtime/runtime.ts';
import type { SignalLike, SubscribeOptions, Subscription, TypedMessage } from './subscription.ts';

/** What travels under a topic: the type of its messages, or of messages, sends and replies apart. */
export type Topics = Record<string, unknown>;
type MessageOf<T> = T extends { message: infer M } ? M : T;
type SendOf<T> = T extends { send: infer S } ? S : T;
type ReplyOf<T> = T extends { reply: infer R } ? R : unknown;

/** Never changes; another object when anything in it does. */
export interface Status {
  readonly state: State;
  /** In use; `undefined` while there is none. */
  readonly transport: TransportName | undefined;
  /** Why this transport. */
  readonly why: string | undefined;
  /** Wall clock (milliseconds) since when the state is what it is. */
  readonly since: number;
  /** Attempts since a connection last held; 0 while one does. */
  readonly attempt: number;
  /** Wall clock (milliseconds) of the next attempt, while one is waited for. */
  readonly nextAttemptAt: number | undefined;
  /** How the last connection ended, or why none can be had. */
  readonly lastError: HoldfastError | undefined;
  /** What is resumed after a cut. */
  readonly resume: 'full' | 'last-event-id' | 'none';
  /** Sends without an answer yet. */
  readonly pending: number;
  /** Smoothed round trip, milliseconds, once measured. */
  readonly rttMs: number | undefined;
  /** The last 20 attempts at a connection, oldest first: when, why, how far each came, how it ended. */
  readonly attempts: readonly Readonly<Attempt>[];
  /** This client's public id, once it has connected. */
  readonly client: string | undefined;
}

export interface ClientEvents {
  readonly status: Status;
  readonly gap: Gap;
  readonly error: HoldfastError;
  readonly trace: Trace;
}

export interface SendOptions {
  /** Milliseconds after which it is given up, default 60,000. */
  readonly timeoutMs?: number;
  /** Gives it up when it aborts. */
  readonly signal?: SignalLike;
  /** Sent now or never: not queued, not repeated, not answered; resolves once handed to the connection. Default false. */
  readonly volatile?: boolean;
}

export interface ClientOptions {
  /** Transports in order of preference. Default: all, WebSocket first (`holdfast`); none (`holdfast/core`). */
  readonly adapters?: readonly AdapterFactory<Platform>[];
  /** What the server's `authenticate` is to judge. Asked before the first open, before it expires, and after a refusal. */
  readonly auth?: string | (() => string | PromiseLike<string>);
  /** Where single transports live, if not at the client's URL. */
  readonly endpoints?: Partial<Record<TransportName, string>>;
  /** Default `same-origin`. With `include` the server must name this page's origin. */
  readonly credentials?: 'omit' | 'same-origin' | 'include';
  /** Sent with fetch requests only; each costs a CORS preflight on another origin. Default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether to open two transports at once where nothing is known of the network. Default true. */
  readonly eager?: boolean;
  /** Where to remember what worked here; `false`: nowhere. Default `localStorage` where it may be used. */
  readonly memory?: false | Store;
  /** What the bytes mean. Default `holdfast()`; `plain()` for servers that know nothing of it. */
  readonly protocol?: ProtocolFactory;
  /**
   * Waits between attempts grow from `baseMs` (default 500) to `capMs` (default 20,000), milliseconds. The first is none; in each of the others
   * every client comes at a place of its own, drawn once, so that a crowd is spread.
   */
  readonly backoff?: { readonly baseMs?: number; readonly capMs?: number };
  /** What may wait to be sent: default 1,000 sends and 8 MiB. */
  readonly outbox?: { readonly sends?: number; readonly bytes?: number };
}

/** What came of one transport. Times are milliseconds since its attempt began; `undefined`: it never came so far. */
export interface Finding {
  readonly transport: string;
  /** Messages come down, and what goes up is answered. */
  readonly works: boolean;
  /** The handshake, or the head of an answer. */
  readonly openedMs: number | undefined;
  /** The server's first words. */
  readonly helloMs: number | undefined;
  /** The answer to a send. */
  readonly answeredMs: number | undefined;
  /** In words. */
  readonly detail: string;
}

export interface Diagnosis {
  readonly url: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly findings: readonly Finding[];
  /** The table as text. */
  toString(): string;
}

export interface Client<T extends Topics = Topics> {
  /** Connects at the end of the current task if nothing did yet. Throws at misuse only. */
  subscribe<K extends keyof T & string>(
    topic: K,
    handler?: ((message: TypedMessage<MessageOf<T[K]>>) => void) | SubscribeOptions<MessageOf<T[K]>>,
  ): Subscription<MessageOf<T[K]>>;
  /**
   * Resolves with the handler's reply when the server has applied it, once. Waits while there is no connection.
   * Rejects with `NOT_SENT` (certain), `OUTCOME_UNKNOWN` (it may have been applied) or the server's own code.
   */
  send<K extends keyof T & string>(
    topic: K,
    data: SendOf<T[K]>,
    options?: SendOptions,
  ): Promise<ReplyOf<T[K]>>;
  readonly status: Status;
  /** Returns what removes the listener again. */
  on<E extends keyof ClientEvents>(event: E, handler: (value: ClientEvents[E]) => void): () => void;
  /** Connects, or tries at once if the next attempt is waited for. After `close` it resumes all subscriptions. */
  open(): void;
  /** Ends everything on the network. Subscriptions stay and resume with `open`; pending sends are settled. */
  close(): void;
  /** Changes to this transport now and stays there while it works; `null`: chooses by itself again. */
  prefer(transport: TransportName | null): void;
  /**
   * Tries every transport once, one after another, beside what is open, and tells what came of each; `String(diagnosis)` is a
   * table for a support ticket. `timeoutMs`: for each transport, default 8,000. Never rejects for what a network does.
   */
  diagnose(timeoutMs?: number): Promise<Diagnosis>;
  /** Another user signed in or out: asks `auth` again and moves to the new identity. */
  reauthenticate(): void;
}
