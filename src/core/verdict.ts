/**
 * What an ended connection means, as one table: close codes, statuses, kinds and error codes to an action.
 * Pure judgement: who waits how long is `backoff.ts`, which transport comes next is `policy.ts`.
 */

/**
 *  - `retry`: nothing is wrong with the way; again, the first time at once
 *  - `back-off`: the server wants less of us
 *  - `switch`: this transport does not get through here; the next one
 *  - `token`: the token was refused; ask for another
 *  - `rekey`: this id belongs to another key; take new ones
 *  - `stop`: trying again cannot help
 */
export type Action = 'retry' | 'back-off' | 'switch' | 'token' | 'rekey' | 'stop';

/** All others are something to back off from. */
const byCode: Readonly<Record<string, Action>> = {
  UNSUPPORTED_PROTOCOL: 'stop',
  FORBIDDEN: 'stop',
  AUTH_FAILED: 'token',
  KEY_MISMATCH: 'rekey',
  TICKET_UNKNOWN: 'retry',
  ORIGIN_DENIED: 'switch',
  BAD_STATUS: 'switch',
  WRONG_TYPE: 'switch',
  UNPARSABLE: 'switch',
  EMPTY_STREAM: 'switch',
  STOPPED: 'stop',
};

/** What an `error` frame asks for, also one with a code that this version does not know. */
export function verdictOfError(code: string): Action {
  return Object.prototype.hasOwnProperty.call(byCode, code) ? (byCode[code] as Action) : 'back-off';
}

/** As the adapter told it (`adapters/adapter.ts`), restated here because the core imports nothing. */
export interface Ending {
  readonly kind: 'closed' | 'aborted' | 'refused' | 'status' | 'type' | 'unreadable' | 'failed';
  readonly code?: number;
  readonly status?: number;
  readonly detail?: string;
}

/** `proven`: a hello had come over it. A way that never worked is blamed sooner than one that did. */
export function verdictOfEnding(ending: Ending, proven: boolean): Action {
  const { kind, code, status } = ending;
  if (kind === 'refused' || kind === 'type') return 'switch';
  if (kind === 'status') return status === 429 || status === 503 ? 'back-off' : proven ? 'retry' : 'switch';
  if (code === 1008 || code === 1003) return 'switch';
  if (code === 1012 || code === 1013 || code === 1009) return 'back-off';
  return proven ? 'retry' : 'switch';
}

const words: { readonly [K in Ending['kind']]?: string } = {
  closed: 'ended by the server',
  type: 'answered with something else than a stream',
  refused: 'refused by the platform',
  aborted: 'aborted',
};

/** In a few words, for traces and `status.lastError`. */
export function describeEnding(ending: Ending): string {
  const { kind, code, status, detail } = ending;
  let what: string = words[kind] ?? 'failed';
  if (kind === 'status') what = `status ${status}`;
  if (kind === 'closed' && code !== undefined) what = `closed with ${code}`;
  return detail ? `${what} (${detail})` : what;
}
