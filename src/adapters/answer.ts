/**
 * What comes back: units, how it all ends, and how an HTTP answer is read that is not made of our own lines (a protocol says
 * so in its request, `exchange.ts` obeys). Types only.
 *
 * @internal
 */

/** One unit that came down. */
export interface Unit {
  /** Text: a WebSocket message, complete lines of a stream or body, an SSE `data`, an iframe's message. */
  readonly text?: string;
  /** A binary WebSocket message. */
  readonly bytes?: Uint8Array;
  /** SSE: the event's name; iframe: the function that was called. */
  readonly event?: string;
  /** SSE: the last event id; a unit with nothing else says that it is another now. */
  readonly id?: string;
}

/**
 * Why a connection ended.
 *  - `closed`: the other side ended it in an orderly way (`code`: the WebSocket close code, else absent)
 *  - `aborted`: own `close()`
 *  - `refused`: it could not even be tried (a constructor threw, a policy forbids it)
 *  - `status`: an HTTP status that is no success (`status`)
 *  - `type`: a success with the wrong content type (a captive portal, a login page)
 *  - `unreadable`: what came is no UTF-8, or a line without an end
 *  - `failed`: the network, or the platform will not say
 */
export type CloseKind = 'closed' | 'aborted' | 'refused' | 'status' | 'type' | 'unreadable' | 'failed';

export interface Closed {
  readonly kind: CloseKind;
  readonly code?: number;
  readonly status?: number;
  /** For people and traces only. */
  readonly detail?: string;
}

/** The head of an HTTP answer. */
export interface Head {
  readonly status: number;
  /** The content type without parameters, in lower case. */
  readonly type: string;
  readonly redirected: boolean;
  /** One header; `undefined` where it is absent, or may not be seen. */
  header(name: string): string | undefined;
}

/** How a protocol reads an HTTP answer that is not made of our own lines. */
export interface Answer {
  /** What the head alone decides; `undefined`: the body is read. */
  judge(head: Head): Closed | undefined;
  /** Made once the head was judged. */
  reader(head: Head): Reader;
  /**
   * `true`: bytes that are no UTF-8 end it. `false`: they become U+FFFD, and a byte order mark is passed on, as the standard
   * of SSE has it.
   */
  readonly strict: boolean;
}

/** Cuts an answer's text into units. What it returns instead ends the connection. */
export interface Reader {
  add(text: string): readonly Unit[] | Closed;
  /** The body is complete. */
  end(): readonly Unit[] | Closed;
}
