/** What an application gives to `createHub`, and how its answers are read. */
import { createError, isHoldfastError } from '../../core/errors.ts';
import type { Payload } from '../../core/frames.ts';
import type { CoreOptions } from '../core/config.ts';
import type { AuthorizeAnswer } from '../core/grant.ts';
import type {
  AuthAnswer,
  AuthorizeRequest,
  AuthRequest,
  Broker,
  SendAnswer,
  SendRequest,
} from '../core/types.ts';
import type { OriginOptions } from './origin.ts';

type Awaitable<T> = T | PromiseLike<T>;

/**
 * Who it is. A string is the identity; an object may say when the authentication ends (the client brings a new token
 * before); `true` is anybody; `false`, `null` or nothing is a refusal (`AUTH_FAILED`: the client asks for another token).
 */
export type AuthenticateResult =
  | string
  | boolean
  | { readonly identity?: string | undefined; readonly expiresInMs?: number | undefined }
  | null
  | undefined;

/**
 * Whether it may be. `from` says where this client's view of a topic begins: at an offset, or `'now'`, which is the
 * moment at which it was first granted to this client.
 */
export type AuthorizeResult = boolean | { readonly from: 'now' | number };

/** What a handler may do besides answering. */
export interface SendTools {
  publish(topic: string, data: unknown, options?: { except?: string; ephemeral?: boolean }): Promise<string>;
}

/**
 * Handles one send. What it returns is the reply: a JSON value, `Uint8Array`, or nothing. An error with a `code` of its
 * own is told to the sender by that code and its message, as not applied unless `applied` says otherwise; any other
 * error is told as `HANDLER_FAILED`, without its message. Handlers of one client run one after another.
 */
export type SendHandler<T = unknown> = (send: SendRequest<T>, tools: SendTools) => Awaitable<Payload>;

export interface HubOptions extends CoreOptions, OriginOptions {
  /**
   * Where the log lives, and what is remembered of clients. Default: a `memoryBroker()` of its own, which ends with the hub.
   * A broker serves one hub at a time: while another has it, `createHub` throws `BROKER_IN_USE`.
   */
  readonly broker?: Broker;
  /**
   * Judges a client's token (and cookies, headers), once for as long as the answer holds; each time where there is neither token,
   * cookie nor `Authorization`, for then nothing tells one caller from another. Default: everybody is nobody. What it answers is
   * an identity that is a string, and a time that is a number, or counts as a failure. After `limits.bodyMs` nobody waits for it.
   * An error with the code `FORBIDDEN` closes the client for good; any other error is a failure, after which it tries
   * again.
   */
  readonly authenticate?: (request: AuthRequest) => Awaitable<AuthenticateResult>;
  /**
   * Asked for each topic that is subscribed (`action: 'subscribe'`) and each send (`action: 'send'`). Default: every topic
   * may be subscribed, and `onSend` judges for itself. Throwing, or no answer within `limits.bodyMs`, refuses nothing: the client
   * asks again, and has its other topics meanwhile.
   */
  readonly authorize?: (request: AuthorizeRequest) => Awaitable<AuthorizeResult>;
  /** Default: none, and sends are rejected by `NO_HANDLER`. Nothing that clients send is published by itself. */
  readonly onSend?: SendHandler;
}

export function readAuthentication(result: AuthenticateResult): AuthAnswer {
  if (result === true) return { type: 'ok', identity: undefined, expiresInMs: undefined };
  if (typeof result === 'string') return { type: 'ok', identity: result, expiresInMs: undefined };
  if (!result)
    return { type: 'denied', code: 'AUTH_FAILED', message: 'authenticate() does not accept this token.' };
  const { identity, expiresInMs } = result;
  if (identity !== undefined && typeof identity !== 'string') {
    throw createError('MISUSE', `authenticate() gave an identity that is no string: ${String(identity)}.`);
  }
  if (expiresInMs !== undefined && !Number.isFinite(expiresInMs)) {
    throw createError('MISUSE', `authenticate() gave expiresInMs ${String(expiresInMs)}, which is no time.`);
  }
  return { type: 'ok', identity, expiresInMs };
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && code !== '' ? code.slice(0, 100) : undefined;
}

function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message.slice(0, 1_000) : '';
}

export function readAuthenticationError(error: unknown): AuthAnswer {
  const code = codeOf(error);
  if (code === 'FORBIDDEN' || code === 'AUTH_FAILED')
    return { type: 'denied', code, message: messageOf(error) };
  return { type: 'failed' };
}

export function readAuthorization(result: AuthorizeResult | undefined | null): AuthorizeAnswer {
  if (result === true) return { type: 'ok' };
  if (!result) return { type: 'denied' };
  const { from } = result;
  if (from === undefined) return { type: 'ok' };
  if (from !== 'now' && !(Number.isSafeInteger(from) && from >= 0)) {
    throw createError(
      'MISUSE',
      `authorize() gave from ${String(from)}, which is neither 'now' nor an offset.`,
    );
  }
  return { type: 'ok', from };
}

export function readReply(reply: unknown): SendAnswer {
  return { type: 'ok', reply: reply instanceof ArrayBuffer ? new Uint8Array(reply) : reply };
}

/** Node's own errors (`ENOENT` and the like) have codes too, but were not meant for the sender. */
function isMeant(error: unknown): boolean {
  return codeOf(error) !== undefined && (error as { syscall?: unknown }).syscall === undefined;
}

export function readHandlerError(error: unknown): SendAnswer {
  const code = codeOf(error);
  if (code === undefined || !isMeant(error) || code.startsWith('ERR_')) {
    return { type: 'failed', code: 'HANDLER_FAILED', message: 'The handler failed.', applied: 'unknown' };
  }
  const said = (error as { applied?: unknown }).applied;
  const applied =
    said === true || said === 'unknown' ? said : isHoldfastError(error) && error.maybeApplied === true;
  return { type: 'failed', code, message: messageOf(error), applied };
}
