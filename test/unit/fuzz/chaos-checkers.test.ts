/** The judges of the chaos runs, judged: each kind of wrong is found, and what is right is not. */
import { describe, expect, it } from 'vitest';
import { checkSends } from '../../chaos/send-checker.mjs';
import { checkStream } from '../../chaos/stream-checker.mjs';

const historyMessages = 3;

/** Messages by `instance.n`, each published at `n` and with the id `2n`: another topic lies in between. */
function stream() {
  const failures: string[] = [];
  const checker = checkStream({ topic: 'T', historyMessages, fail: (what: string) => failures.push(what) });
  const run = {
    failures,
    checker,
    message(n: number, { instance = 1, hasGap = false, isIntact = true } = {}) {
      const before = { id: `${2 * (n - 1)}`, at: n - 1 };
      checker.message({ id: `${2 * n}`, data: { instance, n, at: n, before }, isIntact, hasGap });
      return run;
    },
    gap(to: number, reason = 'trimmed', at = 0) {
      checker.gap({ to: `${2 * to}`, reason }, at);
      return run;
    },
  };
  return run;
}

describe('a stream', () => {
  it('in order, each once, is right', () => {
    const { failures, checker } = stream().message(4).message(5).message(6);
    expect(failures).toEqual([]);
    expect(checker.isComplete(1, { n: 6, id: '12', at: 6 })).toBe(false);
    checker.ready(3);
    expect(checker.isComplete(1, { n: 6, id: '12', at: 6 })).toBe(true);
    expect(checker.isComplete(1, { n: 7, id: '14', at: 7 })).toBe(false);
    expect(checker.isComplete(2, { n: 6, id: '12', at: 6 })).toBe(false);
  });

  it.each([
    ['a repeat', () => stream().message(4).message(4), /4 again/],
    ['a step back', () => stream().message(4).message(5).message(4), /4 again/],
    ['a hole', () => stream().message(4).message(6), /5 to 5 are missing/],
    ['lost bytes', () => stream().message(4, { isIntact: false }), /lost bytes/],
    [
      'a gap that nothing needed',
      () => stream().message(4).gap(4).message(5, { hasGap: true }),
      /nothing was missing/,
    ],
    [
      'a hole behind a gap',
      () => stream().message(4).gap(6).message(9, { hasGap: true }),
      /what was between/,
    ],
    ['a gap that the message does not carry', () => stream().message(4).gap(6).message(7), /does not carry/],
    ['a gap that was not told', () => stream().message(4).message(5, { hasGap: true }), /was not told/],
    [
      'another log without a gap',
      () => stream().message(4).message(1, { instance: 2 }),
      /0 gaps for the way/,
    ],
    ['a former log', () => stream().message(1, { instance: 2 }).message(9), /has been left/],
    [
      'two gaps for one other log',
      () => stream().message(4).gap(0, 'epoch').gap(0, 'epoch').message(1, { instance: 2, hasGap: true }),
      /2 gaps for the way/,
    ],
    [
      'a gap of another log within the same',
      () => stream().message(4).gap(6, 'epoch').message(7, { hasGap: true }),
      /within one log/,
    ],
    [
      'a gap for what was still there',
      () => stream().message(4).gap(6, 'trimmed', 8).message(7, { hasGap: true }).message(8).message(9),
      /called trimmed, with at most 2 after it/,
    ],
  ])('with %s is wrong', (_, run, what) => {
    expect(run().failures.join('\n')).toMatch(what);
  });

  it('whose gap was needed is right: by trimming, and by one restart or several', () => {
    const trimmed = stream()
      .message(4)
      .gap(6, 'trimmed', 9)
      .message(7, { hasGap: true })
      .message(8)
      .message(9)
      .message(10);
    const restarted = stream().message(4).gap(2, 'epoch').message(3, { instance: 2, hasGap: true });
    const twice = stream().message(4).gap(2, 'epoch').message(3, { instance: 3, hasGap: true });
    expect([trimmed, restarted, twice].flatMap(({ failures }) => failures)).toEqual([]);
  });

  it('that begins later than it was ready is wrong', () => {
    const run = stream();
    run.checker.ready(2);
    expect(run.message(4).failures.join()).toMatch(/after it was ready/);
  });

  it('that a gap covers to the end is complete', () => {
    const run = stream().message(4).gap(7, 'epoch');
    run.checker.ready(1);
    expect(run.checker.isComplete(2, { n: 7, id: '14', at: 7 })).toBe(true);
    expect(run.checker.isComplete(2, { n: 8, id: '16', at: 8 })).toBe(false);
  });
});

describe('sends', () => {
  interface Ended {
    readonly reply?: { lane: string; s: number };
    readonly error?: { code: string; maybeApplied: boolean };
  }

  function judged(ends: readonly (Ended | undefined)[], applied: readonly number[]): string[] {
    const failures: string[] = [];
    const sends = checkSends({ name: 'L', fail: (what: string) => failures.push(what) });
    ends.forEach((_, i) => {
      sends.sent(i + 1, false);
    });
    ends.forEach((end, i) => {
      if (end) sends.settled(i + 1, { ...end, at: i });
    });
    sends.judge(applied);
    return failures;
  }
  const resolved = (s: number): Ended => ({ reply: { lane: 'L', s } });
  const unknown: Ended = { error: { code: 'OUTCOME_UNKNOWN', maybeApplied: true } };
  const notSent: Ended = { error: { code: 'NOT_SENT', maybeApplied: false } };
  const refused: Ended = { error: { code: 'REFUSED', maybeApplied: false } };

  it('that were told the truth are right', () => {
    expect(judged([resolved(1), unknown, notSent, unknown, resolved(5), refused], [1, 5, 4])).toEqual([]);
  });

  it.each<[string, readonly (Ended | undefined)[], readonly number[], RegExp]>([
    ['one that was never settled', [undefined], [], /never settled/],
    ['one that resolved and was not applied', [resolved(1)], [], /was not applied/],
    ['one applied twice', [resolved(1)], [1, 1], /applied twice/],
    ['one applied and told as not sent', [notSent], [1], /told as not applied/],
    ['one applied and told as refused', [refused], [1], /told as not applied/],
    ['the answer to another', [resolved(2), resolved(2)], [1, 2], /resolved with the answer/],
    ['one after a later one', [resolved(1), resolved(2)], [2, 1], /applied after 2/],
    ['one that nobody made', [resolved(1)], [1, 7], /never made/],
  ])('with %s are wrong', (_, ends, applied, what) => {
    expect(judged(ends, applied).join('\n')).toMatch(what);
  });

  it('settled twice are wrong', () => {
    const failures: string[] = [];
    const sends = checkSends({ name: 'L', fail: (what: string) => failures.push(what) });
    sends.sent(1, false);
    sends.settled(1, { ...resolved(1), at: 1 });
    sends.settled(1, { ...unknown, at: 2 });
    expect(failures.join()).toMatch(/settled twice/);
  });
});
