/**
 * What the contract suite takes from Vitest, made of Vitest's own parts, for runtimes in which Vitest as a whole does not run.
 * The bundle of the suite has this in its place. What is missing here fails the test that asks for it.
 */
import { chai, JestChaiExpect, JestExtend } from '@vitest/expect';
import { spyOn } from '@vitest/spy';
import type { ProvidedContext } from 'vitest';

export { afterEach, beforeEach, describe, test } from '@vitest/runner';

chai.use(JestExtend);
chai.use(JestChaiExpect);

const pollTimeoutMs = 5_000;
const pollIntervalMs = 20;

/** Asks until the assertion holds or the time is over. */
async function hold(name: string, ask: () => unknown, args: readonly unknown[]): Promise<void> {
  const deadline = performance.now() + pollTimeoutMs;
  for (;;) {
    const isLast = performance.now() > deadline;
    const assertion = chai.expect(await ask()) as unknown as Record<string, (...given: unknown[]) => void>;
    try {
      return assertion[name]?.(...args);
    } catch (error) {
      if (isLast) throw error;
      await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
    }
  }
}

const polls = {
  poll: (ask: () => unknown): unknown =>
    new Proxy(
      {},
      {
        get:
          (_, name) =>
          (...args: unknown[]) =>
            hold(String(name), ask, args),
      },
    ),
};

export const expect = Object.assign((value: unknown, message?: string) => chai.expect(value, message), polls);

export const vi = { spyOn };

/** Set before the suite is loaded. */
let provided: ProvidedContext | undefined;

export function provide(context: ProvidedContext): void {
  provided = context;
}

export function inject<Key extends keyof ProvidedContext>(key: Key): ProvidedContext[Key] {
  if (!provided) throw new Error('nothing is provided');
  return provided[key];
}
