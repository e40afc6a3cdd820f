/**
 * The hub without its sockets: one record, changed by what arrives, by what is published, and by time.
 *
 * How to drive it. `createHubCore(options, host, broker)` acts only when called. Whoever drives it gives
 *  - `host.now()`, a time in milliseconds that never runs backwards, `host.random`, and `host.note` for what it tells;
 *  - `host.defer(run)`: `run` must be called after everything else of the present turn, before the next one; all writes
 *    of a turn happen there, one for each connection;
 *  - `host.wake(at)`: call `tick()` once `now()` has reached `at`; one timer that keeps the earliest wish is enough;
 *  - `host.authenticate`, `host.authorize`, `host.handle`, where the application has them: each calls `done` once, at once
 *    or later.
 *
 * A connection is a `Sink`. `connect` makes its peer; the driver then calls `open` (the open is known), `receive` (WebSocket
 * messages), `present` (a ticket's GET) or `read` (no Holdfast client), `drained` after `blocked()` was true and the
 * waiting bytes have gone, and `closed` once when the connection has gone without having been ended by the sink.
 * A POST is judged by `parse`; a batch is applied by `batch`.
 */
import { toBase64Url } from '../../core/base64.ts';
import type { BatchFrame, OpenFrame, Payload } from '../../core/frames.ts';
import { forgetDecision } from './access.ts';
import { createAlarms, fireAlarms, setAlarm } from './alarms.ts';
import { closeHub } from './close.ts';
import { type CoreOptions, completeConfig, type HubConfig } from './config.ts';
import { drained, tell } from './delivery.ts';
import { emptyRun } from './forms.ts';
import { inherit } from './inherit.ts';
import { cursorAt, logSize, tails } from './log.ts';
import { openPeer, openPlain, type PlainOpen } from './open.ts';
import { type Arrival, createPeer, dropPeer, endPeer, safely } from './peer.ts';
import { type PublishOptions, publish, tellClient } from './publish.ts';
import { receive } from './receive.ts';
import { offerTicket, presentTicket } from './tickets.ts';
import type { Broker, ClientRecord, Hub, HubHost, Meta, Peer, PeerTransport, Sink } from './types.ts';
import { applyBatch, type Line, type Post, parsePost, type Uplink, uplinkClosed } from './uplink.ts';

/** One client that is connected, or polls. */
export interface ClientInfo {
  readonly id: string;
  /** What `authenticate` said. */
  readonly identity: string | undefined;
  /** Open connections by which it receives. */
  readonly connections: number;
}

export interface HubStats {
  /** Connections that receive: sockets, streams, held polls. */
  readonly connections: number;
  readonly byTransport: Readonly<Record<PeerTransport, number>>;
  /** POSTs with sends that are being answered. */
  readonly uplinks: number;
  /** Clients that are connected, or polled a moment ago. */
  readonly clients: number;
  /** Clients remembered, connected or not. */
  readonly records: number;
  /** Sends whose handlers run, or wait for their turn. */
  readonly handlers: number;
  readonly tickets: number;
  /** Topics with a record in the log, and what is retained of them. */
  readonly topics: number;
  readonly messages: number;
  readonly bytes: number;
}

export interface HubCore {
  readonly config: HubConfig;
  connect(arrival: Arrival): Peer;
  open(peer: Peer, open: OpenFrame): void;
  /** For a WebSocket whose open is still to come. */
  awaitOpen(peer: Peer): void;
  present(peer: Peer, ticket: string, client: string): void;
  read(peer: Peer, open: PlainOpen): void;
  receive(peer: Peer, message: string | Uint8Array): void;
  drained(peer: Peer): void;
  closed(peer: Peer): void;
  parse(body: string): Post;
  batch(sink: Sink, meta: Meta, batch: BatchFrame, lines: readonly Line[]): Uplink;
  batchClosed(uplink: Uplink): void;
  /** The POST half of a ticket. */
  offer(open: OpenFrame, meta: Meta): boolean;
  tick(): void;
  publish(topic: string, data: Payload, options?: PublishOptions): string;
  direct(client: string, data: Payload): string;
  revoke(clientOrIdentity: string, topic: string): void;
  clients(): ClientInfo[];
  subscribers(topic: string): string[];
  count(topic?: string): number;
  cursor(): string;
  stats(): HubStats;
  /** Tells everyone to move; `done` when nobody is left, or after `drainMs`. */
  close(drainMs: number, done: () => void): void;
}

const noOptions: PublishOptions = {};

function createState(options: CoreOptions, host: HubHost, broker: Broker): Hub {
  const config = completeConfig(options);
  const kept = broker.lend(config.partitions, config.history, () => toBase64Url(host.random(12)));
  return {
    config,
    host,
    ...kept,
    alarms: createAlarms((at) => host.wake(at)),
    index: new Map(),
    peers: new Set(),
    resting: { sent: new Map(), idle: new Map() },
    cursorOf: (entry) => cursorAt(kept.log, [entry.offset]),
    replay: emptyRun,
    dirty: [],
    catching: [],
    isFlushScheduled: false,
    turnAt: undefined,
    flushedAt: undefined,
    writeCount: 0,
    publishCount: 0,
    checkedTopic: undefined,
    origin: toBase64Url(host.random(8)),
    ephemeralCount: 0,
    drain: undefined,
    isClosed: false,
    pending: new Set(),
    uplinks: 0,
    running: 0,
    onIdle: undefined,
    beat: undefined,
    lapseAlarm: undefined,
    trimAlarm: undefined,
    restAlarm: undefined,
  };
}

/** Detaches the topic (rule D17): whoever asks for it again is judged anew, and begins anew with a gap. */
function revoke(hub: Hub, who: string, topic: string): void {
  const isMeant = (id: string | undefined, identity: string | undefined) => id === who || identity === who;
  for (const record of hub.records.values()) {
    if (!isMeant(record.id, record.identity)) continue;
    forgetDecision(record, topic);
    record.barriers ??= new Map();
    record.barriers.set(topic, { offset: undefined, reason: 'revoked' });
  }
  for (const pending of hub.pending) {
    const { topic: asked, client, identity } = pending.request;
    if (asked === topic && isMeant(client, identity)) pending.isRevoked = true;
  }
  for (const peer of [...(hub.index.get(topic)?.peers ?? [])]) {
    // Readers without a Holdfast client have no record.
    if (!isMeant(peer.record?.id, peer.record ? peer.record.identity : peer.grant?.identity)) continue;
    tell(hub, peer, '{"type":"bye","reason":"revoked","afterMs":0}');
    endPeer(hub, peer);
  }
}

function present(hub: Hub): ClientRecord[] {
  const found: ClientRecord[] = [];
  for (const record of hub.records.values()) if (record.isPresent) found.push(record);
  return found;
}

function infoOf(record: ClientRecord): ClientInfo {
  let connections = 0;
  for (const peer of record.peers) if (peer.state !== 'lingering') connections++;
  return { id: record.id, identity: record.identity, connections };
}

function subscribersOf(hub: Hub, topic: string): { clients: Set<string>; others: number } {
  const clients = new Set<string>();
  let others = 0;
  for (const peer of hub.index.get(topic)?.peers ?? []) {
    if (peer.record) clients.add(peer.record.id);
    else others++;
  }
  return { clients, others };
}

function countOf(hub: Hub, topic: string | undefined): number {
  if (topic === undefined) return present(hub).length;
  const { clients, others } = subscribersOf(hub, topic);
  return clients.size + others;
}

function statsOf(hub: Hub): HubStats {
  const byTransport = { websocket: 0, 'http-stream': 0, eventsource: 0, iframe: 0, 'long-poll': 0, poll: 0 };
  for (const peer of hub.peers) byTransport[peer.transport]++;
  return {
    connections: hub.peers.size,
    byTransport,
    uplinks: hub.uplinks,
    clients: present(hub).length,
    records: hub.records.size,
    handlers: hub.running,
    tickets: hub.tickets.size,
    ...logSize(hub.log),
  };
}

export function createHubCore(options: CoreOptions, host: HubHost, broker: Broker): HubCore {
  const hub = createState(options, host, broker);
  inherit(hub);
  return {
    config: hub.config,
    connect: (arrival) => createPeer(hub, arrival),
    open: (peer, open) => safely(hub, peer, () => openPeer(hub, peer, open)),
    awaitOpen(peer) {
      if (hub.isClosed) return endPeer(hub, peer, undefined, 1012);
      const { bodyMs } = hub.config.limits;
      peer.alarm = setAlarm(hub.alarms, host.now() + bodyMs, () => {
        endPeer(hub, peer, { code: 'BODY_TIMEOUT', message: `No open came within ${bodyMs} ms.` });
      });
    },
    present: (peer, ticket, client) => safely(hub, peer, () => presentTicket(hub, peer, ticket, client)),
    read: (peer, open) => safely(hub, peer, () => openPlain(hub, peer, open)),
    receive: (peer, message) => safely(hub, peer, () => receive(hub, peer, message)),
    drained: (peer) => drained(hub, peer),
    closed: (peer) => dropPeer(hub, peer),
    parse: (body) => parsePost(body, hub.config.limits.frameBytes),
    batch: (sink, meta, batch, lines) => applyBatch(hub, sink, meta, batch, lines),
    batchClosed: (uplink) => uplinkClosed(hub, uplink),
    offer: (open, meta) => offerTicket(hub, open, meta),
    tick: () => fireAlarms(hub.alarms, host.now()),
    publish: (topic, data, options = noOptions) => publish(hub, topic, data, options),
    direct: (client, data) => tellClient(hub, client, data),
    revoke: (who, topic) => revoke(hub, who, topic),
    clients: () => present(hub).map(infoOf),
    subscribers: (topic) => [...subscribersOf(hub, topic).clients],
    count: (topic) => countOf(hub, topic),
    cursor: () => cursorAt(hub.log, tails(hub.log)),
    stats: () => statsOf(hub),
    close: (drainMs, done) => closeHub(hub, drainMs, done),
  };
}
