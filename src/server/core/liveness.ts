/**
 * Heartbeats, and the end of connections that are dead without saying so. One alarm for each stream, in the hub's one
 * heap, whatever else is written meanwhile.
 */
import { setAlarm } from './alarms.ts';
import { tell } from './delivery.ts';
import { cursorAt, tails } from './log.ts';
import { abortPeer, isOver } from './peer.ts';
import type { Hub, Peer } from './types.ts';

export function startBeat(hub: Hub, peer: Peer): void {
  hub.beat ??= (one) => beat(hub, one);
  peer.alarm = setAlarm(hub.alarms, hub.host.now() + peer.heartbeatMs, hub.beat, peer);
}

function isDead(hub: Hub, peer: Peer): boolean {
  const now = hub.host.now();
  if (peer.sink.blocked()) {
    // A ping would wait behind all else, so such a one is judged by whether it takes anything.
    peer.blockedAt ??= now;
    return now - peer.blockedAt >= hub.config.limits.stallMs;
  }
  // A message that is long on its way holds back the answer to a ping, and shows as much.
  const bytes = peer.sink.readBytes?.() ?? 0;
  if (bytes !== peer.readBytes) peer.heardAt = now;
  peer.readBytes = bytes;
  // Two intervals and half of one: a WebSocket client has answered one ping by then.
  return peer.transport === 'websocket' && now - peer.heardAt > 2.5 * peer.heartbeatMs;
}

/** A sign of life and a position mark, with the hub's clock, so that the client can tell a late stream from one on time. */
export function ping(hub: Hub, peer: Peer): void {
  // Whoever is live and has nothing waiting stands at the end of the log; what waits comes after the mark.
  if (peer.state === 'live' && !peer.pending) peer.positions = tails(hub.log);
  const cursor = cursorAt(hub.log, peer.positions);
  tell(hub, peer, `{"type":"ping","cursor":"${cursor}","time":${Math.round(hub.host.now())}}`, cursor);
}

function beat(hub: Hub, peer: Peer): void {
  if (isOver(peer)) return;
  if (isDead(hub, peer)) return abortPeer(hub, peer);
  if (!peer.sink.blocked()) ping(hub, peer);
  startBeat(hub, peer);
}
