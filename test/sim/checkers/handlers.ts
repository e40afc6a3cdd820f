/** Handlers of one client run one after another (rule D8): for each memory of sends that a hub makes of it. */
import type { Fail } from '../failure.ts';

export interface HandlerChecker {
  began(idempotencyKey: string): void;
  ended(idempotencyKey: string): void;
}

/** The key names the memory and the number in it. */
function memoryOf(idempotencyKey: string): string {
  return idempotencyKey.slice(0, idempotencyKey.lastIndexOf('.'));
}

export function checkHandlers(fail: Fail): HandlerChecker {
  const running = new Map<string, string>();
  return {
    began(key) {
      const other = running.get(memoryOf(key));
      if (other !== undefined) return fail(`${key} is handled while ${other} is`);
      running.set(memoryOf(key), key);
    },
    ended(key) {
      running.delete(memoryOf(key));
    },
  };
}
