/**
 * Adapters whose sockets are simulated. They obey the laws of `src/adapters/adapter.ts` like the real ones, take the real
 * protocol's requests and hand on real text, so that all above them is the product itself.
 */
import type {
  Adapter,
  AdapterFacts,
  AdapterRequest,
  AdapterSink,
  Closed,
  Outgoing,
  TransportName,
} from '../../src/adapters/adapter.ts';
import { fromBase64 } from '../../src/core/base64.ts';
import type { Channel, Net } from './net.ts';
import type { Down, SimServer, Up } from './server.ts';
import type { World } from './world.ts';

/** The client's side of the simulated network: who is reached is asked at each request, as a balancer does. */
export interface Site {
  readonly world: World;
  readonly net: Net;
  /** `undefined`: nobody listens there now. */
  readonly server: () => SimServer | undefined;
}

const facts: Record<TransportName, AdapterFacts> = {
  websocket: { roundTrips: 2, duplex: true, streaming: true, binary: true, fresh: true, held: false },
  'http-stream': { roundTrips: 2, duplex: false, streaming: true, binary: false, fresh: false, held: false },
  eventsource: { roundTrips: 2, duplex: false, streaming: true, binary: false, fresh: false, held: false },
  iframe: { roundTrips: 2, duplex: false, streaming: true, binary: false, fresh: false, held: false },
  'long-poll': { roundTrips: 2, duplex: false, streaming: false, binary: false, fresh: false, held: true },
  poll: { roundTrips: 2, duplex: false, streaming: false, binary: false, fresh: false, held: false },
};

/** Holds a sink to the laws: nothing after `closed`, `closed` once. */
function once(world: World, sink: AdapterSink): AdapterSink & { readonly isOver: () => boolean } {
  let isOver = false;
  let isOpened = false;
  return {
    isOver: () => isOver,
    opened() {
      if (isOver || isOpened) return;
      isOpened = true;
      sink.opened();
    },
    received: (unit) => {
      if (!isOver) sink.received(unit);
    },
    answered: () => {
      if (!isOver) sink.answered();
    },
    posted: (result) => {
      if (!isOver) sink.posted(result);
    },
    closed(reason) {
      if (isOver) return;
      isOver = true;
      world.soon(() => sink.closed(reason));
    },
  };
}

interface Answer {
  onText(text: string): void;
  onEnd(reason: Closed): void;
}

/** One HTTP request and its answer; returns what aborts it. `begin` is what the server does with it. */
function request(
  site: Site,
  transport: TransportName,
  begin: (server: SimServer, down: Down) => Up,
  answer: Answer,
  mayOutlive = false,
): () => void {
  const { world, net, server } = site;
  const { conditions } = net;
  let up: Up | undefined;
  let isDone = false;
  let held = '';
  const finish = (reason: Closed): void => {
    if (isDone) return;
    isDone = true;
    answer.onEnd(reason);
  };
  const failed = (detail: string): void => finish({ kind: 'failed', detail });
  const channel: Channel = net.channel(transport, {
    clientLost: () => failed('cut'),
    serverLost: () => up?.gone(),
  });
  const abort = (): void => {
    isDone = true;
    channel.abandon();
  };
  if (mayOutlive) net.detach(channel);
  const refusal = refusalOf(site, transport);
  if (refusal) {
    world.after(conditions.latencyMs * 2, () => {
      channel.abandon();
      finish(refusal);
    });
    return abort;
  }
  const isStream = facts[transport].streaming;
  const down: Down = {
    write(unit) {
      held += String(unit);
      if (conditions.buffered || !isStream) return;
      const text = held;
      held = '';
      channel.toClient(() => answer.onText(text));
    },
    end() {
      const rest = held;
      held = '';
      if (world.chance(conditions.loseAnswer)) return channel.cut();
      channel.toClient(() => {
        channel.abandon();
        if (rest !== '') answer.onText(rest);
        finish({ kind: 'closed' });
      });
    },
  };
  channel.toServer(() => {
    const one = server();
    if (!one) return channel.cut();
    up = begin(one, down);
    if (!world.chance(conditions.duplicatePost)) return;
    // The browser's own repetition: the same bytes once more, its answer seen by nobody.
    world.after(world.between(0, 2_000), () => {
      const again = server();
      if (again) begin(again, { write() {}, end() {} });
    });
  });
  return abort;
}

function refusalOf({ net }: Site, transport: TransportName): Closed | undefined {
  const { conditions } = net;
  if (conditions.down) return { kind: 'failed', detail: 'no route' };
  if (conditions.refused.includes(transport)) {
    return transport === 'websocket' ? { kind: 'failed' } : { kind: 'status', status: 403 };
  }
  if (conditions.portal && transport !== 'websocket') return { kind: 'type', detail: 'text/html' };
  return undefined;
}

/** The open in a request of any kind. */
function openOf(asked: AdapterRequest): string {
  if (asked.beside) return asked.beside.body ?? '';
  return asked.fields?.['open'] ?? asked.body ?? '';
}

function uplink(site: Site, transport: TransportName, link: ReturnType<typeof once>) {
  const aborts: (() => void)[] = [];
  return {
    stop: () => {
      for (const abort of aborts) abort();
    },
    send(outgoing: Outgoing): void {
      if (link.isOver() || !('request' in outgoing)) return;
      const { body = '', keepalive = false } = outgoing.request;
      // Uplinks share the fate of plain requests, not of the stream beside them.
      const way = facts[transport].streaming ? 'long-poll' : transport;
      const answer: Answer = {
        onText: (text) => link.received({ text }),
        onEnd: (reason) => link.posted({ ok: reason.kind === 'closed' }),
      };
      const undo = request(site, way, (server, down) => server.post(body, down), answer, keepalive);
      if (!keepalive) aborts.push(undo);
    },
  };
}

function streamAdapter(site: Site, transport: TransportName): Adapter {
  return {
    transport,
    facts: facts[transport],
    available: () => true,
    open(asked, sink) {
      const link = once(site.world, sink);
      const up = uplink(site, transport, link);
      const abort = request(site, transport, (server, down) => server.open(transport, openOf(asked), down), {
        onText(text) {
          link.opened();
          link.received({ text });
        },
        onEnd(reason) {
          up.stop();
          link.closed(reason);
        },
      });
      return {
        send: up.send,
        poll() {},
        close() {
          abort();
          up.stop();
          link.closed({ kind: 'aborted' });
        },
      };
    },
  };
}

function pollAdapter(site: Site, transport: TransportName): Adapter {
  return {
    transport,
    facts: facts[transport],
    available: () => true,
    open(first, sink) {
      const link = once(site.world, sink);
      const up = uplink(site, transport, link);
      let abort: (() => void) | undefined;
      function ask(asked: AdapterRequest): void {
        if (abort || link.isOver()) return;
        const begin = (server: SimServer, down: Down): Up => server.open(transport, openOf(asked), down);
        abort = request(site, transport, begin, {
          onText(text) {
            link.opened();
            link.received({ text });
          },
          onEnd(reason) {
            abort = undefined;
            if (reason.kind === 'closed') return link.answered();
            up.stop();
            link.closed(reason);
          },
        });
      }
      ask(first);
      return {
        send: up.send,
        poll: ask,
        close() {
          abort?.();
          up.stop();
          link.closed({ kind: 'aborted' });
        },
      };
    },
  };
}

function webSocketAdapter(site: Site): Adapter {
  const { world, net } = site;
  return {
    transport: 'websocket',
    facts: facts.websocket,
    available: () => true,
    open(asked, sink) {
      const link = once(world, sink);
      let up: Up | undefined;
      let waiting: (string | Uint8Array)[] = [];
      const channel = net.channel('websocket', {
        clientLost: () => link.closed({ kind: 'failed' }),
        serverLost: () => up?.gone(),
      });
      const refusal = refusalOf(site, 'websocket');
      if (refusal) {
        world.after(net.conditions.latencyMs * 2, () => {
          channel.abandon();
          link.closed(refusal);
        });
      } else {
        const encoded = asked.protocols?.[1]?.slice('open.'.length);
        const bytes = encoded === undefined ? undefined : fromBase64(encoded);
        const text = bytes ? new TextDecoder().decode(bytes) : String(asked.first?.[0]);
        channel.toServer(() => {
          const server = site.server();
          if (!server) return channel.cut();
          up = server.open('websocket', text, {
            write: (unit) =>
              channel.toClient(() => {
                link.opened();
                link.received(typeof unit === 'string' ? { text: unit } : { bytes: unit });
              }),
            end: (code = 1000) =>
              channel.toClient(() => {
                channel.abandon();
                link.closed({ kind: 'closed', code });
              }),
          });
          for (const message of waiting) up.receive(message);
          waiting = [];
        });
      }
      return {
        send(outgoing) {
          if (link.isOver() || !('messages' in outgoing)) return;
          for (const message of outgoing.messages) {
            channel.toServer(() => {
              if (up) up.receive(message);
              else waiting.push(message);
            });
          }
        },
        poll() {},
        close() {
          // What was sent before the close frame still arrives, unless the way is gone.
          channel.close();
          link.closed({ kind: 'aborted' });
        },
      };
    },
  };
}

export function simAdapters(site: Site, transports: readonly TransportName[]): Adapter[] {
  return transports.map((transport) => {
    if (transport === 'websocket') return webSocketAdapter(site);
    return facts[transport].streaming ? streamAdapter(site, transport) : pollAdapter(site, transport);
  });
}
