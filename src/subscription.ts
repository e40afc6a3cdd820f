/**
 * What `subscribe` returns: one handle of one topic. Several handles share a topic's subscription; each has its own listeners
 * or its own bounded buffer. It knows nothing of sessions: `client.ts` feeds it.
 */
import { createError, type HoldfastError } from './core/errors.ts';
import type { Gap, Message } from './core/inbox.ts';

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
  /** Called before the first message after a gap. Gaps also go to `client.on('gap')`. */
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
  readonly options: SubscribeOptions;
  message(message: Message): void;
  gap(gap: Gap): void;
  ready(): void;
  /** `error` is absent if the application itself unsubscribed. */
  end(error?: HoldfastError): void;
  readonly subscription: Subscription;
}

type Step = IteratorResult<TypedMessage<unknown>, undefined>;

interface Waiter {
  readonly resolve: (step: Step) => void;
  readonly reject: (error: HoldfastError) => void;
}

export interface HandleHost {
  /** Calls a listener of the application, so that what it throws harms nobody else. */
  call<A>(listener: (argument: A) => void, argument: A): void;
  unsubscribe(handle: Handle): void;
  /** An error that nobody listens for. */
  unhandled(error: HoldfastError): void;
  /** A promise whose rejection goes to `unhandled` if nobody takes it. */
  guard<V>(start: (resolve: (value: V) => void, reject: (error: HoldfastError) => void) => void): Promise<V>;
}

const bufferDefault = 1_000;
const done: Step = { done: true, value: undefined };

export function createHandle(topic: string, options: SubscribeOptions, host: HandleHost): Handle {
  const buffer: Message[] = [];
  const waiters: Waiter[] = [];
  const bufferMax = options.buffer ?? bufferDefault;
  let overflow: Gap | undefined;
  let ended = false;
  let failure: HoldfastError | undefined;
  let settle: { resolve: (value: undefined) => void; reject: (error: HoldfastError) => void } | undefined;
  const ready = host.guard<undefined>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const { signal } = options;
  const onAbort = (): void => subscription.unsubscribe();

  function message(one: Message): void {
    if (ended) return;
    if (options.message) return host.call(options.message, one);
    const waiter = waiters.shift();
    if (waiter) return waiter.resolve({ done: false, value: one });
    buffer.push(one);
    if (buffer.length <= bufferMax) return;
    const lost = buffer.shift() as Message;
    overflow = { topic, from: overflow?.from ?? lost.id, to: lost.id, reason: 'overflow' };
  }

  function take(): Message | undefined {
    const first = buffer.shift();
    if (!first || !overflow) return first;
    const gap = overflow;
    overflow = undefined;
    return { ...first, gap };
  }

  function next(): Promise<Step> {
    if (options.message) {
      throw createError('MISUSE', 'A subscription with a message handler is not iterable', { topic });
    }
    return host.guard<Step>((resolve, reject) => {
      const one = take();
      if (one) return resolve({ done: false, value: one });
      if (failure) {
        const error = failure;
        failure = undefined;
        return reject(error);
      }
      if (ended) return resolve(done);
      waiters.push({ resolve, reject });
    });
  }

  function end(error?: HoldfastError): void {
    if (ended) return;
    ended = true;
    signal?.removeEventListener?.('abort', onAbort);
    settle?.reject(
      error ?? createError('UNSUBSCRIBED', 'It was unsubscribed before it was ready', { topic }),
    );
    failure = error;
    if (error && options.error) host.call(options.error, error);
    const waiting = waiters.splice(0, waiters.length);
    for (let i = 0; i < waiting.length; i++) {
      const waiter = waiting[i] as Waiter;
      if (error && i === 0) {
        failure = undefined;
        waiter.reject(error);
      } else {
        waiter.resolve(done);
      }
    }
  }

  const iterator = {
    next,
    return(): Promise<Step> {
      subscription.unsubscribe();
      return host.guard<Step>((resolve) => resolve(done));
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
        if (options.message) {
          throw createError('MISUSE', 'A subscription with a message handler is not iterable', { topic });
        }
        return iterator;
      };
    }
    const dispose = (Symbol as unknown as { dispose?: symbol }).dispose;
    if (dispose) named[dispose] = subscription.unsubscribe;
  }

  const handle: Handle = {
    topic,
    options,
    message,
    gap: (gap) => {
      if (options.gap && !ended) host.call(options.gap, gap);
    },
    ready: () => settle?.resolve(undefined),
    end,
    subscription,
  };
  if (signal?.aborted) host.unsubscribe(handle);
  else signal?.addEventListener('abort', onAbort);
  return handle;
}
