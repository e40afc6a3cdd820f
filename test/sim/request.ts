/** One HTTP request and its answer, through whatever stands between client and server. */
import type { AdapterFacts, Closed, TransportName } from '../../src/adapters/adapter.ts';
import type { Channel, Net } from './net.ts';
import type { Down, SimServer, Up } from './server.ts';
import type { World } from './world.ts';

/** The client's side of the simulated network: who is reached is asked at each request, as a balancer does. */
export interface Site {
  readonly world: World;
  readonly net: Net;
  /** `undefined`: nobody listens there now. `transport` is what the request is for. */
  readonly server: (transport: TransportName) => SimServer | undefined;
}

export const facts: Record<TransportName, AdapterFacts> = {
  websocket: { roundTrips: 2, duplex: true, streaming: true, binary: true, fresh: true, held: false },
  'http-stream': { roundTrips: 2, duplex: false, streaming: true, binary: false, fresh: false, held: false },
  eventsource: { roundTrips: 2, duplex: false, streaming: true, binary: false, fresh: false, held: false },
  iframe: { roundTrips: 2, duplex: false, streaming: true, binary: false, fresh: false, held: false },
  'long-poll': { roundTrips: 2, duplex: false, streaming: false, binary: false, fresh: false, held: true },
  poll: { roundTrips: 2, duplex: false, streaming: false, binary: false, fresh: false, held: false },
};

export interface Answer {
  onText(text: string): void;
  onEnd(reason: Closed): void;
}

export interface Request {
  readonly transport: TransportName;
  /** What the server does with it. */
  readonly begin: (server: SimServer, down: Down) => Up;
  readonly answer: Answer;
  /** The page may go away; the request goes on. */
  readonly mayOutlive?: boolean;
}

const nobody: Up = { receive() {}, gone() {} };
const unseen: Down = { write() {}, end() {} };

/** Longest that a late request, or a browser's own repetition of one, is under way. */
const lateMs = 3_000;

export function refusalOf({ net }: Site, transport: TransportName): Closed | undefined {
  const { conditions } = net;
  if (conditions.down) return { kind: 'failed', detail: 'no route' };
  if (conditions.refused.includes(transport)) {
    return transport === 'websocket' ? { kind: 'failed' } : { kind: 'status', status: 403 };
  }
  if (conditions.portal && transport !== 'websocket') return { kind: 'type', detail: 'text/html' };
  return undefined;
}

/** The way down of one answer: an intermediary may hold it back, whole or in part. */
function downOf(
  site: Site,
  channel: Channel,
  isStream: boolean,
  onText: (text: string) => void,
  onEnd: () => void,
): Down {
  const { world, net } = site;
  const { conditions } = net;
  let held = '';
  let isFlushing = false;

  function handOn(): void {
    isFlushing = false;
    if (held === '') return;
    const text = held;
    held = '';
    channel.toClient(() => onText(text));
  }

  return {
    write(unit) {
      held += String(unit);
      if (conditions.buffered || !isStream) return;
      const { flush } = conditions;
      if (!flush || held.length >= flush.bytes) return handOn();
      if (isFlushing) return;
      isFlushing = true;
      world.later(flush.everyMs, handOn);
    },
    end() {
      handOn();
      channel.toClient(() => {
        channel.abandon();
        onEnd();
      });
    },
  };
}

/** Makes the request; returns what aborts it. */
export function request(site: Site, { transport, begin, answer, mayOutlive = false }: Request): () => void {
  const { world, net } = site;
  const { conditions } = net;
  let up: Up = nobody;
  let isDone = false;
  const finish = (reason: Closed): void => {
    if (isDone) return;
    isDone = true;
    answer.onEnd(reason);
  };
  const channel: Channel = net.channel(transport, {
    clientLost: () => finish({ kind: 'failed', detail: 'cut' }),
    serverLost: () => up.gone(),
  });
  const abort = (): void => {
    isDone = true;
    channel.abandon();
  };
  if (mayOutlive) net.detach(channel);
  const refusal = refusalOf(site, transport);
  if (refusal) {
    world.later(conditions.latencyMs * 2, () => {
      channel.abandon();
      finish(refusal);
    });
    return abort;
  }
  const isStream = facts[transport].streaming;
  // A stream's end is lost by a cut; an answer that ends can be lost whole.
  const isLost = !isStream && world.chance(conditions.loseAnswer);
  const down = downOf(
    site,
    channel,
    isStream,
    (text) => {
      if (!isDone && !isLost) answer.onText(text);
    },
    () => {
      if (!isLost) return finish({ kind: 'closed' });
      // What stood between lost its connection to the server, or the client lost its own.
      finish(world.chance(0.5) ? { kind: 'status', status: 502 } : { kind: 'failed', detail: 'cut' });
    },
  );

  function reachSeen(): void {
    const server = channel.isOver ? undefined : site.server(transport);
    if (server) up = begin(server, down);
    else channel.cut();
  }

  /** The same bytes, whose answer nobody sees: their connection ends after a while. */
  function reachUnseen(): void {
    const server = site.server(transport);
    if (!server) return;
    const unseenUp = begin(server, unseen);
    world.later(world.random() * lateMs, () => unseenUp.gone());
  }

  /** The browser's own repetition: it sees the answer to either, and never to both. */
  function double(): void {
    const [first, second] = world.chance(0.5) ? [reachUnseen, reachSeen] : [reachSeen, reachUnseen];
    first();
    world.later(world.random() * lateMs, second);
  }

  const leave = (): void =>
    channel.toServer(() => (world.chance(conditions.duplicatePost) ? double() : reachSeen()));
  if (world.chance(conditions.late)) world.later(world.random() * lateMs, leave);
  else leave();
  return abort;
}
