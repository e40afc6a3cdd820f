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
import type { Gap } from './core/inbox.ts';
import { type Attempt, activeOf, createSession, type Session } from './core/model.ts';
import { pendingCount } from './core/outbox.ts';
import type { Knowledge } from './core/policy.ts';
import { nextAttemptAt } from './core/session.ts';
import { diagnose } from './diagnose.ts';
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

function isWhole(value: unknown, least: number): boolean {
  return typeof value === 'number' && value >= least && value <= 1e9 && Math.floor(value) === value;
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

  function call<A>(listener: (argument: A) => void, argument: A): void {
    try {
      listener(argument);
    } catch (cause) {
      unhandled(createError('LISTENER_FAILED', 'A listener threw', { cause }));
    }
  }

  function unhandled(given: unknown): void {
    const what = 'A callback of the application threw';
    const error = isHoldfastError(given) ? given : createError('LISTENER_FAILED', what, { cause: given });
    if (isHeard('error')) emitter.emit('error', error);
    else running?.runtime.report(error);
  }

  function isHeard(event: keyof ClientEvents): boolean {
    return (emitter.all.get(event)?.length ?? 0) > 0;
  }

  function on<E extends keyof ClientEvents>(event: E, handler: (value: ClientEvents[E]) => void): () => void {
    let listening = true;
    const guarded = (value: unknown): void => {
      try {
        handler(value as ClientEvents[E]);
      } catch (cause) {
        // An error listener that throws is not asked again about its own error.
        if (event === 'error') running?.runtime.report(cause);
        else unhandled(createError('LISTENER_FAILED', `A listener of '${event}' threw`, { cause }));
      }
    };
    if (!isHeard('status')) told = readStatus();
    emitter.on(event, guarded);
    return () => {
      if (!listening) return;
      listening = false;
      emitter.off(event, guarded);
    };
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
      backoff: { baseMs: options.backoff?.baseMs ?? 500, capMs: options.backoff?.capMs ?? 20_000 },
      outbox: { sends: options.outbox?.sends ?? 1_000, bytes: options.outbox?.bytes ?? 8 * 1024 * 1024 },
      seed: seedFrom(randomBytes(runtime, 4)),
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
    return running?.protocol.nameOf !== undefined;
  }

  function seedFrom(bytes: Uint8Array): number {
    return bytes.reduce((seed, byte) => ((seed << 8) | byte) >>> 0, 0);
  }

  function endpoints(runtime: Runtime, adapters: readonly Adapter[]): Record<string, string> {
    const bases = dictionary<string>();
    adapters.forEach(({ transport }) => {
      const raw = options.endpoints?.[transport] ?? url;
      try {
        bases[transport] = runtime.resolveUrl(raw).replace(/^ws/, 'http');
      } catch (cause) {
        throw createError('MISUSE', `'${raw}' is no URL here`, { cause });
      }
    });
    return bases;
  }

  function endpointOf(runtime: Runtime, base: string, fresh: boolean): Endpoint {
    const { credentials = 'same-origin' } = options;
    return {
      url: base,
      credentials: fresh ? otherCredentials(runtime, base) : credentials,
      headers: options.headers ?? {},
      origin: runtime.origin,
      requestNumber: () => nextRequest++,
      // Drawn only where one is needed.
      get nonce() {
        return toBase64Url(randomBytes(runtime, 16));
      },
    };
  }

  /** Browsers keep a pool of connections for requests with cookies and another for those without. */
  function otherCredentials(runtime: Runtime, base: string): Endpoint['credentials'] {
    return isOn(runtime.origin, base) ? 'omit' : 'include';
  }

  function newIdentity(runtime: Runtime, driver: Driver): void {
    driver.put({
      type: 'identity',
      client: toBase64Url(randomBytes(runtime, 16)),
      key: toBase64Url(randomBytes(runtime, 16)),
    });
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

  function store(runtime: Runtime): Store | undefined {
    return options.memory === false ? undefined : (options.memory ?? runtime.store);
  }

  function recall(runtime: Runtime, driver: Driver, adapters: readonly Adapter[]): void {
    try {
      const text = store(runtime)?.get(`holdfast:${runtime.resolveUrl(url)}`);
      const transports = adapters.map(({ transport }) => transport);
      const known = readMemory(text, transports, runtime.now().wall);
      if (known) driver.put({ type: 'memory', known });
    } catch {
      // What cannot be read is not remembered.
    }
  }

  function remember(known: Knowledge): void {
    const runtime = running?.runtime;
    if (!runtime || running?.session.policy.kinds.length === 1) return;
    try {
      const text = writeMemory(known, runtime.now().wall);
      store(runtime)?.set(`holdfast:${runtime.resolveUrl(url)}`, text);
    } catch {
      // Storage may be full or forbidden at any time; nothing depends on it.
    }
  }

  // ---- what the session tells --------------------------------------------------------------------------------------

  /** Places by the server's own names, where the protocol counts them by itself. */
  function named(told: Told): Told {
    const name = running?.protocol.nameOf;
    if (!name) return told;
    if (told.type === 'ready') return { ...told, start: name(told.start) };
    const gap = told.type === 'gap' ? told.gap : told.type === 'message' ? told.message.gap : undefined;
    const ours = gap && { ...gap, from: name(gap.from), to: name(gap.to) };
    if (told.type === 'gap') return { type: 'gap', gap: ours as Gap };
    if (told.type !== 'message') return told;
    const message = { ...told.message, id: name(told.message.id) };
    return { type: 'message', message: ours ? { ...message, gap: ours } : message };
  }

  function tell(given: Told): void {
    const told = named(given);
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
      why: active?.reason,
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
    guard: guardedPromise,
  };

  function subscribe(topic: string, given?: unknown): Subscription {
    if (!isTopic(topic))
      throw misuse('A topic is a string of 1 to 256 characters without control characters');
    const wanted = (typeof given === 'function' ? { message: given } : (given ?? {})) as SubscribeOptions;
    const { last = 0, since, buffer = 1 } = wanted;
    if (!isWhole(last, 0)) throw misuse('`last` is a whole number');
    if (!isWhole(buffer, 1)) throw misuse('`buffer` is a whole number above 0');
    if (since !== undefined && (typeof since !== 'string' || !parseCursor(since))) {
      throw misuse('`since` is no cursor');
    }
    const driver = wish();
    if (since !== undefined && isPlain()) {
      throw misuse('`since` is a place in a hub; a plain server begins after its `lastEventId`');
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
    if (!isTopic(topic))
      throw misuse('A topic is a string of 1 to 256 characters without control characters');
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
    if (!isWhole(timeoutMs, 1)) throw misuse('`timeoutMs` is a whole number above 0');
    start();
    const runtime = defaults.runtime();
    const factories = options.adapters ?? defaults.adapters;
    const transports = factories.map((make) => make(runtime.platform).transport);
    const host = {
      url: runtime.resolveUrl(url),
      transports,
      asks: !isPlain(),
      make(transport: string): Client {
        const adapters = [factories[transports.indexOf(transport as TransportName)] as (typeof factories)[0]];
        return createClientWith(defaults, url, { ...options, adapters, memory: false });
      },
      now: () => runtime.now(),
      after: (ms: number, run: () => void) => runtime.startTimer(run, ms),
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
