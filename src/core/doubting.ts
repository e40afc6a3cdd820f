/** Connections that may be dead or late: asked, doubted, given up. What is noticed stands in `liveness.ts`. */
import { lose } from './ending.ts';
import * as liveness from './liveness.ts';
import type { Connection, Session } from './model.ts';
import { doubtMax } from './opening.ts';
import * as policy from './policy.ts';
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

export function onQuiet(session: Session, connection: Connection): void {
  const judgement = liveness.judgeSilence(session, connection);
  if (judgement === 'ask') checkAlive(session, connection);
  else if (judgement === 'silent') fellSilent(session, connection);
}

/** It died without a word: whatever else is open may be as dead. */
function fellSilent(session: Session, connection: Connection): void {
  session.doubt = doubtMax;
  lose(session, connection, { kind: 'failed', detail: 'it fell silent' });
}

/** Nothing came of a POST: the connection is replaced while it lasts. */
export function onPostOverdue(session: Session, connection: Connection): void {
  session.doubt = doubtMax;
  liveness.postIsOverdue(session, connection);
}

/** It brings everything, but long after its time: whoever is on time takes over. */
export function onLate(session: Session, connection: Connection): void {
  if (connection.role !== 'active' || connection.suspect !== undefined) return;
  policy.blame(session.policy, connection.kind, session.now.mono, true);
  connection.suspect = 'it is late';
}
