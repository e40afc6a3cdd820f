/** The end of a hub: clients are told to move, running handlers finish and are acknowledged, then everything is ended. */
import { setAlarm } from './alarms.ts';
import { flush, tell } from './delivery.ts';
import { draining } from './open.ts';
import { endPeer, isPoll } from './peer.ts';
import type { Hub } from './types.ts';

function endAll(hub: Hub): void {
  hub.isClosed = true;
  for (const record of hub.records.values()) {
    for (const peer of record.peers) if (peer.state === 'lingering') endPeer(hub, peer);
  }
  for (const peer of [...hub.peers]) endPeer(hub, peer, undefined, 1012);
  hub.alarms.heap.length = 0;
  // What still reaches this hub finds nothing of what the next one has.
  hub.records = new Map();
  hub.tickets = new Map();
  hub.giveBack();
}

/** Tells everyone to move; `done` when nobody is left, or after `drainMs` (rule D24). */
export function closeHub(hub: Hub, drainMs: number, done: () => void): void {
  if (hub.isClosed || hub.drain) return done();
  hub.drain = { spreadMs: drainMs };
  const bye = draining(hub);
  for (const peer of [...hub.peers]) {
    tell(hub, peer, bye);
    if (isPoll(peer)) endPeer(hub, peer);
  }
  const finish = (): void => {
    if (hub.isClosed) return;
    hub.onIdle = undefined;
    // What was published in this very turn is still to be written.
    flush(hub);
    endAll(hub);
    done();
  };
  hub.onIdle = () => {
    if (hub.peers.size === 0 && hub.uplinks === 0 && hub.running === 0) finish();
  };
  if (drainMs <= 0) return finish();
  setAlarm(hub.alarms, hub.host.now() + drainMs, finish);
  hub.onIdle();
}
