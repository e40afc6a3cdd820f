/**
 * Promises that never end a process: a rejection that nobody has asked for goes to a callback instead of to
 * `unhandledrejection`. Owns nothing but that; what the callback does with it is the client's affair.
 */
import type { HoldfastError } from './core/errors.ts';

/**
 * A promise in all but its hidden class: `then`, `catch`, `finally`, `await`. Taking any of them makes the rejection the taker's.
 * (A real promise could not tell whether somebody awaits it.)
 */
export function guardedPromise<V>(
  start: (resolve: (value: V) => void, reject: (error: HoldfastError) => void) => void,
  unhandled: (error: HoldfastError) => void,
): Promise<V> {
  let taken = false;
  let fail: (error: HoldfastError) => void;
  const inner = new Promise<V>((resolve, reject) => {
    fail = (error) => {
      reject(error);
      if (!taken) unhandled(error);
    };
    start(resolve, (error) => fail(error));
  });
  // The engine is told that this one is looked after.
  inner.then(undefined, () => undefined);
  const outer = {
    // biome-ignore lint/suspicious/noThenProperty: being thenable is its purpose
    then<A, B>(onValue?: ((value: V) => A) | null, onError?: ((error: unknown) => B) | null) {
      taken = true;
      return inner.then(onValue, onError);
    },
    catch<B>(onError?: ((error: unknown) => B) | null) {
      taken = true;
      return inner.then(undefined, onError);
    },
    finally(run?: (() => void) | null) {
      taken = true;
      return inner.finally(run);
    },
  };
  return outer as unknown as Promise<V>;
}
