/** What is left when everybody has closed: no timer and no connection at clients, and at hubs nothing of anybody in the end. */
import type { HubStats } from '../../../src/server/core/hub.ts';
import type { SimClient } from '../client.ts';
import type { Fail } from '../failure.ts';
import type { Net } from '../net.ts';

export function checkClosedClient({ session, timerCount }: SimClient, net: Net, fail: Fail): void {
  if (timerCount() > 0) return fail(`${timerCount()} timers after close`);
  if (net.channels.length > 0) return fail(`${net.channels.length} requests or sockets after close`);
  if (session.connections.length > 0) return fail(`${session.connections.length} connections after close`);
  const { receptions } = session.inbox;
  if (Object.keys(receptions).length > 0) return fail('what a connection brought is kept after close');
}

/** After the hub's linger times. */
export function checkIdleHub(stats: HubStats, fail: Fail): void {
  for (const name of ['connections', 'uplinks', 'clients', 'records', 'handlers', 'tickets'] as const) {
    if (stats[name] > 0) return fail(`${stats[name]} ${name} after all have left`);
  }
}
