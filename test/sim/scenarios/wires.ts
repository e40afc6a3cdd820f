/**
 * The simulated network with hands: every request and socket is a wire that the test can hold, release, cut or repeat.
 * It wraps the network and the server; what passes is the product's own bytes.
 */
import type { TransportName } from '../../../src/adapters/adapter.ts';
import type { OpenFrame, TopicRequest } from '../../../src/core/frames.ts';
import { brief, type Frame } from '../../unit/server/support/core-world.ts';
import type { Channel, Net, Way } from '../net.ts';
import type { Down, SimServer, Up } from '../server.ts';

export interface Wire {
  readonly transport: TransportName;
  /** Of the request, once it has arrived; empty before. */
  readonly url: string;
  /** The open that it carried, once that has arrived; absent for POSTs of the uplink. */
  readonly open: OpenFrame | undefined;
  /** The body of a POST of the uplink, once it has arrived. */
  readonly body: string | undefined;
  /** What the server wrote on it, arrived or not, without marks of its position. */
  readonly wrote: readonly string[];
  readonly isOver: boolean;
  /** From now on what goes this way waits. Default: down. */
  hold(way?: Way): void;
  /** The first `count` pieces that waited go on; by default all, and so does what follows. */
  release(count?: number): void;
  cut(): void;
  /** The browser's own repetition: the same bytes reach whoever listens now, and nobody sees the answer. */
  repeat(): void;
}

/** Looks into a unit on its way: it passes, or its connection is cut, or closed with a WebSocket code. */
export type Rule = (way: Way, text: string, wire: Wire) => 'cut' | number | undefined;

/** A wire as this file knows it. */
interface Inner extends Wire {
  readonly channel: Channel;
  /** What the adapter gets instead of the channel. */
  readonly wrapped: Channel;
  url: string;
  open: OpenFrame | undefined;
  body: string | undefined;
  readonly wrote: string[];
}

type Balance = (transport: TransportName) => SimServer | undefined;

const nowhere: Down = { write() {}, end() {} };

function topicText(request: TopicRequest): string {
  if (typeof request === 'string') return request;
  return 'at' in request ? `${request.topic}@${request.at.split('.')[1]}` : `${request.topic}+`;
}

function openText(transport: TransportName, { attempt, topics, cursor }: OpenFrame): string {
  const from = cursor === undefined ? '' : ` from ${cursor.replace(/[^.,]+\./g, '')}`;
  return `#${attempt} ${transport} [${topics.map(topicText).join(' ')}]${from}`;
}

/** One direction that can be held. */
function createGate(pass: (run: () => void) => void) {
  let waiting: (() => void)[] | undefined;
  return {
    pass: (run: () => void) => (waiting ? void waiting.push(run) : pass(run)),
    hold() {
      waiting ??= [];
    },
    /** The first `count` of what waits go on, the rest waits; by default all go on, and nothing waits any more. */
    release(count = Number.POSITIVE_INFINITY) {
      const all = waiting?.splice(0, count) ?? [];
      if (count === Number.POSITIVE_INFINITY) waiting = undefined;
      for (const run of all) pass(run);
    },
  };
}

/** `arrive` is called around whatever reaches the server on this wire. */
function createWire(
  channel: Channel,
  balance: Balance,
  arrive: (wire: Inner, run: () => void) => void,
): Inner {
  const { transport, toServer, toClient, cut, silence, abandon, close } = channel;
  const gates = { up: createGate(toServer), down: createGate(toClient) };
  const wire: Inner = {
    channel,
    transport,
    url: '',
    open: undefined,
    body: undefined,
    wrote: [],
    get isOver() {
      return channel.isOver;
    },
    wrapped: {
      transport,
      toServer: (run) => gates.up.pass(() => arrive(wire, run)),
      toClient: gates.down.pass,
      cut,
      silence,
      abandon,
      close,
      get isOver() {
        return channel.isOver;
      },
    },
    hold: (way = 'down') => gates[way].hold(),
    release(count) {
      gates.up.release(count);
      gates.down.release(count);
    },
    cut,
    repeat() {
      const server = balance(transport);
      if (wire.open) server?.open(transport, JSON.stringify(wire.open), wire.url, nowhere);
      else server?.post(wire.body ?? '', wire.url, nowhere);
    },
  };
  return wire;
}

/** A server as it is seen from the far end of one wire, through whatever looks into what passes. */
function serverBehind(wire: Inner, server: SimServer, rule: Rule, opens: string[], posts: Gate): SimServer {
  /** `true`: it does not pass. */
  function isStopped(way: Way, unit: string | Uint8Array, down: Down): boolean {
    const what = rule(way, String(unit), wire);
    if (what === 'cut') wire.cut();
    else if (what !== undefined) down.end(what);
    return what !== undefined;
  }

  const noted = (down: Down): Down => ({
    write(unit) {
      if (isStopped('down', unit, down)) return;
      for (const line of String(unit).split('\n')) {
        if (line === '') continue;
        const frame = JSON.parse(line) as Frame;
        if (frame.type !== 'ping' && frame.type !== 'pong') wire.wrote.push(brief(frame));
      }
      down.write(unit);
    },
    end: down.end,
  });

  return {
    open(transport, text, url, down): Up {
      wire.url = url;
      wire.open = JSON.parse(text) as OpenFrame;
      opens.push(openText(transport, wire.open));
      const up = server.open(transport, text, url, noted(down));
      return {
        receive(message) {
          if (!isStopped('up', message, down)) up.receive(message);
        },
        gone: up.gone,
      };
    },
    present: (url, down) => server.present(url, noted(down)),
    offer: server.offer,
    post(body, url, down): Up {
      let up: Up | undefined;
      let isGone = false;
      posts.pass(() => {
        wire.url = url;
        wire.body = body;
        if (!isGone) up = server.post(body, url, noted(down));
      });
      return {
        receive() {},
        gone() {
          isGone = true;
          up?.gone();
        },
      };
    },
  };
}

type Gate = ReturnType<typeof createGate>;

export function wiredNet(plain: Net, balance: Balance) {
  const wires: Inner[] = [];
  const opens: string[] = [];
  /** POSTs of the uplink, between the network and the server. */
  const posts = createGate((run) => run());
  let isHeldAtBirth = (_transport: TransportName): boolean => false;
  let heldWay: Way = 'down';
  let proxy: Rule = () => undefined;
  /** The wire whose bytes reach the server in this very moment. */
  let arriving: Inner | undefined;

  function arrive(wire: Inner, run: () => void): void {
    arriving = wire;
    run();
    arriving = undefined;
  }

  const net: Net = {
    ...plain,
    channel(transport, ends) {
      const wire = createWire(plain.channel(transport, ends), balance, arrive);
      if (isHeldAtBirth(transport)) wire.hold(heldWay);
      wires.push(wire);
      return wire.wrapped;
    },
    detach(wrapped) {
      const wire = wires.find((one) => one.wrapped === wrapped);
      if (wire) plain.detach(wire.channel);
    },
  };

  return {
    net,
    opens,
    wires: wires as readonly Wire[],
    posts,
    server(): SimServer | undefined {
      const wire = arriving;
      const one = wire && balance(wire.transport);
      return one && serverBehind(wire, one, (...what) => proxy(...what), opens, posts);
    },
    wire(attempt: number): Wire {
      const found = wires.filter((wire) => wire.open?.attempt === attempt).at(-1);
      if (!found) throw new Error(`no open of connection ${attempt} has arrived`);
      return found;
    },
    holdNew(which: (transport: TransportName) => boolean, way: Way = 'down'): void {
      isHeldAtBirth = which;
      heldWay = way;
    },
    inspect(rule: Rule): void {
      proxy = rule;
    },
  };
}
