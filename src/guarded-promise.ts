/**
 * Promises that never end a process: a rejection that nobody has asked for goes to a callback instead of to
 * `unhandledrejection`. Owns nothing but that; what the callback does with it is the client's affair.
 */

/** `await`, and an `async` function that returns the promise, take it a few microtasks late. */
const patience = 8;

function later(run: () => void, turns: number): void {
  if (turns === 0) return run();
  Promise.resolve().then(() => later(run, turns - 1));
}

/**
 * A promise in all but its hidden class: `then`, `catch`, `finally`, `await`. Who gives a handler for rejections takes them;
 * a chain without one ends in a promise of this kind again. (A real promise could not tell whether somebody awaits it.)
 */
export function guardedPromise<V>(
  start: (resolve: (value: V) => void, reject: (error: unknown) => void) => void,
  unhandled: (error: unknown) => void,
): Promise<V> {
  return guard(new Promise<V>(start), unhandled);
}

function guard<V>(inner: Promise<V>, unhandled: (error: unknown) => void): Promise<V> {
  let isTaken = false;
  // The engine takes this for looked after, too.
  inner.then(undefined, (error) => {
    later(() => {
      if (!isTaken) unhandled(error);
    }, patience);
  });

  function follow<R>(next: Promise<R>): Promise<R> {
    isTaken = true;
    return guard(next, unhandled);
  }

  const outer = {
    // biome-ignore lint/suspicious/noThenProperty: being thenable is its purpose
    then: <A, B>(onValue?: ((value: V) => A) | null, onError?: ((error: unknown) => B) | null) =>
      follow(inner.then(onValue, onError)),
    catch: <B>(onError?: ((error: unknown) => B) | null) => follow(inner.then(undefined, onError)),
    finally: (run?: (() => void) | null) => follow(inner.finally(run)),
  };
  return outer as unknown as Promise<V>;
}
