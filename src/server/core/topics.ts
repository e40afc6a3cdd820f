/**
 * Where each topic of an open begins (`docs/PROTOCOL.md` 3.1), and how that is answered.
 * Rule D1: a topic has its own place. Rule D5: what cannot be replayed is a gap. Rule D9: so is another epoch.
 */
import type { Cursor } from '../../core/cursor.ts';
import { parseCursor } from '../../core/cursor.ts';
import { isTopic, type TopicRequest } from '../../core/frames.ts';
import { authorize } from './access.ts';
import { lineOf } from './forms.ts';
import type { AuthorizeAnswer } from './grant.ts';
import { directKey, directTopic, epochOf, idAt, lastOf, partitionOf, tailOf } from './log.ts';
import { newest } from './read-log.ts';
import type { Barrier, ClientRecord, Hub, Peer, Subscription } from './types.ts';

export function nameOf(request: TopicRequest): string {
  return typeof request === 'string' ? request : request.topic;
}

/** Where the log files a topic of this client. */
export function keyOf(topic: string, client: string | undefined): string {
  return topic === directTopic ? directKey(client ?? '') : topic;
}

/** A decision that was taken without asking the application. */
export type Decision = AuthorizeAnswer | { readonly type: 'bad'; readonly message: string };

function decide(hub: Hub, peer: Peer, topic: string, done: (decision: Decision) => void): void {
  const { record, grant } = peer;
  if (topic === directTopic && record) return done({ type: 'ok' });
  if (topic.charAt(0) === '$') return done({ type: 'bad', message: 'Names that begin with $ are reserved.' });
  if (!isTopic(topic) || topic.length > hub.config.limits.topicLength) {
    return done({ type: 'bad', message: 'This is not a name of a topic, or it is too long.' });
  }
  if (!grant) return done({ type: 'failed' });
  const { identity } = grant;
  authorize(hub, grant, { action: 'subscribe', topic, client: record?.id, identity }, done);
}

/** Asks about all of them at once, and goes on when the last answer is there. */
export function decideAll(
  hub: Hub,
  peer: Peer,
  topics: readonly string[],
  done: (decisions: ReadonlyMap<string, Decision>) => void,
): void {
  const names = new Set(topics);
  const decisions = new Map<string, Decision>();
  let open = names.size;
  if (open === 0) return done(decisions);
  for (const topic of names) {
    decide(hub, peer, topic, (decision) => {
      decisions.set(topic, decision);
      open--;
      if (open === 0) done(decisions);
    });
  }
}

/** Where a client asks to go on. */
type Asked = number | 'new' | 'epoch';

function askedAt(hub: Hub, partition: number, cursor: Cursor): Asked {
  // The number of partitions belongs to every epoch, so a cursor of another length is of another log.
  if (cursor.length !== hub.log.partitions.length) return cursor.some((place) => place) ? 'epoch' : 'new';
  const place = cursor[partition];
  if (!place) return 'new';
  const isHere = place.epoch === epochOf(hub.log, partition) && place.offset <= tailOf(hub.log, partition);
  return isHere ? place.offset : 'epoch';
}

function askedOf(hub: Hub, request: TopicRequest, partition: number, cursor: Cursor): Asked | undefined {
  if (typeof request === 'string') return askedAt(hub, partition, cursor);
  if ('new' in request) return 'new';
  const own = parseCursor(request.at);
  return own && askedAt(hub, partition, own);
}

/** The barrier of a topic for this client, set now if it was still to be set. */
function barrierOf(hub: Hub, peer: Peer, key: string, partition: number, from: 'now' | number | undefined) {
  const { record } = peer;
  let barrier: Barrier | undefined = record?.barriers?.get(key);
  if (!barrier && from === 'now') barrier = { offset: undefined, reason: 'trimmed' };
  if (!barrier) return undefined;
  const set = { offset: barrier.offset ?? lastOf(hub.log, key, partition), reason: barrier.reason };
  if (record) setBarrier(record, key, set);
  return set;
}

/** More than a connection has topics. Beyond it the first goes that no revocation has set: its view begins anew, with a gap. */
const barriersMax = 4_096;

function setBarrier(record: ClientRecord, key: string, barrier: Barrier): void {
  record.barriers ??= new Map();
  const { barriers } = record;
  barriers.set(key, barrier);
  if (barriers.size <= barriersMax) return;
  for (const [other, { reason }] of barriers) {
    if (reason === 'revoked') continue;
    barriers.delete(other);
    return;
  }
}

export interface Placed {
  readonly subscription?: Subscription;
  /** The entry in `hello` or `subscribed`; absent for "from where you asked". */
  readonly answer?: string;
  /** Of a new one: nothing at or before this place is for its client. */
  readonly after?: number;
  readonly gap?: { readonly to: number; readonly reason: string };
}

/** Bytes that the retained messages of one hello may still take. */
export interface LastBudget {
  bytes: number;
}

function lastAnswer(
  hub: Hub,
  peer: Peer,
  subscription: Subscription,
  count: number,
  after: number,
  budget: LastBudget,
) {
  const wanted = {
    count: Math.min(count, hub.config.limits.last),
    bytes: budget.bytes,
    except: peer.record?.id,
  };
  const entries = newest(hub.log, { ...subscription, start: after }, wanted);
  const lines = entries.map((entry) => lineOf(entry));
  for (const entry of entries) budget.bytes -= entry.bytes;
  return `,"last":[${lines.join(',')}]`;
}

function refusal(topic: string, decision: Decision, hub: Hub): Placed {
  const name = JSON.stringify(topic);
  if (decision.type === 'failed') return { answer: `{"topic":${name},"retryMs":${hub.config.retryMs}}` };
  const error =
    decision.type === 'bad'
      ? { code: 'BAD_TOPIC', message: decision.message }
      : { code: 'TOPIC_DENIED', message: 'authorize() does not allow this topic to this client.' };
  return { answer: `{"topic":${name},"error":${JSON.stringify(error)}}` };
}

/** `undefined`: the request names a position that is none. */
export function placeTopic(
  hub: Hub,
  peer: Peer,
  request: TopicRequest,
  cursor: Cursor,
  decision: Decision,
  budget: LastBudget,
): Placed | undefined {
  const topic = nameOf(request);
  if (decision.type !== 'ok') return refusal(topic, decision, hub);
  const key = keyOf(topic, peer.record?.id);
  const partition = partitionOf(hub.log, key);
  const asked = askedOf(hub, request, partition, cursor);
  if (asked === undefined) return undefined;
  const barrier = barrierOf(hub, peer, key, partition, decision.from);
  const from = typeof decision.from === 'number' ? decision.from : 0;
  const head = tailOf(hub.log, partition);
  const open = `{"topic":${JSON.stringify(topic)},"start":"${idAt(hub.log, partition, head)}"`;
  if (asked === 'epoch') {
    const subscription = { key, topic, partition, start: head };
    return { subscription, answer: `${open}}`, gap: { to: head, reason: 'epoch' } };
  }
  if (asked === 'new') {
    const subscription = { key, topic, partition, start: head };
    const count = typeof request === 'object' && 'new' in request ? (request.last ?? 0) : 0;
    const after = Math.max(from, barrier?.offset ?? 0);
    const last = count > 0 ? lastAnswer(hub, peer, subscription, count, after, budget) : '';
    return { subscription, answer: `${open}${last}}`, after };
  }
  // The application's own limit is no gap: an honest client never stood before it.
  const subscription = { key, topic, partition, start: Math.max(asked, Math.min(from, head)) };
  const listed = (): Placed => {
    // A bare name is answered by silence; who named a place of its own is told where it stands.
    if (typeof request === 'string') return { subscription };
    const start = idAt(hub.log, partition, subscription.start);
    return { subscription, answer: `{"topic":${JSON.stringify(topic)},"start":"${start}"}` };
  };
  if (!barrier || subscription.start >= barrier.offset) return listed();
  // It begins where it asked to go on, so that the gap that follows is one.
  return { ...listed(), gap: { to: barrier.offset, reason: barrier.reason } };
}
