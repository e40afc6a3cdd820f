import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until the condition holds; whether it did in time. */
export async function holdsWithin(timeoutMs, condition) {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}
