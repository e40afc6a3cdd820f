/** The small pure rules: waits, deadlines, chance, errors and verdicts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, turnMs } from '../../../src/core/backoff.ts';
import {
  clearDeadline,
  clearDeadlinesOf,
  deadlineAt,
  hasDeadline,
  nextDeadline,
  setDeadline,
  takeDue,
  type Waiting,
} from '../../../src/core/deadlines.ts';
import { createError, isHoldfastError } from '../../../src/core/errors.ts';
import { createPrng, random } from '../../../src/core/prng.ts';
import { describeEnding, type Ending, verdictOfEnding, verdictOfError } from '../../../src/core/verdict.ts';

const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('back-off', () => {
  const config = { baseMs: 500, capMs: 20_000 };

  it('is none for the first attempt after a cut', () => {
    expect([backoffMs(config, 0, 0.9), backoffMs(config, -1, 0.9)]).toEqual([0, 0]);
  });

  it('stays below a bound that never falls, and never exceeds the cap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), draw, (attempt, chance) => {
        const wait = backoffMs(config, attempt, chance);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThan(20_000);
        expect(backoffMs(config, attempt + 1, chance)).toBeGreaterThanOrEqual(wait);
      }),
    );
  });

  it('grows to the cap, however long that takes', () => {
    expect(backoffMs(config, 10, 0.999)).toBeGreaterThan(19_900);
    expect(backoffMs({ baseMs: 500, capMs: 1e6 }, 14, 0.999)).toBeGreaterThan(300_000);
  });

  it.each([3, 5, 8, 12])('has a crowd back, evenly, within five seconds of an absence of %d s', (awayS) => {
    const awayMs = awayS * 1_000;
    for (let seed = 1; seed <= 20; seed++) {
      const prng = createPrng(seed);
      const cutAt = 1e6 * random(prng);
      const bins: number[] = [];
      let lastMs = 0;
      for (let client = 0; client < 1_000; client++) {
        const turn = random(prng);
        let at = 0;
        for (let attempt = 1; at < awayMs; attempt++) at += turnMs(config, attempt, turn, cutAt + at);
        const bin = Math.floor((at - awayMs) / 100);
        bins[bin] = (bins[bin] ?? 0) + 1;
        lastMs = Math.max(lastMs, at - awayMs);
      }
      // An even share is 20, and 40 five standard deviations of it away.
      expect(Math.max(...bins.filter((count) => count > 0))).toBeLessThanOrEqual(40);
      expect(lastMs).toBeLessThanOrEqual(5_000);
    }
  });

  it('comes in turn: within the bound, at its own place, never twice in one period', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 6 }), draw, fc.nat(1e9), (attempt, turn, from) => {
        const wait = turnMs(config, attempt, turn, from);
        expect(wait).toBeGreaterThan(0);
        expect(wait).toBeLessThanOrEqual(5_000);
        // Who failed at once waits for the next turn, which is a period later; the turn may be a millisecond off.
        expect(turnMs(config, attempt, turn, from + wait + 1)).toBeGreaterThan(4_997);
      }),
    );
  });

  it.each([0, -1])('comes at once at attempt %d, and whenever there is no bound', (attempt) => {
    expect(turnMs(config, attempt, 0.5, 1_234)).toBe(0);
    expect(turnMs({ baseMs: 0, capMs: 0 }, 3, 0.5, 1_234)).toBe(0);
  });
});

/** A session's deadlines at that time, none as yet. */
function tableAt(mono: number): Waiting {
  return { deadlines: [], now: { mono } };
}

describe('deadlines', () => {
  it('come due the earliest first, equal ones by name', () => {
    const table = tableAt(20);
    setDeadline(table, 'retry', 20);
    setDeadline(table, 'quiet', 10, { id: 2 });
    setDeadline(table, 'auth', 20);
    setDeadline(table, 'prove', 30, { id: 12 });
    expect(nextDeadline(table)).toBe(10);
    const due = [takeDue(table), takeDue(table), takeDue(table), takeDue(table)];
    expect(due).toEqual([
      { kind: 'quiet', id: 2, at: 10 },
      { kind: 'auth', id: 0, at: 20 },
      { kind: 'retry', id: 0, at: 20 },
      undefined,
    ]);
    expect([deadlineAt(table, 'prove', { id: 12 }), deadlineAt(table, 'retry')]).toEqual([30, undefined]);
  });

  it('come due in the same order whatever order they were set in', () => {
    const kinds = ['retry', 'auth', 'sends', 'topics'] as const;
    const entries = fc.uniqueArray(fc.tuple(fc.constantFrom(...kinds), fc.nat(3), fc.nat(5)), {
      selector: ([kind, id]) => `${kind}:${id}`,
    });
    const drained = (list: readonly (readonly [(typeof kinds)[number], number, number])[]): unknown[] => {
      const table = tableAt(5);
      for (const [kind, id, at] of list) setDeadline(table, kind, at, { id });
      return list.map(() => takeDue(table));
    };
    fc.assert(
      fc.property(entries, (list) => {
        expect(drained(list)).toEqual(drained([...list].reverse()));
      }),
    );
  });

  it('of one connection are cleared without those of another', () => {
    const table = tableAt(0);
    setDeadline(table, 'quiet', 1, { id: 1 });
    setDeadline(table, 'poll', 2, { id: 11 });
    setDeadline(table, 'retry', 3);
    clearDeadlinesOf(table, { id: 1 });
    expect([
      hasDeadline(table, 'quiet', { id: 1 }),
      hasDeadline(table, 'poll', { id: 11 }),
      hasDeadline(table, 'retry'),
    ]).toEqual([false, true, true]);
    clearDeadline(table, 'retry');
    clearDeadline(table, 'poll', { id: 11 });
    expect(nextDeadline(table)).toBeUndefined();
  });
});

describe('chance', () => {
  it('is the same for the same seed, and lies from 0 to below 1', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const one = createPrng(seed);
        const other = createPrng(seed);
        for (let i = 0; i < 20; i++) {
          const value = random(one);
          expect(value).toBe(random(other));
          expect(value >= 0 && value < 1).toBe(true);
        }
      }),
    );
  });

  it('is spread evenly', () => {
    const prng = createPrng(7);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4_000; i++) {
      const quarter = Math.floor(random(prng) * 4);
      counts[quarter] = (counts[quarter] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(120);
  });
});

describe('an error', () => {
  it('carries what is known, and nothing else', () => {
    const cause = new Error('because');
    const error = createError('BUSY', 'It is busy', {
      retryable: true,
      maybeApplied: false,
      topic: 'A',
      cause,
    });
    expect({ ...error }).toEqual({
      name: 'HoldfastError',
      code: 'BUSY',
      retryable: true,
      maybeApplied: false,
      topic: 'A',
      cause,
    });
    expect(error.message).toMatch(/^It is busy \[BUSY\] holdfast\/docs\/ERRORS.md#busy$/);
    expect({ ...createError('BUSY', 'It is busy') }).toEqual({
      name: 'HoldfastError',
      code: 'BUSY',
      retryable: false,
    });
  });

  it('is told from others', () => {
    const values = [
      createError('BUSY', ''),
      new Error(),
      undefined,
      null,
      'HoldfastError',
      { name: 'HoldfastError' },
    ];
    expect(values.map(isHoldfastError)).toEqual([true, false, false, false, false, true]);
  });
});

describe('the verdict on an ending', () => {
  it.each<[Ending, string, string, string]>([
    [{ kind: 'refused' }, 'switch', 'switch', 'refused by the platform'],
    [{ kind: 'type' }, 'switch', 'switch', 'answered with something else than a stream'],
    [{ kind: 'status', status: 503 }, 'back-off', 'back-off', 'status 503'],
    [{ kind: 'status', status: 429 }, 'back-off', 'back-off', 'status 429'],
    [{ kind: 'status', status: 502 }, 'retry', 'switch', 'status 502'],
    [{ kind: 'closed', code: 1000 }, 'retry', 'switch', 'closed with 1000'],
    [{ kind: 'closed', code: 1003 }, 'switch', 'switch', 'closed with 1003'],
    [{ kind: 'closed', code: 1008 }, 'switch', 'switch', 'closed with 1008'],
    [{ kind: 'closed', code: 1009 }, 'back-off', 'back-off', 'closed with 1009'],
    [{ kind: 'closed', code: 1012 }, 'back-off', 'back-off', 'closed with 1012'],
    [{ kind: 'closed', code: 1013 }, 'back-off', 'back-off', 'closed with 1013'],
    [{ kind: 'closed' }, 'retry', 'switch', 'ended by the server'],
    [{ kind: 'aborted' }, 'retry', 'switch', 'aborted'],
    [{ kind: 'failed', detail: 'why' }, 'retry', 'switch', 'failed (why)'],
  ])('%j is %s if it was proven, else %s', (ending, proven, unproven, text) => {
    expect([verdictOfEnding(ending, true), verdictOfEnding(ending, false)]).toEqual([proven, unproven]);
    expect(describeEnding(ending)).toBe(text);
  });

  it('on a code that is not known is to back off', () => {
    expect([verdictOfError('WEATHER'), verdictOfError('toString'), verdictOfError('FORBIDDEN')]).toEqual([
      'back-off',
      'back-off',
      'stop',
    ]);
  });
});
