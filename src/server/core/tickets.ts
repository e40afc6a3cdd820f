/**
 * Two requests that make one connection (`docs/PROTOCOL.md` 5.3, rule D18): a GET that can carry nothing but a ticket, and
 * the open that it stands for. Either half may come first; a ticket serves once.
 */
import type { OpenFrame } from '../../core/frames.ts';
import { setAlarm } from './alarms.ts';
import { hasServed, rememberServed } from './clients.ts';
import { ticketMs } from './config.ts';
import { tell } from './delivery.ts';
import { openPeer } from './open.ts';
import { endPeer, isOver } from './peer.ts';
import type { Hub, Meta, Peer, Ticket } from './types.ts';

const unknown = {
  code: 'TICKET_UNKNOWN',
  message: 'No open came for this ticket, or it has served already.',
};

function originOf(meta: Meta): string | undefined {
  const { origin } = meta.headers;
  return typeof origin === 'string' ? origin : undefined;
}

/** Characters; ours are 22. */
const nameMax = 128;

function createTicket(hub: Hub, name: string, client: string, meta: Meta): Ticket | undefined {
  if (hub.tickets.size >= hub.config.limits.tickets) return undefined;
  if (name.length > nameMax || client.length > nameMax) return undefined;
  const ticket: Ticket = {
    name,
    client,
    origin: originOf(meta),
    until: hub.host.now() + ticketMs,
    open: undefined,
    meta: undefined,
    peer: undefined,
  };
  hub.tickets.set(name, ticket);
  armLapse(hub);
  return ticket;
}

/** Neither half waits longer for the other. All wait equally long, so the first of them is the next whose time is up. */
export function armLapse(hub: Hub): void {
  if (hub.lapseAlarm?.run) return;
  const first = hub.tickets.values().next();
  if (first.done) return;
  hub.lapseAlarm = setAlarm(hub.alarms, first.value.until, () => {
    const now = hub.host.now();
    for (const ticket of hub.tickets.values()) {
      if (ticket.until > now) break;
      hub.tickets.delete(ticket.name);
      if (ticket.peer?.state === 'waiting') endPeer(hub, ticket.peer, unknown);
    }
    armLapse(hub);
  });
}

/** Same-origin GETs carry no origin, so only two that are there can differ. */
function isForeign(ticket: Ticket, client: string, meta: Meta): boolean {
  const origin = originOf(meta);
  if (ticket.client !== client) return true;
  return origin !== undefined && ticket.origin !== undefined && origin !== ticket.origin;
}

function join(hub: Hub, ticket: Ticket): void {
  const { peer, open, meta } = ticket;
  if (!peer || !open || !meta || isOver(peer)) return;
  // What the application judges by came with the open.
  peer.meta = meta;
  openPeer(hub, peer, open, () => {
    // It is remembered that it has served, and nothing else.
    if (hub.tickets.get(ticket.name) === ticket) hub.tickets.delete(ticket.name);
    if (peer.record) rememberServed(peer.record, ticket.name);
  });
}

/** What still comes of it is a copy: browsers repeat requests by themselves. */
function isServed(hub: Hub, name: string, client: string): boolean {
  const record = hub.records.get(client);
  return record !== undefined && hasServed(record, name);
}

/** The half that carries the open. `false`: there is no room, or the ticket is somebody else's. */
export function offerTicket(hub: Hub, open: OpenFrame, meta: Meta): boolean {
  const name = open.ticket ?? '';
  if (isServed(hub, name, open.client)) return true;
  const ticket = hub.tickets.get(name) ?? createTicket(hub, name, open.client, meta);
  if (!ticket || isForeign(ticket, open.client, meta)) return false;
  if (ticket.open) return true;
  ticket.open = open;
  ticket.meta = meta;
  join(hub, ticket);
  return true;
}

/** The half that is answered. */
export function presentTicket(hub: Hub, peer: Peer, name: string, client: string): void {
  if (isServed(hub, name, client)) return endPeer(hub, peer, unknown);
  const ticket = hub.tickets.get(name) ?? createTicket(hub, name, client, peer.meta);
  if (!ticket || isForeign(ticket, client, peer.meta)) return endPeer(hub, peer, unknown);
  // A browser may repeat a GET by itself.
  if (ticket.peer) endPeer(hub, ticket.peer);
  ticket.peer = peer;
  if (ticket.open) join(hub, ticket);
  else tell(hub, peer, '{"type":"wait"}');
}
