/**
 * What clients may rely on while no hub has lost anything: hubs came and went, and each had the log and the memory of sends of
 * the one before it.
 */
import type { Gap } from '../../../src/core/inbox.ts';
import type { Session } from '../../../src/core/model.ts';
import type { Fail } from '../failure.ts';

/** `logs`: how many there were so far. */
export function checkLogKept({ topic, reason }: Gap, logs: number, fail: Fail): void {
  if (logs === 1 && reason === 'epoch') fail(`${topic}: a gap for another log, and there was but one`);
}

/** Before `keepMs` no hub forgets anybody, however long it is away. */
export function checkSendsKept(
  { outbox }: Session,
  { logs, ms, keepMs }: { readonly logs: number; readonly ms: number; readonly keepMs: number },
  fail: Fail,
): void {
  // The first of them is that of a client that had none.
  const left = outbox.former.length - 1;
  if (logs === 1 && ms < keepMs && left > 0) fail(`${left} memories of sends are lost, and no log was`);
}
