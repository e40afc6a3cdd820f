/**
 * The session: everything that must survive a connection, as one state machine.
 *
 * How to drive it (the driver does, and so does the simulator):
 *  1. `step(session, input, now)` for each input, in order; inputs never arrive inside one another.
 *  2. When no input waits: `advance(session, now)`. It compares what is wanted with what there is and asks for the difference,
 *     so that everything which happened in one turn costs one open, one request, one write.
 *  3. Carry out `takeEffects(session)` in order. What they bring back are new inputs: go to 1.
 *  4. Sleep until `nextDeadline(session)` at the latest, then bring `{ type: 'time' }`.
 *
 * It does no I/O, reads no clock and sets no timer. The record is changed here and in the files below it only.
 */
import { backoffMs } from './backoff.ts';
import {
  clearDeadline,
  deadlineAt,
  earliestDeadline,
  hasDeadline,
  setDeadline,
  takeDue,
} from './deadlines.ts';
import { checkAlive, onPostOverdue, onQuiet } from './doubting.ts';
import { clearWaits, closeAll, end } from './ending.ts';
import { createError } from './errors.ts';
import type { ClientFrame } from './frames.ts';
import * as inbox from './inbox.ts';
import { questionBeside } from './liveness.ts';
import {
  activeOf,
  type Connection,
  candidatesOf,
  type Effect,
  findConnection,
  hasHopeful,
  type Input,
  type Now,
  postLimitMs,
  type Session,
  type Signal,
  type State,
  trace,
} from './model.ts';
import * as offers from './offer.ts';
import { doubtMax, openCandidate, openFresh, openNext } from './opening.ts';
import * as outbox from './outbox.ts';
import * as policy from './policy.ts';
import { pollAgain } from './polling.ts';
import { random } from './prng.ts';
import { considerPromotion, onUnproven, onUnverified } from './proving.ts';
import { letThrough, onConnection } from './tidings.ts';
import { transmit } from './transmit.ts';

/** Wall time ahead of monotonic time by more than this is a sleep. */
const sleepMs = 2_000;
/** A deadline that is met later than by this was met by a machine that was busy. */
const busyMs = 50;
/** No lateness is made up for by more. */
const excuseMs = 1_000;

export function step(session: Session, input: Input, now: Now): void {
  advanceClock(session, now);
  switch (input.type) {
    case 'opened':
    case 'frames':
    case 'undecodable':
    case 'full':
    case 'answered':
    case 'posted':
    case 'ended': {
      const connection = findConnection(session, input.id);
      if (connection) onConnection(session, connection, input);
      return;
    }
    case 'subscribe': {
      inbox.subscribe(session.inbox, input.topic, input.last, input.since);
      session.out.push({ type: 'taken', topic: input.topic });
      return want(session);
    }
    case 'unsubscribe':
      return inbox.unsubscribe(session.inbox, input.topic);
    case 'send': {
      const expiresAt = now.mono + input.timeoutMs;
      if (session.phase === 'closed') return rejectSend(session, input.request, 'CLOSED');
      outbox.enqueue(session.outbox, input.request, expiresAt, session.out as outbox.Settlement[]);
      return want(session);
    }
    case 'volatile':
      sendVolatile(session, input.request);
      return want(session);
    case 'abort':
      return outbox.abort(session.outbox, input.ref, session.out as outbox.Settlement[]);
    case 'signal':
      return onSignal(session, input.signal);
    case 'time':
      return;
    default:
      onCommand(session, input);
  }
}

function onCommand(
  session: Session,
  input: Exclude<
    Input,
    { type: 'opened' | 'frames' | 'undecodable' | 'full' | 'answered' | 'posted' | 'ended' }
  >,
): void {
  const { policy: rules, token } = session;
  switch (input.type) {
    case 'identity':
      session.client = input.client;
      session.key = input.key;
      return;
    case 'available': {
      const available = Object.create(null) as Record<string, boolean>;
      for (let i = 0; i < input.transports.length; i++) available[input.transports[i] as string] = true;
      rules.available = available;
      return;
    }
    case 'memory':
      return policy.recall(rules, input.known, session.now.mono);
    case 'estimate':
      rules.estimatedRttMs = input.rttMs;
      return;
    case 'open':
      if (session.phase === 'closed' || session.phase === 'suspended') session.phase = 'idle';
      session.attempt = 0;
      tryNow(session);
      return want(session);
    case 'close':
      return close(session);
    case 'prefer':
      if (input.transport !== undefined && !policy.kindOf(rules, input.transport)) return;
      rules.preferred = input.transport;
      session.tried = [];
      clearDeadline(session.deadlines, 'upgrade');
      if (input.transport !== undefined) policy.forgive(rules, input.transport);
      return;
    case 'token':
      token.state = 'have';
      token.value = input.token;
      token.serial++;
      return;
    case 'token-failed':
      return tokenFailed(session, input.cause);
    case 'reauthenticate':
      token.state = 'none';
      token.value = undefined;
      return;
  }
}

/** Something is wanted: from now on there is to be a connection. */
function want(session: Session): void {
  if (session.phase === 'idle') session.phase = 'running';
}

function advanceClock(session: Session, now: Now): void {
  const former = session.now;
  // False for what is no number.
  session.now = now.mono >= former.mono ? now : { wall: now.wall, mono: former.mono };
  if (former.wall === 0) return;
  const slept = now.wall - former.wall - (session.now.mono - former.mono);
  if (slept > sleepMs) wake(session, `slept ${Math.round(slept / 1000)} s`, true);
}

function fireDue(session: Session): void {
  for (;;) {
    const due = takeDue(session.deadlines, session.now.mono);
    if (!due) return;
    const connection = findConnection(session, due.id);
    const lateMs = session.now.mono - due.at;
    if (due.kind === 'topics') {
      offers.putOffIsOver(session.inbox, session.now.mono);
    } else if (due.kind === 'sends') {
      outbox.expire(session.outbox, session.now.mono, session.out as outbox.Settlement[]);
    } else if (due.kind === 'auth' && session.token.state !== 'none') {
      session.token.state = 'none';
    } else if (!connection) {
      // `retry`, `upgrade`, `replace` and `uplink` only hold `advance` back; they are over now.
    } else if (lateMs > busyMs && !connection.excused && (due.kind === 'prove' || due.kind === 'verify')) {
      // Nothing ran meanwhile, so that silence says nothing of the network: what was lost is made up for, once.
      connection.excused = true;
      const at = session.now.mono + Math.min(excuseMs, lateMs);
      setDeadline(session.deadlines, due.kind, at, due.id);
    } else if (due.kind === 'prove') {
      onUnproven(session, connection);
    } else if (due.kind === 'quiet') {
      onQuiet(session, connection);
    } else if (due.kind === 'verify') {
      onUnverified(session, connection);
    } else if (due.kind === 'post') {
      onPostOverdue(session, connection);
    } else if (due.kind === 'poll') {
      pollAgain(session, connection);
    } else {
      // `linger`: nothing else is left that belongs to a connection.
      end(session, connection, 'it did not end by itself');
    }
  }
}

// ---- what the page tells ---------------------------------------------------------------------------------------------

function onSignal(session: Session, signal: Signal): void {
  switch (signal) {
    case 'hidden':
      session.hidden = true;
      return;
    case 'visible':
      session.hidden = false;
      return wake(session, 'visible', false);
    case 'prerendering':
      session.prerendering = true;
      return;
    case 'activated':
      session.prerendering = false;
      return;
    case 'offline':
      session.offline = 'said';
      return;
    case 'online':
      session.offline = 'no';
      return wake(session, 'online', true);
    case 'network-changed':
      policy.forgetNetwork(session.policy);
      session.postLimitMs = postLimitMs;
      session.lastGood = undefined;
      return wake(session, 'network changed', true);
    case 'suspended':
      if (session.phase === 'running') suspend(session);
      return;
    case 'resumed':
      if (session.phase !== 'suspended') return;
      session.phase = 'running';
      return wake(session, 'resumed', true);
  }
}

/** The page may be frozen at any moment: everything is let go, the last sends go with what outlives the page. */
function suspend(session: Session): void {
  const active = activeOf(session);
  if (active) flush(session, active, true);
  closeAll(session, true);
  session.phase = 'suspended';
  clearDeadline(session.deadlines, 'retry');
  clearDeadline(session.deadlines, 'replace');
}

/** A hint that things may have changed: whatever waits is tried now, whatever is open is checked. `doubt`: it may well be dead. */
function wake(session: Session, why: string, doubt: boolean): void {
  if (session.phase !== 'running') return;
  trace(session, 'wake', undefined, why);
  tryNow(session);
  const active = activeOf(session);
  if (!active) return;
  const { duplex, streaming, plain } = active.kind;
  // Nobody there could be asked, and to replace it each time that somebody looks would not be kind.
  if (plain && streaming && !doubt) return;
  if (!plain && (duplex || (streaming && !doubt))) return checkAlive(session, active);
  active.suspect = why;
  if (doubt) session.doubt = doubtMax;
}

function tryNow(session: Session): void {
  session.tried = [];
  if (hasDeadline(session.deadlines, 'retry')) session.attempt = 0;
  clearDeadline(session.deadlines, 'retry');
  clearDeadline(session.deadlines, 'replace');
}

function close(session: Session): void {
  if (session.phase === 'closed') return;
  if (session.phase === 'running') closeAll(session);
  outbox.settleAll(session.outbox, 'CLOSED', session.out as outbox.Settlement[]);
  session.phase = 'closed';
  session.attempt = 0;
  session.everOpen = false;
  session.lastError = undefined;
  clearWaits(session);
}

function tokenFailed(session: Session, cause: unknown): void {
  const { token } = session;
  if (session.phase === 'closed') return;
  token.failures++;
  const error = createError('AUTH_UNAVAILABLE', '`auth` gave no token', { cause, retryable: true });
  session.lastError = error;
  session.out.push({ type: 'error', error });
  token.state = 'asking';
  const delay = backoffMs(session.config.backoff, token.failures + 1, 0.5 + random(session.prng) / 2);
  setDeadline(session.deadlines, 'auth', session.now.mono + delay);
}

// ---- sends -----------------------------------------------------------------------------------------------------------

function rejectSend(session: Session, request: outbox.SendRequest, code: 'CLOSED' | 'NOT_SENT'): void {
  const { ref, topic } = request;
  const what =
    code === 'CLOSED' ? 'The client is closed' : 'No connection was open, and the send is volatile';
  const error = createError(code, what, { retryable: true, maybeApplied: false, topic });
  session.out.push({ type: 'settled', ref, ok: false, error });
}

/** Sent now or never; nobody answers it. */
function sendVolatile(session: Session, request: outbox.SendRequest): void {
  const active = activeOf(session);
  if (!active?.hello || active.posting || request.bytes > active.hello.limits.frameBytes) {
    return rejectSend(session, request, session.phase === 'closed' ? 'CLOSED' : 'NOT_SENT');
  }
  const { topic, data, json } = request;
  transmit(session, active, [{ type: 'send', topic, data, json }]);
  session.out.push({ type: 'settled', ref: request.ref, ok: true, reply: undefined });
}

function flush(session: Session, active: Connection, keepalive: boolean): void {
  const { hello, kind } = active;
  if (!hello || hasDeadline(session.deadlines, 'uplink')) return;
  if (!kind.duplex && active.posting && !keepalive) return;
  const frames: ClientFrame[] = [];
  if (session.toRelease.length > 0) {
    frames.push({ type: 'release', attempts: session.toRelease });
    session.toRelease = [];
  }
  if (outbox.hasUntransmitted(session.outbox) || (!kind.duplex && session.outbox.entries.length > 0)) {
    const out = session.out as outbox.Settlement[];
    const sends = outbox.take(session.outbox, active.id, hello.limits, !kind.duplex, out);
    for (let i = 0; i < sends.length; i++) frames.push(sends[i] as ClientFrame);
  }
  if (frames.length === 0) return;
  // Whoever waits for an answer should soon learn that none will come.
  const question = kind.duplex && !keepalive ? questionBeside(session, active) : undefined;
  if (question) frames.push(question);
  transmit(session, active, frames, keepalive);
}

// ---- what is wanted against what there is ----------------------------------------------------------------------------

export function advance(session: Session, now: Now): void {
  advanceClock(session, now);
  fireDue(session);
  if (session.phase === 'running' && !session.prerendering && session.client !== '') {
    letThrough(session);
    const candidates = candidatesOf(session);
    for (let i = 0; i < candidates.length; i++) considerPromotion(session, candidates[i] as Connection);
    if (authorised(session)) connect(session);
    const active = activeOf(session);
    if (active) {
      if (inPlace(active)) changeTopics(session, active);
      flush(session, active, false);
    }
  }
  setDeadline(session.deadlines, 'sends', outbox.nextExpiry(session.outbox));
  noteState(session);
}

/** Whether there is a token where one is needed; asks for it if not. */
function authorised(session: Session): boolean {
  if (!session.config.auth) return true;
  if (session.token.state === 'none') {
    session.token.state = 'asking';
    session.out.push({ type: 'ask-token' });
  }
  // While it is renewed the former one is still good.
  return session.token.value !== undefined;
}

function connect(session: Session): void {
  const active = activeOf(session);
  const candidates = candidatesOf(session);
  const { deadlines, now } = session;
  // An upgrade that is overdue is waited for, but holds nothing up.
  if (hasHopeful(session)) return;
  if (!active) {
    if (!hasDeadline(deadlines, 'retry')) openNext(session);
    return;
  }
  const transport = active.kind.transport;
  const why = hasDeadline(deadlines, 'replace') ? undefined : replacementReason(session, active);
  if (why !== undefined) {
    const next = successor(session, active);
    const twin = candidates.filter((one) => one.kind.transport === next)[0];
    if (twin) end(session, twin, 'it took too long');
    openCandidate(session, next, 'replace', why);
    return openFresh(session, next, 'replace');
  }
  if (candidates.length > 1) return;
  const at = policy.upgradeAt(session.policy, transport, now.mono);
  if (at === undefined || at > now.mono) return setDeadline(deadlines, 'upgrade', at);
  const better = policy.betterThan(session.policy, transport);
  for (let i = 0; i < better.length; i++) {
    const name = better[i] as string;
    if ((session.policy.experience[name] as policy.Experience).outUntil > now.mono) continue;
    const overdue = candidates[0]?.kind;
    if (overdue && policy.sharesFate(overdue, policy.kindOf(session.policy, name) as policy.Kind)) continue;
    const reason = name === session.policy.preferred ? 'asked for' : `better than ${transport}`;
    openCandidate(session, name, 'upgrade', reason);
    return;
  }
}

/** Its own kind as a rule; another if that cannot run any more, has lost its place, or was tried twice in vain. */
function successor(session: Session, { kind, suspect, verified }: Connection): string {
  const { policy: rules, now, replaceFailures } = session;
  const { transport } = kind;
  const others = policy.ranking(rules, now.mono).filter((name) => name !== transport);
  const isOut = (rules.experience[transport] as policy.Experience).outUntil > now.mono;
  const isLeft = suspect !== undefined && (isOut || !verified);
  if (!rules.available[transport] || isLeft) return others[0] ?? transport;
  if (replaceFailures < 2) return transport;
  return others[(replaceFailures - 2) % (others.length + 1)] ?? transport;
}

/** Why the active connection must be replaced by another of its kind; `undefined` if it need not. */
function replacementReason(session: Session, active: Connection): string | undefined {
  if (active.suspect !== undefined) return active.suspect;
  if (active.leaving) return 'the server asked us to move';
  if (active.full) return 'what it brought fills the memory';
  if (session.config.auth && active.tokenSerial !== session.token.serial) return 'new token';
  if (active.inboxVersion === session.inbox.version) return undefined;
  const difference = offers.compare(session.inbox, active.id, session.now.mono);
  armTopics(session);
  if (difference === 'same') {
    active.inboxVersion = session.inbox.version;
    return undefined;
  }
  if (inPlace(active)) return needsPosition(session) ? 'new topics' : undefined;
  return difference === 'missing' || active.kind.streaming ? 'new topics' : undefined;
}

/** Whether a subscription is missing that cannot be asked for in place, because it has a position to go on from. */
function needsPosition(session: Session): boolean {
  const active = activeOf(session);
  const links = active && inbox.receptionOf(session.inbox, active.id)?.links;
  for (const topic in session.inbox.subscriptions) {
    const subscription = session.inbox.subscriptions[topic] as inbox.Subscription;
    const link = links?.[topic];
    const isPutOff = link?.state === 'put-off' && subscription.retryAt === undefined;
    if (link?.serial === subscription.serial && !isPutOff) continue;
    if (subscription.partition >= 0 || subscription.since !== undefined) return true;
  }
  return false;
}

function inPlace({ kind }: Connection): boolean {
  return kind.inPlace ?? kind.duplex;
}

function armTopics(session: Session): void {
  let earliest: number | undefined;
  for (const topic in session.inbox.subscriptions) {
    const at = session.inbox.subscriptions[topic]?.retryAt;
    if (at !== undefined && at > session.now.mono && (earliest === undefined || at < earliest)) earliest = at;
  }
  setDeadline(session.deadlines, 'topics', earliest);
}

function changeTopics(session: Session, active: Connection): void {
  if (active.inboxVersion === session.inbox.version || active.posting) return;
  const frames: ClientFrame[] = [];
  const gone = offers.takeUnwanted(session.inbox, active.id);
  if (gone.length > 0) frames.push({ type: 'unsubscribe', topics: gone });
  const request = active.request + 1;
  const topics = offers.ask(session.inbox, active.id, request, session.now.mono);
  if (topics.length > 0) {
    active.request = request;
    frames.push({ type: 'subscribe', request, topics });
  }
  if (frames.length > 0) transmit(session, active, frames);
}

// ---- what is told ----------------------------------------------------------------------------------------------------

function stateOf(session: Session): State {
  if (session.phase !== 'running') return session.phase;
  if (activeOf(session)) return 'open';
  if (session.offline === 'seen') return 'offline';
  return session.everOpen ? 'reconnecting' : 'connecting';
}

function noteState(session: Session): void {
  const state = stateOf(session);
  if (state !== session.state) {
    session.state = state;
    session.since = session.now.wall;
    trace(session, 'state', undefined, state);
  }
}

/** The monotonic time at which the session wants to be stepped at the latest; `undefined`: not before something happens. */
export function nextDeadline(session: Session): number | undefined {
  return earliestDeadline(session.deadlines);
}

/** When the next attempt is made, monotonic, if one is waited for. */
export function nextAttemptAt(session: Session): number | undefined {
  return deadlineAt(session.deadlines, 'retry');
}

/** The effects since the last call, in order. */
export function takeEffects(session: Session): Effect[] {
  const effects = session.out;
  session.out = [];
  return effects;
}
