/**
 * A promise for engines that have none: as much of it as this library uses, by the rules of Promises/A+.
 * The build of the script for old browsers puts it in the place of the global's name (`rollup.config.mjs`).
 *
 * @internal
 */

type Resolve = (value: unknown) => void;
type Reject = (error: unknown) => void;
type Handler = ((value: unknown) => unknown) | null | undefined;

interface Thenable {
  then?: unknown;
}

/** Runs a function at the end of the current task where the engine has a way to say so, else in the next one. */
export const later: (run: () => void) => void = (() => {
  let queue: (() => void)[] = [];
  let trigger: (() => void) | undefined;

  function flush(): void {
    const runs = queue;
    queue = [];
    // None of them throws: reactions of promises are caught, and so is what the driver does.
    for (let i = 0; i < runs.length; i++) runs[i]?.();
  }

  /** A change of a text node that is in no document is told as soon as the running script has ended. */
  function observe(): () => void {
    const node = document.createTextNode('');
    let count = 0;
    new MutationObserver(flush).observe(node, { characterData: true });
    return () => {
      node.data = String(++count % 2);
    };
  }

  return (run) => {
    trigger ??= typeof MutationObserver === 'undefined' ? () => setTimeout(flush, 0) : observe();
    if (queue.push(run) === 1) trigger();
  };
})();

function isObject(value: unknown): value is Thenable {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** `start` is called at once. Called with or without `new`. */
function createPromise(start: (resolve: Resolve, reject: Reject) => void): Promise<unknown> {
  let state: 'pending' | 'fulfilled' | 'rejected' = 'pending';
  let outcome: unknown;
  let waiting: (() => void)[] = [];

  function settle(as: 'fulfilled' | 'rejected', value: unknown): void {
    state = as;
    outcome = value;
    const runs = waiting;
    waiting = [];
    for (let i = 0; i < runs.length; i++) later(runs[i] as () => void);
  }

  function resolve(value: unknown): void {
    if (value === promise) return settle('rejected', new TypeError('A promise cannot wait for itself'));
    if (!isObject(value)) return settle('fulfilled', value);
    follow((on, off) => {
      const { then } = value;
      if (typeof then === 'function') then.call(value, on, off);
      else settle('fulfilled', value);
    });
  }

  /** Takes the first of what it is told. */
  function follow(run: (resolve: Resolve, reject: Reject) => void): void {
    let isTold = false;
    const once = (tell: (value: unknown) => void) => (value: unknown) => {
      if (isTold) return;
      isTold = true;
      tell(value);
    };
    const fail = once((error) => settle('rejected', error));
    try {
      run(once(resolve), fail);
    } catch (error) {
      fail(error);
    }
  }

  function then(onValue?: Handler, onError?: Handler): Promise<unknown> {
    return createPromise((on, off) => {
      const react = (): void => {
        const handler = state === 'fulfilled' ? onValue : onError;
        if (typeof handler !== 'function') return state === 'fulfilled' ? on(outcome) : off(outcome);
        try {
          on(handler(outcome));
        } catch (error) {
          off(error);
        }
      };
      if (state === 'pending') waiting.push(react);
      else later(react);
    });
  }

  const promise = {
    then,
    catch: (onError?: Handler) => then(undefined, onError),
    finally: (run?: (() => unknown) | null) =>
      then(
        (value) => createPromise((on) => on(run?.())).then(() => value),
        (error) =>
          createPromise((on) => on(run?.())).then(() => {
            throw error;
          }),
      ),
  } as unknown as Promise<unknown>;
  follow(start);
  return promise;
}

interface PromiseStandIn {
  (start: (resolve: Resolve, reject: Reject) => void): Promise<unknown>;
  resolve(value?: unknown): Promise<unknown>;
  reject(error?: unknown): Promise<unknown>;
}

const standIn = createPromise as PromiseStandIn;
standIn.resolve = (value) => createPromise((on) => on(value));
standIn.reject = (error) => createPromise((_, off) => off(error));

export { standIn as Promise };
