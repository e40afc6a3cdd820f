/** Connections that may be dead or late: asked, doubted, given up. What is noticed stands in `liveness.ts`. */
import { blame, fail } from './ending.ts';
import * as liveness from './liveness.ts';
import type { Connection, Session } from './model.ts';
import { doubtMax } from './opening.ts';
import { transmit } from './transmit.ts';

/** Asks whether anybody is there; silence then ends it. */
export function checkAlive(session: Session, connection: Connection): void {
  if (connection.posting) {
    // Its answer comes first, or is overdue, which says as much.
    connection.doubted = true;
    return;
  }
  connection.doubted = false;
  transmit(session, connection, [liveness.question(session, connection)]);
}

/** `quiet` has run out. */
export function onQuiet(session: Session, connection: Connection): void {
  if (connection.misses === 0) {
    // It was heard meanwhile.
    if (liveness.dueAt(session, connection) > session.now.mono) return liveness.watch(session, connection);
    if (liveness.isWorthAsking(connection)) return checkAlive(session, connection);
  }
  // It died without a word: whatever else is open may be as dead.
  session.doubt = doubtMax;
  fail(session, connection, 'it fell silent');
}

/** Nothing came of a POST: the connection is replaced while it lasts. */
export function onPostOverdue(session: Session, connection: Connection): void {
  session.doubt = doubtMax;
  // A handler may be slow behind a proxy that holds answers back, so the next may take longer.
  session.postLimitMs = Math.min(liveness.postLimitMaxMs, session.postLimitMs * 2);
  connection.suspect = 'a POST is not answered';
}

/** It brings everything, but long after its time: whoever is on time takes over. */
export function onLate(session: Session, connection: Connection): void {
  if (connection.role !== 'active' || connection.suspect !== undefined) return;
  blame(session, connection.kind, true);
  connection.suspect = 'it is late';
}
