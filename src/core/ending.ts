/**
 * How connections end: released because another took their place, lost, or closed with the session; and what follows for
 * the transport, the token and the sends.
 */
import { backoffOf } from './backoff.ts';
import { clearDeadlinesOf, deadlineAt, hasDeadline, setDeadline, waitFor } from './deadlines.ts';
import { createError, type HoldfastError } from './errors.ts';
import * as inbox from './inbox.ts';
import { activeOf, type Connection, hasHopeful, type Session, tellError, trace } from './model.ts';
import { isAskingAlone, patience, retryLater } from './opening.ts';
import { blameOldest, retransmit, settleAll } from './outbox.ts';
import * as policy from './policy.ts';
import { transmit } from './transmit.ts';
import { type Action, describeEnding, type Ending, verdictOfEnding, verdictOfError } from './verdict.ts';

/** What a released connection may take to end by itself. */
const lingerMs = 2_000;
/** A connection that lasted so long was no accident: the next wait is the shortest again. */
export const stableMs = 5_000;

/** The server holds an answer of it, which it can be told to end. */
function isHeld({ kind, asking }: Connection): boolean {
  return !kind.duplex && !kind.plain && (kind.streaming || asking);
}

/** It ends by itself as soon as the server has heard of it. */
function linger(session: Session, connection: Connection): void {
  connection.role = 'draining';
  clearDeadlinesOf(session, connection);
  waitFor(session, 'linger', lingerMs, connection);
}

/** No longer wanted: the server is told to end it, so that its HTTP connection returns to the pool alive. */
export function retire(session: Session, connection: Connection, reason: string): void {
  if (connection.role === 'draining') return;
  connection.role = 'draining';
  trace(session, 'released', connection, reason);
  if (!isHeld(connection)) return end(session, connection, reason);
  session.toRelease.push(connection.id);
  linger(session, connection);
}

/** Ends it here and now; nothing that comes later from it counts. */
export function end(session: Session, connection: Connection, reason: string): void {
  session.connections.splice(session.connections.indexOf(connection), 1);
  clearDeadlinesOf(session, connection);
  inbox.forget(session.inbox, connection.reception);
  session.out.push({ type: 'end', id: connection.id });
  trace(session, 'closed', connection, reason);
  if (connection.role === 'active') retransmit(session.outbox);
}

/** Something on its way ended it. After how much idling says what the way allows. */
export function onEnded(session: Session, connection: Connection, ending: Ending): void {
  const { kind, hello, role, leaving, error, heardAt } = connection;
  const isCut = kind.streaming && hello && role !== 'draining' && !leaving && !error;
  if (isCut && verdictOfEnding(ending, true) === 'retry') {
    policy.learnIdleCut(session.policy, session.now.mono - heardAt);
  }
  lose(session, connection, ending);
}

/** It is given up here. */
export function fail(session: Session, connection: Connection, detail: string): void {
  lose(session, connection, { kind: 'failed', detail });
}

/** A connection ended, or is given up, though it was wanted: what follows is the verdict's and the policy's. */
export function lose(session: Session, connection: Connection, ending: Ending): void {
  const role = connection.role;
  const why = connection.error
    ? `${connection.error.code}: ${connection.error.message}`
    : describeEnding(ending);
  if (ending.code === 1009 || ending.status === 413) {
    // Before it is forgotten what was on its way here.
    blameOldest(session.outbox, connection.id);
  }
  end(session, connection, why);
  if (role === 'draining' || session.phase !== 'running') return;
  if (session.offline === 'said') session.offline = 'seen';
  const action = verdictOf(connection, ending);
  const code = connection.error?.code ?? 'DISCONNECTED';
  const error = createError(code, `${connection.kind.transport}: ${why}`, { retryable: action !== 'stop' });
  session.lastError = error;
  if (action === 'stop') return stop(session, error, why);
  complain(session, connection, error);
  if (action === 'token') refuseToken(session, error);
  if (action === 'rekey') rekey(session);
  if (role === 'candidate' && activeOf(session)) loseBeside(session, connection, action);
  else if (connection.hello) loseActive(session, connection, action);
  else loseUnproven(session, connection, action, ending);
  session.losses++;
}

/** Who wrote the address of a server that is not ours wants to know what is wrong there: once, until it works. */
function complain(session: Session, { kind, error: said }: Connection, error: HoldfastError): void {
  // One that has worked and cannot be reached is a network's affair.
  if (!kind.plain || (kind.worked && !said) || kind.told === error.code) return;
  kind.told = error.code;
  tellError(session, error);
}

function verdictOf({ fresh, hello, error }: Connection, ending: Ending): Action {
  // Without its cookies it may be refused what the session is allowed: that is said to this connection alone.
  if (fresh && !hello) return 'retry';
  return error ? verdictOfError(error.code) : verdictOfEnding(ending, hello !== undefined);
}

/** Nothing that we do can help: the session and all its subscriptions end, and say why. */
function stop(session: Session, error: HoldfastError, message: string): void {
  tellError(session, error);
  closeAll(session);
  inbox.subscriptionsOf(session.inbox).forEach((subscription) => {
    inbox.endSubscription(session.inbox, subscription, error.code, message);
  });
  settleAll(session.outbox, 'CLOSED');
  clearWaits(session);
  session.phase = 'closed';
}

function refuseToken(session: Session, error: HoldfastError): void {
  const { token } = session;
  token.state = 'none';
  token.value = undefined;
  // The first may have been too old.
  if (token.failures++ > 0) askTokenLater(session, error);
}

/** Asks for another token, but not at once. */
export function askTokenLater(session: Session, error: HoldfastError): void {
  tellError(session, error);
  session.token.state = 'asking';
  waitFor(session, 'auth', backoffOf(session, session.token.failures + 1, 0.5));
}

function rekey(session: Session): void {
  session.client = '';
  session.out.push({ type: 'rekey' });
}

function loseBeside(session: Session, connection: Connection, action: Action): void {
  const active = activeOf(session) as Connection;
  const { kind, purpose, overdue, hello, verified } = connection;
  if (purpose === 'upgrade' || kind !== active.kind) {
    blame(session, kind, overdue && !(hello && verified));
    remember(session, active.kind);
    if (purpose === 'upgrade') return;
  }
  session.replaceFailures++;
  const attempt = action === 'back-off' ? session.replaceFailures + 1 : session.replaceFailures;
  waitFor(session, 'replace', backoffOf(session, attempt));
}

function loseActive(session: Session, connection: Connection, action: Action): void {
  const { mono } = session.now;
  const { kind } = connection;
  const uptime = mono - connection.provenAt;
  if (uptime >= stableMs) session.attempt = 0;
  policy.noteDeath(session.policy, kind, uptime);
  // Something on the way let go of the answer once it was complete: no stream gets through there.
  const isHeldBack = connection.isLate && kind.streaming && !kind.duplex;
  if (isHeldBack && uptime < stableMs) blame(session, kind, true);
  // It was let in, and brings what cannot be used.
  if (action === 'switch' && connection.error) blame(session, kind);
  if (uptime < policy.youngMs) noteKill(session, connection);
  if (hasHopeful(session) || hasDeadline(session, 'retry')) return;
  session.tried = [];
  const told = connection.leaving ? deadlineAt(session, 'replace') : undefined;
  if (told !== undefined) {
    // The server said when to come back.
    session.attempt = Math.max(1, session.attempt);
    return setDeadline(session, 'retry', told);
  }
  if (kind.plain && session.attempt > 0 && session.policy.kinds.length > 1) {
    // It was tried again in vain; another address may well be another server.
    session.tried.push(kind);
    return;
  }
  retryLater(session, action === 'back-off' ? Math.max(1, session.attempt) : session.attempt);
}

/** It was let in, asked for the next message alone, and was lost before anything came: another way may let that through. */
function noteKill(session: Session, { kind, hello, brought }: Connection): void {
  if (!isAskingAlone(session) || brought || !hello || hello.head === hello.cursor) return;
  kind.kills++;
  blame(session, kind);
}

/**
 * On a network where something worked a moment ago not even HTTP finds anybody: the server is away, and no other way leads
 * to it either. Nobody is blamed, and nobody else tried before the next round.
 */
function isNobodyThere(
  { lastGood }: Session,
  { kind, attempt, misses }: Connection,
  ending: Ending,
): boolean {
  return (
    lastGood !== undefined &&
    !kind.duplex &&
    !kind.plain &&
    ending.kind === 'failed' &&
    attempt.openedMs === undefined &&
    misses === 0
  );
}

function loseUnproven(session: Session, connection: Connection, action: Action, ending: Ending): void {
  const { kind } = connection;
  const isAlone = !hasHopeful(session);
  const patient = kind === session.lastGood && session.attempt < patience;
  const isHasty = session.now.mono - connection.openedAt < policy.rttOf(session.policy) / 2;
  if (patient && isHasty && session.attempt === 1 && !kind.fresh) {
    // It met a pooled connection that died with the one before, of which the platform had not heard yet.
    return retryLater(session, 0);
  }
  const isRoundOver = isNobodyThere(session, connection, ending);
  const isBlamed = action === 'switch' && !patient && !isRoundOver;
  if (isBlamed && session.tried.indexOf(kind) < 0) session.tried.push(kind);
  // What was blamed has a successor, which `advance` opens; all else is tried again later.
  if (!isAlone || isBlamed) return;
  // The next one begins with what worked, else the server's return would cost an open of a lesser kind, and an upgrade.
  if (isRoundOver) session.tried = [];
  policy.excuseDeath(session.policy);
  retryLater(session, Math.max(1, session.attempt));
}

/** It did not get through although another did. `isLate`: it was let through and brought nothing. */
export function blame(session: Session, kind: policy.Way, isLate = false): void {
  policy.blame(session.policy, kind, session.now.mono, isLate);
}

/** What was learned is told, to be kept for the next visit. */
export function remember(session: Session, winner: policy.Way): void {
  const known = policy.knowledge(session.policy, winner, session.now.mono);
  session.out.push({ type: 'remember', known });
}

/** Nothing is waited for any more. */
export function clearWaits(session: Session): void {
  clearDeadlinesOf(session);
  if (session.token.state === 'asking') session.token.state = 'none';
}

/** Everything goes: the client closes, or its page is put to sleep. What can be told to the server is told on the way. */
export function closeAll(session: Session, keepalive = false): void {
  const connections = session.connections.slice();
  const attempts = connections.filter(({ kind }) => !kind.duplex && !kind.plain).map((one) => one.id);
  const teller = activeOf(session) ?? connections.filter((one) => one.hello)[0];
  if (teller && attempts.length > 0) {
    transmit(session, teller, [{ type: 'release', attempts }], keepalive);
  }
  session.toRelease = [];
  connections.forEach((connection) => {
    const isAwaited = isHeld(connection) || (connection.posting && !connection.kind.plain);
    if (!teller || keepalive || !isAwaited) {
      end(session, connection, 'closed');
    } else {
      // What it still brings is dropped, so it must not count for whoever opens again meanwhile.
      inbox.forget(session.inbox, connection.reception);
      linger(session, connection);
    }
  });
}
