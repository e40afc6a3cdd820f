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

export interface Observer {
  message(message: Message): void;
  gap(gap: Gap): void;
  ready(topic: string, start: string): void;
  ended(topic: string, code: string): void;
  settled(ref: number, error: HoldfastError | undefined, reply: unknown): void;
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
}

export interface SimClient {
  readonly session: Session;
  readonly name: string;
  subscribe(topic: string, how?: { last?: number; since?: string }): void;
  unsubscribe(topic: string): void;
  /** Returns the number under which it will be settled. */
  send(topic: string, data: unknown, timeoutMs?: number): number;
  abort(ref: number): void;
  prefer(transport: TransportName | undefined): void;
  open(): void;
  close(): void;
  signal(signal: Signal): void;
  /** The machine sleeps: the monotonic clock stands still, timers do not run, the wall goes on. */
  sleep(ms: number): void;
  jumpWall(ms: number): void;
  /** Timers and adapters that are still there. */
  timerCount(): number;
}

export function createSimClient(options: SimClientOptions): SimClient {
  const { site, observer } = options;
  const { world } = site;
  let slept = 0;
  let wallSkew = 1_700_000_000_000;
  let awakeAt = 0;
  let timers = 0;
  let nextRef = 1;
  let request = 1;

  const bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => world.between(0, 255));
  const runtime: Runtime = {
    platform: {},
    now: () => ({ wall: wallSkew + world.now, mono: world.now - slept }),
    randomBytes: bytes,
    defer: world.soon,
    startTimer(run, delayMs) {
      timers++;
      let undo: () => void;
      const wait = (ms: number): void => {
        undo = world.after(ms, () => {
          // A machine that sleeps runs nothing; what was due runs when it wakes.
          if (world.now < awakeAt) return wait(awakeAt - world.now);
          timers--;
          run();
        });
      };
      wait(delayMs);
      let isUndone = false;
      return () => {
        if (isUndone) return;
        isUndone = true;
        timers--;
        undo();
      };
    },
    listen: () => () => undefined,
    resolveUrl: (url) => url,
    origin: 'http://page.test',
    httpPool: () => 'unknown',
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
    outbox: { sends: 1_000, bytes: 8 * 1024 * 1024 },
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
      case 'error':
        return observer.error?.(told.error);
      case 'trace':
        return observer.trace?.(told.trace);
      case 'ask-token': {
        world.after(world.between(0, 50), () => {
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
    protocol: holdfast(),
    adapters,
    endpoint: () => ({
      url: 'http://hub.test/realtime',
      credentials: 'same-origin',
      headers: {},
      origin: runtime.origin,
      requestNumber: () => request++,
      nonce: name(),
    }),
    tell,
  });

  function name(): string {
    return Array.from(bytes(11), (byte) => (byte + 256).toString(16).slice(1)).join('');
  }

  function identify(): void {
    driver.put({ type: 'identity', client: name(), key: name() });
  }

  identify();
  driver.refresh();

  return {
    session,
    get name() {
      return session.client;
    },
    subscribe: (topic, { last = 0, since } = {}) => driver.put({ type: 'subscribe', topic, last, since }),
    unsubscribe: (topic) => driver.put({ type: 'unsubscribe', topic }),
    send(topic, data, timeoutMs = 60_000) {
      const ref = nextRef++;
      const json = JSON.stringify(data);
      const sent = { ref, topic, data: undefined, json, bytes: json.length + 64 };
      driver.put({ type: 'send', request: sent, timeoutMs });
      return ref;
    },
    abort: (ref) => driver.put({ type: 'abort', ref }),
    prefer: (transport) => driver.put({ type: 'prefer', transport }),
    open: () => driver.put({ type: 'open' }),
    close: () => driver.put({ type: 'close' }),
    signal: (signal) => driver.put({ type: 'signal', signal }),
    sleep(ms) {
      if (world.now < awakeAt) return;
      awakeAt = world.now + ms;
      world.after(ms, () => {
        slept += ms;
        driver.put({ type: 'time' });
      });
    },
    jumpWall(ms) {
      wallSkew += ms;
    },
    timerCount: () => timers,
  };
}
