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
import {
  clearDeadline,
  type DeadlineKind,
  deadlineAt,
  hasDeadline,
  setDeadline,
  takeDue,
  waitFor,
} from './deadlines.ts';
import { checkAlive, onPostOverdue, onQuiet } from './doubting.ts';
import { askTokenLater, clearWaits, closeAll, end, stableMs } from './ending.ts';
import { createError } from './errors.ts';
import type { ClientFrame } from './frames.ts';
import * as inbox from './inbox.ts';
import { mayAskBeside, question } from './liveness.ts';
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
import { doubtMax, isAskingAlone, openCandidate, openFresh, openNext } from './opening.ts';
import * as outbox from './outbox.ts';
import * as policy from './policy.ts';
import { pollAgain } from './polling.ts';
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
  if (!('id' in input)) return onCommand(session, input);
  const connection = findConnection(session, input.id);
  if (connection) onConnection(session, connection, input);
}

function onCommand(session: Session, input: Exclude<Input, { readonly id: number }>): void {
  const { policy: rules, token, now } = session;
  switch (input.type) {
    case 'identity':
      session.client = input.client;
      session.key = input.key;
      return;
    case 'available':
      return rules.kinds.forEach((kind) => {
        kind.isAvailable = input.transports.indexOf(kind.transport) >= 0;
      });
    case 'memory':
      return policy.recall(rules, input.known, now.mono);
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
    case 'subscribe':
      inbox.subscribe(session.inbox, input.topic, input.last, input.since);
      session.out.push({ type: 'taken', topic: input.topic });
      return want(session);
    case 'unsubscribe':
      return inbox.unsubscribe(session.inbox, input.topic);
    case 'send': {
      const expiresAt = now.mono + input.timeoutMs;
      if (session.phase === 'closed') return rejectSend(session, input.request);
      outbox.enqueue(session.outbox, input.request, expiresAt);
      return want(session);
    }
    case 'volatile':
      sendVolatile(session, input.request);
      return want(session);
    case 'abort':
      return outbox.abort(session.outbox, input.ref);
    case 'prefer': {
      const kind = policy.kindOf(rules, input.transport);
      if (!kind && input.transport !== undefined) return;
      rules.preferred = kind;
      session.tried = [];
      clearDeadline(session, 'upgrade');
      if (kind) policy.forgive(kind);
      return;
    }
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
    case 'signal':
      return onSignal(session, input.signal);
    case 'time':
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

/** What follows when a connection's deadline is over. */
const onDue: { readonly [K in DeadlineKind]?: (session: Session, connection: Connection) => void } = {
  prove: onUnproven,
  quiet: onQuiet,
  verify: onUnverified,
  post: onPostOverdue,
  poll: pollAgain,
  linger: (session, connection) => end(session, connection, 'it did not end'),
};

function fireDue(session: Session): void {
  for (;;) {
    const due = takeDue(session);
    if (!due) return;
    const connection = findConnection(session, due.id);
    const lateMs = session.now.mono - due.at;
    const isJudged = due.kind === 'prove' || due.kind === 'verify';
    if (connection && isJudged && lateMs > busyMs && !connection.excused) {
      // Nothing ran meanwhile, so that silence says nothing of the network: what was lost is made up for, once.
      connection.excused = true;
      waitFor(session, due.kind, Math.min(excuseMs, lateMs), connection);
    } else if (connection) onDue[due.kind]?.(session, connection);
    // What was put off may be asked for now.
    else if (due.kind === 'topics') session.inbox.version++;
    else if (due.kind === 'sends') {
      outbox.expire(session.outbox, session.now.mono);
    } else if (due.kind === 'auth') session.token.state = 'none';
    // `retry`, `upgrade`, `replace` and `uplink` only hold `advance` back; they are over now.
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
  clearDeadline(session, 'retry');
  clearDeadline(session, 'replace');
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
  if (hasDeadline(session, 'retry')) session.attempt = 0;
  clearDeadline(session, 'retry');
  clearDeadline(session, 'replace');
}

function close(session: Session): void {
  if (session.phase === 'closed') return;
  if (session.phase === 'running') closeAll(session);
  outbox.settleAll(session.outbox, 'CLOSED');
  session.phase = 'closed';
  session.attempt = 0;
  session.everOpen = false;
  session.lastError = undefined;
  clearWaits(session);
}

function tokenFailed(session: Session, cause: unknown): void {
  if (session.phase === 'closed') return;
  session.token.failures++;
  const error = createError('AUTH_UNAVAILABLE', '`auth` gave no token', { cause, retryable: true });
  session.lastError = error;
  askTokenLater(session, error);
}

// ---- sends -----------------------------------------------------------------------------------------------------------

function rejectSend(session: Session, request: outbox.SendRequest): void {
  const isClosed = session.phase === 'closed';
  const what = isClosed ? 'The client is closed' : 'No connection was open, and the send is volatile';
  outbox.reject(session.outbox, request, isClosed ? 'CLOSED' : 'NOT_SENT', what, true);
}

/** Sent now or never; nobody answers it. */
function sendVolatile(session: Session, request: outbox.SendRequest): void {
  const active = activeOf(session);
  if (!active?.hello || active.posting || request.bytes > active.hello.limits.frameBytes) {
    return rejectSend(session, request);
  }
  const { topic, data, json } = request;
  transmit(session, active, [{ type: 'send', topic, data, json }]);
  session.out.push({ type: 'settled', ref: request.ref, ok: true, reply: undefined });
}

function flush(session: Session, active: Connection, keepalive: boolean): void {
  const { hello, kind } = active;
  if (!hello || hasDeadline(session, 'uplink')) return;
  if (!kind.duplex && active.posting && !keepalive) return;
  const frames: ClientFrame[] = [];
  // Whoever waits for an answer should soon learn that none will come.
  const isAsking = kind.duplex && !keepalive && mayAskBeside(session, active);
  if (session.toRelease.length > 0) {
    frames.push({ type: 'release', attempts: session.toRelease });
    session.toRelease = [];
  }
  if (outbox.hasUntransmitted(session.outbox) || (!kind.duplex && session.outbox.entries.length > 0)) {
    const sends = outbox.take(session.outbox, active.id, hello.limits, !kind.duplex);
    for (let i = 0; i < sends.length; i++) frames.push(sends[i] as ClientFrame);
  }
  if (frames.length === 0) return;
  // It comes first, for what is sent may be long on its way.
  if (isAsking) frames.unshift(question(session, active));
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
  setDeadline(session, 'sends', outbox.nextExpiry(session.outbox));
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
  const { now } = session;
  // An upgrade that is overdue is waited for, but holds nothing up.
  if (hasHopeful(session)) return;
  if (!active) {
    if (!hasDeadline(session, 'retry')) openNext(session);
    return;
  }
  const { kind } = active;
  const why = hasDeadline(session, 'replace') ? undefined : replacementReason(session, active);
  if (why !== undefined) {
    const next = successor(session, active);
    const twin = candidates.filter((one) => one.kind === next)[0];
    if (twin) end(session, twin, 'it took too long');
    openCandidate(session, next, 'replace', why);
    return openFresh(session, next, 'replace');
  }
  if (candidates.length > 1) return;
  // Where all the others were lost, this one first shows whether it brings anything.
  const from = isAskingAlone(session) ? active.provenAt + stableMs : now.mono;
  const at = policy.upgradeAt(session.policy, kind, Math.max(now.mono, from));
  if (at === undefined || at > now.mono) return setDeadline(session, 'upgrade', at);
  const overdue = candidates[0]?.kind;
  const next = policy
    .betterThan(session.policy, kind)
    .filter((one) => one.outUntil <= now.mono && !(overdue && policy.sharesFate(overdue, one)))[0];
  if (!next) return;
  const reason = next === session.policy.preferred ? 'asked for' : `better than ${kind.transport}`;
  openCandidate(session, next, 'upgrade', reason);
}

/** Its own kind as a rule; another if that cannot run any more, has lost its place, or was tried twice in vain. */
function successor(session: Session, { kind, suspect, verified }: Connection): policy.Way {
  const { policy: rules, now, replaceFailures } = session;
  const others = policy.ranking(rules, now.mono).filter((other) => other !== kind);
  const isLeft = suspect !== undefined && (kind.outUntil > now.mono || !verified);
  if (!kind.isAvailable || isLeft) return others[0] ?? kind;
  if (replaceFailures < 2) return kind;
  return others[(replaceFailures - 2) % (others.length + 1)] ?? kind;
}

/** Why the active connection must be replaced by another of its kind; `undefined` if it need not. */
function replacementReason(session: Session, active: Connection): string | undefined {
  if (active.suspect !== undefined) return active.suspect;
  if (active.leaving) return 'the server asked us to move';
  if (active.full) return 'it fills the memory';
  if (session.config.auth && active.tokenSerial !== session.token.serial) return 'new token';
  if (active.inboxVersion === session.inbox.version) return undefined;
  const { inbox: box, now } = session;
  const missing = offers.missing(box, active.reception, now.mono);
  armTopics(session);
  if (missing.length === 0 && offers.unwanted(box, active.reception).length === 0) {
    active.inboxVersion = box.version;
    return undefined;
  }
  const isNeeded = inPlace(active)
    ? missing.some(offers.hasPosition)
    : missing.length > 0 || active.kind.streaming;
  return isNeeded ? 'new topics' : undefined;
}

function inPlace({ kind }: Connection): boolean {
  return kind.inPlace ?? kind.duplex;
}

function armTopics(session: Session): void {
  let soonest: number | undefined;
  inbox.subscriptionsOf(session.inbox).forEach(({ retryAt = 0 }) => {
    if (retryAt > session.now.mono) soonest = Math.min(retryAt, soonest ?? retryAt);
  });
  setDeadline(session, 'topics', soonest);
}

function changeTopics(session: Session, active: Connection): void {
  if (active.inboxVersion === session.inbox.version || active.posting) return;
  const frames: ClientFrame[] = [];
  const gone = offers.unwanted(session.inbox, active.reception);
  gone.forEach((topic) => {
    delete active.reception.links[topic];
  });
  if (gone.length > 0) frames.push({ type: 'unsubscribe', topics: gone });
  const request = active.request + 1;
  const topics = offers.ask(session.inbox, active.reception, request, session.now.mono);
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

export { nextDeadline } from './deadlines.ts';

/** When the next attempt is made, monotonic, if one is waited for. */
export function nextAttemptAt(session: Session): number | undefined {
  return deadlineAt(session, 'retry');
}

/** The effects since the last call, in order. */
export function takeEffects(session: Session): Effect[] {
  const effects = session.out;
  const next: Effect[] = [];
  session.out = next;
  session.inbox.out = next as inbox.InboxEvent[];
  session.outbox.out = next as outbox.Settlement[];
  return effects;
}
