/** How long to wait before trying again: full jitter under a cap that doubles. Knows no reasons; `verdict.ts` does. */

export interface BackoffConfig {
  /** Upper bound of the second wait, milliseconds. The first is none. Default 500. */
  readonly baseMs: number;
  /** No wait is longer. Default 20,000. */
  readonly capMs: number;
}

/**
 * The wait before attempt number `attempt` (0: the first after a cut, at once).
 * `draw` is at least 0 and below 1. Full jitter: M. Brooker, "Exponential Backoff And Jitter", 2015.
 */
export function backoffMs(config: BackoffConfig, attempt: number, draw: number): number {
  if (attempt <= 0) return 0;
  const bound = Math.min(config.capMs, config.baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.floor(draw * bound);
}
