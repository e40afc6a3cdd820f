/**
 * From candidate to active connection: a hello in time, an answer where one direction proves too little, all that had been
 * seen before (D4). Then it is promoted, and the session takes over what its hello said.
 */
import { clearDeadline, hasDeadline, setDeadline, waitFor } from './deadlines.ts';
import * as delivery from './delivery.ts';
import { blame, end, fail, remember, retire, stableMs } from './ending.ts';
import type { HelloFrame } from './frames.ts';
import * as inbox from './inbox.ts';
import * as liveness from './liveness.ts';
import { activeOf, type Connection, candidatesOf, type Session, trace } from './model.ts';
import { isOpening, openCandidate, openNext, staggerOf } from './opening.ts';
import { adoptNonce, isLeft, retransmit, settleAll } from './outbox.ts';
import * as policy from './policy.ts';
import { pollSoon } from './polling.ts';
import { transmit } from './transmit.ts';

/** What a server that says `wait` may take. */
const waitMs = 30_000;
/**
 * What a candidate beside a working connection may take at least: a busy machine is no evidence. A WebSocket that is not
 * even open has less, because all others to that host, in all tabs, wait for it (RFC 6455 section 4.1).
 */
const upgradeMs = 5_000;
const webSocketMs = 2_000;
/** What the first answer on a duplex connection is given at least. */
const verifyMs = 300;
/** Why a connection that brings all, and on which nothing gets up, is doubted. */
const unanswered = 'nothing that goes up is answered';

/** The answer to an open. `false`: it is not understood. */
export function onHello(session: Session, connection: Connection, hello: HelloFrame): boolean {
  const { inbox: box, now } = session;
  const { kind, reception } = connection;
  const first = !connection.hello;
  if (hello.attempt !== connection.id) return false;
  if (first && connection.fresh && session.identity !== null && hello.identity !== session.identity) {
    // Without its cookies, or with others, it speaks for somebody else.
    retire(session, connection, 'it has another identity');
    return true;
  }
  if (isLeft(session.outbox, hello.sends)) {
    // Two servers without a common memory: the next open names the one that we stand in, so that this one makes another.
    fail(session, connection, 'it leads to a memory of sends that was left');
    return true;
  }
  if (first) prove(session, connection);
  // What stands beside the sends of a POST needs room, too.
  const limits = { ...hello.limits, batchBytes: hello.limits.batchBytes * 0.75 };
  connection.hello = { ...hello, topics: [], limits };
  if (!inbox.begin(box, reception, hello.head, hello.cursor)) return false;
  if (!delivery.confirm(box, reception, 0, hello.topics, now.mono)) return false;
  if (kind.streaming) {
    // Where it is, it says only together with a message.
    if (!kind.plain) inbox.setGoal(box, reception);
    liveness.watch(session, connection);
    if (hello.time !== undefined) liveness.setClock(session, connection, hello.time);
  } else if (first) {
    // The rest of this answer may be lost, as that of any other; one that is only presumed to be open is held.
    liveness.watchPoll(session, connection, kind.presumed === true);
  }
  if (first) trace(session, 'hello', connection);
  if (connection.role === 'active') adopt(session, connection);
  else considerPromotion(session, connection);
  return true;
}

function prove(session: Session, connection: Connection): void {
  const mono = session.now.mono;
  if (!connection.isTaken) {
    policy.learnRtt(session.policy, (mono - connection.openedAt) / connection.kind.roundTrips);
  }
  connection.kind.worked = true;
  connection.provenAt = mono;
  connection.misses = 0;
  clearDeadline(session, 'prove', connection);
}

export function onWait(session: Session, connection: Connection): void {
  if (connection.hello || connection.isTaken) return;
  connection.isTaken = true;
  waitFor(session, 'prove', waitMs, connection);
}

/** A candidate has not said hello within its stagger. */
export function onUnproven(session: Session, connection: Connection): void {
  const active = activeOf(session);
  const { kind, purpose, openedAt, id } = connection;
  const { mono } = session.now;
  const again = staggerOf(session, connection);
  if (kind.presumed && !connection.isTaken) {
    session.out.push({ type: 'presume', id });
    return;
  }
  connection.misses++;
  connection.isLate = true;
  if (session.doubt > 0 && purpose !== 'upgrade' && !kind.fresh && !connection.fresh) {
    session.doubt--;
    end(session, connection, 'no hello in time');
    return openCandidate(session, kind, purpose, 'once more, over another connection');
  }
  if (connection.misses === 1 && purpose === 'connect' && !active) {
    // How far away a server is that was never heard, nobody knows; of ours, the poll beside this one will tell.
    const least = kind.plain && session.policy.rttMs === undefined ? upgradeMs : 1_000;
    waitFor(session, 'prove', Math.max(again, least), connection);
    session.tried.push(kind);
    openNext(session);
    return;
  }
  if (purpose === 'upgrade' && !connection.overdue) {
    connection.overdue = true;
    // A hello that comes late may be all that something on the way ever lets go.
    connection.verified = connection.verified && (!kind.streaming || kind.plain === true);
    const least = kind.duplex && connection.attempt.openedMs === undefined ? webSocketMs : upgradeMs;
    setDeadline(session, 'prove', Math.max(mono, openedAt + Math.max(least, 2 * again)), connection);
    return;
  }
  if (connection.misses === 1 && purpose === 'replace' && active && !active.kind.duplex) {
    // All HTTP connections to this host may be taken: break before make is safe, the cursor knows where to go on (D21).
    waitFor(session, 'prove', again, connection);
    end(session, active, 'to free its HTTP connection');
    return;
  }
  fail(session, connection, 'no hello in time');
}

/** Promotes a proven candidate if nothing healthy is active, else once it has caught up (D4). */
export function considerPromotion(session: Session, candidate: Connection): void {
  if (candidate.role !== 'candidate' || !candidate.hello) return;
  const active = activeOf(session);
  const healthy = active !== undefined && active.suspect === undefined;
  if (healthy) {
    const other = inbox.inAnotherEpoch(session.inbox, candidate.reception);
    if (candidate.purpose === 'upgrade' && (other || candidate.hello?.sends !== session.outbox.nonce)) {
      // Another log or another memory of sends: not worth a gap while all is well (D9).
      blame(session, candidate.kind);
      retire(session, candidate, 'it leads to another log');
      return;
    }
    if (!other && !inbox.caughtUp(session.inbox, candidate.reception)) return;
    // What works is not given up for what may only seem to.
    if (!candidate.verified && (candidate.overdue || active.kind.streaming || active.asking)) {
      return verify(session, candidate);
    }
  }
  promote(session, candidate);
}

/**
 * Who has nothing to bring says how far it has come only at its next heartbeat: the candidate, or the active connection,
 * which must bridge to a candidate that starts beyond it. Asked, they say so now. To be called when all that came with the
 * candidate's hello has been taken in.
 */
export function askPosition(session: Session, candidate: Connection): void {
  const { kind, reception, role, hello, asking } = candidate;
  if (role !== 'candidate' || !hello || !kind.streaming || kind.plain) return;
  if (inbox.caughtUp(session.inbox, reception)) return;
  const active = activeOf(session);
  const isBeyond = reception.isHeld;
  if (isBeyond && active && !active.posting && !candidate.bridging) {
    candidate.bridging = true;
    transmit(session, active, [liveness.lifeSign(active)]);
  } else if (!isBeyond && !asking) {
    candidate.asking = true;
    transmit(session, candidate, [liveness.lifeSign(candidate)]);
  }
}

function promote(session: Session, connection: Connection): void {
  const former = activeOf(session);
  if (former?.suspect === unanswered) {
    blame(session, former.kind);
  }
  connection.role = 'active';
  if (former && session.now.mono - former.provenAt >= stableMs) session.attempt = 0;
  if (former) retire(session, former, 'another took its place');
  adopt(session, connection);
  retransmit(session.outbox);
  const mono = session.now.mono;
  const { kind, attempt } = connection;
  const worked = session.lastGood;
  const isNews = worked !== kind || session.tried.length > 0;
  policy.judgeDeath(session.policy, kind, mono);
  session.tried.forEach((loser) => {
    // What worked a moment ago may have met a server that was just coming back: the next attempt, beside this one, tells.
    if (loser !== kind && loser !== worked && !isOpening(session, loser)) {
      blame(session, loser);
    }
  });
  session.tried = [];
  session.replaceFailures = 0;
  session.doubt = 0;
  clearDeadline(session, 'retry');
  clearDeadline(session, 'replace');
  clearDeadline(session, 'uplink');
  const better = policy.betterThan(session.policy, kind);
  candidatesOf(session).forEach((candidate) => {
    if (better.indexOf(candidate.kind) >= 0) asUpgrade(session, candidate);
    else retire(session, candidate, 'another was faster');
  });
  session.lastGood = kind;
  session.everOpen = true;
  if (!connection.verified) verify(session, connection);
  if (isNews) remember(session, kind);
  trace(session, 'promoted', connection, attempt.why);
  if (!kind.streaming && !connection.asking) pollSoon(session, connection);
}

/** Asks, once, for an answer to something that goes up. */
function verify(session: Session, connection: Connection): void {
  if (hasDeadline(session, 'verify', connection)) return;
  // What was asked for its position is asked already.
  if (!connection.asking) transmit(session, connection, [liveness.lifeSign(connection)]);
  const limit = Math.max(verifyMs, 1.5 * policy.rttOf(session.policy) + 100);
  waitFor(session, 'verify', limit, connection);
}

/** Nothing that went up was answered in time: others are tried beside it, if there are any. */
export function onUnverified(session: Session, connection: Connection): void {
  if (connection.role === 'candidate') {
    if (connection.overdue) return fail(session, connection, unanswered);
    connection.overdue = true;
    return waitFor(session, 'verify', upgradeMs, connection);
  }
  const order = policy.ranking(session.policy, session.now.mono);
  if (order.length > 1) connection.suspect = connection.suspect ?? unanswered;
}

export function onVerified(session: Session, connection: Connection): void {
  if (connection.verified) return;
  connection.verified = true;
  clearDeadline(session, 'verify', connection);
  if (connection.role === 'candidate') return considerPromotion(session, connection);
  if (connection.suspect !== unanswered) return;
  connection.suspect = undefined;
  candidatesOf(session).forEach((candidate) => {
    retire(session, candidate, 'what was doubted is well');
  });
}

/** It loses the race of an opening and goes on beside the winner. By now the round trip is known. */
function asUpgrade(session: Session, candidate: Connection): void {
  candidate.purpose = 'upgrade';
  if (candidate.hello || candidate.isTaken || candidate.overdue) return;
  const at = candidate.openedAt + staggerOf(session, candidate);
  setDeadline(session, 'prove', Math.max(session.now.mono, at), candidate);
}

/** The session takes over what the active connection's hello said: log, memory of sends, identity, expiry. */
function adopt(session: Session, connection: Connection): void {
  const hello = connection.hello as HelloFrame;
  if (session.identity !== null && hello.identity !== session.identity) {
    settleAll(session.outbox, 'IDENTITY_CHANGED');
  }
  session.identity = hello.identity;
  session.token.failures = 0;
  if (inbox.inAnotherEpoch(session.inbox, connection.reception)) {
    const others = session.connections.filter((other) => other !== connection);
    others.forEach((other) => {
      end(session, other, 'it leads to another log');
    });
    delivery.adoptEpochs(session.inbox, connection.reception);
  }
  adoptNonce(session.outbox, hello.sends);
  if (hello.expiresInMs !== undefined && session.config.auth) {
    const early = Math.min(30_000, hello.expiresInMs * 0.2);
    waitFor(session, 'auth', hello.expiresInMs - early);
  }
}
