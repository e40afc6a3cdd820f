/** How long to wait before trying again, under a bound that grows. Knows no reasons; `verdict.ts` does. */

import { type Prng, random } from './prng.ts';

export interface BackoffConfig {
  /** Upper bound of the second wait, milliseconds. The first is none. Default 500. */
  readonly baseMs: number;
  /** No wait is longer. Default 20,000. */
  readonly capMs: number;
}

/**
 * Bounds of the waits, in units of the base. The last one doubles with each attempt that follows. They grow fast to what
 * spreads a crowd, and stay there for a while.
 */
const bounds = [1, 4, 10, 10, 10, 10];

function boundMs(config: BackoffConfig, attempt: number): number {
  if (attempt <= 0) return 0;
  const beyond = Math.min(30, Math.max(0, attempt - bounds.length));
  const bound = (bounds[Math.min(attempt, bounds.length) - 1] as number) * 2 ** beyond;
  return Math.min(config.capMs, config.baseMs * bound);
}

/**
 * The wait before attempt number `attempt` (0: the first after a cut, at once).
 * `draw` is at least 0 and below 1. Full jitter: M. Brooker, "Exponential Backoff And Jitter", 2015.
 */
export function backoffMs(config: BackoffConfig, attempt: number, draw: number): number {
  return Math.floor(draw * boundMs(config, attempt));
}

/**
 * The same where a crowd may wait for one server: the time from `mono` until the next turn of who has one in each period as
 * long as the bound, at a place (`turn`, as `draw`) that is drawn once. Whenever the server is back, each comes once within
 * the period: at the defaults, of 1,000 who missed it for three to fifteen seconds, 31 in the busiest tenth of a second and
 * the last one after 5 s. (With a draw for each wait, below 5.5 s, it is 36 to 44, and 5.5 to 19 s.)
 */
export function turnMs(config: BackoffConfig, attempt: number, turn: number, mono: number): number {
  const bound = boundMs(config, attempt);
  // Without a bound it is no number, and there is nothing to wait for.
  return Math.ceil(bound - ((mono + turn * bound) % bound)) || 0;
}

/** The same for a session, by its own dice. `least`: the part of the wait that is certain. */
export function backoffOf(
  session: { readonly config: { readonly backoff: BackoffConfig }; readonly prng: Prng },
  attempt: number,
  least = 0,
): number {
  return backoffMs(session.config.backoff, attempt, least + random(session.prng) * (1 - least));
}
