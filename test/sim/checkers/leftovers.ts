/** What is left when everybody has closed: no timer and no connection at clients, and at hubs nothing of anybody in the end. */
import type { HubCore } from '../../../src/server/core/hub.ts';
import type { SimClient } from '../client.ts';
import type { Fail } from '../failure.ts';
import type { Net } from '../net.ts';

/** What a released connection may take to end by itself, and a little more. */
export const closingMs = 2_500;

/** So long after it was closed. */
export function checkClosing({ session, timerCount }: SimClient, fail: Fail): void {
  if (timerCount() > 0) return fail(`${timerCount()} timers after close`);
  if (session.connections.length > 0) return fail(`${session.connections.length} connections after close`);
}

/** When all its requests had time to end. */
export function checkClosedClient({ session, timerCount }: SimClient, net: Net, fail: Fail): void {
  if (timerCount() > 0) return fail(`${timerCount()} timers long after close`);
  if (net.channels.length > 0) return fail(`${net.channels.length} requests or sockets after close`);
  const { receptions } = session.inbox;
  if (receptions.length > 0) return fail('what a connection brought is kept after close');
}

/** After the hub's linger times. */
export function checkIdleHub(hub: HubCore, topics: Iterable<string>, fail: Fail): void {
  const stats = hub.stats();
  for (const name of ['connections', 'uplinks', 'clients', 'records', 'handlers', 'tickets'] as const) {
    if (stats[name] > 0) return fail(`${stats[name]} ${name} after all have left`);
  }
  for (const topic of topics) {
    const count = hub.count(topic);
    if (count > 0) return fail(`${count} subscribers of ${topic} after all have left`);
  }
}
