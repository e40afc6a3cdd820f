/**
 * The composition root: session, driver, runtime, protocol and adapters behind `subscribe` and `send`.
 * Owns the public interface and the application's listeners. What to do about a network is decided in `src/core`.
 */
import mitt from 'mitt';
import type { Adapter, AdapterFactory, TransportName } from './adapters/adapter.ts';
import type {
  Client,
  ClientEvents,
  ClientOptions,
  Diagnosis,
  SendOptions,
  Status,
  Topics,
} from './client-types.ts';
import { toBase64Url } from './core/base64.ts';
import { parseCursor } from './core/cursor.ts';
import { createError, type HoldfastError, isHoldfastError } from './core/errors.ts';
import { isTopic } from './core/frames.ts';
import type { InboxEvent } from './core/inbox.ts';
import { type Attempt, activeOf, createSession, type Session } from './core/model.ts';
import { pendingCount } from './core/outbox.ts';
import type { Knowledge } from './core/policy.ts';
import { nextAttemptAt } from './core/session.ts';
import { type DiagnoseHost, diagnose } from './diagnose.ts';
import { createDriver, type Driver, type Told } from './driver.ts';
import { guardedPromise } from './guarded-promise.ts';
import { readMemory, writeMemory } from './memory.ts';
import { misuse, payloadOf } from './payload.ts';
import type { Endpoint, Protocol, ProtocolFactory } from './protocols/protocol.ts';
import { isOn } from './protocols/url.ts';
import type { Platform, Runtime, Signal, Store } from './runtime/runtime.ts';
import {
  createHandle,
  type Handle,
  type HandleHost,
  type SignalLike,
  type SubscribeOptions,
  type Subscription,
} from './subscription.ts';

export interface ClientDefaults {
  readonly runtime: () => Runtime;
  readonly adapters: readonly AdapterFactory<Platform>[];
  readonly protocol: ProtocolFactory;
}

interface TopicState {
  readonly handles: Handle[];
  /** The place after which nothing is missed, once the server has it. */
  start: string | undefined;
}

interface Waiting {
  readonly ref: number;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: HoldfastError) => void;
  readonly stop: (() => void) | undefined;
}

const sendTimeoutMs = 60_000;
const diagnoseMs = 8_000;

function dictionary<V>(): Record<string, V> {
  return Object.create(null) as Record<string, V>;
}

/** A map of the two members that `mitt` uses, for engines without `Map`. */
function listenerMap(): Map<string, unknown> {
  const lists = dictionary<unknown>();
  return {
    get: (key: string) => lists[key],
    set: (key: string, value: unknown) => {
      lists[key] = value;
    },
  } as unknown as Map<string, unknown>;
}

function faultOf(cause: unknown): HoldfastError {
  return createError('LISTENER_FAILED', 'A function of the application threw', { cause });
}

function checkTopic(topic: unknown): void {
  if (!isTopic(topic)) throw misuse('A topic has 1 to 256 characters, and no control characters');
}

function checkWhole(name: string, value: unknown, least: number): void {
  const isWhole = typeof value === 'number' && Math.floor(value) === value;
  if (!isWhole || value < least || value > 1e9)
    throw misuse(`\`${name}\` is a whole number from ${least} on`);
}

/** By hand: who asks for the status of a page that has broken its arrays should learn of it. */
function copyOf(attempts: readonly Attempt[]): Attempt[] {
  const copies: Attempt[] = [];
  for (let i = 0; i < attempts.length; i++) copies[i] = { ...(attempts[i] as Attempt) };
  return copies;
}

/** Inert: no request, no timer, no look at any global before something is wanted. */
export function createClientWith<T extends Topics>(
  defaults: ClientDefaults,
  url: string,
  options: ClientOptions,
): Client<T> {
  if (typeof url !== 'string' || url === '') throw misuse('`createClient` needs a URL');
  const emitter = mitt<Record<string, unknown>>(listenerMap() as never);
  const topics = dictionary<TopicState>();
  /** Oldest first: so they are answered as a rule, and the first is the one looked for. */
  const waiting: Waiting[] = [];
  /** Subscriptions that the session has yet to take: until then it tells of former ones. */
  const untaken = dictionary<number>();
  let nextRef = 1;
  let nextRequest = 1;
  let closed = false;
  /** Number of the last question for a token: an answer to an earlier one counts no more. */
  let question = 0;
  let running:
    | { session: Session; driver: Driver; runtime: Runtime; protocol: Protocol; stop: () => void }
    | undefined;
  let status: Status = {
    state: 'idle',
    transport: undefined,
    why: undefined,
    since: 0,
    attempt: 0,
    nextAttemptAt: undefined,
    lastError: undefined,
    resume: 'full',
    pending: 0,
    rttMs: undefined,
    attempts: [],
    client: undefined,
  };
  let attemptsVersion = 0;
  /** The last snapshot that listeners know. */
  let told = status;

  // ---- listeners ---------------------------------------------------------------------------------------------------

  function call<A>(listener: (argument: A) => void, argument: A, event?: keyof ClientEvents): void {
    try {
      listener(argument);
    } catch (cause) {
      // An error listener that throws is not asked again about its own error.
      if (event === 'error') running?.runtime.report(cause);
      else unhandled(faultOf(cause));
    }
  }

  function unhandled(given: unknown): void {
    const error = isHoldfastError(given) ? given : faultOf(given);
    if (isHeard('error')) emitter.emit('error', error);
    else running?.runtime.report(error);
  }

  function isHeard(event: keyof ClientEvents): boolean {
    return (emitter.all.get(event)?.length ?? 0) > 0;
  }

  function on<E extends keyof ClientEvents>(event: E, handler: (value: ClientEvents[E]) => void): () => void {
    const guarded = (value: unknown): void => call(handler, value as ClientEvents[E], event);
    if (!isHeard('status')) told = readStatus();
    emitter.on(event, guarded);
    return () => emitter.off(event, guarded);
  }

  // ---- start -------------------------------------------------------------------------------------------------------

  function start(): Driver {
    if (running) return running.driver;
    const runtime = defaults.runtime();
    const protocol = (options.protocol ?? defaults.protocol)({
      frames: (id, frames) => driver.put({ type: 'frames', id, frames }),
      send: (id, outgoing) => driver.send(id, outgoing),
    });
    const adapters = usable(protocol, runtime.platform);
    if (adapters.length === 0) throw misuse('`adapters` lists none that can be used: import others');
    const bases = endpoints(runtime, adapters);
    const { baseMs = 500, capMs = 20_000 } = options.backoff ?? {};
    const { sends = 1_000, bytes = 8 * 1024 * 1024 } = options.outbox ?? {};
    const session = createSession({
      kinds: adapters.map(({ transport, facts }) => ({
        transport,
        ...facts,
        ...protocol.facts?.(transport, facts),
      })),
      auth: options.auth !== undefined,
      eager: options.eager !== false,
      // Whoever says what becomes of cookies is obeyed.
      mayRenew: options.credentials === undefined || options.credentials === 'same-origin',
      backoff: { baseMs, capMs },
      outbox: { sends, bytes },
      seed: randomBytes(runtime, 4).reduce((seed, byte) => ((seed << 8) | byte) >>> 0, 0),
    });
    const driver = createDriver({
      session,
      runtime,
      protocol,
      adapters,
      endpoint: (transport, fresh) => endpointOf(runtime, bases[transport] as string, fresh),
      tell,
    });
    running = { session, driver, runtime, protocol, stop: idle };
    // With nothing to choose from there is nothing to remember; looking would cost a page its first milliseconds.
    if (adapters.length > 1) recall(runtime, driver, adapters);
    const rttMs = runtime.roundTripMs?.(bases[(adapters[0] as Adapter).transport] as string);
    if (rttMs !== undefined) driver.put({ type: 'estimate', rttMs });
    newIdentity(runtime, driver);
    if (closed) driver.put({ type: 'close' });
    return driver;
  }

  /** Those that the protocol can use, and that have an address where the server is not ours and addresses are listed. */
  function usable({ transports, ownEndpoints }: Protocol, platform: Platform): Adapter[] {
    const all = (options.adapters ?? defaults.adapters)
      .map((make): Adapter => make(platform))
      .filter(({ transport }) => !transports || transports.indexOf(transport) >= 0);
    const given = options.endpoints;
    const listed = all.filter(({ transport }) => given?.[transport] !== undefined);
    return ownEndpoints && listed.length > 0 ? listed : all;
  }

  /** Ids and keys that can be guessed are none. */
  function randomBytes(runtime: Runtime, count: number): Uint8Array {
    try {
      return runtime.randomBytes(count);
    } catch (cause) {
      throw createError('NO_RANDOM', 'There is no source of random bytes', { cause });
    }
  }

  /** Whether the server knows nothing of us; asked once it is started. */
  function isPlain(): boolean {
    return running?.protocol.named !== undefined;
  }

  function endpoints(runtime: Runtime, adapters: readonly Adapter[]): Record<string, string> {
    const bases = dictionary<string>();
    adapters.forEach(({ transport }) => {
      const raw = options.endpoints?.[transport] ?? url;
      try {
        bases[transport] = runtime.resolveUrl(raw).replace(/^ws/, 'http');
      } catch (cause) {
        throw misuse(`'${raw}' is no URL here`, { cause });
      }
    });
    return bases;
  }

  function endpointOf(runtime: Runtime, base: string, fresh: boolean): Endpoint {
    const { credentials = 'same-origin', headers = {} } = options;
    const { origin } = runtime;
    // Browsers keep a pool of connections for requests with cookies and another for those without.
    const other = isOn(origin, base) ? 'omit' : 'include';
    return {
      url: base,
      credentials: fresh ? other : credentials,
      headers,
      origin,
      requestNumber: () => nextRequest++,
      // Drawn only where one is needed.
      get nonce() {
        return randomId(runtime);
      },
    };
  }

  function randomId(runtime: Runtime): string {
    return toBase64Url(randomBytes(runtime, 16));
  }

  function newIdentity(runtime: Runtime, driver: Driver): void {
    driver.put({ type: 'identity', client: randomId(runtime), key: randomId(runtime) });
  }

  /** The page's signals are listened to from the first wish until `close`. */
  function listen(): void {
    const one = running;
    if (!one || one.stop !== idle) return;
    one.stop = one.runtime.listen((signal: Signal) => {
      if (signal === 'document-loaded') one.driver.refresh();
      else one.driver.put({ type: 'signal', signal });
    });
    one.driver.refresh();
  }

  function wish(): Driver {
    const driver = start();
    if (!closed) listen();
    return driver;
  }

  // ---- memory ------------------------------------------------------------------------------------------------------

  /** Storage may be full, broken or forbidden at any time; nothing depends on it. */
  function withStore(runtime: Runtime, use: (store: Store, key: string, wall: number) => void): void {
    try {
      const store = options.memory === false ? undefined : (options.memory ?? runtime.store);
      if (store) use(store, `holdfast:${runtime.resolveUrl(url)}`, runtime.now().wall);
    } catch {
      // What cannot be read is not remembered.
    }
  }

  function recall(runtime: Runtime, driver: Driver, adapters: readonly Adapter[]): void {
    withStore(runtime, (store, key, wall) => {
      const transports = adapters.map(({ transport }) => transport);
      const known = readMemory(store.get(key), transports, wall);
      if (known) driver.put({ type: 'memory', known });
    });
  }

  function remember(known: Knowledge): void {
    if (!running || running.session.policy.kinds.length === 1) return;
    withStore(running.runtime, (store, key, wall) => store.set(key, writeMemory(known, wall)));
  }

  // ---- what the session tells --------------------------------------------------------------------------------------

  function tell(given: Told): void {
    // Whatever else there is comes back as it is.
    const told = (running?.protocol.named?.(given as InboxEvent) as Told | undefined) ?? given;
    switch (told.type) {
      case 'message':
        return each(told.message.topic, (handle) => handle.message(told.message));
      case 'gap':
        if (untaken[told.gap.topic]) return;
        emitter.emit('gap', told.gap);
        return each(told.gap.topic, (handle) => handle.gap(told.gap));
      case 'taken':
        if (untaken[told.topic] === 1) delete untaken[told.topic];
        else untaken[told.topic] = (untaken[told.topic] as number) - 1;
        return;
      case 'ready': {
        const state = topics[told.topic];
        if (!state || untaken[told.topic]) return;
        state.start = told.start;
        return each(told.topic, (handle) => handle.ready(told.start));
      }
      case 'ended': {
        if (untaken[told.topic]) return;
        const error = createError(told.code, told.message, { topic: told.topic });
        const handles = topics[told.topic]?.handles.slice() ?? [];
        delete topics[told.topic];
        for (let i = 0; i < handles.length; i++) (handles[i] as Handle).end(error);
        return;
      }
      case 'settled': {
        let at = 0;
        while (at < waiting.length && (waiting[at] as Waiting).ref !== told.ref) at++;
        const one = waiting.splice(at, 1)[0];
        if (!one) return;
        one.stop?.();
        if (told.ok) one.resolve(told.reply);
        else one.reject(told.error);
        return;
      }
      case 'error':
        return unhandled(told.error);
      case 'trace':
        return emitter.emit('trace', told.trace);
      case 'status':
        return noteStatus();
      case 'remember':
        return remember(told.known);
      case 'ask-token':
        return askToken();
      case 'rekey':
        return running && newIdentity(running.runtime, running.driver);
    }
  }

  function each(topic: string, run: (handle: Handle) => void): void {
    const handles = topics[topic]?.handles;
    if (!handles || untaken[topic]) return;
    if (handles.length === 1) return run(handles[0] as Handle);
    const copy = handles.slice();
    for (let i = 0; i < copy.length; i++) run(copy[i] as Handle);
  }

  function askToken(): void {
    const driver = running?.driver;
    const { auth } = options;
    const asked = ++question;
    const failed = (cause: unknown): void => {
      if (asked === question) driver?.put({ type: 'token-failed', cause });
    };
    const got = (token: unknown): void => {
      if (typeof token !== 'string') failed(misuse('`auth` must give a string'));
      else if (asked === question) driver?.put({ type: 'token', token });
    };
    try {
      const given = typeof auth === 'function' ? auth() : auth;
      if (typeof given === 'object' && given !== null) given.then(got, failed);
      else got(given);
    } catch (cause) {
      failed(cause);
    }
  }

  function noteStatus(): void {
    // Whom nobody asks says nothing.
    if (!isHeard('status') || told === readStatus()) return;
    told = status;
    emitter.emit('status', status);
  }

  /** The snapshot: another object only if anything in it differs. */
  function readStatus(): Status {
    if (!running) return status;
    const { session } = running;
    const active = activeOf(session);
    const waitsUntil = nextAttemptAt(session);
    const next: Status = {
      // First, as it differs most often and ends the comparison.
      pending: pendingCount(session.outbox),
      state: session.state,
      transport: active?.kind.transport as TransportName | undefined,
      why: active?.attempt.why,
      since: session.since,
      attempt: active ? 0 : session.attempt,
      nextAttemptAt: waitsUntil === undefined ? undefined : session.now.wall + waitsUntil - session.now.mono,
      lastError: session.lastError,
      resume: running.protocol.resume?.() ?? 'full',
      rttMs: session.policy.rttMs,
      attempts: session.attemptsVersion === attemptsVersion ? status.attempts : copyOf(session.attempts),
      client: session.everOpen && session.client !== '' ? session.client : undefined,
    };
    for (const name in next) {
      const key = name as keyof Status;
      if (next[key] === status[key]) continue;
      if (key === 'nextAttemptAt' && Math.abs((next[key] ?? 0) - (status[key] ?? 0)) < 50) continue;
      status = next;
      attemptsVersion = session.attemptsVersion;
      break;
    }
    return status;
  }

  // ---- the public interface ----------------------------------------------------------------------------------------

  const host: HandleHost = {
    call,
    unhandled,
    unsubscribe(handle) {
      const state = topics[handle.topic];
      const at = state ? state.handles.indexOf(handle) : -1;
      handle.end();
      if (!state || at < 0) return;
      state.handles.splice(at, 1);
      if (state.handles.length > 0) return;
      delete topics[handle.topic];
      running?.driver.put({ type: 'unsubscribe', topic: handle.topic });
    },
  };

  function subscribe(topic: string, given?: unknown): Subscription {
    checkTopic(topic);
    const wanted = (typeof given === 'function' ? { message: given } : (given ?? {})) as SubscribeOptions;
    const { last = 0, since, buffer = 1 } = wanted;
    checkWhole('last', last, 0);
    checkWhole('buffer', buffer, 1);
    if (since !== undefined && (typeof since !== 'string' || !parseCursor(since))) {
      throw misuse('`since` is no cursor');
    }
    const driver = wish();
    if (since !== undefined && isPlain()) {
      throw misuse('`since` is for hubs: a plain server begins after its `lastEventId`');
    }
    const handle = createHandle(topic, wanted, host);
    if (wanted.signal?.aborted) return handle.subscription;
    const state = topics[topic];
    if (state) {
      state.handles.push(handle);
      if (state.start !== undefined) handle.ready(state.start);
      return handle.subscription;
    }
    topics[topic] = { handles: [handle], start: undefined };
    untaken[topic] = (untaken[topic] ?? 0) + 1;
    driver.put({ type: 'subscribe', topic, last, since });
    return handle.subscription;
  }

  function send(topic: string, data: unknown, how: SendOptions = {}): Promise<unknown> {
    checkTopic(topic);
    const { timeoutMs = sendTimeoutMs } = how;
    if (typeof timeoutMs !== 'number' || !(timeoutMs <= Number.POSITIVE_INFINITY))
      throw misuse('`timeoutMs` is a number');
    const ref = nextRef++;
    const request = payloadOf(ref, topic, data);
    const driver = wish();
    return guardedPromise<unknown>((resolve, reject) => {
      const { signal } = how;
      const isAborted = signal?.aborted === true;
      waiting.push({ ref, resolve, reject, stop: signal && onAbort(signal, ref) });
      driver.put(
        how.volatile && !isAborted ? { type: 'volatile', request } : { type: 'send', request, timeoutMs },
      );
      // It is queued and taken out again, so that it is settled like any other.
      if (isAborted) driver.put({ type: 'abort', ref });
    }, unhandled);
  }

  /** Returns what ends the listening. */
  function onAbort(signal: SignalLike, ref: number): () => void {
    const abort = (): void => running?.driver.put({ type: 'abort', ref });
    signal.addEventListener('abort', abort);
    return () => signal.removeEventListener?.('abort', abort);
  }

  function open(): void {
    const driver = start();
    closed = false;
    listen();
    driver.put({ type: 'open' });
  }

  function close(): void {
    closed = true;
    if (!running) return;
    running.stop();
    running.stop = idle;
    question++;
    running.driver.put({ type: 'close' });
  }

  function prefer(transport: TransportName | null): void {
    const driver = start();
    const known = running?.session.policy.kinds.some((kind) => kind.transport === transport);
    if (transport !== null && !known) throw misuse(`No adapter for '${transport}' is listed`);
    driver.put({ type: 'prefer', transport: transport ?? undefined });
  }

  function diagnoseAll(timeoutMs = diagnoseMs): Promise<Diagnosis> {
    checkWhole('timeoutMs', timeoutMs, 1);
    start();
    const runtime = defaults.runtime();
    const factories = options.adapters ?? defaults.adapters;
    const host: DiagnoseHost = {
      url: runtime.resolveUrl(url),
      runtime,
      transports: factories.map((make) => make(runtime.platform).transport),
      asks: !isPlain(),
      make: (index) =>
        createClientWith(defaults, url, {
          ...options,
          adapters: [factories[index] as AdapterFactory<Platform>],
          memory: false,
        }),
    };
    return new Promise((resolve) => diagnose(host, timeoutMs, resolve));
  }

  return {
    subscribe: subscribe as Client<T>['subscribe'],
    send: send as Client<T>['send'],
    get status() {
      return readStatus();
    },
    on,
    open,
    close,
    prefer,
    diagnose: diagnoseAll,
    reauthenticate() {
      question++;
      running?.driver.put({ type: 'reauthenticate' });
    },
  };
}

function idle(): void {
  // Nothing is listened to.
}
