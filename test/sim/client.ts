/**
 * A client in the simulated world: the real session, driver, policy and protocol on simulated adapters and clocks.
 * Promises stay outside, so that a run is one synchronous loop; what the application would see is told to an observer.
 */
import type { TransportName } from '../../src/adapters/adapter.ts';
import type { HoldfastError } from '../../src/core/errors.ts';
import type { Gap, Message } from '../../src/core/inbox.ts';
import { createSession, type Session, type Signal, type Trace } from '../../src/core/model.ts';
import { createDriver, type Told } from '../../src/driver.ts';
import { holdfast } from '../../src/protocols/holdfast.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { type Site, simAdapters } from './adapters.ts';
import { createMachine, type Machine } from './machine.ts';
import { createRandom } from './random.ts';

export interface Observer {
  message(message: Message): void;
  gap(gap: Gap): void;
  ready(topic: string, start: string): void;
  ended(topic: string, code: string): void;
  settled(ref: number, error: HoldfastError | undefined, reply: unknown): void;
  /** All that was done in one turn is done; the session can be looked at. */
  status?(): void;
  error?(error: HoldfastError): void;
  trace?(trace: Trace): void;
}

export interface SimClientOptions {
  readonly site: Site;
  readonly transports: readonly TransportName[];
  readonly eager: boolean;
  readonly seed: number;
  readonly observer: Observer;
  readonly token?: () => string | undefined;
  /** Default 1,000 sends. */
  readonly outboxSends?: number;
}

export interface SimClient {
  readonly session: Session;
  readonly machine: Machine;
  readonly name: string;
  subscribe(topic: string, how?: { last?: number; since?: string }): void;
  unsubscribe(topic: string): void;
  /** Returns the number under which it will be settled. */
  send(topic: string, data: unknown, timeoutMs?: number): number;
  /** Sent now or never. */
  sendVolatile(topic: string, data: unknown): number;
  abort(ref: number): void;
  prefer(transport: TransportName | undefined): void;
  open(): void;
  close(): void;
  signal(signal: Signal): void;
  /** The machine sleeps: the monotonic clock stands still, timers do not run, the wall goes on. */
  sleep(ms: number): void;
  /** The page is frozen: both clocks go on. */
  freeze(ms: number): void;
  jumpWall(ms: number): void;
  /** Timers and adapters that are still there. */
  timerCount(): number;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function createSimClient(options: SimClientOptions): SimClient {
  const { site, observer, outboxSends = 1_000 } = options;
  const { world } = site;
  const dice = createRandom(options.seed);
  const machine = createMachine(world, dice);
  let nextRef = 1;
  let request = 1;

  const runtime: Runtime = {
    platform: {},
    now: machine.now,
    randomBytes: dice.bytes,
    defer: world.soon,
    startTimer: machine.startTimer,
    listen: () => () => undefined,
    resolveUrl: (url) => url,
    origin: 'http://page.test',
    store: undefined,
    report(error) {
      throw error;
    },
  };

  const adapters = simAdapters(site, options.transports);
  const session = createSession({
    kinds: adapters.map(({ transport, facts }) => ({ transport, ...facts })),
    auth: options.token !== undefined,
    eager: options.eager,
    backoff: { baseMs: 500, capMs: 20_000 },
    outbox: { sends: outboxSends, bytes: 8 * 1024 * 1024 },
    seed: options.seed,
  });

  function tell(told: Told): void {
    switch (told.type) {
      case 'message':
        return observer.message(told.message);
      case 'gap':
        return observer.gap(told.gap);
      case 'ready':
        return observer.ready(told.topic, told.start);
      case 'ended':
        return observer.ended(told.topic, told.code);
      case 'settled':
        return told.ok
          ? observer.settled(told.ref, undefined, told.reply)
          : observer.settled(told.ref, told.error, undefined);
      case 'status':
        return observer.status?.();
      case 'error':
        return observer.error?.(told.error);
      case 'trace':
        return observer.trace?.(told.trace);
      case 'ask-token': {
        world.later(dice.between(0, 50), () => {
          const token = options.token?.();
          driver.put(
            token === undefined ? { type: 'token-failed', cause: undefined } : { type: 'token', token },
          );
        });
        return;
      }
      case 'rekey':
        return identify();
      default:
    }
  }

  const driver = createDriver({
    session,
    runtime,
    protocol: holdfast()({ frames() {}, send() {} }),
    adapters,
    endpoint: () => ({
      url: 'http://hub.test/realtime',
      credentials: 'same-origin',
      headers: {},
      origin: runtime.origin,
      requestNumber: () => request++,
      nonce: `${session.client}${request}`,
    }),
    tell,
  });

  function name(): string {
    let text = '';
    for (let i = 0; i < 22; i++) text += letters[dice.between(0, 63)];
    return text;
  }

  function identify(): void {
    driver.put({ type: 'identity', client: name(), key: name() });
  }

  function requestOf(topic: string, data: unknown) {
    const json = JSON.stringify(data);
    return { ref: nextRef++, topic, data: undefined, json, bytes: json.length + 64 };
  }

  identify();
  driver.refresh();

  return {
    session,
    machine,
    get name() {
      return session.client;
    },
    subscribe: (topic, { last = 0, since } = {}) => driver.put({ type: 'subscribe', topic, last, since }),
    unsubscribe: (topic) => driver.put({ type: 'unsubscribe', topic }),
    send(topic, data, timeoutMs = 60_000) {
      const made = requestOf(topic, data);
      driver.put({ type: 'send', request: made, timeoutMs });
      return made.ref;
    },
    sendVolatile(topic, data) {
      const made = requestOf(topic, data);
      driver.put({ type: 'volatile', request: made });
      return made.ref;
    },
    abort: (ref) => driver.put({ type: 'abort', ref }),
    prefer: (transport) => driver.put({ type: 'prefer', transport }),
    open: () => driver.put({ type: 'open' }),
    close: () => driver.put({ type: 'close' }),
    signal: (signal) => driver.put({ type: 'signal', signal }),
    sleep(ms) {
      site.net.pauseClient(world.now + ms);
      machine.sleep(ms, () => driver.put({ type: 'time' }));
    },
    freeze(ms) {
      site.net.pauseClient(world.now + ms);
      machine.freeze(ms);
    },
    jumpWall: machine.jumpWall,
    timerCount: machine.timerCount,
  };
}
