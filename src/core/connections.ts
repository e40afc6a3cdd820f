/**
 * The life of a connection inside a session: opened from the cursor, proved by a hello, promoted, released, ended.
 * Every hard feature is these five. What makes them happen stands in `session.ts`.
 */
import { backoffMs } from './backoff.ts';
import { clearDeadline, clearDeadlinesOf, deadlineAt, hasDeadline, setDeadline } from './deadlines.ts';
import * as delivery from './delivery.ts';
import { createError, type HoldfastError } from './errors.ts';
import {
  type BatchFrame,
  type ClientFrame,
  type HelloFrame,
  type OpenFrame,
  protocolName,
} from './frames.ts';
import * as inbox from './inbox.ts';
import * as liveness from './liveness.ts';
import {
  activeOf,
  type Connection,
  candidatesOf,
  type HelloFacts,
  hopefulsOf,
  type Purpose,
  type Session,
  trace,
} from './model.ts';
import * as offers from './offer.ts';
import { adoptNonce, blameOldest, isLeft, retransmit, settleAll } from './outbox.ts';
import * as policy from './policy.ts';
import { random } from './prng.ts';
import { type Action, describeEnding, type Ending, verdictOfEnding, verdictOfError } from './verdict.ts';

/** What a released connection may take to end by itself. */
const lingerMs = 2_000;
/** What a server that says `wait` may take. */
const waitMs = 30_000;
/**
 * What a candidate beside a working connection may take at least: a busy machine is no evidence. A WebSocket that is not
 * even open has less, because all others to that host, in all tabs, wait for it (RFC 6455 section 4.1).
 */
const upgradeMs = 5_000;
const webSocketMs = 2_000;
/** A connection that lasted so long was no accident: the next wait is the shortest again. */
const stableMs = 5_000;
/** What the first two opens on an unknown network are given at least, as long as neither is answered. */
const exploringMs = 3_000;
/** What the first answer on a duplex connection is given at least. */
const verifyMs = 300;
/** Why a connection that brings all, and on which nothing gets up, is doubted. */
const unanswered = 'nothing that goes up is answered';
const pollMinMs = 500;
const pollMaxMs = 10_000;
/** Failures of a transport that used to work before others are tried as well: a restart must not change it. */
const patience = 3;
/** Opens over a pool whose connections may be dead that are given up early and made again: each takes a dead one along. */
export const doubtMax = 5;
/** Such an open is given this at least. */
const doubtMs = 300;

function openFrame(session: Session, id: number, waitMs?: number): OpenFrame {
  const offered = offers.offer(session.inbox, id);
  const frame: { -readonly [K in keyof OpenFrame]: OpenFrame[K] } = {
    type: 'open',
    protocol: protocolName,
    client: session.client,
    key: session.key,
    attempt: id,
    topics: offered.topics,
  };
  if (offered.cursor !== undefined) frame.cursor = offered.cursor;
  if (session.token.value !== undefined) frame.token = session.token.value;
  if (session.outbox.nonce !== '') frame.sends = session.outbox.nonce;
  if (waitMs !== undefined) frame.wait = waitMs;
  else if (session.policy.heartbeatMs !== undefined) frame.heartbeat = session.policy.heartbeatMs;
  return frame;
}

function batchFrame(session: Session, nonce: string): BatchFrame {
  const { client, key } = session;
  const token = session.token.value;
  const frame: BatchFrame = { type: 'batch', client, key, sends: nonce };
  return token === undefined ? frame : { ...frame, token };
}

export function transmit(
  session: Session,
  connection: Connection,
  frames: readonly ClientFrame[],
  keepalive = false,
): void {
  if (!connection.kind.duplex) {
    connection.posting = true;
    connection.acks = 0;
    connection.postedAt = session.now.mono;
    connection.postedSends = frames.filter(
      (frame) => frame.type === 'send' && frame.seq !== undefined,
    ).length;
    const bytes = connection.postedSends > 0 ? session.outbox.bytes : 0;
    if (!keepalive && connection.role !== 'draining') liveness.watchPost(session, connection, bytes);
  }
  const nonce = connection.hello?.sends ?? session.outbox.nonce;
  connection.postedUnder = nonce;
  const batch = batchFrame(session, nonce);
  session.out.push({ type: 'transmit', id: connection.id, frames, batch, keepalive });
}

/** Opens a candidate from the cursor. `fresh`: over none of the connections that other requests use. */
export function openCandidate(
  session: Session,
  transport: string,
  purpose: Purpose,
  reason: string,
  fresh = false,
): void {
  // Whoever calls has the name from the policy.
  const kind = policy.kindOf(session.policy, transport) as policy.Kind;
  const id = session.nextId++;
  const mono = session.now.mono;
  const connection: Connection = {
    id,
    kind,
    purpose,
    reason,
    fresh,
    tokenSerial: session.token.serial,
    openedAt: mono,
    role: 'candidate',
    phase: 'opening',
    provenAt: 0,
    heardAt: mono,
    paceMs: liveness.unknownPaceMs,
    lates: 0,
    answerDueAt: 0,
    askedAt: mono,
    heldMs: 0,
    question: '',
    misses: 0,
    overdue: false,
    bridging: false,
    suspect: undefined,
    leaving: false,
    opened: false,
    verified: !kind.duplex || isKnown(session, transport) || session.policy.kinds.length === 1,
    asking: !kind.streaming,
    brought: false,
    pollMs: pollMinMs,
    posting: false,
    doubted: false,
    postedAt: 0,
    postedUnder: '',
    postFailures: 0,
    postedSends: 0,
    acks: 0,
    putOffs: 0,
    request: 0,
    inboxVersion: -1,
    hello: undefined,
    error: undefined,
  };
  session.connections.push(connection);
  const open = openFrame(session, id, kind.streaming ? undefined : 0);
  session.out.push({ type: 'open', id, transport, open, fresh });
  setDeadline(session.deadlines, 'prove', mono + staggerOf(session, connection), id);
  trace(session, 'attempt', connection, reason);
}

/** It has worked on this network. */
function isKnown(session: Session, transport: string): boolean {
  return transport === (session.lastGood ?? session.policy.remembered);
}

function staggerOf(session: Session, { kind, purpose }: Connection): number {
  const isCalm = session.doubt === 0;
  const isSlow = isCalm && (purpose === 'replace' || isKnown(session, kind.transport));
  const ms = policy.staggerMs(session.policy, kind, isSlow);
  return isCalm ? ms : Math.max(doubtMs, ms);
}

/** Opens the next transport of the round; at the round's end waits and begins another. */
export function openNext(session: Session): void {
  const order = policy.ranking(session.policy, session.now.mono);
  const only = session.lastGood;
  const patient =
    only !== undefined &&
    session.policy.preferred === undefined &&
    session.attempt < patience &&
    order.indexOf(only) >= 0 &&
    !isOpening(session, only) &&
    session.tried.length === 0 &&
    !policy.isFlapping(session.policy, only) &&
    (session.policy.experience[only] as policy.Experience).outUntil <= session.now.mono;
  if (patient) {
    openCandidate(session, only, 'connect', 'it worked a moment ago');
    openFresh(session, only, 'connect');
    return;
  }
  for (let i = 0; i < order.length; i++) {
    const transport = order[i] as string;
    if (session.tried.indexOf(transport) >= 0 || isOpening(session, transport)) continue;
    const failed = session.tried.length > 0 ? `${session.tried.join(', ')} did not get through` : undefined;
    openCandidate(session, transport, 'connect', failed ?? policy.reasonFor(session.policy, transport));
    if (failed === undefined) {
      explore(session, transport);
      openFresh(session, transport, 'connect');
    }
    return;
  }
  if (order.length === 0) {
    const error = createError('NO_TRANSPORT', 'None of the transports can run here');
    if (session.lastError?.code !== 'NO_TRANSPORT') session.out.push({ type: 'error', error });
    session.lastError = error;
    return;
  }
  if (hopefulsOf(session).length > 0) return;
  session.tried = [];
  retryLater(session, Math.max(1, session.attempt));
}

/**
 * Nothing is known of this network: what works wherever HTTP works at all is opened at the same moment. The first one proven
 * carries the session, a better one takes over in place.
 */
function explore(session: Session, first: string): void {
  const { config, policy: rules, lastGood } = session;
  if (!config.eager || lastGood !== undefined || rules.remembered !== undefined) return;
  const safest = policy.safest(rules, session.now.mono);
  if (safest === undefined || safest === first || rules.preferred !== undefined) return;
  openCandidate(session, safest, 'connect', `beside ${first}, as this network is not known`);
  // While neither answers, it is likelier that the server is far away than that both are kept out.
  const opening = candidatesOf(session);
  for (let i = 0; i < opening.length; i++) {
    const { id, openedAt } = opening[i] as Connection;
    const least = openedAt + exploringMs;
    const at = deadlineAt(session.deadlines, 'prove', id) as number;
    setDeadline(session.deadlines, 'prove', Math.max(least, at), id);
  }
}

/** Something died in silence, and so may have the pool: the same is tried beside it on a connection of its own. */
export function openFresh(session: Session, beside: string, purpose: Purpose): void {
  const kind = policy.kindOf(session.policy, beside);
  if (session.doubt === 0 || !kind || kind.fresh) return;
  const reason = `beside ${beside}, as pooled connections may be dead`;
  if (kind.twoPools && session.config.mayRenew) return openCandidate(session, beside, purpose, reason, true);
  const other = policy.freshest(session.policy, session.now.mono);
  if (other !== undefined && !isOpening(session, other)) openCandidate(session, other, purpose, reason);
}

function isOpening(session: Session, transport: string): boolean {
  return candidatesOf(session).some((candidate) => candidate.kind.transport === transport);
}

/** Sets the moment of the next attempt. Number 0 is at once. */
function retryLater(session: Session, attempt: number, atLeastMs = 0): void {
  const delay = atLeastMs + backoffMs(session.config.backoff, attempt, random(session.prng));
  session.attempt = Math.max(attempt, session.attempt) + 1;
  setDeadline(session.deadlines, 'retry', session.now.mono + delay);
  if (delay > 0) trace(session, 'retry', undefined, `in ${delay} ms`);
}

/** Asks a poll connection for its next answer. */
export function pollAgain(session: Session, connection: Connection): void {
  const isHeld = connection.kind.held && connection.role === 'active';
  connection.asking = true;
  connection.brought = false;
  clearDeadline(session.deadlines, 'poll', connection.id);
  connection.askedAt = session.now.mono;
  connection.heldMs = liveness.watchPoll(session, connection, isHeld);
  const open = openFrame(session, connection.id, connection.heldMs);
  connection.question = questionOf(open);
  session.out.push({ type: 'poll', id: connection.id, open });
}

function questionOf({ cursor, topics }: OpenFrame): string {
  return JSON.stringify([cursor, topics]);
}

/** Whether a held poll was answered at once and has moved nothing: to ask the same again at once would never end. */
function isIdling(session: Session, connection: Connection): boolean {
  const { askedAt, heldMs, question, id } = connection;
  if (heldMs === 0 || session.now.mono - askedAt >= heldMs / 2) return false;
  return questionOf(openFrame(session, id, heldMs)) === question;
}

/** A poll's answer is complete. */
export function onAnswered(session: Session, connection: Connection): void {
  connection.asking = false;
  connection.misses = 0;
  clearDeadline(session.deadlines, 'quiet', connection.id);
  if (connection.role === 'draining') return end(session, connection, 'released');
  if (connection.phase !== 'proven') {
    return lose(session, connection, { kind: 'failed', detail: 'the answer had no hello' });
  }
  // A server that asked us to move is asked no more; the replacement comes when it said.
  if (connection.leaving) return;
  if (connection.kind.held && !isIdling(session, connection)) return pollSoon(session, connection);
  connection.pollMs =
    connection.brought || connection.kind.held ? pollMinMs : Math.min(pollMaxMs, connection.pollMs * 1.5);
  setDeadline(session.deadlines, 'poll', session.now.mono + connection.pollMs, connection.id);
}

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
  else if (judgement === 'silent') fellSilent(session, connection, 'it fell silent');
}

/** It died without a word: whatever else is open may be as dead. */
function fellSilent(session: Session, connection: Connection, detail: string): void {
  session.doubt = doubtMax;
  lose(session, connection, { kind: 'failed', detail });
}

/** Nothing came of a POST: the connection is replaced while it lasts. */
export function onPostOverdue(session: Session, connection: Connection): void {
  session.doubt = doubtMax;
  liveness.postIsOverdue(session, connection);
}

/** It brings everything, but long after its time: whoever is on time takes over. */
export function onLate(session: Session, connection: Connection): void {
  if (connection.role !== 'active' || connection.suspect !== undefined) return;
  policy.blame(session.policy, connection.kind.transport, session.now.mono, true);
  connection.suspect = 'it is late';
}

/** A candidate has not said hello within its stagger. */
export function onUnproven(session: Session, connection: Connection): void {
  const active = activeOf(session);
  const { kind, purpose, openedAt, id } = connection;
  const { mono } = session.now;
  const again = staggerOf(session, connection);
  connection.misses++;
  if (session.doubt > 0 && purpose !== 'upgrade' && !kind.fresh && !connection.fresh) {
    session.doubt--;
    end(session, connection, 'no hello in time, perhaps over a dead connection');
    return openCandidate(session, kind.transport, purpose, 'once more, over another connection');
  }
  if (connection.misses === 1 && purpose === 'connect' && !active) {
    setDeadline(session.deadlines, 'prove', mono + Math.max(again, 1_000), id);
    session.tried.push(kind.transport);
    openNext(session);
    return;
  }
  if (purpose === 'upgrade' && !connection.overdue) {
    connection.overdue = true;
    // A hello that comes late may be all that something on the way ever lets go.
    connection.verified = connection.verified && !kind.streaming;
    const least = kind.duplex && !connection.opened ? webSocketMs : upgradeMs;
    setDeadline(session.deadlines, 'prove', Math.max(mono, openedAt + Math.max(least, 2 * again)), id);
    return;
  }
  if (connection.misses === 1 && purpose === 'replace' && active && !active.kind.duplex) {
    // All HTTP connections to this host may be taken: break before make is safe, the cursor knows where to go on (D21).
    setDeadline(session.deadlines, 'prove', mono + again, id);
    end(session, active, 'to free its HTTP connection');
    return;
  }
  lose(session, connection, { kind: 'failed', detail: 'no hello in time' });
}

/** The answer to an open. `false`: it is not understood. */
export function onHello(session: Session, connection: Connection, hello: HelloFrame): boolean {
  const { inbox: box, now } = session;
  const first = connection.phase !== 'proven';
  if (hello.attempt !== connection.id) return false;
  if (first && connection.fresh && session.identity !== null && hello.identity !== session.identity) {
    // Without its cookies, or with others, it speaks for somebody else.
    retire(session, connection, 'it has another identity');
    return true;
  }
  if (isLeft(session.outbox, hello.sends)) {
    // Two servers without a common memory: the next open names the one that we stand in, so that this one makes another.
    lose(session, connection, { kind: 'failed', detail: 'it leads back to a memory of sends that was left' });
    return true;
  }
  if (first) prove(session, connection);
  connection.hello = {
    sends: hello.sends,
    identity: hello.identity,
    heartbeatMs: hello.heartbeatMs,
    holdMs: hello.holdMs,
    limits: hello.limits,
    expiresInMs: hello.expiresInMs,
  };
  if (!inbox.begin(box, connection.id, hello.head, hello.cursor)) return false;
  if (!delivery.confirm(box, connection.id, 0, hello.topics, now.mono, session.out as inbox.InboxEvent[])) {
    return false;
  }
  if (connection.kind.streaming) {
    inbox.setGoal(box, connection.id);
    liveness.watch(session, connection);
    if (hello.time !== undefined) liveness.setClock(session, connection, hello.time);
  }
  if (first) trace(session, 'hello', connection);
  if (connection.role === 'active') adopt(session, connection);
  else considerPromotion(session, connection);
  return true;
}

function prove(session: Session, connection: Connection): void {
  const mono = session.now.mono;
  if (connection.phase === 'opening') {
    policy.learnRtt(session.policy, (mono - connection.openedAt) / connection.kind.roundTrips);
  }
  connection.phase = 'proven';
  connection.provenAt = mono;
  connection.misses = 0;
  clearDeadline(session.deadlines, 'prove', connection.id);
}

export function onWait(session: Session, connection: Connection): void {
  if (connection.phase !== 'opening') return;
  connection.phase = 'waiting';
  setDeadline(session.deadlines, 'prove', session.now.mono + waitMs, connection.id);
}

/** Promotes a proven candidate if nothing healthy is active, else once it has caught up (D4). */
export function considerPromotion(session: Session, candidate: Connection): void {
  if (candidate.role !== 'candidate' || candidate.phase !== 'proven') return;
  const active = activeOf(session);
  const healthy = active !== undefined && active.suspect === undefined;
  if (healthy) {
    const other = inbox.inAnotherEpoch(session.inbox, candidate.id);
    if (candidate.purpose === 'upgrade' && (other || candidate.hello?.sends !== session.outbox.nonce)) {
      // Another log or another memory of sends: not worth a gap while all is well (D9).
      policy.blame(session.policy, candidate.kind.transport, session.now.mono);
      retire(session, candidate, 'it leads to another log');
      return;
    }
    if (!other && !inbox.caughtUp(session.inbox, candidate.id)) return;
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
  const { kind, id, role, phase, asking } = candidate;
  if (role !== 'candidate' || phase !== 'proven' || !kind.streaming) return;
  if (inbox.caughtUp(session.inbox, id)) return;
  const active = activeOf(session);
  const isBeyond = (session.inbox.receptions[id] as inbox.Reception).heldLinks > 0;
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
    policy.blame(session.policy, former.kind.transport, session.now.mono);
  }
  connection.role = 'active';
  if (former && session.now.mono - former.provenAt >= stableMs) session.attempt = 0;
  if (former) retire(session, former, 'another took its place');
  adopt(session, connection);
  retransmit(session.outbox);
  const mono = session.now.mono;
  const transport = connection.kind.transport;
  const worked = session.lastGood;
  const isNews = worked !== transport || session.tried.length > 0;
  policy.judgeDeath(session.policy, transport, mono);
  for (let i = 0; i < session.tried.length; i++) {
    const loser = session.tried[i] as string;
    // What worked a moment ago may have met a server that was just coming back: the next attempt, beside this one, tells.
    if (loser !== transport && loser !== worked && !isOpening(session, loser)) {
      policy.blame(session.policy, loser, mono);
    }
  }
  session.tried = [];
  session.replaceFailures = 0;
  session.doubt = 0;
  clearDeadline(session.deadlines, 'retry');
  clearDeadline(session.deadlines, 'replace');
  clearDeadline(session.deadlines, 'uplink');
  const better = policy.betterThan(session.policy, transport);
  const candidates = candidatesOf(session);
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as Connection;
    if (better.indexOf(candidate.kind.transport) >= 0) asUpgrade(session, candidate);
    else retire(session, candidate, 'another was faster');
  }
  session.lastGood = transport;
  session.everOpen = true;
  if (!connection.verified) verify(session, connection);
  if (isNews) remember(session, transport);
  trace(session, 'promoted', connection, connection.reason);
  if (!connection.kind.streaming && !connection.asking) pollSoon(session, connection);
}

/** Asks, once, for an answer to something that goes up. */
function verify(session: Session, connection: Connection): void {
  const { deadlines, now } = session;
  if (hasDeadline(deadlines, 'verify', connection.id)) return;
  // What was asked for its position is asked already.
  if (!connection.asking) transmit(session, connection, [liveness.lifeSign(connection)]);
  const limit = Math.max(verifyMs, 1.5 * policy.rttOf(session.policy) + 100);
  setDeadline(deadlines, 'verify', now.mono + limit, connection.id);
}

/** Nothing that went up was answered in time: others are tried beside it, if there are any. */
export function onUnverified(session: Session, connection: Connection): void {
  if (connection.role === 'candidate') {
    if (connection.overdue) return lose(session, connection, { kind: 'failed', detail: unanswered });
    connection.overdue = true;
    return setDeadline(session.deadlines, 'verify', session.now.mono + upgradeMs, connection.id);
  }
  const order = policy.ranking(session.policy, session.now.mono);
  if (order.length > 1) connection.suspect = connection.suspect ?? unanswered;
}

export function onVerified(session: Session, connection: Connection): void {
  if (connection.verified) return;
  connection.verified = true;
  clearDeadline(session.deadlines, 'verify', connection.id);
  if (connection.role === 'candidate') return considerPromotion(session, connection);
  if (connection.suspect !== unanswered) return;
  connection.suspect = undefined;
  const candidates = candidatesOf(session);
  for (let i = 0; i < candidates.length; i++) {
    retire(session, candidates[i] as Connection, 'what was doubted is well');
  }
}

/** It loses the race of an opening and goes on beside the winner. By now the round trip is known. */
function asUpgrade(session: Session, candidate: Connection): void {
  candidate.purpose = 'upgrade';
  if (candidate.phase !== 'opening' || candidate.overdue) return;
  const at = candidate.openedAt + staggerOf(session, candidate);
  setDeadline(session.deadlines, 'prove', Math.max(session.now.mono, at), candidate.id);
}

/** A better transport that is about to prove itself makes the next poll needless. */
function pollSoon(session: Session, connection: Connection): void {
  if (hopefulsOf(session).length === 0) return pollAgain(session, connection);
  const at = session.now.mono + policy.rttOf(session.policy) / 2;
  setDeadline(session.deadlines, 'poll', at, connection.id);
}

/** What was learned is told, to be kept for the next visit. */
function remember(session: Session, transport: string): void {
  const known = policy.knowledge(session.policy, transport, session.now.mono);
  session.out.push({ type: 'remember', known });
}

/** The session takes over what the active connection's hello said: log, memory of sends, identity, expiry. */
function adopt(session: Session, connection: Connection): void {
  const hello = connection.hello as HelloFacts;
  if (session.identity !== null && hello.identity !== session.identity) {
    settleAll(session.outbox, 'IDENTITY_CHANGED', session.out as never);
  }
  session.identity = hello.identity;
  session.token.failures = 0;
  if (inbox.inAnotherEpoch(session.inbox, connection.id)) {
    const others = session.connections.filter((other) => other !== connection);
    for (let i = 0; i < others.length; i++) end(session, others[i] as Connection, 'it reads another log');
    delivery.adoptEpochs(session.inbox, connection.id, session.out as inbox.InboxEvent[]);
  }
  adoptNonce(session.outbox, hello.sends, session.out as never);
  if (hello.expiresInMs !== undefined && session.config.auth) {
    const early = Math.min(30_000, hello.expiresInMs * 0.2);
    setDeadline(session.deadlines, 'auth', session.now.mono + hello.expiresInMs - early);
  }
}

/** No longer wanted: the server is told to end it, so that its HTTP connection returns to the pool alive. */
export function retire(session: Session, connection: Connection, reason: string): void {
  if (connection.role === 'draining') return;
  connection.role = 'draining';
  trace(session, 'released', connection, reason);
  const waitsForServer = connection.kind.streaming || connection.asking;
  if (connection.kind.duplex || !waitsForServer) return end(session, connection, reason);
  session.toRelease.push(connection.id);
  clearDeadlinesOf(session.deadlines, connection.id);
  setDeadline(session.deadlines, 'linger', session.now.mono + lingerMs, connection.id);
}

/** Ends it here and now; nothing that comes later from it counts. */
export function end(session: Session, connection: Connection, reason: string): void {
  session.connections.splice(session.connections.indexOf(connection), 1);
  clearDeadlinesOf(session.deadlines, connection.id);
  inbox.forget(session.inbox, connection.id);
  session.out.push({ type: 'end', id: connection.id });
  trace(session, 'closed', connection, reason);
  if (connection.role === 'active') retransmit(session.outbox);
}

/** Something on its way ended it. After how much idling says what the way allows. */
export function onEnded(session: Session, connection: Connection, ending: Ending): void {
  const { kind, phase, role, leaving, error, heardAt } = connection;
  const isCut = kind.streaming && role !== 'draining' && !leaving && !error;
  if (isCut && phase === 'proven' && verdictOfEnding(ending, true) === 'retry') {
    policy.learnIdleCut(session.policy, session.now.mono - heardAt);
  }
  lose(session, connection, ending);
}

/** A connection ended, or is given up, though it was wanted: what follows is the verdict's and the policy's. */
export function lose(session: Session, connection: Connection, ending: Ending): void {
  const role = connection.role;
  const why = connection.error
    ? `${connection.error.code}: ${connection.error.message}`
    : describeEnding(ending);
  if (ending.code === 1009 || ending.status === 413) {
    // Before it is forgotten what was on its way here.
    blameOldest(session.outbox, connection.id, session.out as never);
  }
  end(session, connection, why);
  if (role === 'draining' || session.phase !== 'running') return;
  const proven = connection.phase === 'proven';
  if (session.offline === 'said') session.offline = 'seen';
  const action = connection.error ? verdictOfError(connection.error.code) : verdictOfEnding(ending, proven);
  const code = connection.error?.code ?? 'DISCONNECTED';
  const error = createError(code, `${connection.kind.transport}: ${why}`, { retryable: action !== 'stop' });
  session.lastError = error;
  if (action === 'stop') return stop(session, error, why);
  if (action === 'token') refuseToken(session, error);
  if (action === 'rekey') rekey(session);
  if (role === 'candidate' && activeOf(session)) loseBeside(session, connection, action);
  else if (proven) loseActive(session, connection, action);
  else loseUnproven(session, connection, action);
}

/** Nothing that we do can help: the session and all its subscriptions end, and say why. */
function stop(session: Session, error: HoldfastError, message: string): void {
  session.out.push({ type: 'error', error });
  closeAll(session);
  for (const topic in session.inbox.subscriptions) {
    const serial = session.inbox.subscriptions[topic]?.serial as number;
    session.out.push({ type: 'ended', topic, serial, code: error.code, message });
    inbox.unsubscribe(session.inbox, topic);
  }
  settleAll(session.outbox, 'CLOSED', session.out as never);
  clearWaits(session);
  session.phase = 'closed';
}

function refuseToken(session: Session, error: HoldfastError): void {
  session.token.failures++;
  session.token.state = 'none';
  session.token.value = undefined;
  if (session.token.failures > 1) {
    const delay = backoffMs(
      session.config.backoff,
      session.token.failures + 2,
      0.5 + random(session.prng) / 2,
    );
    session.token.state = 'asking';
    setDeadline(session.deadlines, 'auth', session.now.mono + delay);
    session.out.push({ type: 'error', error });
  }
}

function rekey(session: Session): void {
  session.client = '';
  session.out.push({ type: 'rekey' });
}

function loseBeside(session: Session, connection: Connection, action: Action): void {
  const active = activeOf(session) as Connection;
  if (connection.purpose === 'upgrade' || connection.kind.transport !== active.kind.transport) {
    const isLate = connection.overdue && (connection.phase !== 'proven' || !connection.verified);
    policy.blame(session.policy, connection.kind.transport, session.now.mono, isLate);
    remember(session, active.kind.transport);
    if (connection.purpose === 'upgrade') return;
  }
  session.replaceFailures++;
  const attempt = action === 'back-off' ? session.replaceFailures + 1 : session.replaceFailures;
  const delay = backoffMs(session.config.backoff, attempt, random(session.prng));
  setDeadline(session.deadlines, 'replace', session.now.mono + delay);
}

function loseActive(session: Session, connection: Connection, action: Action): void {
  const { mono } = session.now;
  const uptime = mono - connection.provenAt;
  if (uptime >= stableMs) session.attempt = 0;
  policy.noteDeath(session.policy, connection.kind.transport, uptime);
  if (hopefulsOf(session).length > 0 || hasDeadline(session.deadlines, 'retry')) return;
  session.tried = [];
  const told = connection.leaving ? deadlineAt(session.deadlines, 'replace') : undefined;
  if (told !== undefined) {
    // The server said when to come back.
    session.attempt = Math.max(1, session.attempt);
    return setDeadline(session.deadlines, 'retry', told);
  }
  retryLater(session, action === 'back-off' ? Math.max(1, session.attempt) : session.attempt);
}

function loseUnproven(session: Session, connection: Connection, action: Action): void {
  const transport = connection.kind.transport;
  const isAlone = hopefulsOf(session).length === 0;
  if (isAlone) policy.excuseDeath(session.policy);
  const patient = transport === session.lastGood && session.attempt < patience;
  const isHasty = session.now.mono - connection.openedAt < policy.rttOf(session.policy) / 2;
  if (patient && isHasty && session.attempt === 1 && !connection.kind.fresh) {
    // It met a pooled connection that died with the one before, of which the platform had not heard yet.
    return retryLater(session, 0);
  }
  const isBlamed = action === 'switch' && !patient;
  if (isBlamed && session.tried.indexOf(transport) < 0) session.tried.push(transport);
  // What was blamed has a successor, which `advance` opens; all else is tried again later.
  if (isAlone && !isBlamed) retryLater(session, Math.max(1, session.attempt));
}

/** Nothing is waited for any more. */
export function clearWaits(session: Session): void {
  const kinds = ['retry', 'upgrade', 'replace', 'auth', 'sends', 'topics', 'uplink'] as const;
  for (let i = 0; i < kinds.length; i++) clearDeadline(session.deadlines, kinds[i] as (typeof kinds)[number]);
  if (session.token.state === 'asking') session.token.state = 'none';
}

/** Everything goes: the client closes, or its page is put to sleep. What can be told to the server is told on the way. */
export function closeAll(session: Session, keepalive = false): void {
  const connections = session.connections.slice();
  const ids = connections.filter((one) => !one.kind.duplex).map((one) => one.id);
  const active = activeOf(session);
  const teller = active ?? connections.filter((one) => one.phase === 'proven')[0];
  if (teller && ids.length > 0) {
    transmit(session, teller, [{ type: 'release', attempts: ids }], keepalive);
  }
  session.toRelease = [];
  for (let i = 0; i < connections.length; i++) {
    const connection = connections[i] as Connection;
    const { kind, asking } = connection;
    const waits = !kind.duplex && (kind.streaming || asking || connection === teller);
    if (!teller || keepalive || !waits) {
      end(session, connection, 'closed');
    } else {
      connection.role = 'draining';
      // What it still brings is dropped, so it must not count for whoever opens again meanwhile.
      inbox.forget(session.inbox, connection.id);
      clearDeadlinesOf(session.deadlines, connection.id);
      setDeadline(session.deadlines, 'linger', session.now.mono + lingerMs, connection.id);
    }
  }
}
