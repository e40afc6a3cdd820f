/** What the core asks of its host, on Node: clock, randomness, one timer, turns; and promises turned into callbacks. */
import { randomBytes } from 'node:crypto';
import type { HubHost } from '../core/types.ts';

export interface Clockwork extends Pick<HubHost, 'now' | 'random' | 'byteLength' | 'defer' | 'wake'> {
  /** Ends the timer. */
  stop(): void;
}

/** Node's timers know no longer time, and take one for none at all. Whoever is woken too early looks again. */
const timerMaxMs = 2 ** 31 - 1;

/** `tick` is called when the earliest time that was wished for has come. */
export function createClockwork(tick: () => void): Clockwork {
  let timer: NodeJS.Timeout | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  let isStopped = false;
  const ring = (): void => {
    timer = undefined;
    wakeAt = Number.POSITIVE_INFINITY;
    tick();
  };
  return {
    // Whole ones: numbers with a fraction take a heap object each, wherever they are kept.
    now: () => Math.floor(performance.now()),
    random: (count) => new Uint8Array(randomBytes(count)),
    byteLength: (text) => Buffer.byteLength(text),
    // After all that the sockets bring in this turn, so that one write holds it all.
    defer: (run) => void setImmediate(run),
    wake(at) {
      if (isStopped || at >= wakeAt) return;
      clearTimeout(timer);
      wakeAt = at;
      // An idle hub keeps no process alive; its server does.
      timer = setTimeout(ring, Math.min(timerMaxMs, Math.max(0, Math.ceil(at - performance.now())))).unref();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/** Calls the application, which may answer at once, later, or by throwing. */
export function callApplication<T>(
  call: () => T | PromiseLike<T>,
  done: (value: T) => void,
  failed: (error: unknown) => void,
): void {
  let value: T | PromiseLike<T>;
  try {
    value = call();
  } catch (error) {
    return failed(error);
  }
  if (typeof (value as PromiseLike<T> | undefined)?.then === 'function') {
    (value as PromiseLike<T>).then(done, failed);
  } else {
    done(value as T);
  }
}
