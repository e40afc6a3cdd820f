/**
 * What a dialect is: the part of a protocol that knows one kind of foreign server. Types only; `foreign.ts` does the rest.
 *
 * @internal
 */
import type {
  AdapterFacts,
  AdapterRequest,
  Closed,
  Outgoing,
  Posted,
  TransportName,
  Unit,
} from '../adapters/adapter.ts';
import type { SendFrame } from '../core/frames.ts';
import type { Kind } from '../core/policy.ts';
import type { Endpoint } from './protocol.ts';

/** A message as a dialect reads it. */
export interface Received {
  readonly topic: string;
  readonly data: unknown;
  /** The server's own name for it, where it has one to resume from. */
  readonly id?: string | undefined;
  /** What it is known again by, where its id depends on the connection that brings it. Default: the id. */
  readonly key?: string | undefined;
  /** As it came, to tell two messages of one id apart. */
  readonly text: string;
}

/** What a dialect is asked for. */
export interface Ask {
  readonly transport: TransportName;
  readonly endpoint: Endpoint;
  /** The topics that are wanted. */
  readonly topics: readonly string[];
  /** The id to go on from. */
  readonly from: string | undefined;
  readonly token: string | undefined;
  readonly client: string;
}

/** One connection, as a dialect sees it. All that it says is taken in order. */
export interface Channel<State> {
  readonly transport: TransportName;
  /** The dialect's own. */
  state: State;
  /** A connection that brings nothing for so long is replaced, milliseconds. Said before `hello`; default: the dialect's. */
  silenceMs: number | undefined;
  /**
   * The server has let us in. At most once for each open; implied by a message. `isResumed`: it goes on after the id that it
   * was asked for; default: as every server does that has such ids.
   */
  hello(isResumed?: boolean): void;
  /** The server is there; to let us in may take it a while. */
  wait(): void;
  deliver(messages: readonly Received[]): void;
  /** The id to resume from, after all that was delivered. */
  mark(id: string): void;
  /** Messages of this topic are lost, says the server. */
  gap(reason: string): void;
  /** The send with this number was applied. */
  settle(seq: number | undefined, reply?: unknown): void;
  /** The send with this number failed. `applied`: whether it was applied all the same, default `false`. */
  refuse(seq: number | undefined, code: string, message: string, applied?: false | 'unknown'): void;
  /** The send with this number never left: another connection may carry it as if for the first time. */
  unsent(seq: number | undefined): void;
  /** The connection is of no use, and why. */
  fail(code: string, message: string): void;
  /** When it ends, the server wants to be asked again only after this, milliseconds. */
  retry(ms: number): void;
  /** A short poll is answered, perhaps not with all there is: the next comes at once. Said before hello. */
  hurry(): void;
  /** Something for the server beside sends. */
  send(outgoing: Outgoing): void;
}

export interface Dialect<State> {
  readonly name: string;
  /** The transports that its server knows. Default: all. */
  readonly transports?: readonly TransportName[];
  /** Whether an open names its topics, so that others need another open. */
  readonly topicsInOpen?: boolean;
  /**
   * Whether its server keeps a session for each connection, whatever its transport: it says by itself that it has let us in,
   * keeps what it says between two polls, and takes sends at any time.
   */
  readonly isSession?: boolean;
  /**
   * Every message brings an id of its own, so that one that comes twice is known at any time. Default: only while a connection
   * goes on from an id, since an event without an id seems to have that of the one before.
   */
  readonly ownIds?: boolean;
  /** What its server resumes, where that is certain. Default: what the ids in messages say. */
  readonly resume?: 'full' | 'last-event-id' | 'none';
  /** Where to begin. */
  readonly from?: string | undefined;
  /** Of a connection that brings nothing for so long nothing is to be hoped any more, milliseconds; default: for ever. */
  readonly silenceMs?: number | undefined;
  /** For so long a poll may be held, milliseconds. */
  readonly holdMs: number;
  /** Interval of short polls, milliseconds. */
  readonly pollMs: number;
  /** Whether the end of the handshake says that the server has let us in. */
  readonly opensItself: boolean;
  facts?(transport: TransportName, facts: AdapterFacts): Partial<Kind>;
  state(transport: TransportName): State;
  open(channel: Channel<State>, ask: Ask): AdapterRequest;
  /** What came. Throws if it cannot be read. */
  unit(channel: Channel<State>, unit: Unit): void;
  /** What carries a send up. `seq` must be settled, unless it is `undefined`. */
  send(channel: Channel<State>, frame: SendFrame, endpoint: Endpoint): Outgoing | undefined;
  /** More topics are wanted on an open connection. */
  subscribed?(channel: Channel<State>, topics: readonly string[]): Outgoing | undefined;
  posted?(channel: Channel<State>, result: Posted): void;
  closed?(channel: Channel<State>, reason: Closed): void;
}
