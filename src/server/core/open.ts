/**
 * An open, from its frame to its hello (`docs/PROTOCOL.md` section 3): who it is, what it may see, where each topic begins.
 * Ends with a peer that is live, catching up, or a held poll; or with an `error`.
 */
import { type Cursor, parseCursor } from '../../core/cursor.ts';
import { type OpenFrame, protocolName, type TopicRequest } from '../../core/frames.ts';
import { type Admission, authenticate } from './access.ts';
import { cancelAlarm, setAlarm } from './alarms.ts';
import { claimRecord, isClientId, renewNonce, stay } from './clients.ts';
import { answerPoll, markDirty, passOver, tell, tellGap } from './delivery.ts';
import { emptyRun } from './forms.ts';
import type { Grant } from './grant.ts';
import { startBeat } from './liveness.ts';
import { cursorAt, tailOf, tails } from './log.ts';
import { dismissPeer, endPeer, type Failure, follow, isOver, isPoll, write } from './peer.ts';
import { newest } from './read-log.ts';
import { type Decision, decideAll, type LastBudget, nameOf, type Placed, placeTopic } from './topics.ts';
import type { ClientRecord, Hub, Meta, Peer, Subscription } from './types.ts';

/** Bytes of a hello that are not retained messages. */
const helloReserve = 64 * 1024;
/** No client is heard of more often than this at its own wish. */
const heartbeatMinMs = 1_000;
/** Of a connection whose open was judged. */
const noMeta: Meta = { headers: {}, url: '', address: undefined, requestNumber: undefined };

export function draining(hub: Hub): string {
  const spreadMs = Math.max(hub.drain?.spreadMs ?? 0, 1_000);
  return JSON.stringify({ type: 'bye', reason: 'draining', afterMs: 0, spreadMs });
}

/** What is wrong with an open, judged by itself. */
function faultOf(hub: Hub, open: OpenFrame): Failure | undefined {
  const bad = (code: string, message: string, isSession = false): Failure => ({ code, message, isSession });
  if (open.protocol !== protocolName) {
    const asked = open.protocol.slice(0, 40);
    return bad('UNSUPPORTED_PROTOCOL', `This hub speaks ${protocolName}, not "${asked}".`, true);
  }
  if (!isClientId(open.client) || !isClientId(open.key)) {
    return bad('BAD_FRAME', 'client and key are 22 characters of base64url each.');
  }
  const { topics } = hub.config.limits;
  if (open.topics.length > topics) {
    return bad('TOO_MANY_TOPICS', `${open.topics.length} topics were asked for; the limit is ${topics}.`);
  }
  if (open.cursor !== undefined && !parseCursor(open.cursor)) return bad('BAD_FRAME', 'cursor is no cursor.');
  return undefined;
}

/** The newest request under an attempt's number replaces the former: a poll's answer may have been lost. */
function replaceAttempt(hub: Hub, record: ClientRecord, peer: Peer): void {
  for (const other of record.peers) {
    if (other !== peer && other.attempt === peer.attempt) dismissPeer(hub, other);
  }
}

function connectionsOf(record: ClientRecord): number {
  let count = 0;
  for (const peer of record.peers) if (peer.state !== 'lingering') count++;
  return count;
}

/**
 * The client has stood in another hub's memory of sends since, and has begun its numbers anew: under the nonce that it had
 * here before they would be taken for copies of other sends.
 */
function renewSends(hub: Hub, record: ClientRecord, open: OpenFrame, meta: Meta): void {
  const { nonce, renewed } = record;
  // A second candidate names the same one as the first: it is to find what was made for that.
  if (open.sends === undefined || open.sends === nonce || open.sends === renewed?.from) return;
  // A browser's repetition of a request has its number; every further poll has its own.
  const by = meta.requestNumber ?? open.attempt;
  if (by <= (renewed?.by ?? 0)) return;
  record.renewed = { by, from: open.sends };
  for (const peer of record.peers) dismissPeer(hub, peer);
  renewNonce(hub, record);
}

function enter(hub: Hub, peer: Peer, open: OpenFrame): Failure | 'released' | undefined {
  const record = claimRecord(hub, open.client, open.key);
  if (record === 'full') return { code: 'BUSY', message: 'This hub remembers as many clients as it may.' };
  if (record === 'mismatch') {
    const message = 'Another key is bound to this client id.';
    return { code: 'KEY_MISMATCH', message, isSession: true };
  }
  if (record.released.includes(open.attempt)) return 'released';
  renewSends(hub, record, open, peer.meta);
  stay(hub, record);
  peer.record = record;
  peer.attempt = open.attempt;
  // Something on its way may cut what is idle sooner than most.
  peer.heartbeatMs = Math.min(peer.heartbeatMs, Math.max(heartbeatMinMs, open.heartbeat ?? peer.heartbeatMs));
  record.peers = record.peers.concat(peer);
  replaceAttempt(hub, record, peer);
  const { connections } = hub.config.limits;
  if (connectionsOf(record) > connections) {
    return { code: 'TOO_MANY_CONNECTIONS', message: `A client may have ${connections}.` };
  }
  return undefined;
}

/** `then` runs once the hello has been given to the peer. */
export function openPeer(hub: Hub, peer: Peer, open: OpenFrame, then?: () => void): void {
  if (hub.drain) {
    tell(hub, peer, draining(hub));
    return endPeer(hub, peer, undefined, 1012);
  }
  cancelAlarm(hub.alarms, peer.alarm);
  peer.state = 'opening';
  const fault = faultOf(hub, open) ?? enter(hub, peer, open);
  if (fault) return endPeer(hub, peer, fault === 'released' ? undefined : fault);
  admit(hub, peer, open.token, () => placeAll(hub, peer, open, then));
}

/** Authenticates; a peer that has to wait for that is told so, for it would take silence for a dead transport. */
function admit(hub: Hub, peer: Peer, token: string | undefined, next: () => void): void {
  const { bodyMs } = hub.config.limits;
  authenticate(hub, peer.record, peer.meta, token, (admission) => {
    if (peer.state !== 'opening') return;
    // What is asked now has deadlines of its own.
    cancelAlarm(hub.alarms, peer.alarm);
    peer.alarm = undefined;
    const failure = failureOf(admission);
    if (failure) return endPeer(hub, peer, failure);
    peer.grant = admission as Grant;
    // A request's headers are more than all the rest that is kept of a connection.
    peer.meta = noMeta;
    next();
  });
  if (peer.state !== 'opening') return;
  if (!peer.grant) {
    peer.alarm = setAlarm(hub.alarms, hub.host.now() + bodyMs, () => {
      endPeer(hub, peer, { code: 'INTERNAL', message: `authenticate() took over ${bodyMs} ms.` });
    });
  }
  hub.host.defer(() => {
    if (peer.state === 'opening') tell(hub, peer, '{"type":"wait"}');
  });
}

export function failureOf(admission: Admission): Failure | undefined {
  if (!('type' in admission)) return undefined;
  if (admission.type === 'denied') {
    return { code: admission.code, message: admission.message, isSession: true };
  }
  return { code: 'INTERNAL', message: 'authenticate() failed; the hub was told why.' };
}

function placeAll(hub: Hub, peer: Peer, open: OpenFrame, then: (() => void) | undefined): void {
  const cursor = open.cursor === undefined ? [] : (parseCursor(open.cursor) ?? []);
  decideAll(hub, peer, open.topics.map(nameOf), (decisions) => {
    if (peer.state !== 'opening') return;
    const placed = place(hub, peer, open.topics, cursor, decisions);
    if (!placed) return endPeer(hub, peer, { code: 'BAD_FRAME', message: 'at is no cursor.' });
    begin(hub, peer, open, placed);
    then?.();
  });
}

function place(
  hub: Hub,
  peer: Peer,
  topics: readonly TopicRequest[],
  cursor: Cursor,
  decisions: ReadonlyMap<string, Decision>,
): Placed[] | undefined {
  const budget: LastBudget = { bytes: hub.config.limits.frameBytes - helloReserve };
  const all: Placed[] = [];
  const seen = new Set<string>();
  for (const request of topics) {
    const name = nameOf(request);
    if (seen.has(name)) continue;
    seen.add(name);
    const decision = decisions.get(name) ?? { type: 'failed' };
    const placed = placeTopic(hub, peer, request, cursor, decision, budget);
    if (!placed) return undefined;
    all.push(placed);
  }
  return all;
}

function subscriptionsOf(placed: readonly Placed[]): Subscription[] {
  return placed.flatMap(({ subscription }) => subscription ?? []);
}

/** The one read position of each partition: the least place at which one of its topics begins (rule D3). */
function startPositions(hub: Hub, peer: Peer): number[] {
  const positions = tails(hub.log).slice();
  for (const { partition, start } of peer.topics) {
    positions[partition] = Math.min(positions[partition] as number, start);
  }
  return positions;
}

export function answersOf(placed: readonly Placed[]): string {
  const answers: string[] = [];
  for (const { answer } of placed) if (answer !== undefined) answers.push(answer);
  return `[${answers.join(',')}]`;
}

function helloLine(hub: Hub, peer: Peer, topics: string): string {
  const { holdMs, keepMs, limits } = hub.config;
  const { grant, record, heartbeatMs } = peer;
  const expiresAt = grant?.expiresAt;
  const fields = {
    type: 'hello',
    attempt: peer.attempt,
    head: cursorAt(hub.log, tails(hub.log)),
    cursor: cursorAt(hub.log, peer.positions),
    heartbeatMs,
    holdMs,
    sends: record?.nonce ?? '',
    keepMs,
    limits: {
      frameBytes: limits.frameBytes,
      topics: limits.topics,
      window: limits.window,
      batchBytes: limits.batchBytes,
    },
    ...(expiresAt !== undefined && { expiresInMs: Math.max(0, Math.round(expiresAt - hub.host.now())) }),
    ...(grant?.identity !== undefined && { identity: grant.identity }),
    time: Math.round(hub.host.now()),
  };
  return `${JSON.stringify(fields).slice(0, -1)},"topics":${topics}}`;
}

/** After the hello, whose cursor lies before them: a position beyond a gap would hide it. */
function tellPlacedGaps(hub: Hub, peer: Peer, placed: readonly Placed[]): void {
  for (const { subscription, gap } of placed) {
    if (!subscription || !gap) continue;
    subscription.start = Math.max(subscription.start, gap.to);
    tellGap(hub, peer, subscription.topic, subscription.partition, gap.to, gap.reason);
  }
}

function begin(hub: Hub, peer: Peer, open: OpenFrame, placed: readonly Placed[]): void {
  cancelAlarm(hub.alarms, peer.alarm);
  peer.alarm = undefined;
  const isNews = placed.some(({ answer, gap }) => answer !== undefined || gap);
  follow(hub, peer, subscriptionsOf(placed));
  peer.positions = startPositions(hub, peer);
  becomePresent(hub, peer);
  if (isPoll(peer)) peer.state = 'held';
  tell(hub, peer, helloLine(hub, peer, answersOf(placed)), cursorAt(hub.log, peer.positions));
  tellPlacedGaps(hub, peer, placed);
  if (open.skip) passOver(hub, peer);
  peer.max = open.max ?? Number.POSITIVE_INFINITY;
  if (isPoll(peer)) hold(hub, peer, open, isNews || open.skip === true || peer.max === 0);
  else stream(hub, peer);
}

function hold(hub: Hub, peer: Peer, open: OpenFrame, isNews: boolean): void {
  const waitMs = Math.min(open.wait ?? 0, hub.config.holdMs);
  answerPoll(hub, peer, isNews || waitMs === 0);
  if (peer.state !== 'held') return;
  peer.alarm = setAlarm(hub.alarms, hub.host.now() + waitMs, () => answerPoll(hub, peer, true));
}

/** From here on it is told what is published, at once or when it has caught up. */
function stream(hub: Hub, peer: Peer): void {
  const isAtTail = peer.positions.every((position, i) => position === tailOf(hub.log, i));
  peer.state = isAtTail ? 'live' : 'catching';
  // What is due at once goes out at once: this turn may hold a long queue of others.
  if (isAtTail) write(hub, peer, emptyRun);
  markDirty(hub, peer);
  startBeat(hub, peer);
  const expiresAt = peer.grant?.expiresAt;
  if (expiresAt === undefined) return;
  peer.expiry = setAlarm(hub.alarms, expiresAt, () => {
    if (isOver(peer)) return;
    tell(hub, peer, '{"type":"bye","reason":"expired","afterMs":0}');
    endPeer(hub, peer);
  });
}

function becomePresent(hub: Hub, peer: Peer): void {
  const { record } = peer;
  if (!record) return;
  record.identity = peer.grant?.identity;
  if (record.isPresent) return;
  record.isPresent = true;
  hub.host.note({ type: 'connect', client: record.id, identity: record.identity });
}

/** A reader without a Holdfast client (`docs/PROTOCOL.md` 5.2). */
export interface PlainOpen {
  readonly topics: readonly string[];
  readonly cursor: string | undefined;
  readonly last: number;
}

/** Just before the n-th newest retained message beyond `after`, so that these come as ordinary messages. */
function startOfLast(hub: Hub, subscription: Subscription, count: number, after: number): number {
  const { last, frameBytes } = hub.config.limits;
  const budget = { count: Math.min(count, last), bytes: frameBytes, except: undefined };
  const [oldest] = newest(hub.log, { ...subscription, start: after }, budget);
  return oldest ? Math.max(oldest.prev, after) : subscription.start;
}

export function openPlain(hub: Hub, peer: Peer, open: PlainOpen): void {
  if (hub.drain) return endPeer(hub, peer, undefined, 1012);
  peer.state = 'opening';
  const { topics } = hub.config.limits;
  if (open.topics.length > topics) {
    return endPeer(hub, peer, { code: 'TOO_MANY_TOPICS', message: `The limit is ${topics}.` });
  }
  const cursor = open.cursor === undefined ? [] : parseCursor(open.cursor);
  if (!cursor) return endPeer(hub, peer, { code: 'BAD_FRAME', message: 'cursor is no cursor.' });
  admit(hub, peer, undefined, () => {
    decideAll(hub, peer, open.topics, (decisions) => {
      if (peer.state !== 'opening') return;
      const placed = place(hub, peer, open.topics, cursor, decisions) ?? [];
      beginPlain(hub, peer, placed, cursor.length === 0 ? open.last : 0);
    });
  });
}

function beginPlain(hub: Hub, peer: Peer, placed: readonly Placed[], last: number): void {
  cancelAlarm(hub.alarms, peer.alarm);
  peer.alarm = undefined;
  const subscriptions = subscriptionsOf(placed);
  follow(hub, peer, subscriptions);
  for (const { subscription, after } of placed) {
    if (last > 0 && subscription) subscription.start = startOfLast(hub, subscription, last, after ?? 0);
  }
  peer.positions = startPositions(hub, peer);
  tell(hub, peer, helloLine(hub, peer, answersOf(placed)), cursorAt(hub.log, peer.positions));
  tellPlacedGaps(hub, peer, placed);
  stream(hub, peer);
}
