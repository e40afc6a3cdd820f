/**
 * Heartbeats, and the end of connections that are dead without saying so. One alarm for each stream, in the hub's one
 * heap; it is moved when it rings, not at each write.
 */
import { setAlarm } from './alarms.ts';
import { tails } from './log.ts';
import { abortPeer, isOver, mark, write } from './peer.ts';
import type { Hub, Peer } from './types.ts';

export function startBeat(hub: Hub, peer: Peer): void {
  const { heartbeatMs } = hub.config;
  peer.beat = setAlarm(hub.alarms, Math.max(peer.lastWriteAt, hub.host.now()) + heartbeatMs, () =>
    beat(hub, peer),
  );
}

function isDead(hub: Hub, peer: Peer): boolean {
  const now = hub.host.now();
  const { heartbeatMs, limits } = hub.config;
  if (peer.sink.blocked()) {
    peer.blockedAt ??= now;
    if (now - peer.blockedAt >= limits.stallMs) return true;
  }
  // Two intervals and half of one: a WebSocket client has answered one ping by then.
  return peer.transport === 'websocket' && now - peer.heardAt > 2.5 * heartbeatMs;
}

function beat(hub: Hub, peer: Peer): void {
  if (isOver(peer)) return;
  if (isDead(hub, peer)) return abortPeer(hub, peer);
  const now = hub.host.now();
  const { heartbeatMs } = hub.config;
  const isQuiet = now - peer.lastWriteAt >= heartbeatMs;
  // A WebSocket client that only listens is asked too, for it would never be heard of.
  const isUnheard = peer.transport === 'websocket' && now - peer.heardAt >= heartbeatMs;
  const mayWrite = !peer.sink.blocked() && peer.pending.length === 0;
  // Whoever is live and has nothing waiting stands at the end of the log.
  if (peer.state === 'live' && peer.pending.length === 0) peer.positions = tails(hub.log);
  if (mayWrite && (isQuiet || isUnheard)) write(hub, peer, [], [mark(hub, peer.positions)]);
  const at = isUnheard ? now + heartbeatMs : peer.lastWriteAt + heartbeatMs;
  peer.beat = setAlarm(hub.alarms, Math.max(at, now + heartbeatMs / 4), () => beat(hub, peer));
}
