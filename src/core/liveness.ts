/**
 * Whether a connection still brings what it should: silence, lateness, POSTs that nobody answers. It notices and asks;
 * what follows for the network stands in `doubting.ts`.
 */
import { clearDeadline, setDeadline, waitFor } from './deadlines.ts';
import type { ClientFrame, HelloFrame } from './frames.ts';
import { type Connection, postLimitMs, type Session } from './model.ts';
import { bytesOnWay } from './outbox.ts';
import { rttOf } from './policy.ts';

/** Added to every announced interval before silence counts. */
const graceMs = 2_000;
/** What an answer may take beside its round trip. */
const answerMs = 1_800;
/** A poll's answer that has not come so long after its holding time, or that stopped for so long, counts as lost. */
const pollGraceMs = 3_000;
/** How long a poll is held at most, so that silence is noticed in time. */
const holdMs = 10_000;
/** The same while nobody looks. */
const hiddenHoldMs = 25_000;
/** A stream whose pauses are this short is steady: its silence is noticed sooner. */
const steadyMs = 500;
/** The pause of a stream of which nothing is known: far from steady. */
export const unknownPaceMs = 10_000;
/** How soon a steady stream forgets its longer pauses. */
const paceMemoryMs = 1_000;
/** A connection that was heard so lately needs no question beside a send. */
const recentMs = 1_000;
/** A question goes up behind no more than this. */
const asideBytesMax = 16 * 1024;
/** The slowest way up that is waited for, bytes a millisecond. */
const uplinkBytesPerMs = 20;
export const postLimitMaxMs = 60_000;
/** A heartbeat that comes so much later than the fastest frame is late. */
const lateMs = 1_000;
/** So many late heartbeats in a row make a late stream. */
const latesMax = 2;
/** By how much two good clocks may drift apart. */
const driftRate = 1e-4;

/** Something came on its way down; silence is counted from now. The deadline is moved when it runs out, or is far too late. */
export function heard(session: Session, connection: Connection): void {
  const { mono } = session.now;
  const pauseMs = mono - connection.heardAt;
  const wasSteady = isSteady(connection);
  connection.heardAt = mono;
  connection.misses = 0;
  const faded = connection.paceMs * (1 - Math.min(1, pauseMs / paceMemoryMs));
  connection.paceMs = Math.max(pauseMs, faded);
  if (!wasSteady && isSteady(connection) && connection.hello) watch(session, connection);
}

function isSteady(connection: Connection): boolean {
  return connection.kind.streaming && !connection.kind.plain && connection.paceMs <= steadyMs;
}

function quietLimitMs(session: Session, connection: Connection): number {
  const rtt = rttOf(session.policy);
  if (isSteady(connection)) return Math.max(recentMs, 4 * connection.paceMs) + rtt;
  const { heartbeatMs } = connection.hello as HelloFrame;
  return heartbeatMs + Math.max(graceMs, 2 * rtt);
}

/** When it must have been heard again. A poll's answer that goes on is not late, however long it is. */
export function dueAt(session: Session, connection: Connection): number {
  const { kind, heardAt, askedAt, heldMs } = connection;
  if (kind.streaming) return heardAt + quietLimitMs(session, connection);
  return Math.max(heardAt, askedAt + heldMs) + pollGraceMs + 2 * rttOf(session.policy);
}

/** Counts the silence of a connection from when it was last heard. */
export function watch(session: Session, connection: Connection): void {
  setDeadline(session, 'quiet', dueAt(session, connection), connection);
}

/** How long a poll is to be held; its answer must come after that, and must end. */
export function watchPoll(session: Session, connection: Connection, isHeld: boolean): void {
  const { hello, kind } = connection;
  const most = session.hidden ? hiddenHoldMs : holdMs;
  connection.askedAt = session.now.mono;
  connection.heldMs = 0;
  // How long a server that is not ours holds it, nobody but its users knows.
  if (isHeld && hello) connection.heldMs = kind.plain ? hello.holdMs : Math.min(hello.holdMs, most);
  watch(session, connection);
}

/** Whether it would answer a question at once. */
export function isWorthAsking(connection: Connection): boolean {
  return (connection.kind.duplex && !connection.kind.plain) || isSteady(connection);
}

/** What makes the server say something on this very connection: a one-way stream is named, and answers by itself. */
export function lifeSign(connection: Connection): ClientFrame {
  return connection.kind.duplex ? { type: 'ping' } : { type: 'ping', attempt: connection.id };
}

/** The question whether anybody is there. */
export function question(session: Session, connection: Connection): ClientFrame {
  // Silence from here on counts sooner.
  connection.misses = 1;
  waitFor(session, 'quiet', answerMs + rttOf(session.policy), connection);
  return lifeSign(connection);
}

/**
 * Whether sends go with a question, as nothing was heard for a while. None goes behind a large send that is on its way: its
 * answer would have to wait for that.
 */
export function mayAskBeside({ now, outbox }: Session, { kind, misses, heardAt }: Connection): boolean {
  const isDue = kind.streaming && !kind.plain && misses === 0 && now.mono - heardAt >= recentMs;
  return isDue && bytesOnWay(outbox) <= asideBytesMax;
}

/** A POST with so many bytes begins: within this time its first answer must come. */
export function watchPost(session: Session, connection: Connection, bytes: number): void {
  // How long the handlers of a server that is not ours may take, only its users know; for ever, nobody waits.
  const least = connection.kind.plain ? postLimitMaxMs : session.postLimitMs;
  const limit = least + rttOf(session.policy) + bytes / uplinkBytesPerMs;
  waitFor(session, 'post', limit, connection);
}

/** A POST is over. Sends that were soon answered say that the next need not be given longer. */
export function postIsAnswered(session: Session, connection: Connection): void {
  clearDeadline(session, 'post', connection);
  const isSoon = session.now.mono - connection.postedAt < postLimitMs;
  if (isSoon && connection.acks > 0) session.postLimitMs = Math.max(postLimitMs, session.postLimitMs / 2);
}

/** Part of a POST's answer has come. What is missing, and be it the end alone, may be lost all the same. */
export function postGoesOn(session: Session, connection: Connection): void {
  const isComplete = connection.acks >= connection.postedSends;
  const limit = (isComplete ? session.postLimitMs : postLimitMaxMs) + rttOf(session.policy);
  waitFor(session, 'post', limit, connection);
}

/**
 * Judges a heartbeat by the time that the server wrote into it. Clocks differ by whatever they like, but by the same all
 * along: what counts is how much later it came than the fastest frame of that server did. `true`: the stream is late.
 */
export function isLate(session: Session, connection: Connection, time: number): boolean {
  const { mono } = session.now;
  const sends = connection.hello?.sends;
  const clock = session.clock;
  const skew = mono - time;
  if (!clock || clock.sends !== sends) {
    session.clock = { sends, skew, at: mono };
    return false;
  }
  const expected = clock.skew + (mono - clock.at) * driftRate;
  const late = skew - expected;
  if (late <= 0) session.clock = { sends, skew, at: mono };
  // While nobody looks, tasks are held back at the engine's leisure.
  const limit = Math.max(lateMs, 2 * rttOf(session.policy));
  const isTold = late > limit && !session.hidden;
  // No busy page is that late.
  const weight = late > 3 * limit ? latesMax : 1;
  connection.lates = isTold ? connection.lates + weight : 0;
  return connection.lates >= latesMax;
}

/** A hello that came in time bounds what any clock may say: it took no longer than its connection is old. */
export function setClock(session: Session, connection: Connection, time: number): void {
  const { mono } = session.now;
  const sends = connection.hello?.sends;
  const least = connection.openedAt - time;
  const most = mono - time;
  const { clock } = session;
  const isKnown = clock !== undefined && clock.sends === sends && clock.skew >= least;
  session.clock = { sends, skew: isKnown ? Math.min(most, clock.skew) : most, at: mono };
}
