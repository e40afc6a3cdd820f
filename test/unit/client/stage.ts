/**
 * A client on a stage: the real `createClientWith`, driver, session, protocol and promises, between a fake runtime and
 * adapters whose other end is played by the test. Time stands still unless a test lets it pass.
 */
import type {
  Adapter,
  AdapterFacts,
  AdapterRequest,
  AdapterSink,
  Closed,
  Outgoing,
  TransportName,
} from '../../../src/adapters/adapter.ts';
import { createClientWith } from '../../../src/client.ts';
import type { Client, ClientOptions } from '../../../src/client-types.ts';
import { fromBase64 } from '../../../src/core/base64.ts';
import type { HoldfastError } from '../../../src/core/errors.ts';
import type { ClientFrame, HelloFrame, OpenFrame, SendFrame, TopicAnswer } from '../../../src/core/frames.ts';
import { holdfast } from '../../../src/protocols/holdfast.ts';
import type { Runtime, Signal, Store } from '../../../src/runtime/runtime.ts';

export const epoch = 'aaaaaaaaaaa';
const decoder = new TextDecoder();

const overHttp = { roundTrips: 2, duplex: false, binary: false, fresh: false, twoPools: true };
const facts: Record<TransportName, AdapterFacts> = {
  websocket: { roundTrips: 2, duplex: true, streaming: true, binary: true, fresh: true, held: false },
  'http-stream': { ...overHttp, streaming: true, held: false },
  eventsource: { ...overHttp, streaming: true, held: false },
  iframe: { ...overHttp, streaming: true, twoPools: false, held: false },
  'long-poll': { ...overHttp, streaming: false, held: true },
  poll: { ...overHttp, streaming: false, held: false },
};

export interface HelloOptions extends Partial<Omit<HelloFrame, 'type' | 'topics' | 'limits'>> {
  /** Offset of the end of the log. */
  readonly at?: number;
  /** Answers that differ from what a healthy server says. */
  readonly topics?: Readonly<Record<string, Omit<TopicAnswer, 'topic'>>>;
}

/** The other end of one connection. */
export interface Wire {
  readonly transport: TransportName;
  /** What it was opened with, and for a poll what it asked last. */
  readonly request: AdapterRequest;
  readonly open: OpenFrame;
  /** All that the client said since, in order, without the head of a POST. */
  readonly said: readonly ClientFrame[];
  /** What carried it: messages, or requests. */
  readonly outgoing: readonly Outgoing[];
  readonly isOpen: boolean;
  hello(hello?: HelloOptions): void;
  /** One unit with these frames. */
  says(...frames: readonly object[]): void;
  saysBytes(head: object, bytes: Uint8Array): void;
  /** A poll's answer, or a POST's, is complete. */
  answered(): void;
  posted(): void;
  ends(closed?: Closed): void;
}

/** The open as the request carries it: a subprotocol, the first message, or the first line of a body. */
function openOf(request: AdapterRequest): OpenFrame {
  const encoded = request.protocols?.[1]?.slice('open.'.length);
  if (encoded !== undefined) {
    const bytes = fromBase64(encoded.replace(/-/g, '+').replace(/_/g, '/')) as Uint8Array;
    return JSON.parse(decoder.decode(bytes)) as OpenFrame;
  }
  const text = request.beside?.body ?? request.body ?? request.fields?.['open'] ?? request.first?.[0];
  return JSON.parse(String(text).split('\n')[0] as string) as OpenFrame;
}

function framesOfMessage(message: string | Uint8Array): ClientFrame[] {
  if (typeof message === 'string') return message.split('\n').map((line) => JSON.parse(line) as ClientFrame);
  const end = message.indexOf(10);
  const head = JSON.parse(decoder.decode(message.subarray(0, end))) as SendFrame;
  return [{ ...head, data: message.slice(end + 1) }];
}

function framesOf(outgoing: Outgoing): ClientFrame[] {
  if ('messages' in outgoing) return outgoing.messages.flatMap(framesOfMessage);
  if (!('request' in outgoing)) return [];
  const lines = (outgoing.request.body ?? '').split('\n').filter((line) => line !== '');
  return lines.slice(1).map((line) => JSON.parse(line) as ClientFrame);
}

const offsetOf = (cursor: string): number => Number(cursor.split('.')[1]);

function answersTo(open: OpenFrame, at: number, special: HelloOptions['topics'] = {}): TopicAnswer[] {
  return open.topics.flatMap((request): TopicAnswer[] => {
    const topic = typeof request === 'string' ? request : request.topic;
    const known = Object.hasOwn(special, topic) ? special[topic] : undefined;
    if (known) return [{ topic, ...known }];
    if (typeof request === 'string') return open.cursor?.startsWith(epoch) ? [] : [{ topic, start: `${at}` }];
    return [{ topic, start: `${'at' in request ? offsetOf(request.at) : at}` }];
  });
}

function helloTo(open: OpenFrame, { at = 0, topics, ...rest }: HelloOptions): HelloFrame {
  return {
    type: 'hello',
    attempt: open.attempt,
    head: `${epoch}.${at}`,
    cursor: open.cursor ?? `${epoch}.${at}`,
    topics: answersTo(open, at, topics),
    heartbeatMs: 10_000,
    holdMs: 25_000,
    sends: 'n1',
    keepMs: 120_000,
    limits: { frameBytes: 100_000, topics: 100, window: 256, batchBytes: 100_000 },
    ...rest,
  };
}

/** One connection of a scripted adapter, which obeys the laws: nothing after `closed`, `closed` once and not at once. */
function createWire(transport: TransportName, first: AdapterRequest, sink: AdapterSink) {
  let request = first;
  let isOpen = true;
  const said: ClientFrame[] = [];
  const outgoing: Outgoing[] = [];
  const close = (closed: Closed): void => {
    if (!isOpen) return;
    isOpen = false;
    queueMicrotask(() => sink.closed(closed));
  };
  const wire: Wire = {
    transport,
    get request() {
      return request;
    },
    get open() {
      return openOf(request);
    },
    said,
    outgoing,
    get isOpen() {
      return isOpen;
    },
    hello: (hello = {}) => wire.says(helloTo(openOf(request), hello)),
    says(...frames) {
      if (isOpen) sink.received({ text: frames.map((frame) => JSON.stringify(frame)).join('\n') });
    },
    saysBytes(head, bytes) {
      const text = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
      if (isOpen) sink.received({ bytes: Uint8Array.from([...text, ...bytes]) });
    },
    answered: () => isOpen && sink.answered(),
    posted: () => isOpen && sink.posted({ ok: true, status: 200 }),
    ends: (closed = { kind: 'failed' }) => close(closed),
  };
  const connection = {
    send(one: Outgoing): void {
      if (!isOpen) return;
      outgoing.push(one);
      said.push(...framesOf(one));
    },
    poll(next: AdapterRequest): void {
      request = next;
    },
    close: () => close({ kind: 'aborted' }),
  };
  return { wire, connection };
}

export interface StageOptions extends Omit<ClientOptions, 'adapters'> {
  readonly url?: string;
  readonly transports?: readonly TransportName[];
  /** Transports that cannot run here. */
  readonly missing?: TransportName[];
  /** What the runtime has by default. */
  readonly store?: Store;
  /** What the page's timings say of a URL. */
  readonly roundTripMs?: (url: string) => number | undefined;
  /** As in Node. */
  readonly gather?: (run: () => void) => void;
}

/** Everything that waits in this task and its microtasks has happened, and the process has seen what nobody handled. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export function createStage(options: StageOptions = {}) {
  const {
    url = 'https://hub.test/realtime',
    transports = ['websocket'],
    missing = [],
    store,
    roundTripMs,
    gather,
    ...rest
  } = options;
  /** Names of what the client has asked its runtime and adapters, the clock excepted. */
  const calls: string[] = [];
  const wires: Wire[] = [];
  const reports: unknown[] = [];
  const timers: Timer[] = [];
  const listeners: ((signal: Signal) => void)[] = [];
  let wall = 1_700_000_000_000;
  let mono = 5;
  let random = 1;

  const runtime: Runtime = {
    platform: {},
    now: () => ({ wall, mono }),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => (random++ * 37) % 256),
    defer(run) {
      calls.push('defer');
      queueMicrotask(run);
    },
    startTimer(run, delayMs) {
      if (!(delayMs >= 0)) reports.push(`A timer of ${delayMs} ms`);
      const timer = { at: mono + delayMs, run };
      timers.push(timer);
      return () => {
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
      };
    },
    listen(onSignal) {
      listeners.push(onSignal);
      return () => {
        listeners.splice(listeners.indexOf(onSignal), 1);
      };
    },
    resolveUrl: (text) => new URL(text, 'https://page.test/app/').href,
    origin: 'https://page.test',
    ...(roundTripMs && { roundTripMs }),
    ...(gather && { gather }),
    get store() {
      calls.push('store');
      return store;
    },
    report(error) {
      reports.push(error);
    },
  };
  const adapterOf = (transport: TransportName) => (): Adapter => {
    calls.push(`adapter ${transport}`);
    return {
      transport,
      facts: facts[transport],
      available: () => !missing.includes(transport),
      open(request, sink) {
        const { wire, connection } = createWire(transport, request, sink);
        wires.push(wire);
        return connection;
      },
    };
  };
  const makeRuntime = (): Runtime => {
    calls.push('runtime');
    return runtime;
  };
  const defaults = { runtime: makeRuntime, adapters: transports.map(adapterOf), protocol: holdfast() };
  const client: Client = createClientWith(defaults, url, {
    backoff: { baseMs: 1_000, capMs: 8_000 },
    ...rest,
  });

  return {
    client,
    calls,
    wires,
    reports,
    timers,
    listeners,
    missing,
    /** The connection opened last. */
    wire(): Wire {
      const last = wires[wires.length - 1];
      if (!last) throw new Error('Nothing was opened');
      return last;
    },
    wall: (): number => wall,
    tell(signal: Signal): void {
      for (const listener of listeners.slice()) listener(signal);
    },
    /** Lets time pass, timer by timer. */
    async pass(ms: number): Promise<void> {
      const end = mono + ms;
      await turn();
      for (let rounds = 0; rounds < 10_000; rounds++) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.splice(timers.indexOf(due), 1);
        wall += Math.max(0, due.at - mono);
        mono = Math.max(mono, due.at);
        due.run();
        await turn();
      }
      wall += end - mono;
      mono = end;
    },
  };
}

export type Stage = ReturnType<typeof createStage>;

/** The connection is cut, and the first retry, which is immediate, is on its way. */
export async function cut(stage: Stage): Promise<void> {
  stage.wire().ends();
  await stage.pass(0);
}

/** A stage whose client is open, nothing subscribed. */
export async function openStage(options: StageOptions = {}, hello: HelloOptions = {}): Promise<Stage> {
  const stage = createStage(options);
  stage.client.open();
  await turn();
  stage.wire().hello(hello);
  await turn();
  return stage;
}

export const message = (topic: string, offset: number): object => ({ topic, id: `${offset}`, data: offset });
export const ephemeral = (topic: string, mark: string): object => ({ topic, ephemeral: mark, data: mark });
export const gap = (topic: string, to: number, reason = 'trimmed'): object => {
  return { type: 'gap', topic, to: `${to}`, reason };
};
export const ack = (seq: number, reply?: unknown): object => ({ type: 'ack', seq, reply });
export const denied = { error: { code: 'TOPIC_DENIED', message: 'Not for you' } };

/** Numbered sends that were transmitted on this connection. */
export const sendsOn = (wire: Wire): readonly SendFrame[] =>
  wire.said.filter((frame): frame is SendFrame => frame.type === 'send');

/** Topics of an open, by name. */
export const topicsOf = (wire: Wire): readonly string[] =>
  wire.open.topics.map((request) => (typeof request === 'string' ? request : request.topic));

/** The codes of all that goes to `on('error')` from now on. */
export function errorCodes(stage: Stage): string[] {
  const codes: string[] = [];
  stage.client.on('error', ({ code }) => codes.push(code));
  return codes;
}

/** How a promise stands after all that is on its way has happened. Asking makes a rejection the asker's. */
export async function outcome(promise: PromiseLike<unknown>): Promise<unknown> {
  let state: unknown = 'pending';
  promise.then(
    (value) => {
      state = { value };
    },
    (error: HoldfastError) => {
      state = error.code ?? error;
    },
  );
  await turn();
  return state;
}

/** The error that `run` throws at once. */
export function thrownBy(run: () => unknown): Partial<HoldfastError> | undefined {
  try {
    run();
  } catch (error) {
    return error as HoldfastError;
  }
  return undefined;
}

/** Everything that would have ended the process while `run` ran: rejections that nobody handled. */
export async function unhandledDuring(run: () => Promise<void>): Promise<unknown[]> {
  const seen: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  const listener = (reason: unknown): void => {
    seen.push(reason);
  };
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', listener);
  try {
    await run();
    await turn();
    await turn();
  } finally {
    process.off('unhandledRejection', listener);
    for (const other of others) process.on('unhandledRejection', other);
  }
  return seen;
}
