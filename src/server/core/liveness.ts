/**
 * Heartbeats, and the end of connections that are dead without saying so. One alarm for each stream, in the hub's one
 * heap; it is moved when it rings, not at each write.
 */
import { setAlarm } from './alarms.ts';
import { tell } from './delivery.ts';
import { tails } from './log.ts';
import { abortPeer, isOver, mark } from './peer.ts';
import type { Hub, Peer } from './types.ts';

export function startBeat(hub: Hub, peer: Peer): void {
  setBeat(hub, peer, hub.host.now() + hub.config.heartbeatMs);
}

function setBeat(hub: Hub, peer: Peer, at: number): void {
  peer.beat = setAlarm(hub.alarms, at, () => beat(hub, peer));
}

function isDead(hub: Hub, peer: Peer): boolean {
  const now = hub.host.now();
  const { heartbeatMs, limits } = hub.config;
  if (peer.sink.blocked()) {
    // A ping would wait behind all else, so such a one is judged by whether it takes anything.
    peer.blockedAt ??= now;
    return now - peer.blockedAt >= limits.stallMs;
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
  if (!peer.sink.blocked() && (isQuiet || isUnheard)) {
    // Whoever is live and has nothing waiting stands at the end of the log; what waits comes after the mark.
    if (peer.state === 'live' && peer.pending.length === 0) peer.positions = tails(hub.log);
    const { line, mark: cursor } = mark(hub, peer.positions);
    tell(hub, peer, line, cursor);
  }
  const isAsking = isQuiet || isUnheard;
  setBeat(hub, peer, isAsking ? now + heartbeatMs : Math.max(peer.lastWriteAt + heartbeatMs, now + 1));
}
