/**
 * The roles of a session's connections. At most one is active. Beside it one candidate is opened at a time, or two where
 * pooled connections may be dead (one of them over a connection of its own); an upgrade that is overdue is waited for besides.
 * Of those that lost the race of an opening only what may be better goes on, as an upgrade.
 * While nothing is active each transport has one candidate, and one more over a connection of its own.
 */
import type { Connection, Session } from '../../../src/core/model.ts';
import type { Fail } from '../failure.ts';

const besideMax = 2;
const overdueMax = 2;

function isTwin(a: Connection, b: Connection): boolean {
  return a.role === 'candidate' && b.role === 'candidate' && a.kind === b.kind && a.fresh === b.fresh;
}

/** Returns how many connections there are. */
export function checkConnections({ connections }: Session, fail: Fail): number {
  let active: Connection | undefined;
  for (const one of connections) {
    if (one.role !== 'active') continue;
    if (active) return fail(`connections ${active.id} and ${one.id} are both active`);
    active = one;
  }
  let beside = 0;
  let overdue = 0;
  for (let i = 0; i < connections.length; i++) {
    const one = connections[i] as Connection;
    if (one.role !== 'candidate') continue;
    if (active && one.openedAt < active.provenAt && one.purpose !== 'upgrade')
      return fail(`connection ${one.id} lost against ${active.id}, and goes on`);
    // What was opened before is left over from the race of the opening.
    if (active && one.openedAt > active.provenAt) {
      if (one.purpose === 'upgrade' && one.overdue) overdue++;
      else beside++;
    }
    for (let k = 0; k < i; k++) {
      const other = connections[k] as Connection;
      if (isTwin(one, other))
        return fail(`connections ${other.id} and ${one.id} are both candidates for ${one.kind.transport}`);
    }
  }
  if (beside > besideMax || overdue > overdueMax) {
    return fail(`${beside} candidates, and ${overdue} overdue ones, beside connection ${active?.id}`);
  }
  return connections.length;
}
