/**
 * Two requests that make one connection (`docs/PROTOCOL.md` 5.3, rule D18): a GET that can carry nothing but a ticket, and
 * the open that it stands for. Either half may come first; a ticket serves once.
 */
import type { OpenFrame } from '../../core/frames.ts';
import { setAlarm } from './alarms.ts';
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

function createTicket(hub: Hub, name: string, client: string, meta: Meta): Ticket | undefined {
  if (hub.tickets.size >= hub.config.limits.tickets) return undefined;
  const ticket: Ticket = {
    name,
    client,
    origin: originOf(meta),
    open: undefined,
    meta: undefined,
    peer: undefined,
    isServed: false,
  };
  hub.tickets.set(name, ticket);
  limitTicket(hub, ticket);
  return ticket;
}

/** Neither half waits longer for the other. */
export function limitTicket(hub: Hub, ticket: Ticket): void {
  hub.lapse ??= ({ name, peer }) => {
    hub.tickets.delete(name);
    if (peer?.state === 'waiting') endPeer(hub, peer, unknown);
  };
  setAlarm(hub.alarms, hub.host.now() + ticketMs, hub.lapse, ticket);
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
    ticket.isServed = true;
    ticket.open = undefined;
    ticket.meta = undefined;
    ticket.peer = undefined;
  });
}

/** The half that carries the open. `false`: there is no room, or the ticket is somebody else's. */
export function offerTicket(hub: Hub, open: OpenFrame, meta: Meta): boolean {
  const name = open.ticket ?? '';
  const ticket = hub.tickets.get(name) ?? createTicket(hub, name, open.client, meta);
  if (!ticket || isForeign(ticket, open.client, meta)) return false;
  if (ticket.open || ticket.isServed) return true;
  ticket.open = open;
  ticket.meta = meta;
  join(hub, ticket);
  return true;
}

/** The half that is answered. */
export function presentTicket(hub: Hub, peer: Peer, name: string, client: string): void {
  const ticket = hub.tickets.get(name) ?? createTicket(hub, name, client, peer.meta);
  if (!ticket || ticket.isServed || isForeign(ticket, client, peer.meta)) return endPeer(hub, peer, unknown);
  // A browser may repeat a GET by itself.
  if (ticket.peer) endPeer(hub, ticket.peer);
  ticket.peer = peer;
  if (ticket.open) join(hub, ticket);
  else tell(hub, peer, '{"type":"wait"}');
}
