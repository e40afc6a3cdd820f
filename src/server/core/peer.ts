/**
 * One connection's record: how it begins, writes and ends. What it is to write, and when, is decided in `delivery.ts`.
 */
import { cancelAlarm, setAlarm } from './alarms.ts';
import { none, part } from './clients.ts';
import {
  type Control,
  type CursorOf,
  createRun,
  emptyRun,
  type Form,
  type FrameTokens,
  type Run,
  writeUnit,
} from './forms.ts';
import { cursorAt, tails } from './log.ts';
import type { Hub, Meta, Peer, PeerTransport, Sink, Subscription } from './types.ts';

/** What a binding says of a connection that has come. */
export interface Arrival {
  readonly transport: PeerTransport;
  readonly sink: Sink;
  readonly meta: Meta;
  /** Of an iframe's document. */
  readonly frame?: FrameTokens | undefined;
}

const forms: Readonly<Record<PeerTransport, Form>> = {
  websocket: 'websocket',
  'http-stream': 'lines',
  eventsource: 'sse',
  iframe: 'iframe',
  'long-poll': 'lines',
  poll: 'lines',
};

export function createPeer(hub: Hub, arrival: Arrival): Peer {
  const now = hub.host.now();
  const peer: Peer = {
    transport: arrival.transport,
    form: forms[arrival.transport],
    frame: arrival.frame,
    sink: arrival.sink,
    meta: arrival.meta,
    state: 'waiting',
    record: undefined,
    attempt: 0,
    grant: undefined,
    topics: none,
    early: undefined,
    asked: undefined,
    positions: tails(hub.log),
    pending: undefined,
    controls: undefined,
    controlBytes: 0,
    isDirty: false,
    isQueued: false,
    isPaced: false,
    heartbeatMs: hub.config.heartbeatMs,
    heardAt: now,
    readBytes: 0,
    blockedAt: undefined,
    max: Number.POSITIVE_INFINITY,
    alarm: undefined,
    expiry: undefined,
  };
  hub.peers.add(peer);
  return peer;
}

export function isPoll(peer: Peer): boolean {
  return peer.transport === 'long-poll' || peer.transport === 'poll';
}

export function isOver(peer: Peer): boolean {
  return peer.state === 'ended' || peer.state === 'lingering';
}

/** With several partitions the position after an entry depends on where the connection stands in the others. */
function cursorsFrom(hub: Hub, peer: Peer): CursorOf {
  const positions = peer.positions.slice();
  return (entry) => {
    positions[entry.record.partition] = entry.offset;
    return cursorAt(hub.log, positions);
  };
}

/** Hands over the waiting control frames, a run of entries and a last frame. `positions` has not moved yet. */
export function write(hub: Hub, peer: Peer, run: Run, after: readonly Control[] = none): void {
  const before = peer.controls ?? none;
  if (before.length === 0 && run.entries.length === 0 && after.length === 0) return;
  peer.controls = undefined;
  peer.controlBytes = 0;
  if (peer.form !== 'sse' || hub.log.partitions.length === 1) {
    return writeUnit(peer, before, run, after, hub.cursorOf);
  }
  // Its `id:` lines are not those of other connections.
  writeUnit(peer, before, createRun(run.entries), after, cursorsFrom(hub, peer));
}

export function addControl(peer: Peer, control: Control): void {
  if (peer.controls) peer.controls.push(control);
  else peer.controls = [control];
  peer.controlBytes += control.line.length;
}

export function mark(hub: Hub, positions: readonly number[]): Control {
  const cursor = cursorAt(hub.log, positions);
  return { line: `{"type":"ping","cursor":"${cursor}"}`, mark: cursor };
}

/** What is published under these keys is for this peer from now on. */
export function follow(hub: Hub, peer: Peer, subscriptions: readonly Subscription[]): void {
  const again = subscriptions.filter(({ key }) => hub.index.get(key)?.peers.has(peer));
  const kept =
    again.length === 0
      ? peer.topics
      : peer.topics.filter(({ key }) => !again.some((other) => other.key === key));
  // A list of just this length, which is mostly one.
  peer.topics = kept.concat(subscriptions);
  for (const { key } of subscriptions) {
    const audience = hub.index.get(key);
    if (audience) audience.peers.add(peer);
    else hub.index.set(key, { peers: new Set([peer]), record: undefined });
  }
}

function leave(hub: Hub, peer: Peer, key: string): boolean {
  const peers = hub.index.get(key)?.peers;
  if (!peers?.delete(peer)) return false;
  if (peers.size === 0) hub.index.delete(key);
  return true;
}

export function unfollow(hub: Hub, peer: Peer, key: string): void {
  if (leave(hub, peer, key)) peer.topics = peer.topics.filter((one) => one.key !== key);
}

function forget(hub: Hub, peer: Peer): void {
  peer.state = 'ended';
  for (const { key } of peer.topics) leave(hub, peer, key);
  peer.topics = none;
  peer.asked = undefined;
  peer.early = undefined;
  peer.pending = undefined;
  peer.controls = undefined;
  cancelAlarm(hub.alarms, peer.alarm);
  cancelAlarm(hub.alarms, peer.expiry);
  hub.peers.delete(peer);
  if (peer.record) part(hub, peer.record, peer);
  hub.onIdle?.();
}

/** A client that polls counts as present between its polls (rule D24). */
function linger(hub: Hub, peer: Peer): void {
  peer.state = 'lingering';
  hub.peers.delete(peer);
  cancelAlarm(hub.alarms, peer.alarm);
  peer.alarm = setAlarm(hub.alarms, hub.host.now() + hub.config.lingerMs, () => forget(hub, peer));
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  /** It concerns more than this connection. */
  readonly isSession?: boolean;
}

export function errorLine(failure: Failure): string {
  const { code, message, isSession } = failure;
  return JSON.stringify({ type: 'error', code, message, ...(isSession && { scope: 'session' }) });
}

/** Ends a connection in good order: what waits is written, then the reason if there is one. */
export function endPeer(hub: Hub, peer: Peer, failure?: Failure, code = 1000): void {
  if (isOver(peer)) {
    if (peer.state === 'lingering') forget(hub, peer);
    return;
  }
  write(hub, peer, emptyRun, failure ? [{ line: errorLine(failure) }] : []);
  const isAnswered = peer.state === 'held' && !failure && !hub.isClosed && !hub.drain;
  if (isAnswered) linger(hub, peer);
  else forget(hub, peer);
  peer.sink.end(failure ? 4000 : code, failure?.code ?? '');
}

/** Ends a connection that its client no longer wants: a poll does not linger then. */
export function dismissPeer(hub: Hub, peer: Peer): void {
  endPeer(hub, peer);
  if (peer.state === 'lingering') forget(hub, peer);
}

/** The connection has gone by itself, or is cut. */
export function dropPeer(hub: Hub, peer: Peer): void {
  if (!isOver(peer)) forget(hub, peer);
}

export function abortPeer(hub: Hub, peer: Peer): void {
  if (isOver(peer)) return;
  forget(hub, peer);
  peer.sink.abort();
}

/** One connection's fault ends that connection, not the hub. */
export function safely(hub: Hub, peer: Peer, run: (hub: Hub, peer: Peer) => void): void {
  try {
    run(hub, peer);
  } catch (error) {
    hub.host.note({ type: 'error', error });
    abortPeer(hub, peer);
  }
}
