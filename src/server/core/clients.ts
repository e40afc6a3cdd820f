/**
 * What the hub remembers of clients: the key bound to an id (rule D14), and how long it is kept (rules D6 and D19).
 * A record is never given up early to make room; at the cap new clients are refused instead.
 */
import { toBase64Url } from '../../core/base64.ts';
import { setAlarm } from './alarms.ts';
import { directKey, lastOf, partitionAt, partitionOf } from './log.ts';
import { createSendMemory, everSent, isIdle, type SendMemory } from './sends.ts';
import type { ClientRecord, Hub, Peer } from './types.ts';

const idForm = /^[A-Za-z0-9_-]{22}$/;
/** Attempts remembered as released. More than a client can have on their way at a time. */
const releasedMax = 64;
/** Tickets remembered as served. A copy of a request comes while a few more connections are opened at the most. */
const servedMax = 16;

export function isClientId(text: string): boolean {
  return idForm.test(text);
}

/** Of what a record has none: one list for all of them. */
export const none: readonly never[] = [];

function createRecord(hub: Hub, id: string, key: string): ClientRecord {
  return {
    id,
    key,
    nonce: toBase64Url(hub.host.random(16)),
    sends: undefined,
    renewed: undefined,
    peers: none,
    uplinks: 0,
    lastConnectedAt: hub.host.now(),
    released: none,
    served: undefined,
    grants: none,
    asking: undefined,
    barriers: undefined,
    sendBucket: undefined,
    replayBucket: undefined,
    isPresent: false,
    identity: undefined,
  };
}

/** The record of a client that opens, made at first sight. */
export function claimRecord(hub: Hub, id: string, key: string): ClientRecord | 'mismatch' | 'full' {
  const found = hub.records.get(id);
  if (found) return found.key === key ? found : 'mismatch';
  if (hub.records.size >= hub.config.limits.records) return 'full';
  const record = createRecord(hub, id, key);
  hub.records.set(id, record);
  hideDirect(hub, record);
  return record;
}

/**
 * Ids are public, and the key went with the record: what was told to a client that is forgotten is for nobody, for whoever
 * comes by its name cannot be known to be the same.
 */
function hideDirect(hub: Hub, record: ClientRecord): void {
  const key = directKey(record.id);
  const partition = partitionOf(hub.log, key);
  if (!partitionAt(hub.log, partition).topics.has(key)) return;
  const offset = lastOf(hub.log, key, partition);
  record.barriers = new Map([[key, { offset, reason: 'trimmed' }]]);
}

export function sendsOf(record: ClientRecord): SendMemory {
  record.sends ??= createSendMemory(record.nonce);
  return record.sends;
}

/** The memory of another name, in which nothing was sent yet. */
export function renewNonce(hub: Hub, record: ClientRecord): void {
  record.nonce = toBase64Url(hub.host.random(16));
  record.sends = undefined;
}

/** The client is connected: its record does not age. */
export function stay(hub: Hub, record: ClientRecord): void {
  hub.resting.sent.delete(record.id);
  hub.resting.idle.delete(record.id);
}

/** The connection is no longer one of this client's. */
export function part(hub: Hub, record: ClientRecord, peer: Peer): void {
  if (!record.peers.includes(peer)) return;
  record.peers = record.peers.length === 1 ? none : record.peers.filter((other) => other !== peer);
  left(hub, record);
}

/** A connection or a request of this client has ended. */
export function left(hub: Hub, record: ClientRecord): void {
  if (record.isPresent && record.peers.length === 0) {
    record.isPresent = false;
    hub.host.note({ type: 'disconnect', client: record.id, identity: record.identity });
  }
  if (record.peers.length > 0 || record.uplinks > 0) return;
  if (record.sends && !isIdle(record.sends)) return;
  if (hub.records.get(record.id) === record) rest(hub, record);
}

/** From now on its record ages. */
export function rest(hub: Hub, record: ClientRecord): void {
  stay(hub, record);
  record.lastConnectedAt = hub.host.now();
  (record.sends && everSent(record.sends) ? hub.resting.sent : hub.resting.idle).set(record.id, record);
  armExpiry(hub);
}

function firstOf(records: Map<string, ClientRecord>): ClientRecord | undefined {
  const first = records.values().next();
  return first.done ? undefined : first.value;
}

function armExpiry(hub: Hub): void {
  if (hub.restAlarm?.run) return;
  const { sent, idle } = hub.resting;
  const sentAt = firstOf(sent)?.lastConnectedAt ?? Number.POSITIVE_INFINITY;
  const idleAt = firstOf(idle)?.lastConnectedAt ?? Number.POSITIVE_INFINITY;
  const at = Math.min(sentAt + hub.config.keepMs, idleAt + hub.config.idleKeepMs);
  if (at === Number.POSITIVE_INFINITY) return;
  hub.restAlarm = setAlarm(hub.alarms, at, () => {
    expire(hub, sent, hub.config.keepMs);
    expire(hub, idle, hub.config.idleKeepMs);
    armExpiry(hub);
  });
}

function expire(hub: Hub, resting: Map<string, ClientRecord>, keepMs: number): void {
  const now = hub.host.now();
  for (let record = firstOf(resting); record; record = firstOf(resting)) {
    if (record.lastConnectedAt + keepMs > now) return;
    resting.delete(record.id);
    hub.records.delete(record.id);
  }
}

/**
 * 32 bits are enough to tell a client's tickets apart, and need no room of their own. Were two ever taken for one, the client
 * would come again with a third.
 */
function shortOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash | 0;
}

export function hasServed({ served }: ClientRecord, ticket: string): boolean {
  if (served === undefined) return false;
  return typeof served === 'number' ? served === shortOf(ticket) : served.includes(shortOf(ticket));
}

export function rememberServed(record: ClientRecord, ticket: string): void {
  const { served } = record;
  const short = shortOf(ticket);
  if (served === undefined) record.served = short;
  else record.served = (typeof served === 'number' ? [served] : served.slice(1 - servedMax)).concat(short);
}

/** Remembers that the answer of this attempt is not wanted, also if its request is still on its way. */
export function rememberReleased(record: ClientRecord, attempt: number): void {
  if (record.released.includes(attempt)) return;
  record.released = record.released.slice(1 - releasedMax).concat(attempt);
}
