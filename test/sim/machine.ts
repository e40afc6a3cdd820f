/** A client's machine: its two clocks and its timers, and what sleep, freezing and throttling do to them. */
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface Machine {
  now(): { readonly wall: number; readonly mono: number };
  startTimer(run: () => void, delayMs: number): () => void;
  /** It sleeps: the monotonic clock stands still, nothing runs, the wall goes on. `then` runs when it wakes. */
  sleep(ms: number, then: () => void): void;
  /** The page is frozen: nothing of it runs, both clocks go on. */
  freeze(ms: number): void;
  /** For a while timers are late by up to so much, as those of hidden pages are. */
  throttle(lateMs: number, forMs: number): void;
  jumpWall(ms: number): void;
  /** Nothing of the page runs before then. */
  readonly awakeAt: number;
  timerCount(): number;
}

export function createMachine(world: World, dice: Random): Machine {
  let slept = 0;
  let sleepBegan: number | undefined;
  let wallSkew = 1_700_000_000_000;
  let awakeAt = 0;
  let timers = 0;
  let late = { ms: 0, until: 0 };

  function halt(ms: number): boolean {
    if (world.now < awakeAt) return false;
    awakeAt = world.now + ms;
    return true;
  }

  return {
    now() {
      const asleep = sleepBegan === undefined ? 0 : world.now - sleepBegan;
      return { wall: wallSkew + world.now, mono: world.now - slept - asleep };
    },
    startTimer(run, delayMs) {
      timers++;
      let undo: () => void;
      const wait = (ms: number): void => {
        undo = world.after(ms, () => {
          // What was due while nothing ran runs when it wakes.
          if (world.now < awakeAt) return wait(awakeAt - world.now);
          timers--;
          run();
        });
      };
      wait(world.now < late.until ? delayMs + dice.random() * late.ms : delayMs);
      let isUndone = false;
      return () => {
        if (isUndone) return;
        isUndone = true;
        timers--;
        undo();
      };
    },
    sleep(ms, then) {
      if (!halt(ms)) return;
      sleepBegan = world.now;
      world.later(ms, () => {
        slept += ms;
        sleepBegan = undefined;
        then();
      });
    },
    freeze: (ms) => {
      halt(ms);
    },
    throttle(lateMs, forMs) {
      late = { ms: lateMs, until: world.now + forMs };
    },
    jumpWall(ms) {
      wallSkew += ms;
    },
    get awakeAt() {
      return awakeAt;
    },
    timerCount: () => timers,
  };
}
