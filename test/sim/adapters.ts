/**
 * Adapters whose sockets are simulated. They obey the laws of `src/adapters/adapter.ts` like the real ones, take the real
 * protocol's requests and hand on real text, so that all above them is the product itself.
 */
import type {
  Adapter,
  AdapterRequest,
  AdapterSink,
  Outgoing,
  TransportName,
} from '../../src/adapters/adapter.ts';
import { fromBase64 } from '../../src/core/base64.ts';
import { facts, refusalOf, request, type Site } from './request.ts';
import type { Up } from './server.ts';
import type { World } from './world.ts';

export type { Site } from './request.ts';

type Link = AdapterSink & { readonly isOver: () => boolean };

/** Holds a sink to the laws: nothing after `closed`, `closed` once. */
function once(world: World, sink: AdapterSink): Link {
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

/** The open in the request of any kind but EventSource. */
function openOf(asked: AdapterRequest): string {
  return asked.fields?.['open'] ?? asked.body ?? '';
}

/** Uplinks share the fate of plain requests, not of the stream beside them. */
function wayUp(transport: TransportName): TransportName {
  return facts[transport].streaming ? 'long-poll' : transport;
}

function uplink(site: Site, transport: TransportName, link: Link) {
  const aborts: (() => void)[] = [];
  return {
    stop: () => {
      for (const abort of aborts) abort();
    },
    send(outgoing: Outgoing): void {
      if (link.isOver() || !('request' in outgoing)) return;
      const { url, body = '', keepalive = false } = outgoing.request;
      const undo = request(site, {
        transport: wayUp(transport),
        begin: (server, down) => server.post(body, url, down),
        answer: {
          onText: (text) => link.received({ text }),
          onEnd: (reason) =>
            link.posted(
              reason.status === undefined
                ? { ok: reason.kind === 'closed' }
                : { ok: false, status: reason.status },
            ),
        },
        mayOutlive: keepalive,
      });
      if (!keepalive) aborts.push(undo);
    },
  };
}

/** The stream itself; an EventSource's comes by a ticket whose open travels beside it. */
function openStream(site: Site, transport: TransportName, asked: AdapterRequest, link: Link): () => void {
  const { url, beside } = asked;
  const answer = {
    onText(text: string) {
      link.opened();
      link.received({ text });
    },
    onEnd: link.closed,
  };
  if (!beside) {
    const open = openOf(asked);
    return request(site, {
      transport,
      begin: (server, down) => server.open(transport, open, url, down),
      answer,
    });
  }
  const stopStream = request(site, { transport, begin: (server, down) => server.present(url, down), answer });
  const stopOpen = request(site, {
    transport: wayUp(transport),
    begin(server, down) {
      down.write(server.offer(beside.body ?? '', beside.url) ? '' : 'refused');
      down.end();
      return { receive() {}, gone() {} };
    },
    answer: {
      onText: () => link.closed({ kind: 'status', status: 400 }),
      onEnd(reason) {
        if (reason.kind !== 'closed') link.closed(reason);
      },
    },
  });
  return () => {
    stopStream();
    stopOpen();
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
      let abort: () => void = () => undefined;
      function stop(): void {
        abort();
        up.stop();
      }
      const ending: Link = {
        ...link,
        closed(reason) {
          stop();
          link.closed(reason);
        },
      };
      abort = openStream(site, transport, asked, ending);
      return { send: up.send, poll() {}, close: () => ending.closed({ kind: 'aborted' }) };
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
        abort = request(site, {
          transport,
          begin: (server, down) => server.open(transport, openOf(asked), asked.url, down),
          answer: {
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

/** The open as the server reads it: from the subprotocol, or from the first message. */
function openText(asked: AdapterRequest): string {
  const encoded = asked.protocols?.[1]?.slice('open.'.length);
  const bytes = encoded === undefined ? undefined : fromBase64(encoded);
  return bytes ? new TextDecoder().decode(bytes) : String(asked.first?.[0]);
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
      const channel = net.channel('websocket', {
        clientLost: () => link.closed({ kind: 'failed' }),
        serverLost: () => up?.gone(),
      });
      const refusal = refusalOf(site, 'websocket');
      if (refusal) {
        world.later(net.conditions.latencyMs * 2, () => {
          channel.abandon();
          link.closed(refusal);
        });
      } else {
        channel.toServer(() => {
          const server = site.server('websocket');
          if (!server) return channel.cut();
          up = server.open('websocket', openText(asked), asked.url, {
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
        });
      }
      return {
        send(outgoing) {
          if (link.isOver() || !('messages' in outgoing)) return;
          for (const message of outgoing.messages) channel.toServer(() => up?.receive(message));
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
