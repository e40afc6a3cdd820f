/**
 * A special world: many light clients at one hub that dies or drains. Whoever comes back must not come all at once: waits
 * that grow, each until the client's own turn, spread the crowd over the time that the hub was away, up to a bound; a `bye`
 * over the time that it named.
 */
import type { TransportName } from '../../src/adapters/adapter.ts';
import { checkHerd } from './checkers/herd.ts';
import { createSimClient, type SimClient } from './client.ts';
import { Failure } from './failure.ts';
import { createSimHub, type SimHub } from './hub.ts';
import { createNet, goodConditions, type Net } from './net.ts';
import { seedOf } from './random.ts';
import type { Hooks } from './run.ts';
import type { SimServer } from './server.ts';
import { addTo, countIn, createTally, noteMost, type Tally } from './tally.ts';
import { createWorld, type World } from './world.ts';

const crowd = 150;
const startMs = 3_000;
const backMs = 60_000;
const drainMs = 5_000;
/** Where waits stay for a while once they have grown (`src/core/backoff.ts`). */
const waitMs = 5_000;

/** Counts when opens arrive that are answered. */
function counted(hub: SimHub, world: World, opens: number[]): SimServer {
  const note = (): void => {
    opens.push(world.now);
  };
  return {
    ...hub,
    open(transport, open, url, down) {
      note();
      return hub.open(transport, open, url, down);
    },
    present(url, down) {
      note();
      return hub.present(url, down);
    },
  };
}

export function runHerd(seed: number, { log }: Hooks = {}): Tally {
  const world = createWorld(seed);
  const tally = createTally();
  const opens: number[] = [];
  const nets: Net[] = [];
  const clients: SimClient[] = [];
  let hub: SimHub | undefined;
  let server: SimServer | undefined;
  const quiet = { message() {}, gap() {}, ready() {}, ended() {}, settled() {} };
  const transport: TransportName = world.pick(['websocket', 'http-stream']);
  // Others stand ready, and are not to be needed: a return is one open.
  const others: readonly TransportName[] = ['http-stream', 'long-poll'];
  const transports = [transport, ...others.filter((other) => other !== transport)];
  const isDrained = world.chance(0.5);
  const awayMs = isDrained ? 0 : world.between(4, 20) * 1_000;
  log?.(`${crowd} clients by ${transport}; the hub ${isDrained ? 'drains' : `is away for ${awayMs} ms`}`);

  function start(): void {
    hub = createSimHub({ world, handle: (_, done) => done({ type: 'ok', reply: null }) });
    server = counted(hub, world, opens);
  }

  start();
  for (let i = 0; i < crowd; i++) {
    const net = createNet(world, goodConditions(), `net ${i}`);
    nets.push(net);
    const site = { world, net, server: () => server };
    const of = {
      site,
      transports,
      eager: false,
      seed: seedOf(seed, 'client', i),
      observer: quiet,
    };
    const client = createSimClient(of);
    clients.push(client);
    client.subscribe('a');
  }
  world.runUntil(startMs);
  const leaving = hub as SimHub | undefined;
  opens.length = 0;
  if (isDrained) {
    start();
    leaving?.drain(drainMs, () => leaving.kill());
  } else {
    leaving?.kill();
    server = undefined;
    for (const net of nets) net.cutAll();
    world.later(awayMs, start);
  }
  // Until all are back, and a while longer: nobody may come twice.
  const isBack = (): boolean =>
    opens.length >= crowd && clients.every(({ session }) => session.state === 'open');
  world.runUntil(startMs + awayMs + backMs, isBack);
  world.runUntil(world.now + 2_000);
  const fail = (what: string): never => {
    throw new Failure('herd', what);
  };
  for (const { session } of clients) if (session.state !== 'open') fail(`a client is ${session.state}`);
  const peak = checkHerd(opens, { crowd, spreadMs: isDrained ? drainMs : Math.min(awayMs, waitMs) }, fail);
  noteMost(tally, `herd's peak, of ${crowd} a second`, peak);
  countIn(tally, 'strikes', 'herd');
  addTo(tally, 'worlds', 1);
  addTo(tally, 'virtualMs', world.now);
  addTo(tally, 'happenings', world.happenings);
  return tally;
}
