/**
 * A stage for one schedule: the real client against the real hub's core in the simulated world, where the test says which
 * bytes wait on their way, which connection is cut, and when the hub dies. Nothing here happens by chance.
 */
import type { Payload } from '../../../src/core/frames.ts';
import type { PublishOptions } from '../../../src/server/core/publish.ts';
import type { Broker, SendAnswer, SendRequest } from '../../../src/server/core/types.ts';
import { createSimHub, type SimHub, type SimHubOptions } from '../hub.ts';
import { createWorld } from '../world.ts';
import { type Actor, type ActorOptions, createActor } from './actor.ts';

/** A send whose handler was called. */
export interface Job {
  readonly data: unknown;
  done(reply?: unknown): void;
  fail(code: string): void;
}

export interface StageOptions {
  readonly hub?: Omit<SimHubOptions, 'world' | 'handle'>;
  /** Handlers wait until the test calls `done` of their job. Default: they answer at once. */
  readonly slow?: boolean;
}

export function createStage(options: StageOptions = {}) {
  const world = createWorld(1);
  const jobs: Job[] = [];
  let hubs = 0;
  let clients = 0;

  function handle(request: SendRequest, done: (answer: SendAnswer) => void): void {
    const answer = (reply?: unknown): void => done({ type: 'ok', reply });
    const fail = (code: string): void => done({ type: 'failed', code, message: code, applied: true });
    jobs.push({ data: request.data, done: answer, fail });
    if (!options.slow) answer(request.data);
  }
  const startHub = (broker?: Broker): SimHub =>
    createSimHub({ world, handle, name: `hub ${++hubs}`, broker, ...options.hub });
  let hub = startHub();

  return {
    world,
    jobs,
    /** What the handlers were given, in order. */
    applied: (): unknown[] => jobs.map(({ data }) => data),
    get hub(): SimHub {
      return hub;
    },
    join: (how: ActorOptions = {}): Actor => createActor(world, ++clients, { balance: () => hub, ...how }),
    /** Lets time go on. Ten milliseconds are one way. */
    pass: (ms: number): void => world.runUntil(world.now + ms),
    publish: (topic: string, data: Payload = topic, how: PublishOptions = {}): string =>
      hub.core.publish(topic, data, how),
    /** One more, which nobody reaches unless `balance` says so. */
    startHub: () => startHub(),
    /** The process dies, and another stands in its place: no goodbye, no memory. Its bytes under way still arrive. */
    restart(): void {
      hub.kill();
      hub = startHub();
    },
    /** The same, but its broker has kept the log and what it remembers of clients. */
    restartWithLog(): void {
      hub.kill();
      hub = startHub(hub.broker);
    },
  };
}
