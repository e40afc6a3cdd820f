/**
 * What `subscribe` returns: one handle of one topic. Several handles share a topic's subscription; each has its own listeners
 * or its own bounded buffer. It knows nothing of sessions: `client.ts` feeds it.
 */
import { createError, type HoldfastError, isHoldfastError } from './core/errors.ts';
import type { Gap, Message } from './core/inbox.ts';
import { guardedPromise } from './guarded-promise.ts';

/** A message as the application's types have it. */
export interface TypedMessage<T> extends Message {
  readonly data: T;
}

/** Anything with the two members of an `AbortSignal` that matter here. */
export interface SignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener?(type: 'abort', listener: () => void): void;
}

export interface SubscribeOptions<T = unknown> {
  /** Called for each message, in order. Without it the subscription is iterable. */
  readonly message?: (message: TypedMessage<T>) => void;
  /** Called before the first message after a gap. Gaps also go to `client.on('gap')`, save those of this buffer's `overflow`. */
  readonly gap?: (gap: Gap) => void;
  /** Called if the server ends the subscription; without it that goes to `client.on('error')`. */
  readonly error?: (error: HoldfastError) => void;
  /** Unsubscribes when it aborts. */
  readonly signal?: SignalLike;
  /** How many of the newest retained messages to bring with the confirmation. Default 0, at most what the server allows. */
  readonly last?: number;
  /** A cursor (`hub.cursor()`) after which to begin, instead of now. */
  readonly since?: string;
  /** Messages that may wait for an iterator, default 1,000. One more drops the oldest, and a gap (`overflow`) says so. */
  readonly buffer?: number;
}

export interface Subscription<T = unknown> extends AsyncIterable<TypedMessage<T>> {
  readonly topic: string;
  /** Resolves when the server has it: from then on nothing is missed. Rejects if it is refused or ended before. */
  readonly ready: Promise<void>;
  /** The next message, for engines without `for await`. Only without a `message` handler. */
  next(): Promise<IteratorResult<TypedMessage<T>, undefined>>;
  unsubscribe(): void;
}

/** What `client.ts` calls. */
export interface Handle {
  readonly topic: string;
  message(message: Message): void;
  gap(gap: Gap): void;
  /** `start`: the id after which nothing is missed. */
  ready(start: string): void;
  /** `error` is absent if the application itself unsubscribed. */
  end(error?: HoldfastError): void;
  readonly subscription: Subscription;
}

type Step = IteratorResult<TypedMessage<unknown>, undefined>;

interface Settle<V> {
  readonly resolve: (value: V) => void;
  readonly reject: (error: HoldfastError) => void;
}

export interface HandleHost {
  /** Calls a listener of the application, so that what it throws harms nobody else. */
  call<A>(listener: (argument: A) => void, argument: A): void;
  unsubscribe(handle: Handle): void;
  /** An error that nobody listens for. */
  unhandled(error: unknown): void;
}

/** The id just before this one. */
function placeBefore(id: string): string {
  const dot = id.lastIndexOf('.');
  return `${id.slice(0, dot + 1)}${Number(id.slice(dot + 1)) - 1}`;
}

const bufferDefault = 1_000;
const done: Step = { done: true, value: undefined };

export function createHandle(topic: string, options: SubscribeOptions, host: HandleHost): Handle {
  const buffer: Message[] = [];
  const waiters: Settle<Step>[] = [];
  const bufferMax = options.buffer ?? bufferDefault;
  /** Id of the last message that the iterator has given, or of the place where the subscription began. */
  let given: string | undefined;
  let overflow: Gap | undefined;
  let isReady = false;
  let isAsked = false;
  let ended = false;
  let failure: HoldfastError | undefined;
  let settle: Settle<undefined> | undefined;
  const ready = guardedPromise<undefined>(
    (resolve, reject) => {
      settle = { resolve, reject };
    },
    (error) => {
      // Who iterates or listens gets the error there; who unsubscribed needs none.
      const isToldElsewhere = isAsked || options.error !== undefined;
      if (isHoldfastError(error) && (isToldElsewhere || error.code === 'UNSUBSCRIBED')) return;
      host.unhandled(error);
    },
  );
  const { signal } = options;
  const onAbort = (): void => subscription.unsubscribe();

  function message(one: Message): void {
    if (ended) return;
    if (options.message) return host.call(options.message, one);
    const waiter = waiters.shift();
    if (waiter) return give(waiter.resolve, one);
    buffer.push(one);
    if (buffer.length > bufferMax) drop(buffer.shift() as Message);
  }

  function drop(lost: Message): void {
    // An ephemeral message is in no log: it may be lost, and leaves no gap.
    if (lost.id === '') return;
    const from = overflow?.from ?? lost.gap?.from ?? given ?? placeBefore(lost.id);
    overflow = { topic, from, to: lost.id, reason: 'overflow' };
  }

  function give(resolve: (step: Step) => void, one: Message): void {
    let value = one;
    if (overflow && one.id !== '') {
      // A gap that the server told just here is part of it.
      const gap = one.gap ? { ...overflow, to: one.gap.to } : overflow;
      overflow = undefined;
      value = { ...one, gap };
      if (options.gap) host.call(options.gap, gap);
    }
    if (one.id !== '') given = one.id;
    resolve({ done: false, value });
  }

  function mustIterate(): void {
    if (!options.message) return;
    throw createError('MISUSE', 'A subscription with a message handler is not iterable', { topic });
  }

  function next(): Promise<Step> {
    mustIterate();
    isAsked = true;
    return guardedPromise<Step>((resolve, reject) => {
      const one = buffer.shift();
      if (one) return give(resolve, one);
      const error = failure;
      failure = undefined;
      if (error) reject(error);
      else if (ended) resolve(done);
      else waiters.push({ resolve, reject });
    }, host.unhandled);
  }

  function end(error?: HoldfastError): void {
    if (ended) return;
    ended = true;
    signal?.removeEventListener?.('abort', onAbort);
    settle?.reject(
      error ?? createError('UNSUBSCRIBED', 'It was unsubscribed before it was ready', { topic }),
    );
    if (error) fail(error);
    const waiting = waiters.splice(0, waiters.length);
    for (let i = 0; i < waiting.length; i++) (waiting[i] as Settle<Step>).resolve(done);
  }

  /** Told once: to the subscription's own listener, else to whoever iterates, else to the client (by `ready`, if that is still open). */
  function fail(error: HoldfastError): void {
    const waiter = waiters.shift();
    if (waiter) waiter.reject(error);
    else if (!options.message) failure = error;
    if (options.error) host.call(options.error, error);
    else if (isReady && !isAsked) host.unhandled(error);
  }

  const iterator = {
    next,
    return(): Promise<Step> {
      subscription.unsubscribe();
      return Promise.resolve(done);
    },
  };
  const subscription = {
    topic,
    ready,
    next,
    unsubscribe: (): void => host.unsubscribe(handle),
  } as unknown as Subscription;
  // Named where the engine has the symbols, so that old engines never see them.
  if (typeof Symbol === 'function') {
    const named = subscription as unknown as Record<symbol, unknown>;
    if (Symbol.asyncIterator) {
      named[Symbol.asyncIterator] = () => {
        mustIterate();
        isAsked = true;
        return iterator;
      };
    }
    const dispose = (Symbol as unknown as { dispose?: symbol }).dispose;
    if (dispose) named[dispose] = subscription.unsubscribe;
  }

  const handle: Handle = {
    topic,
    message,
    gap: (gap) => {
      if (options.gap && !ended) host.call(options.gap, gap);
    },
    ready(start) {
      isReady = true;
      // Retained messages lie before the start.
      if (!options.last) given ??= start;
      settle?.resolve(undefined);
    },
    end,
    subscription,
  };
  if (signal?.aborted) host.unsubscribe(handle);
  else signal?.addEventListener('abort', onAbort);
  return handle;
}
