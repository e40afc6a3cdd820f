/** A driver arms one host timer, for its earliest deadline, and takes it back when that changes. */
import type { SimClient } from '../client.ts';
import type { Fail } from '../failure.ts';

export function checkTimers({ timerCount }: SimClient, fail: Fail): void {
  if (timerCount() > 1) fail(`${timerCount()} timers run at once`);
}
