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
import {
  activeOf,
  type Connection,
  candidatesOf,
  type HelloFacts,
  type Purpose,
  type Session,
  trace,
} from './model.ts';
import * as offers from './offer.ts';
import { adoptNonce, blameOldest, retransmit, settleAll } from './outbox.ts';
import * as policy from './policy.ts';
import { random } from './prng.ts';
import { type Action, describeEnding, type Ending, verdictOfEnding, verdictOfError } from './verdict.ts';

/** What a released connection may take to end by itself. */
const lingerMs = 2_000;
/** What a server that says `wait` may take. */
const waitMs = 30_000;
/** Added to every announced interval before silence counts. */
const graceMs = 2_000;
/** Added to a poll's holding time before its answer counts as lost. */
const pollGraceMs = 5_000;
/** What an upgrade may take at least to say hello. */
const upgradeMs = 5_000;
const pollMinMs = 500;
const pollMaxMs = 10_000;
/** Failures of a transport that used to work before others are tried as well: a restart must not change it. */
const patience = 3;

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
  if (waitMs !== undefined) frame.wait = waitMs;
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
    connection.postedSends = frames.filter(
      (frame) => frame.type === 'send' && frame.seq !== undefined,
    ).length;
  }
  const batch = batchFrame(session, connection.hello?.sends ?? session.outbox.nonce);
  session.out.push({ type: 'transmit', id: connection.id, frames, batch, keepalive });
}

/** Opens a candidate from the cursor. */
export function openCandidate(session: Session, transport: string, purpose: Purpose, reason: string): void {
  // Whoever calls has the name from the policy.
  const kind = policy.kindOf(session.policy, transport) as policy.Kind;
  const id = session.nextId++;
  const mono = session.now.mono;
  const connection: Connection = {
    id,
    kind,
    purpose,
    reason,
    tokenSerial: session.token.serial,
    openedAt: mono,
    role: 'candidate',
    phase: 'opening',
    provenAt: 0,
    heardAt: mono,
    misses: 0,
    suspect: undefined,
    leaving: false,
    asking: !kind.streaming,
    brought: false,
    pollMs: pollMinMs,
    posting: false,
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
  session.out.push({ type: 'open', id, transport, open });
  const stagger = policy.staggerMs(session.policy, kind);
  // Beside a connection that works nothing is urgent, and a busy machine is no evidence.
  const patientMs = purpose === 'upgrade' ? Math.max(upgradeMs, stagger) : stagger;
  setDeadline(session.deadlines, 'prove', mono + patientMs, id);
  trace(session, 'attempt', connection, reason);
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
    session.tried.length === 0 &&
    (session.policy.experience[only] as policy.Experience).outUntil <= session.now.mono;
  if (patient) {
    openCandidate(session, only, 'connect', 'it worked a moment ago');
    return;
  }
  for (let i = 0; i < order.length; i++) {
    const transport = order[i] as string;
    if (session.tried.indexOf(transport) >= 0 || isOpening(session, transport)) continue;
    const failed = session.tried.length > 0 ? `${session.tried.join(', ')} did not get through` : undefined;
    openCandidate(session, transport, 'connect', failed ?? policy.reasonFor(session.policy, transport));
    if (failed === undefined) explore(session, transport);
    return;
  }
  if (order.length === 0) {
    const error = createError('NO_TRANSPORT', 'None of the transports can run here');
    if (session.lastError?.code !== 'NO_TRANSPORT') session.out.push({ type: 'error', error });
    session.lastError = error;
    return;
  }
  if (candidatesOf(session).length > 0) return;
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
  const holdMs = isHeld ? (connection.hello as HelloFacts).holdMs : 0;
  connection.asking = true;
  connection.brought = false;
  clearDeadline(session.deadlines, 'poll', connection.id);
  session.out.push({ type: 'poll', id: connection.id, open: openFrame(session, connection.id, holdMs) });
  setDeadline(session.deadlines, 'quiet', session.now.mono + holdMs + pollGraceMs, connection.id);
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
  if (connection.kind.held) return pollAgain(session, connection);
  connection.pollMs = connection.brought ? pollMinMs : Math.min(pollMaxMs, connection.pollMs * 1.5);
  setDeadline(session.deadlines, 'poll', session.now.mono + connection.pollMs, connection.id);
}

/** Something came; silence is counted from now. The deadline is moved only when it runs out. */
export function heard(session: Session, connection: Connection): void {
  connection.heardAt = session.now.mono;
  connection.misses = 0;
}

function quietLimitMs(session: Session, connection: Connection): number {
  const { heartbeatMs } = connection.hello as HelloFacts;
  return heartbeatMs + Math.max(graceMs, 2 * (session.policy.rttMs ?? 0));
}

function pongLimitMs(session: Session): number {
  return Math.max(graceMs, 3 * (session.policy.rttMs ?? 0));
}

/** Asks whether anybody is there; silence then ends it. */
export function checkAlive(session: Session, connection: Connection): void {
  connection.misses = 1;
  transmit(session, connection, [{ type: 'ping' }]);
  setDeadline(session.deadlines, 'quiet', session.now.mono + pongLimitMs(session), connection.id);
}

export function onQuiet(session: Session, connection: Connection): void {
  const mono = session.now.mono;
  if (connection.kind.streaming && connection.misses === 0) {
    const at = connection.heardAt + quietLimitMs(session, connection);
    if (at > mono) return setDeadline(session.deadlines, 'quiet', at, connection.id);
    if (connection.kind.duplex) return checkAlive(session, connection);
  }
  lose(session, connection, { kind: 'failed', detail: 'it fell silent' });
}

/** A candidate has not said hello within its stagger. */
export function onUnproven(session: Session, connection: Connection): void {
  const active = activeOf(session);
  const again = policy.staggerMs(session.policy, connection.kind);
  connection.misses++;
  if (connection.misses === 1 && connection.purpose === 'connect' && !active) {
    setDeadline(session.deadlines, 'prove', session.now.mono + Math.max(again, 1_000), connection.id);
    session.tried.push(connection.kind.transport);
    openNext(session);
    return;
  }
  if (connection.misses === 1 && connection.purpose === 'replace' && active && !active.kind.duplex) {
    // All HTTP connections to this host may be taken: break before make is safe, the cursor knows where to go on (D21).
    setDeadline(session.deadlines, 'prove', session.now.mono + again, connection.id);
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
    setDeadline(session.deadlines, 'quiet', now.mono + quietLimitMs(session, connection), connection.id);
  }
  if (first) trace(session, 'hello', connection);
  if (connection.role === 'active') adopt(session, connection);
  else considerPromotion(session, connection);
  return true;
}

function prove(session: Session, connection: Connection): void {
  const mono = session.now.mono;
  if (connection.phase === 'opening' && connection.misses === 0) {
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
  }
  promote(session, candidate);
}

function promote(session: Session, connection: Connection): void {
  const former = activeOf(session);
  connection.role = 'active';
  if (former) retire(session, former, 'another took its place');
  adopt(session, connection);
  retransmit(session.outbox);
  const mono = session.now.mono;
  const transport = connection.kind.transport;
  for (let i = 0; i < session.tried.length; i++) {
    const loser = session.tried[i] as string;
    if (loser !== transport && !isOpening(session, loser)) policy.blame(session.policy, loser, mono);
  }
  session.tried = [];
  session.replaceFailures = 0;
  clearDeadline(session.deadlines, 'retry');
  clearDeadline(session.deadlines, 'replace');
  clearDeadline(session.deadlines, 'uplink');
  const better = policy.betterThan(session.policy, transport);
  const candidates = candidatesOf(session);
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as Connection;
    if (better.indexOf(candidate.kind.transport) >= 0) candidate.purpose = 'upgrade';
    else retire(session, candidate, 'another was faster');
  }
  if (session.lastGood !== transport) {
    session.out.push({ type: 'remember', transport, rttMs: session.policy.rttMs });
  }
  session.lastGood = transport;
  session.everOpen = true;
  trace(session, 'promoted', connection, connection.reason);
  if (!connection.kind.streaming && !connection.asking) pollAgain(session, connection);
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
  if (connection.purpose === 'upgrade') {
    const isLate = connection.misses > 0 && connection.phase !== 'proven';
    policy.blame(session.policy, connection.kind.transport, session.now.mono, isLate);
    return;
  }
  session.replaceFailures++;
  const attempt = action === 'back-off' ? session.replaceFailures + 1 : session.replaceFailures;
  const delay = backoffMs(session.config.backoff, attempt, random(session.prng));
  setDeadline(session.deadlines, 'replace', session.now.mono + delay);
}

function loseActive(session: Session, connection: Connection, action: Action): void {
  const { mono } = session.now;
  const uptime = mono - connection.provenAt;
  if (uptime >= policy.youngMs) session.attempt = 0;
  policy.noteDeath(session.policy, connection.kind.transport, uptime, mono);
  if (candidatesOf(session).length > 0 || hasDeadline(session.deadlines, 'retry')) return;
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
  const patient = transport === session.lastGood && session.attempt < patience;
  const isBlamed = action === 'switch' && !patient;
  if (isBlamed && session.tried.indexOf(transport) < 0) session.tried.push(transport);
  // What was blamed has a successor, which `advance` opens; all else is tried again later.
  if (candidatesOf(session).length === 0 && !isBlamed) retryLater(session, Math.max(1, session.attempt));
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
