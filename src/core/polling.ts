/** Polls: each is a complete open, served from the cursor it brings (D11). When to ask again is decided here. */
import { clearDeadline, waitFor } from './deadlines.ts';
import { end, fail } from './ending.ts';
import * as liveness from './liveness.ts';
import { type Connection, hasHopeful, type Session } from './model.ts';
import { offer } from './offer.ts';
import { openFrame, pollMinMs } from './opening.ts';
import * as policy from './policy.ts';

const pollMaxMs = 10_000;

/** Asks a poll connection for its next answer. */
export function pollAgain(session: Session, connection: Connection): void {
  const isHeld = connection.kind.held && connection.role === 'active';
  connection.asking = true;
  connection.brought = false;
  clearDeadline(session, 'poll', connection);
  liveness.watchPoll(session, connection, isHeld);
  session.out.push({
    type: 'poll',
    id: connection.id,
    open: openFrame(session, connection, connection.heldMs),
  });
}

/** A better transport that is about to prove itself makes the next poll needless. */
export function pollSoon(session: Session, connection: Connection): void {
  if (!hasHopeful(session)) return pollAgain(session, connection);
  waitFor(session, 'poll', policy.rttOf(session.policy) / 2, connection);
}

/** Whether a held poll was answered at once and has moved nothing: to ask the same again at once would never end. */
function isIdling(session: Session, connection: Connection): boolean {
  const { askedAt, heldMs, question, reception } = connection;
  if (session.now.mono - askedAt >= heldMs / 2) return false;
  return offer(session.inbox, reception).question === question;
}

/** A poll's answer is complete. */
export function onAnswered(session: Session, connection: Connection): void {
  connection.asking = false;
  connection.misses = 0;
  clearDeadline(session, 'quiet', connection);
  if (connection.role === 'draining') return end(session, connection, 'released');
  if (!connection.hello) return fail(session, connection, 'the answer had no hello');
  // A server that asked us to move is asked no more; the replacement comes when it said.
  if (connection.leaving) return;
  if (connection.kind.held && !isIdling(session, connection)) return pollSoon(session, connection);
  const told = connection.hello.pollMs;
  const isDue = connection.brought || connection.kind.held;
  connection.pollMs = told ?? (isDue ? pollMinMs : Math.min(pollMaxMs, connection.pollMs * 1.5));
  waitFor(session, 'poll', connection.pollMs, connection);
}
