/**
 * What must hold for every client in every world, said as it happens: a checker throws at the first thing that is wrong.
 * They know what was really published and applied, and judge by that alone.
 */
import type { HoldfastError } from '../../src/core/errors.ts';
import type { Gap, Message } from '../../src/core/inbox.ts';

/** One message as it was really published. */
export interface Published {
  readonly epoch: string;
  readonly offset: number;
  readonly topic: string;
  /** Dense for each topic, over all epochs. */
  readonly n: number;
}

/** All that was published, by topic, in order. */
export interface Ledger {
  readonly byTopic: Map<string, Published[]>;
}

export function createLedger(): Ledger {
  return { byTopic: new Map() };
}

export function note(ledger: Ledger, published: Published): void {
  const list = ledger.byTopic.get(published.topic);
  if (list) list.push(published);
  else ledger.byTopic.set(published.topic, [published]);
}

export interface TopicChecker {
  ready(epoch: string, own: number): void;
  message(message: Message): void;
  gap(gap: Gap): void;
  ended(): void;
  /** Whether everything published has come. */
  isComplete(): boolean;
  /** After the world has healed: it must have. */
  finish(): void;
}

/**
 * Promise 1 for one subscription: in order, each once, none missing unless a gap said so first; no gap without need.
 * `fail` gets a sentence.
 */
export function checkTopic(ledger: Ledger, topic: string, fail: (what: string) => never): TopicChecker {
  /** Index into the topic's list of what comes next; undefined before it is ready. */
  let next: number | undefined;
  let pending: Gap | undefined;
  let gaps = 0;
  const list = (): Published[] => ledger.byTopic.get(topic) ?? [];

  return {
    ready(epoch, own) {
      // After an epoch gap a topic may be ready a second time; what was missed was told.
      const at = list().findIndex((one) => one.epoch === epoch && one.offset > own);
      const from = at < 0 ? list().length : at;
      if (next === undefined) next = from;
    },
    message(message) {
      const n = (message.data as { n: number }).n;
      if (next === undefined) return fail(`${topic}: message ${n} before it was ready`);
      const at = n - 1;
      if (at < next) return fail(`${topic}: message ${n} again, or out of order (expected ${next + 1})`);
      if (at > next && !pending)
        return fail(`${topic}: messages ${next + 1} to ${n - 1} are missing, and no gap said so`);
      if (message.gap && !pending) return fail(`${topic}: message ${n} carries a gap that was not told`);
      if (
        pending &&
        pending.reason === 'trimmed' &&
        at === next &&
        Number(pending.to) >= Number(message.id)
      ) {
        return fail(`${topic}: a gap to ${pending.to} was told without need`);
      }
      pending = undefined;
      next = at + 1;
    },
    gap(gap) {
      gaps++;
      pending = gap;
    },
    ended() {
      next = undefined;
      pending = undefined;
    },
    isComplete: () => next !== undefined && (next >= list().length || pending !== undefined),
    finish() {
      if (next === undefined) return fail(`${topic}: never ready`);
      if (next < list().length && !pending) {
        return fail(
          `${topic}: the last ${list().length - next} of ${list().length} never came (${gaps} gaps)`,
        );
      }
    },
  };
}

export interface SendChecker {
  sent(ref: number): void;
  applied(ref: number): void;
  settled(ref: number, error: HoldfastError | undefined): void;
  isComplete(): boolean;
  finish(): void;
  readonly counts: { sent: number; applied: number; resolved: number; unknown: number; certain: number };
}

/** Promise 2 for one client: settled once, applied at most once, in order, and never after it was told as certainly not. */
export function checkSends(fail: (what: string) => never): SendChecker {
  const settled = new Map<number, 'resolved' | 'unknown' | 'certain'>();
  const applied = new Map<number, number>();
  const sent = new Set<number>();
  const counts = { sent: 0, applied: 0, resolved: 0, unknown: 0, certain: 0 };
  return {
    counts,
    sent(ref) {
      sent.add(ref);
      counts.sent++;
    },
    applied(ref) {
      if (applied.has(ref)) return fail(`send ${ref} was applied twice`);
      if (settled.get(ref) === 'certain')
        return fail(`send ${ref} was applied after it was told as not applied`);
      applied.set(ref, counts.applied++);
    },
    settled(ref, error) {
      if (!sent.has(ref)) return fail(`send ${ref} was settled but never made`);
      if (settled.has(ref)) return fail(`send ${ref} was settled twice`);
      const how = !error ? 'resolved' : error.maybeApplied === true ? 'unknown' : 'certain';
      if (how === 'resolved' && !applied.has(ref)) return fail(`send ${ref} resolved without being applied`);
      if (how === 'certain' && applied.has(ref))
        return fail(`send ${ref} was applied, and told as not applied (${error?.code})`);
      settled.set(ref, how);
      counts[how]++;
    },
    isComplete: () => settled.size === sent.size,
    finish() {
      for (const ref of sent) if (!settled.has(ref)) return fail(`send ${ref} was never settled`);
      let last = -1;
      for (const ref of [...sent].sort((a, b) => a - b)) {
        if (settled.get(ref) !== 'resolved') continue;
        const order = applied.get(ref) as number;
        if (order < last) return fail(`send ${ref} was applied before an earlier one`);
        last = order;
      }
    },
  };
}
