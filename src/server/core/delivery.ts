/**
 * From the log to connections (rule D3): who is told what in which turn, who is put back to reading the log.
 * One write for each connection and turn. A peer that catches up is paced by its own socket.
 */
import { setAlarm } from './alarms.ts';
import { createRun, emptyRun, isRunOf, type Run } from './forms.ts';
import { idAt, tailOf, tails, trimmedTo } from './log.ts';
import { addControl, endPeer, isOver, mark, safely, write } from './peer.ts';
import { isFor, readLog } from './read-log.ts';
import type { Entry } from './topic-record.ts';
import type { Bucket, Hub, Peer, Subscription } from './types.ts';
import { runOf, type Waiting, waitingAfter } from './waiting.ts';

/** Takes `amount` from a bucket that fills by `perSecond`; below zero it says how long to wait, in milliseconds. */
export function drawFrom(bucket: Bucket, amount: number, perSecond: number, now: number): number {
  bucket.level = Math.min(perSecond, bucket.level + ((now - bucket.at) / 1000) * perSecond);
  bucket.at = now;
  bucket.level -= amount;
  return bucket.level >= 0 ? 0 : (-bucket.level / perSecond) * 1000;
}

/**
 * Who publishes in turn after turn gets one write for several of them. What is published within a millisecond of what was just
 * written waits for the next turn, and for one more as long as each brings something: at most for as many turns as there were
 * writes, for a turn costs less than a write, and never beyond the millisecond. Nobody else waits.
 */
function rest(hub: Hub, run: () => void): void {
  const { host } = hub;
  let turns = hub.writeCount;
  let seen = hub.publishCount;
  const look = (): void => {
    turns--;
    if (turns <= 0 || hub.publishCount === seen || host.now() !== hub.turnAt) return run();
    seen = hub.publishCount;
    host.defer(look);
  };
  // What the next turn brings may come after this.
  host.defer(() => host.defer(look));
}

function schedule(hub: Hub): void {
  if (hub.isFlushScheduled || hub.isClosed) return;
  hub.isFlushScheduled = true;
  const run = (): void => {
    hub.isFlushScheduled = false;
    flush(hub);
  };
  if (hub.turnAt !== undefined && hub.turnAt === hub.flushedAt) rest(hub, run);
  else hub.host.defer(run);
}

export function markDirty(hub: Hub, peer: Peer): void {
  if (peer.isDirty) return;
  peer.isDirty = true;
  hub.dirty.push(peer);
  schedule(hub);
}

function queueCatchUp(hub: Hub, peer: Peer): void {
  if (peer.isQueued || peer.isPaced) return;
  peer.isQueued = true;
  hub.catching.push(peer);
  schedule(hub);
}

/** A frame that is no message. It is never dropped; too many of them end the connection. */
export function tell(hub: Hub, peer: Peer, line: string, mark?: string): void {
  if (peer.state === 'ended' || peer.state === 'lingering') return;
  addControl(peer, { line, mark });
  if (peer.controlBytes > hub.config.limits.bufferBytes + hub.config.limits.frameBytes) {
    endPeer(hub, peer, { code: 'SLOW_CONSUMER', message: 'Too many answers wait for this connection.' });
  } else if (peer.state !== 'held') {
    markDirty(hub, peer);
  }
}

/** Gives an entry to everyone who follows its topic and is live. */
export function fanOut(hub: Hub, peers: ReadonlySet<Peer>, entry: Entry): void {
  const bytesMax = hub.config.limits.bufferBytes + entry.bytes;
  let last: Waiting | undefined;
  for (const peer of peers) {
    if (peer.state === 'live') {
      // Whoever is to be told the same as the one before shares its list.
      if (!last || last.before !== peer.pending) last = waitingAfter(peer.pending, entry);
      peer.pending = last;
      if (last.bytes > bytesMax) putBack(peer);
      markDirty(hub, peer);
    } else if (peer.state === 'held') {
      // Only what no log keeps has to wait here; the rest is read when the answer is written.
      if (entry.offset === 0) peer.pending = waitingAfter(peer.pending, entry);
      markDirty(hub, peer);
    }
  }
}

/** Back to reading from the last message that was handed over. Only messages are dropped. */
function putBack(peer: Peer): void {
  peer.state = 'catching';
  peer.pending = undefined;
}

/** Takes what waits for this peer, but for what its client is left out of. */
function takePending(peer: Peer): Run {
  const { pending } = peer;
  if (!pending) return emptyRun;
  peer.pending = undefined;
  const run = runOf(pending);
  const client = peer.record?.id;
  if (client === undefined || run.isForAll) return run;
  return createRun(run.entries.filter((entry) => isFor(entry, client)));
}

/** Rule D5: tells a gap for each topic of which something after its position was trimmed. */
function tellGaps(hub: Hub, peer: Peer): number {
  let count = 0;
  for (const subscription of peer.topics) {
    const { key, topic, partition } = subscription;
    const trimmed = trimmedTo(hub.log, key, partition);
    const position = peer.positions[partition] ?? 0;
    if (trimmed <= position || trimmed <= subscription.start) continue;
    subscription.start = trimmed;
    tellGap(hub, peer, topic, partition, trimmed, 'trimmed');
    count++;
  }
  return count;
}

export function tellGap(
  hub: Hub,
  peer: Peer,
  topic: string,
  partition: number,
  to: number,
  reason: string,
): void {
  tell(hub, peer, JSON.stringify({ type: 'gap', topic, to: idAt(hub.log, partition, to), reason }));
}

interface Chunk {
  readonly entries: Entry[];
  readonly positions: number[];
  readonly bytes: number;
}

/** What comes next from the log for this peer, within a budget over all partitions. */
function readFor(hub: Hub, peer: Peer, bytesMax: number, countMax: number): Chunk {
  const positions = peer.positions.slice();
  let entries: Entry[] = [];
  let bytes = 0;
  const except = peer.record?.id;
  for (let partition = 0; partition < positions.length; partition++) {
    const count = countMax - entries.length;
    if (count <= 0 || (entries.length > 0 && bytes >= bytesMax)) break;
    const budget = { bytes: bytesMax - bytes, count, except };
    const reading = readLog(hub.log, partition, peer.topics, positions[partition] ?? 0, budget);
    positions[partition] = reading.position;
    entries = entries.length === 0 ? reading.entries : entries.concat(reading.entries);
    bytes += reading.bytes;
  }
  return { entries, positions, bytes };
}

/**
 * On every way something kills the connection that carries the next message: its client goes on without it (rule D22). If
 * something was trimmed there, it may have been that.
 */
export function passOver(hub: Hub, peer: Peer): void {
  if (tellGaps(hub, peer) > 0) return;
  const [entry] = readFor(hub, peer, 1, 1).entries;
  if (!entry) return;
  const { offset } = entry;
  const { key, partition } = entry.record;
  const { topic } = peer.topics.find((one) => one.key === key) as Subscription;
  tellGap(hub, peer, topic, partition, offset, 'undeliverable');
  peer.positions = peer.positions.map((position, i) => (i === partition ? offset : position));
  addControl(peer, mark(hub, peer.positions));
}

function isAtTail(hub: Hub, positions: readonly number[]): boolean {
  for (let i = 0; i < positions.length; i++) if (positions[i] !== tailOf(hub.log, i)) return false;
  return true;
}

/** `true`: nothing can be written now, and `drained` will be called. */
function isFull(hub: Hub, peer: Peer): boolean {
  if (!peer.sink.blocked()) {
    peer.blockedAt = undefined;
    return false;
  }
  peer.blockedAt ??= hub.host.now();
  return peer.sink.bufferedBytes() >= hub.config.limits.bufferBytes;
}

function flushLive(hub: Hub, peer: Peer): void {
  if (isFull(hub, peer)) {
    if (peer.pending) putBack(peer);
    return;
  }
  write(hub, peer, takePending(peer));
  peer.positions = tails(hub.log);
}

/** As a run, which is the last one if that was of the same entries: a herd that comes back reads the same. */
function replayOf(hub: Hub, entries: readonly Entry[]): Run {
  if (entries.length === 0) return emptyRun;
  if (!isRunOf(hub.replay, entries)) hub.replay = createRun(entries);
  return hub.replay;
}

/** What is written so long before what kills the connection has got through. */
const apartMs = 100;

/** Writes one piece of the log. Returns how much that was. */
function catchUp(hub: Hub, peer: Peer): number {
  if (isFull(hub, peer)) return 0;
  if (peer.sink.blocked()) {
    write(hub, peer, emptyRun);
    return 0;
  }
  tellGaps(hub, peer);
  if (peer.state !== 'catching') return 0;
  const isCareful = peer.max < Number.POSITIVE_INFINITY;
  if (isCareful && peer.controls) {
    write(hub, peer, emptyRun);
    waitToCatchUp(hub, peer, apartMs);
    return 0;
  }
  const chunk = readFor(hub, peer, hub.config.limits.chunkBytes, peer.max);
  peer.max = Number.POSITIVE_INFINITY;
  const isDone = isAtTail(hub, chunk.positions);
  write(hub, peer, replayOf(hub, chunk.entries), isDone ? [mark(hub, chunk.positions)] : []);
  peer.positions = chunk.positions;
  if (isDone) peer.state = 'live';
  else if (isCareful) waitToCatchUp(hub, peer, apartMs);
  else if (!peer.sink.blocked()) delayCatchUp(hub, peer, chunk.bytes);
  return chunk.bytes;
}

/** Over its budget a client reads on later, without a gap (rule D19). */
function delayCatchUp(hub: Hub, peer: Peer, bytes: number): void {
  const { record } = peer;
  const perSecond = hub.config.limits.replayBytesPerSecond;
  const now = hub.host.now();
  if (record) record.replayBucket ??= { level: perSecond, at: now };
  const waitMs = record?.replayBucket ? drawFrom(record.replayBucket, bytes, perSecond, now) : 0;
  if (waitMs <= 0) queueCatchUp(hub, peer);
  else waitToCatchUp(hub, peer, waitMs);
}

function waitToCatchUp(hub: Hub, peer: Peer, waitMs: number): void {
  peer.isPaced = true;
  setAlarm(hub.alarms, hub.host.now() + waitMs, () => {
    peer.isPaced = false;
    if (peer.state === 'catching') queueCatchUp(hub, peer);
  });
}

/** The socket has taken what it had. */
export function drained(hub: Hub, peer: Peer): void {
  peer.blockedAt = undefined;
  // It took what it had: that is a sign of life too.
  peer.heardAt = hub.host.now();
  if (peer.state === 'catching') queueCatchUp(hub, peer);
  else if (peer.controls) markDirty(hub, peer);
}

/** Writes the whole answer of a held poll, in one go, if there is anything to tell or its time has come. */
export function answerPoll(hub: Hub, peer: Peer, isTime: boolean): void {
  if (peer.state !== 'held') return;
  const gaps = tellGaps(hub, peer);
  const chunk = readFor(hub, peer, hub.config.limits.pollBytes, peer.max);
  const entries = chunk.entries.concat(takePending(peer).entries);
  if (!isTime && gaps === 0 && entries.length === 0) return;
  write(hub, peer, replayOf(hub, entries), [mark(hub, chunk.positions)]);
  peer.positions = chunk.positions;
  endPeer(hub, peer);
}

function flushPeer(hub: Hub, peer: Peer): void {
  if (peer.state === 'live') flushLive(hub, peer);
  else if (peer.state === 'held') answerPoll(hub, peer, false);
  else if (peer.state === 'catching' && !peer.isPaced) queueCatchUp(hub, peer);
  else if (!isOver(peer)) write(hub, peer, emptyRun);
}

function flushDirty(hub: Hub): void {
  const { dirty } = hub;
  const isOfMessages = hub.turnAt !== undefined;
  hub.dirty = [];
  for (const peer of dirty) {
    peer.isDirty = false;
    safely(hub, peer, flushPeer);
  }
  hub.writeCount = dirty.length;
  hub.turnAt = undefined;
  hub.flushedAt = isOfMessages ? hub.host.now() : undefined;
}

/** Live peers first; then those that catch up, as far as this turn's budget goes. */
export function flush(hub: Hub): void {
  flushDirty(hub);
  const queue = hub.catching;
  hub.catching = [];
  let bytes = 0;
  let at = 0;
  for (; at < queue.length && bytes < hub.config.limits.replayTurnBytes; at++) {
    const peer = queue[at] as Peer;
    peer.isQueued = false;
    safely(hub, peer, () => {
      if (peer.state === 'catching') bytes += catchUp(hub, peer);
    });
  }
  if (at < queue.length) hub.catching = queue.slice(at).concat(hub.catching);
  if (hub.catching.length > 0) schedule(hub);
}
