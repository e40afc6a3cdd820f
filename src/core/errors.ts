/**
 * Every error that Holdfast throws, rejects with or reports, by code.
 * Owns the codes and the shape; must not know who raises them. Long remedies live in the documentation.
 */

/** Codes that a server tells (`docs/PROTOCOL.md` section 8). */
export type ServerErrorCode =
  | 'ORIGIN_DENIED'
  | 'BAD_FRAME'
  | 'FRAME_TOO_LARGE'
  | 'BODY_TIMEOUT'
  | 'UNSUPPORTED_PROTOCOL'
  | 'TOO_MANY_TOPICS'
  | 'TOO_MANY_CONNECTIONS'
  | 'AUTH_FAILED'
  | 'FORBIDDEN'
  | 'KEY_MISMATCH'
  | 'TICKET_UNKNOWN'
  | 'TOPIC_DENIED'
  | 'BAD_TOPIC'
  | 'SEND_DENIED'
  | 'NO_HANDLER'
  | 'HANDLER_FAILED'
  | 'HANDLER_TIMEOUT'
  | 'REPLY_LOST'
  | 'SEND_TOO_LARGE'
  | 'BUSY'
  | 'RATE_LIMITED'
  | 'DRAINING'
  | 'NONCE_UNKNOWN'
  | 'HOLE'
  | 'SLOW_CONSUMER'
  | 'BROKER_IN_USE'
  | 'INTERNAL';

/** Codes that the client itself gives. */
export type ClientErrorCode =
  /** The program used the library wrongly; thrown at once. */
  | 'MISUSE'
  /** A send never left this client: certain. */
  | 'NOT_SENT'
  /** A send left and its answer never came: it may have been applied. */
  | 'OUTCOME_UNKNOWN'
  /** Another identity is signed in now; what was queued for the former one was not sent. */
  | 'IDENTITY_CHANGED'
  /** More sends or bytes wait than the outbox may hold. */
  | 'OUTBOX_FULL'
  /** The client was closed. */
  | 'CLOSED'
  /** The subscription ended before it was ready. */
  | 'UNSUBSCRIBED'
  /** None of the configured transports can run here. */
  | 'NO_TRANSPORT'
  /** The platform has no source of random bytes, without which ids and keys could be guessed. */
  | 'NO_RANDOM'
  /** `auth` threw or rejected. */
  | 'AUTH_UNAVAILABLE'
  /** A connection ended; `message` says how. */
  | 'DISCONNECTED'
  /** A server that is not ours refused a request; `message` has the status. */
  | 'BAD_STATUS'
  /** Such a server answered with another content type than was asked for, often a page for people. */
  | 'WRONG_TYPE'
  /** What it brought cannot be read: no JSON, no UTF-8, a line without an end, an error of `read`. */
  | 'UNPARSABLE'
  /** Its stream ended before anything came. */
  | 'EMPTY_STREAM'
  /** It asked for no more requests (204 to an event stream). */
  | 'STOPPED'
  /** A listener of the application threw; `cause` is what it threw. */
  | 'LISTENER_FAILED';

export type HoldfastErrorCode = ServerErrorCode | ClientErrorCode;

/** An error of this library. `isHoldfastError` tells it from others, also across two copies of the package. */
export interface HoldfastError extends Error {
  readonly name: 'HoldfastError';
  /** Stable; for programs. A handler on a server may add codes of its own to replies. */
  readonly code: HoldfastErrorCode | (string & {});
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** For sends: whether the server may have applied it. */
  readonly maybeApplied?: boolean;
  /** The topic that it concerns, where there is one. */
  readonly topic?: string;
  readonly cause?: unknown;
}

export interface ErrorDetails {
  readonly retryable?: boolean | undefined;
  readonly maybeApplied?: boolean | undefined;
  readonly topic?: string | undefined;
  readonly cause?: unknown;
}

/** The remedies, where the package lies. */
const link = 'holdfast/docs/ERRORS.md#';

/**
 * Makes an error. The text says what happened in one sentence; a link to the remedy is appended.
 * Not a subclass: extending built-ins does not survive compilation to ES5, and `instanceof` fails over two copies.
 */
export function createError(code: string, what: string, details: ErrorDetails = {}): HoldfastError {
  const error = new Error(`${what} [${code}] ${link}${code.toLowerCase()}`) as unknown as {
    -readonly [K in keyof HoldfastError]: HoldfastError[K];
  };
  error.name = 'HoldfastError';
  error.code = code as HoldfastErrorCode;
  error.retryable = details.retryable === true;
  if (details.maybeApplied !== undefined) error.maybeApplied = details.maybeApplied;
  if (details.topic !== undefined) error.topic = details.topic;
  if (details.cause !== undefined) error.cause = details.cause;
  return error as HoldfastError;
}

export function isHoldfastError(value: unknown): value is HoldfastError {
  return (
    typeof value === 'object' && value !== null && (value as { name?: unknown }).name === 'HoldfastError'
  );
}
