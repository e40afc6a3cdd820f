/**
 * What a hub finds at its broker, left by the one before it: the log goes on; nobody is connected, nothing runs.
 * Records are made anew around what is remembered, so that whatever the former hub still does changes nothing here.
 */
import { none, rest } from './clients.ts';
import { ticketMs } from './config.ts';
import { expireEntries } from './log.ts';
import { armTrim } from './publish.ts';
import { armLapse } from './tickets.ts';
import type { ClientRecord, Hub } from './types.ts';
import { abandonAll } from './upstream.ts';

/** Nobody could be connected meanwhile, so it ages from now on. */
function inheritRecord(hub: Hub, former: ClientRecord): void {
  const record: ClientRecord = {
    ...former,
    peers: none,
    uplinks: 0,
    grants: none,
    asking: undefined,
    isPresent: false,
    identity: undefined,
  };
  if (record.sends) abandonAll(hub, record.sends);
  hub.records.set(record.id, record);
  rest(hub, record);
}

export function inherit(hub: Hub): void {
  hub.trimAlarm = armTrim(hub, expireEntries(hub.log, hub.host.now()));
  for (const former of hub.records.values()) inheritRecord(hub, former);
  for (const ticket of hub.tickets.values()) {
    ticket.peer = undefined;
    ticket.until = hub.host.now() + ticketMs;
  }
  armLapse(hub);
}
