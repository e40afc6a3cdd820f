/** How long to wait before trying again: full jitter under a bound that grows. Knows no reasons; `verdict.ts` does. */

export interface BackoffConfig {
  /** Upper bound of the second wait, milliseconds. The first is none. Default 500. */
  readonly baseMs: number;
  /** No wait is longer. Default 20,000. */
  readonly capMs: number;
}

/** Bounds of the waits, in units of the base. The last one doubles with each attempt that follows. */
const bounds = [1, 4, 11, 11, 11, 11, 11];

/**
 * The wait before attempt number `attempt` (0: the first after a cut, at once).
 * `draw` is at least 0 and below 1. Full jitter: M. Brooker, "Exponential Backoff And Jitter", 2015.
 *
 * It grows fast to what spreads a crowd, and stays there for a while: at the defaults, of 1,000 clients whose server was
 * away for seconds, 34 come in the busiest tenth of a second and the last one within 5.5 s. (Doubled from wait to wait it
 * is 41, and 15 s.)
 */
export function backoffMs(config: BackoffConfig, attempt: number, draw: number): number {
  if (attempt <= 0) return 0;
  const beyond = Math.min(30, Math.max(0, attempt - bounds.length));
  const bound = (bounds[Math.min(attempt, bounds.length) - 1] as number) * 2 ** beyond;
  return Math.floor(draw * Math.min(config.capMs, config.baseMs * bound));
}
