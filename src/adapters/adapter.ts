/**
 * What an adapter is, and the laws it obeys. Types only; `test/contract` holds every adapter to them.
 *
 * An adapter opens connections of one kind. It carries units of text or bytes and tells facts. It knows no frame, no
 * cursor, no retry, no policy, and sets no timer: what should happen next is decided in `src/core`.
 *
 * The laws:
 *  1. `open` returns a connection and never throws. A constructor that throws is told as `closed('refused')`.
 *  2. Nothing is told before `open` has returned, nothing after `closed`.
 *  3. `closed` is told exactly once and last, also after the connection's own `close()`.
 *  4. Units come in order and whole; a body that is cut short tells the complete lines before the cut.
 *  5. After `closed` there is no timer, listener, request, frame or DOM node left that this connection made, but for its
 *     `last` word.
 *  6. `send` and `poll` after `closed` do nothing. No request is repeated by the adapter.
 *  7. `close()` ends what is open here and now; what the other side hears of it is the platform's affair
 *     (which is why a connection is released first, see `docs/PROTOCOL.md` section 7).
 */

import type { Answer, Closed, Unit } from './answer.ts';

export type { Closed, CloseKind, Unit } from './answer.ts';

export type TransportName = 'websocket' | 'http-stream' | 'eventsource' | 'iframe' | 'long-poll' | 'poll';

/** What an adapter declares about its kind. The policy reckons with these, never with names. */
export interface AdapterFacts {
  /** Round trips from nothing to the first byte of an answer, over plain TCP. */
  readonly roundTrips: number;
  /** Both directions in one connection; else sends go by POST (`uplink.ts`). */
  readonly duplex: boolean;
  /** The answer goes on by itself; else it must be asked for again (`poll`). */
  readonly streaming: boolean;
  /** Carries bytes as they are. */
  readonly binary: boolean;
  /** Can open on a fresh connection even if pooled ones are dead. */
  readonly fresh: boolean;
  /** Requests in the other credentials mode go over other connections. Default `false`. */
  readonly twoPools?: boolean;
  /** Polls are held open by the server, rather than asked at intervals. `false` for streams. */
  readonly held: boolean;
  /** Characters after which another of its kind should take its place, as what came stays in memory. Default: any number. */
  readonly carriesMax?: number | undefined;
}

/** A request as the protocol wants it. Adapters add nothing but what their platform demands. */
export interface AdapterRequest {
  /** Absolute; `http:` or `https:`, also for WebSocket (whose adapter turns it into `ws:`). */
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly credentials: 'omit' | 'same-origin' | 'include';
  /** May outlive the page: sent as it goes away. At most 60 kB. */
  readonly keepalive?: boolean;
  /** HTTP: how the answer is read. Default: lines, of the type that `accept` names (`exchange.ts`). */
  readonly answer?: Answer;
  /**
   * Polls: what is asked as soon as this is answered, with nothing `answered` in between; `undefined`: nothing, for once.
   * Such a connection lives over many requests, and ends with any of them that fails, its POSTs included.
   */
  readonly next?: () => AdapterRequest | undefined;
  /** Polls: the last word, posted by `close()`, which it outlives. */
  readonly last?: () => AdapterRequest | undefined;
  /** WebSocket: the subprotocols to offer. */
  readonly protocols?: readonly string[];
  /** WebSocket: what to transmit as soon as it is open. */
  readonly first?: readonly (string | Uint8Array)[];
  /** EventSource: a request to make at the same moment (the open that its ticket stands for). */
  readonly beside?: AdapterRequest;
  /** iframe: the fields of the form. */
  readonly fields?: Readonly<Record<string, string>>;
  /** EventSource: names of events to listen for, beside those without a name. Default: `holdfast`. */
  readonly events?: readonly string[];
  /** iframe: the first line of every unit that is really from this frame. */
  readonly mark?: string;
  /** iframe: functions that the document's scripts call on their `parent`, which is then a blank frame and not this page. */
  readonly callbacks?: readonly string[];
}

/** What goes up: messages on a duplex connection, one POST on the others. */
export type Outgoing =
  | { readonly messages: readonly (string | Uint8Array)[] }
  | { readonly request: AdapterRequest }
  /** Nothing goes up: an EventSource listens for events of these names, too. */
  | { readonly events: readonly string[] };

/** How a POST of the uplink, or the EventSource's request beside it, ended. */
export interface Posted {
  readonly ok: boolean;
  readonly status?: number;
  readonly detail?: string;
}

export interface AdapterSink {
  /** The handshake or the answer's head has come. At most once; proves nothing. */
  opened(): void;
  received(unit: Unit): void;
  /** Polls: the answer is complete; the connection waits for `poll`. */
  answered(): void;
  /** The POST begun by the last `send` of a one-way connection has ended; its answer's units came before. */
  posted(result: Posted): void;
  closed(reason: Closed): void;
}

export interface AdapterConnection {
  /** Transmits. On a one-way connection the session begins a second POST before `posted` only for its last words. */
  send(outgoing: Outgoing): void;
  /** Asks again. Only on kinds that are not `streaming`, and only after `answered`. */
  poll(request: AdapterRequest): void;
  /** Ends it at once. */
  close(): void;
}

export interface Adapter {
  readonly transport: TransportName;
  readonly facts: AdapterFacts;
  /** Whether it can run here and now. Asked before each use: the iframe waits for the document's `load`. */
  available(): boolean;
  open(request: AdapterRequest, sink: AdapterSink): AdapterConnection;
}

/** What `adapters: […]` lists: made for one client, of what its runtime offers. */
export type AdapterFactory<P = unknown> = (platform: P) => Adapter;
