/** The real hub's core behind the simulated network: its clock, its turns and its sockets are the world's. */
import type { TransportName } from '../../src/adapters/adapter.ts';
import type { OpenFrame } from '../../src/core/frames.ts';
import { checkClientFrame } from '../../src/core/frames.ts';
import type { CoreOptions } from '../../src/server/core/config.ts';
import { createHubCore, type HubCore } from '../../src/server/core/hub.ts';
import type { HubHost, Meta, Sink } from '../../src/server/core/types.ts';
import type { Down, SimServer, Up } from './server.ts';
import type { World } from './world.ts';

export interface SimHubOptions {
  readonly world: World;
  readonly core?: CoreOptions;
  readonly handle: HubHost['handle'];
  readonly authenticate?: HubHost['authenticate'];
  readonly authorize?: HubHost['authorize'];
  /** Bytes that a socket takes before it blocks; blocked ones drain after a while. Default: never blocks. */
  readonly socketBytes?: number;
}

export interface SimHub extends SimServer {
  readonly core: HubCore;
  /** The process dies: no goodbye, no memory. */
  kill(): void;
}

const meta: Meta = { headers: {}, url: '/realtime', address: undefined, requestNumber: undefined };

/** SSE and documents differ from NDJSON in their wrapping alone, which the contract and end-to-end tests see. */
const streams: readonly TransportName[] = ['eventsource', 'iframe'];

export function createSimHub(options: SimHubOptions): SimHub {
  const { world, socketBytes = Number.POSITIVE_INFINITY } = options;
  let isDead = false;
  let wakeAt = Number.POSITIVE_INFINITY;
  let unwake: (() => void) | undefined;
  const cuts = new Set<() => void>();

  const host: HubHost = {
    now: () => world.now,
    random: (count) => Uint8Array.from({ length: count }, () => world.between(0, 255)),
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
    handle: options.handle,
    note: ({ ...what }) => {
      if (what.type === 'error') throw what.error;
    },
  };
  const core = createHubCore(options.core ?? {}, host);

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
        world.after(world.between(5, 300), () => {
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

  function open(transport: TransportName, text: string, down: Down): Up {
    let peer: ReturnType<HubCore['connect']> | undefined;
    const sink = sinkOf(down, () => peer && core.drained(peer));
    peer = core.connect({ transport: streams.includes(transport) ? 'http-stream' : transport, sink, meta });
    const one = peer;
    const frame = checkClientFrame(JSON.parse(text));
    if (frame?.type !== 'open') throw new Error(`not an open: ${text}`);
    core.open(one, frame as OpenFrame);
    return {
      receive: (message) => {
        if (!isDead) core.receive(one, message);
      },
      gone() {
        sink.cut();
        if (!isDead) core.closed(one);
      },
    };
  }

  function post(body: string, down: Down): Up {
    const parsed = core.parse(body);
    if (parsed.type !== 'batch') throw new Error(`not a batch: ${body.slice(0, 200)}`);
    const sink = sinkOf(down, () => undefined);
    const uplink = core.batch(sink, meta, parsed.batch, parsed.lines);
    return {
      receive() {},
      gone() {
        sink.cut();
        if (!isDead) core.batchClosed(uplink);
      },
    };
  }

  return {
    core,
    open,
    post,
    kill() {
      isDead = true;
      unwake?.();
      for (const cut of cuts) cut();
    },
  };
}
