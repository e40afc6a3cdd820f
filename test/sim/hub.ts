/** The real hub's core behind the simulated network: its clock, its turns and its sockets are the world's. */
import type { TransportName } from '../../src/adapters/adapter.ts';
import type { OpenFrame } from '../../src/core/frames.ts';
import { checkClientFrame } from '../../src/core/frames.ts';
import { memoryBroker } from '../../src/server/brokers/memory.ts';
import type { CoreOptions } from '../../src/server/core/config.ts';
import { utf8Length } from '../../src/server/core/forms.ts';
import { createHubCore, type HubCore } from '../../src/server/core/hub.ts';
import type { Broker, HubHost, Kept, Meta, Peer, Sink } from '../../src/server/core/types.ts';
import type { Down, SimServer, Up } from './server.ts';
import type { World } from './world.ts';

export interface SimHubOptions {
  readonly world: World;
  readonly core?: CoreOptions;
  /** Where its log is. Default: one of its own, which nobody else will have. */
  readonly broker?: Broker | undefined;
  readonly handle: HubHost['handle'];
  readonly authenticate?: HubHost['authenticate'];
  readonly authorize?: HubHost['authorize'];
  /** Bytes that a socket takes before it blocks; blocked ones drain after a while. Default: never blocks. */
  readonly socketBytes?: number;
  /** Tells its dice from those of other hubs. */
  readonly name?: string;
}

export interface SimHub extends SimServer {
  readonly core: HubCore;
  /** For the hub that takes its place with its log. */
  readonly broker: Broker;
  /** Connections that have not ended, for those who check bounds. */
  readonly peers: ReadonlySet<Peer>;
  /** Says `bye` and ends within this time; nobody new is served. */
  drain(drainMs: number, done: () => void): void;
  /** The process dies: no goodbye, no memory but what its broker keeps. */
  kill(): void;
}

/** As the hub's HTTP part tells them apart. Streams differ in their wrapping alone, which the contract tests see. */
function kindOf(transport: TransportName, open: OpenFrame): Peer['transport'] {
  if (transport === 'websocket') return transport;
  return open.wait === undefined ? 'http-stream' : open.wait === 0 ? 'poll' : 'long-poll';
}

function metaOf(url: string): Meta {
  const number = /[?&]n=(\d+)/.exec(url)?.[1];
  const requestNumber = number === undefined ? undefined : Number(number);
  return { headers: {}, url: '/realtime', address: undefined, requestNumber };
}

function fieldOf(url: string, name: string): string {
  return decodeURIComponent(new RegExp(`[?&]${name}=([^&]*)`).exec(url)?.[1] ?? '');
}

function openOf(text: string): OpenFrame {
  const frame = checkClientFrame(JSON.parse(text));
  if (frame?.type !== 'open') throw new Error(`not an open: ${text}`);
  return frame as OpenFrame;
}

export function createSimHub(options: SimHubOptions): SimHub {
  const { world, socketBytes = Number.POSITIVE_INFINITY, name = 'hub', broker = memoryBroker() } = options;
  const dice = world.stream(name);
  let isDead = false;
  let wakeAt = Number.POSITIVE_INFINITY;
  let unwake: (() => void) | undefined;
  const cuts = new Set<() => void>();
  const peers = new Set<Peer>();

  const host: HubHost = {
    now: () => world.now,
    random: dice.bytes,
    byteLength: utf8Length,
    defer: (run) =>
      world.soon(() => {
        if (!isDead) run();
      }),
    wake(at) {
      if (isDead || at >= wakeAt) return;
      unwake?.();
      wakeAt = at;
      unwake = world.after(at - world.now, () => {
        wakeAt = Number.POSITIVE_INFINITY;
        if (!isDead) core.tick();
      });
    },
    authenticate: options.authenticate,
    authorize: options.authorize,
    handle:
      options.handle &&
      ((request, done) =>
        options.handle?.(request, (answer) => {
          if (!isDead) done(answer);
        })),
    note: ({ ...what }) => {
      if (what.type === 'error') throw what.error;
    },
  };
  let kept: Kept | undefined;
  const core = createHubCore(options.core ?? {}, host, {
    lend: (...shape) => {
      kept = broker.lend(...shape);
      return kept;
    },
  });

  /** A socket that takes so many bytes at a time and drains after a while. */
  function sinkOf(down: Down, onDrain: () => void): Sink & { cut(): void } {
    let buffered = 0;
    let isOver = false;
    const stop = (): void => {
      isOver = true;
      cuts.delete(stop);
    };
    cuts.add(stop);
    return {
      write(chunk) {
        if (isOver || isDead) return;
        down.write(chunk);
        if (socketBytes === Number.POSITIVE_INFINITY) return;
        const wasBlocked = buffered >= socketBytes;
        buffered += chunk.length;
        if (buffered < socketBytes || wasBlocked) return;
        world.later(dice.between(5, 300), () => {
          buffered = 0;
          if (!isOver && !isDead) onDrain();
        });
      },
      blocked: () => buffered >= socketBytes,
      bufferedBytes: () => buffered,
      end(code) {
        if (isOver || isDead) return;
        stop();
        down.end(code);
      },
      abort() {
        stop();
        down.end(1006);
      },
      cut: stop,
    };
  }

  /** A connection that receives; `begin` says with what. */
  function connect(transport: Peer['transport'], url: string, down: Down, begin: (peer: Peer) => void): Up {
    let peer: Peer | undefined;
    const sink = sinkOf(down, () => peer && core.drained(peer));
    const one = core.connect({ transport, sink, meta: metaOf(url) });
    peer = one;
    peers.add(one);
    begin(one);
    return {
      receive: (message) => {
        if (!isDead) core.receive(one, message);
      },
      gone() {
        sink.cut();
        peers.delete(one);
        if (!isDead) core.closed(one);
      },
    };
  }

  return {
    core,
    broker,
    peers,
    open(transport, text, url, down) {
      const open = openOf(text);
      return connect(kindOf(transport, open), url, down, (peer) => core.open(peer, open));
    },
    present: (url, down) =>
      connect('http-stream', url, down, (peer) =>
        core.present(peer, fieldOf(url, 'ticket'), fieldOf(url, 'client')),
      ),
    offer: (text, url) => core.offer(openOf(text), metaOf(url)),
    post(body, url, down) {
      const parsed = core.parse(body);
      if (parsed.type !== 'batch') throw new Error(`not a batch: ${body.slice(0, 200)}`);
      const sink = sinkOf(down, () => undefined);
      const uplink = core.batch(sink, metaOf(url), parsed.batch, parsed.lines);
      return {
        receive() {},
        gone() {
          sink.cut();
          if (!isDead) core.batchClosed(uplink);
        },
      };
    },
    drain: (drainMs, done) => core.close(drainMs, done),
    kill() {
      isDead = true;
      unwake?.();
      for (const cut of cuts) cut();
      // The broker finds that nobody is there any more.
      kept?.giveBack();
    },
  };
}
