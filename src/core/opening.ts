/**
 * Which connection is opened next, and how: every open goes from the cursor. What becomes of it stands in `proving.ts`,
 * what its end brings about in `ending.ts`.
 */
import { turnMs } from './backoff.ts';
import { deadlineAt, setDeadline, waitFor } from './deadlines.ts';
import { createError } from './errors.ts';
import { type OpenFrame, protocolName } from './frames.ts';
import { createReception } from './inbox.ts';
import * as liveness from './liveness.ts';
import {
  type Connection,
  candidatesOf,
  hasHopeful,
  type Purpose,
  type Session,
  tellError,
  trace,
} from './model.ts';
import * as offers from './offer.ts';
import * as policy from './policy.ts';

/** Records of attempts that are kept. */
const attemptsMax = 20;
/** What the first two opens on an unknown network are given at least, as long as neither is answered. */
const exploringMs = 3_000;
/** Failures of a transport that used to work before others are tried as well: a restart must not change it. */
export const patience = 3;
/** Opens over a pool whose connections may be dead that are given up early and made again: each takes a dead one along. */
export const doubtMax = 5;
/** Such an open is given this at least. */
const doubtMs = 300;
/** The shortest interval of short polls. */
export const pollMinMs = 500;

/** Connections in a row that came to nothing at the same place: what is next there may be what kills them (rule D22). */
const lossesMax = 3;

/** The next message is asked for by itself. */
export function isAskingAlone({ question, losses }: Session): boolean {
  return question !== '' && losses >= lossesMax;
}

export function openFrame(session: Session, connection: Connection, waitMs?: number): OpenFrame {
  const { id, kind, hello, reception } = connection;
  const { topics, cursor, question } = offers.offer(session.inbox, reception);
  const { client, key, token, outbox } = session;
  const isAlone = isAskingAlone(session) && question === session.question;
  connection.question = question;
  return {
    type: 'open',
    protocol: protocolName,
    client,
    key,
    attempt: id,
    topics,
    cursor,
    token: token.value,
    sends: outbox.nonce || undefined,
    wait: waitMs,
    // That a poll gets through at all is seen by its first answer.
    max: isAlone ? (kind.streaming || hello ? 1 : 0) : undefined,
    skip: (isAlone && policy.isHopeless(session.policy)) || undefined,
    heartbeat: waitMs === undefined ? session.policy.heartbeatMs : undefined,
  };
}

/** Opens a candidate from the cursor. `fresh`: over none of the connections that other requests use. */
export function openCandidate(
  session: Session,
  kind: policy.Way,
  purpose: Purpose,
  reason: string,
  fresh = false,
): void {
  const { transport } = kind;
  const id = session.nextId++;
  const mono = session.now.mono;
  const connection: Connection = {
    id,
    kind,
    attempt: {
      connection: id,
      transport,
      at: session.now.wall,
      why: reason,
      openedMs: undefined,
      helloMs: undefined,
      promotedMs: undefined,
      endedMs: undefined,
      end: undefined,
    },
    reception: createReception(session.inbox),
    purpose,
    fresh,
    tokenSerial: session.token.serial,
    openedAt: mono,
    role: 'candidate',
    provenAt: 0,
    heardAt: mono,
    paceMs: liveness.unknownPaceMs,
    lates: 0,
    askedAt: mono,
    heldMs: 0,
    question: '',
    misses: 0,
    verified: !kind.duplex || kind.plain || isKnown(session, kind) || session.policy.kinds.length === 1,
    asking: !kind.streaming,
    pollMs: pollMinMs,
    postedAt: 0,
    postFailures: 0,
    postedSends: 0,
    acks: 0,
    putOffs: 0,
    request: 0,
    inboxVersion: -1,
  };
  session.connections.push(connection);
  session.attempts.push(connection.attempt);
  if (session.attempts.length > attemptsMax) session.attempts.shift();
  const open = openFrame(session, connection, kind.streaming ? undefined : 0);
  const question = (open.cursor && connection.question) || '';
  if (question !== session.question) {
    session.question = question;
    session.losses = 0;
    policy.forgetKills(session.policy);
  }
  session.out.push({ type: 'open', id, transport, open, fresh });
  waitFor(session, 'prove', staggerOf(session, connection), connection);
  trace(session, 'attempt', connection, reason);
}

/** It has worked on this network. */
function isKnown(session: Session, kind: policy.Way): boolean {
  return kind === (session.lastGood ?? session.policy.remembered);
}

export function staggerOf(session: Session, { kind, purpose }: Connection): number {
  const isCalm = session.doubt === 0;
  const isSlow = isCalm && (purpose === 'replace' || isKnown(session, kind));
  const ms = policy.staggerMs(session.policy, kind, isSlow);
  return isCalm ? ms : Math.max(doubtMs, ms);
}

/** Opens the next transport of the round; at the round's end waits and begins another. */
export function openNext(session: Session): void {
  const order = policy.ranking(session.policy, session.now.mono);
  const only = session.lastGood;
  const patient =
    only !== undefined &&
    !session.policy.preferred &&
    session.attempt < patience &&
    only.isAvailable &&
    !isOpening(session, only) &&
    session.tried.length === 0 &&
    !policy.isFlapping(session.policy, only) &&
    only.outUntil <= session.now.mono;
  if (patient) {
    openCandidate(session, only, 'connect', 'it worked a moment ago');
    openFresh(session, only, 'connect');
    return;
  }
  for (let i = 0; i < order.length; i++) {
    const kind = order[i] as policy.Way;
    if (session.tried.indexOf(kind) >= 0 || isOpening(session, kind)) continue;
    if (session.tried.length > 0) {
      const failed: string[] = [];
      session.tried.forEach((one) => {
        failed.push(one.transport);
      });
      return openCandidate(session, kind, 'connect', `${failed.join(', ')} did not get through`);
    }
    openCandidate(session, kind, 'connect', policy.reasonFor(session.policy, kind));
    explore(session, kind);
    return openFresh(session, kind, 'connect');
  }
  if (order.length === 0) {
    const error = createError('NO_TRANSPORT', 'None of the transports can run here');
    if (session.lastError?.code !== 'NO_TRANSPORT') tellError(session, error);
    session.lastError = error;
    return;
  }
  if (hasHopeful(session)) return;
  session.tried = [];
  policy.excuseDeath(session.policy);
  retryLater(session, Math.max(1, session.attempt));
}

/**
 * Nothing is known of this network: what works wherever HTTP works at all is opened at the same moment. The first one proven
 * carries the session, a better one takes over in place.
 */
function explore(session: Session, first: policy.Way): void {
  const { config, policy: rules, lastGood } = session;
  if (!config.eager || lastGood || rules.remembered || rules.preferred) return;
  const safest = policy.safest(rules, session.now.mono);
  if (!safest || safest === first) return;
  // Left over from an upgrade, when what was active has gone.
  if (isOpening(session, safest)) return;
  // Two addresses of a server that is not ours need not be two ways to the same.
  if (safest.plain) return;
  openCandidate(session, safest, 'connect', `beside ${first.transport}, as this network is not known`);
  // While neither answers, it is likelier that the server is far away than that both are kept out.
  const opening = candidatesOf(session);
  for (let i = 0; i < opening.length; i++) {
    const candidate = opening[i] as Connection;
    const at = deadlineAt(session, 'prove', candidate) as number;
    setDeadline(session, 'prove', Math.max(candidate.openedAt + exploringMs, at), candidate);
  }
}

/** Something died in silence, and so may have the pool: the same is tried beside it on a connection of its own. */
export function openFresh(session: Session, beside: policy.Way, purpose: Purpose): void {
  const { transport, fresh, plain, twoPools } = beside;
  if (session.doubt === 0 || fresh || plain) return;
  const reason = `beside ${transport}, over another connection`;
  if (twoPools && session.config.mayRenew) return openCandidate(session, beside, purpose, reason, true);
  const other = policy.freshest(session.policy, session.now.mono);
  if (other && !isOpening(session, other)) openCandidate(session, other, purpose, reason);
}

export function isOpening(session: Session, kind: policy.Way): boolean {
  return candidatesOf(session).some((candidate) => candidate.kind === kind);
}

/** Sets the moment of the next attempt. Number 0 is at once. */
export function retryLater(session: Session, attempt: number): void {
  const delay = turnMs(session.config.backoff, attempt, session.turn, session.now.mono);
  session.attempt = Math.max(attempt, session.attempt) + 1;
  waitFor(session, 'retry', delay);
  if (delay > 0) trace(session, 'retry', undefined, `in ${delay} ms`);
}
