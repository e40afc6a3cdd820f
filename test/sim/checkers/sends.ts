/**
 * Promise 2, for one client: each send is settled once and applied at most once; what resolved was applied, what was told as
 * certainly not applied never is, and those that resolved were applied in order. A send whose outcome was told as unknown may
 * have been applied, and order does not count for it.
 */
import type { HoldfastError } from '../../../src/core/errors.ts';
import type { Fail } from '../failure.ts';

export interface SendChecker {
  sent(ref: number, isVolatile?: boolean): void;
  applied(ref: number): void;
  settled(ref: number, error: HoldfastError | undefined): void;
  isResolved(ref: number): boolean;
  isComplete(): boolean;
  /** After the world has healed: everything has been settled. */
  finish(): void;
}

export function checkSends(fail: Fail): SendChecker {
  const volatile = new Set<number>();
  const settled = new Map<number, 'resolved' | 'unknown' | 'certain'>();
  /** In which order the hub applied them. */
  const applied = new Map<number, number>();
  const sent = new Set<number>();

  return {
    sent(ref, isVolatile = false) {
      sent.add(ref);
      if (isVolatile) volatile.add(ref);
    },
    applied(ref) {
      if (!sent.has(ref)) return fail(`send ${ref} was applied but never made`);
      if (applied.has(ref)) return fail(`send ${ref} was applied twice`);
      if (settled.get(ref) === 'certain')
        return fail(`send ${ref} was applied after it was told as not applied`);
      applied.set(ref, applied.size);
    },
    settled(ref, error) {
      if (!sent.has(ref)) return fail(`send ${ref} was settled but never made`);
      if (settled.has(ref)) return fail(`send ${ref} was settled twice`);
      // Replies are small here, and no client has more sends on the way than the hub remembers.
      if (error?.code === 'REPLY_LOST') return fail(`the reply to send ${ref} was lost`);
      const how = !error ? 'resolved' : error.maybeApplied === true ? 'unknown' : 'certain';
      // Nobody answers a volatile send: that it resolved says no more than that it was transmitted.
      if (how === 'resolved' && !applied.has(ref) && !volatile.has(ref)) {
        return fail(`send ${ref} resolved without being applied`);
      }
      if (how === 'certain' && applied.has(ref)) {
        return fail(`send ${ref} was applied, and told as not applied (${error?.code})`);
      }
      settled.set(ref, how);
    },
    isResolved: (ref) => settled.get(ref) === 'resolved',
    isComplete: () => settled.size === sent.size,
    finish() {
      for (const ref of sent) if (!settled.has(ref)) return fail(`send ${ref} was never settled`);
      let latest = -1;
      for (const ref of [...sent].sort((a, b) => a - b)) {
        if (settled.get(ref) !== 'resolved' || volatile.has(ref)) continue;
        const order = applied.get(ref) as number;
        if (order < latest) return fail(`send ${ref} was applied before an earlier one`);
        latest = order;
      }
    },
  };
}
