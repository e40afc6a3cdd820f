/** How fast a crowd comes back: bounded by its size and the time over which it was to be spread. */
import type { Fail } from '../failure.ts';

/** Returns the most opens that arrived within one second. */
export function checkHerd(
  opens: readonly number[],
  { crowd, spreadMs }: { readonly crowd: number; readonly spreadMs: number },
  fail: Fail,
): number {
  let peak = 0;
  let first = 0;
  for (let last = 0; last < opens.length; last++) {
    while ((opens[last] as number) - (opens[first] as number) >= 1_000) first++;
    peak = Math.max(peak, last - first + 1);
  }
  // Twice an even spread, and what chance adds to it: five standard deviations of a Poisson number.
  const even = (2 * crowd) / (spreadMs / 1_000);
  const most = Math.min(crowd, Math.ceil(even + 5 * Math.sqrt(even)));
  if (peak > most) return fail(`${peak} of ${crowd} came back within a second; ${most} may`);
  // Each comes back once; a few are cut off on the way and come again.
  if (opens.length > 1.1 * crowd) return fail(`${opens.length} opens of ${crowd} clients`);
  return peak;
}
