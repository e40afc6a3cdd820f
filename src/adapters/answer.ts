/**
 * How an HTTP answer is read that is not made of our own lines: a protocol says so in its request, `exchange.ts` obeys. Types only.
 *
 * @internal
 */
import type { Closed, Unit } from './adapter.ts';

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
