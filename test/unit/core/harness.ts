/**
 * Drives one session by hand: a fake clock (wall and monotonic), inputs in turns, and a timeline of all that it did,
 * one line each, as `what@when`. Epochs are single letters here (`a.5`), and are spelled out on the way in and out.
 */
import type { BackoffConfig } from '../../../src/core/backoff.ts';
import { parseCursor } from '../../../src/core/cursor.ts';
import type {
  BatchFrame,
  ClientFrame,
  HelloFrame,
  Limits,
  OpenFrame,
  ServerFrame,
  TopicAnswer,
  TopicRequest,
} from '../../../src/core/frames.ts';
import {
  type Attempt,
  createSession,
  type Effect,
  type Input,
  type Signal,
  type Trace,
} from '../../../src/core/model.ts';
import type { Kind, Knowledge } from '../../../src/core/policy.ts';
import { advance, nextAttemptAt, nextDeadline, step, takeEffects } from '../../../src/core/session.ts';
import type { Ending } from '../../../src/core/verdict.ts';

const kindOf = (transport: string, duplex: boolean, streaming: boolean, held: boolean): Kind => {
  return { transport, roundTrips: 2, duplex, streaming, held, fresh: duplex };
};

/** What another visit learned: just the transport, and all else as nobody knows it. */
export const known = (transport: string, rttMs?: number): Input => ({
  type: 'memory',
  known: { transport, rttMs, heartbeatMs: undefined, out: {} },
});
/** What an answer may take beside its round trip. */
export const answerMs = 1_800;

export const websocket: Kind = kindOf('websocket', true, true, false);
export const stream: Kind = kindOf('http-stream', false, true, false);
export const longPoll: Kind = kindOf('long-poll', false, false, true);
export const poll: Kind = kindOf('poll', false, false, false);

/** `a.5` becomes a cursor with a lawful epoch. */
export const spell = (text: string): string =>
  text.replace(/(^|,)([a-z])\./g, (_, before: string, letter: string) => `${before}${letter.repeat(11)}.`);
const abbreviate = (text: string): string => text.replace(/([a-z])\1{10}\./g, '$1.');

export interface WorldOptions {
  readonly kinds?: readonly Kind[];
  /** Transports that can run; all by default. */
  readonly available?: readonly string[];
  readonly auth?: boolean;
  readonly eager?: boolean;
  readonly mayRenew?: boolean;
  readonly backoff?: BackoffConfig;
  readonly outbox?: { readonly sends: number; readonly bytes: number };
}

export interface HelloOptions {
  readonly head?: string;
  readonly cursor?: string;
  /** Answers that differ from what a healthy server says. */
  readonly topics?: Readonly<Record<string, Omit<TopicAnswer, 'topic'>>>;
  readonly sends?: string;
  readonly identity?: string;
  readonly expiresInMs?: number;
  readonly heartbeatMs?: number;
  readonly holdMs?: number;
  /** The server's clock. */
  readonly time?: number;
  readonly limits?: Partial<Limits>;
}

const limits: Limits = { frameBytes: 1000, topics: 100, window: 256, batchBytes: 4000 };

const placeOf = (cursor: string): { epoch: string; offset: number } => {
  const place = parseCursor(cursor)?.[0];
  if (!place) throw new Error(`${cursor} is no place`);
  return place;
};

/** What a server with a log up to `head` answers to a topic of an open; nothing to one that goes on from the cursor. */
function answerTo(request: TopicRequest, head: string, cursor: string | undefined): TopicAnswer | undefined {
  const end = placeOf(head);
  if (typeof request === 'string') {
    const isHere = cursor !== undefined && placeOf(cursor).epoch === end.epoch;
    return isHere ? undefined : { topic: request, start: `${end.offset}` };
  }
  const asked = 'at' in request ? placeOf(request.at) : end;
  return { topic: request.topic, start: `${asked.epoch === end.epoch ? asked.offset : end.offset}` };
}

/** Where a server begins to read for this open: at the least of all places asked for in its log, else at the head. */
function beginOf(open: OpenFrame, head: string): string {
  const { epoch, offset } = placeOf(head);
  const asked = open.topics.flatMap((request) =>
    typeof request === 'object' && 'at' in request ? [request.at] : [],
  );
  const places = (open.cursor === undefined ? asked : [...asked, open.cursor]).map(placeOf);
  const offsets = places.filter((place) => place.epoch === epoch).map((place) => place.offset);
  return `${epoch}.${Math.min(offset, ...offsets)}`;
}

function helloTo(open: OpenFrame, options: HelloOptions): HelloFrame {
  const head = spell(options.head ?? 'a.0');
  const topics: TopicAnswer[] = [];
  for (const request of open.topics) {
    const topic = typeof request === 'string' ? request : request.topic;
    const override = options.topics?.[topic];
    const answer = override ? { topic, ...override } : answerTo(request, head, open.cursor);
    if (answer) topics.push(answer);
  }
  const { identity, expiresInMs, time } = options;
  return {
    type: 'hello',
    attempt: open.attempt,
    head,
    cursor: options.cursor ? spell(options.cursor) : beginOf(open, head),
    topics,
    heartbeatMs: options.heartbeatMs ?? 10_000,
    holdMs: options.holdMs ?? 25_000,
    sends: options.sends ?? 'n1',
    keepMs: 120_000,
    limits: { ...limits, ...options.limits },
    ...(identity === undefined ? {} : { identity }),
    ...(expiresInMs === undefined ? {} : { expiresInMs }),
    ...(time === undefined ? {} : { time }),
  };
}

function topicText(request: TopicRequest): string {
  if (typeof request === 'string') return request;
  if ('at' in request) return `${request.topic}@${abbreviate(request.at)}`;
  return `${request.topic}+${request.last ?? ''}`;
}

const topicsText = (topics: readonly TopicRequest[]): string => `[${topics.map(topicText).join(' ')}]`;

function openText(open: OpenFrame): string {
  let text = topicsText(open.topics);
  if (open.cursor !== undefined) text += ` from ${abbreviate(open.cursor)}`;
  if (open.token !== undefined) text += ` token ${open.token}`;
  if (open.wait !== undefined) text += ` wait ${open.wait}`;
  if (open.max !== undefined) text += ` max ${open.max}`;
  if (open.skip) text += ' skip';
  if (open.heartbeat !== undefined) text += ` heartbeat ${open.heartbeat}`;
  return open.client === 'client-1' ? text : `${text} as ${open.client || 'nobody'}`;
}

function frameText(frame: ClientFrame): string {
  if (frame.type === 'send') {
    const what =
      frame.seq === undefined ? 'volatile' : frame.void ? `void ${frame.seq}` : `send ${frame.seq}`;
    return frame.void ? what : `${what} ${JSON.stringify(frame.data)}`;
  }
  if (frame.type === 'subscribe') return `subscribe ${topicsText(frame.topics)}`;
  if (frame.type === 'unsubscribe') return `unsubscribe ${topicsText(frame.topics)}`;
  if (frame.type === 'ping' && frame.attempt !== undefined) return `ping ${frame.attempt}`;
  return frame.type === 'release' ? `release ${frame.attempts.join(' ')}` : frame.type;
}

function transmitText(
  id: number,
  isDuplex: boolean,
  frames: readonly ClientFrame[],
  batch: BatchFrame,
): string {
  const text = frames.map(frameText).join(', ');
  return isDuplex ? `#${id} says ${text}` : `#${id} posts ${batch.sends}: ${text}`;
}

/** One line for what a person would want to see; `undefined` for the rest. */
function textOf(effect: Effect, kinds: ReadonlyMap<number, Kind>): string | undefined {
  switch (effect.type) {
    case 'open':
      return `#${effect.id} opens ${effect.fresh ? 'afresh ' : ''}${effect.transport} ${openText(effect.open)}`;
    case 'poll':
      return `#${effect.id} polls ${openText(effect.open)}`;
    case 'transmit': {
      const isDuplex = kinds.get(effect.id)?.duplex === true;
      const text = transmitText(effect.id, isDuplex, effect.frames, effect.batch);
      return effect.keepalive ? `${text} (keepalive)` : text;
    }
    case 'end':
      return `#${effect.id} ends`;
    case 'message': {
      const { topic, id, data, gap } = effect.message;
      return `${topic} ${id || JSON.stringify(data)}${gap ? ' (after a gap)' : ''}`;
    }
    case 'gap':
      return `gap ${effect.gap.topic} ${effect.gap.from}-${effect.gap.to} ${effect.gap.reason}`;
    case 'ready':
      return `ready ${effect.topic}`;
    case 'ended':
      return `${effect.topic} ended: ${effect.code}`;
    case 'settled':
      if (effect.ok) return `settled ${effect.ref}: ${JSON.stringify(effect.reply ?? null)}`;
      return `settled ${effect.ref}: ${effect.error.code}`;
    case 'error':
      return `error ${effect.error.code}`;
    case 'trace':
      return effect.trace.type === 'state' ? effect.trace.reason : undefined;
    case 'remember':
    case 'taken':
      return undefined;
    default:
      return effect.type;
  }
}

/** A session with a clock that starts at 0, opened and with nothing subscribed. */
export function createWorld(options: WorldOptions = {}) {
  const kinds = options.kinds ?? [websocket];
  const session = createSession({
    kinds,
    auth: options.auth ?? false,
    eager: options.eager ?? false,
    mayRenew: options.mayRenew ?? false,
    backoff: options.backoff ?? { baseMs: 0, capMs: 0 },
    outbox: options.outbox ?? { sends: 100, bytes: 10_000 },
    seed: 1,
  });
  const opens = new Map<number, OpenFrame>();
  const kindsById = new Map<number, Kind>();
  const effects: Effect[] = [];
  const traces: Trace[] = [];
  let lines: string[] = [];
  let mono = 0;
  let wall = 1_000_000;

  const carryOut = (): void => {
    for (const effect of takeEffects(session)) {
      effects.push(effect);
      if (effect.type === 'trace') traces.push(effect.trace);
      if (effect.type === 'open' || effect.type === 'poll') opens.set(effect.id, effect.open);
      const kind = effect.type === 'open' && kinds.find((one) => one.transport === effect.transport);
      if (effect.type === 'open' && kind) kindsById.set(effect.id, kind);
      const text = textOf(effect, kindsById);
      if (text !== undefined) lines.push(`${text}@${mono}`);
    }
  };
  /** All inputs of one turn, then what they amount to. */
  const put = (...inputs: readonly Input[]): void => {
    for (const input of inputs) step(session, input, { wall, mono });
    advance(session, { wall, mono });
    carryOut();
    // What is due already does not wait for the clock.
    if ((nextDeadline(session) ?? mono + 1) <= mono) put({ type: 'time' });
  };
  const openOf = (id: number): OpenFrame => {
    const open = opens.get(id);
    if (!open) throw new Error(`#${id} was never opened`);
    return open;
  };
  const world = {
    put,
    brings(id: number, ...frames: readonly ServerFrame[]): void {
      put({ type: 'frames', id, frames });
    },
    helloFrame: (id: number, hello: HelloOptions = {}): HelloFrame => helloTo(openOf(id), hello),
    /** The server answers this connection's open, with `more` frames in the same piece. */
    hello(id: number, hello: HelloOptions = {}, ...more: readonly ServerFrame[]): void {
      world.brings(id, helloTo(openOf(id), hello), ...more);
    },
    ends(id: number, ending: Ending = { kind: 'failed' }): void {
      put({ type: 'ended', id, ending });
    },
    answered: (id: number): void => put({ type: 'answered', id }),
    posted: (id: number, status?: number): void =>
      put({ type: 'posted', id, ok: status === undefined, status: status === 0 ? undefined : status }),
    subscribe: (...topics: readonly string[]): void =>
      put(...topics.map((topic) => ({ type: 'subscribe', topic, last: 0, since: undefined }) as const)),
    unsubscribe: (topic: string): void => put({ type: 'unsubscribe', topic }),
    send(ref: number, bytes = 10, timeoutMs = 30_000): void {
      const request = { ref, topic: 'S', data: ref, json: `${ref}`, bytes };
      put({ type: 'send', request, timeoutMs });
    },
    volatile(ref: number, bytes = 10): void {
      put({ type: 'volatile', request: { ref, topic: 'S', data: ref, json: `${ref}`, bytes } });
    },
    signal: (signal: Signal): void => put({ type: 'signal', signal }),
    /** Lets time pass, stopping at every deadline as the driver's timer does. */
    at(time: number): void {
      for (;;) {
        const next = nextDeadline(session);
        if (next === undefined || next > time) break;
        // A deadline that has passed fires in the same moment.
        wall += Math.max(0, next - mono);
        mono = Math.max(mono, next);
        put({ type: 'time' });
      }
      wall += time - mono;
      mono = time;
    },
    after(ms: number): void {
      world.at(mono + ms);
    },
    /** The wall clock goes on, the monotonic one stood still, and no timer fired. */
    sleep(ms: number): void {
      wall += ms;
    },
    /** Time passes, and no timer fires, as in a page that is throttled. */
    freeze(ms: number): void {
      wall += ms;
      mono += ms;
    },
    now: (): number => mono,
    deadline: (): number | undefined => nextDeadline(session),
    nextAttemptAt: (): number | undefined => nextAttemptAt(session),
    /** The timeline since the last call. */
    lines(): string[] {
      const taken = lines;
      lines = [];
      return taken;
    },
    /** The same, but only what the application gets of topics. */
    told: (): string[] => world.lines().filter((line) => /^([A-Z$] |gap |ready |[A-Z] ended)/.test(line)),
    effects: (): readonly Effect[] => effects,
    /** What the session has learned to be kept for the next visit, the latest last. */
    remembered: (): readonly Knowledge[] =>
      effects.flatMap((effect) => (effect.type === 'remember' ? [effect.known] : [])),
    attempts: (): readonly Readonly<Attempt>[] => session.attempts,
    traces: (): readonly string[] => traces.map(({ type, reason }) => (reason ? `${type}: ${reason}` : type)),
  };
  const available = options.available ?? kinds.map((kind) => kind.transport);
  step(session, { type: 'identity', client: 'client-1', key: 'key-1' }, { wall, mono });
  step(session, { type: 'available', transports: available }, { wall, mono });
  return world;
}

export type World = ReturnType<typeof createWorld>;

/**
 * A world whose first connection is active, topics confirmed at the head of the log, and which has answered the first
 * question if it was asked one; its timeline begins afterwards.
 */
export function connected(options: WorldOptions, topics: readonly string[], hello: HelloOptions = {}): World {
  const world = createWorld(options);
  if (topics.length > 0) world.subscribe(...topics);
  else world.put({ type: 'open' });
  world.hello(1, hello);
  if (world.lines().some((line) => line.startsWith('#1 says ping@'))) world.brings(1, pong);
  return world;
}

export const message = (topic: string, offset: number | string): ServerFrame => {
  return { topic, id: `${offset}`, data: `${topic}${offset}` };
};
export const ephemeral = (topic: string, mark: string): ServerFrame => {
  return { topic, ephemeral: mark, data: `~${mark}` };
};
/** A heartbeat. `time`: the server's clock. */
export const mark = (cursor: string, time?: number): ServerFrame => {
  return { type: 'ping', cursor: spell(cursor), ...(time === undefined ? {} : { time }) };
};
export const pong: ServerFrame = { type: 'pong' };
export const gap = (topic: string, to: number | string, reason = 'trimmed'): ServerFrame => {
  return { type: 'gap', topic, to: `${to}`, reason };
};
export const ack = (seq: number, reply?: unknown): ServerFrame => ({ type: 'ack', seq, reply });
export const refuse = (seq: number, code: string): ServerFrame => {
  return { type: 'ack', seq, consumed: false, error: { code, message: code, applied: false } };
};
export const bye = (afterMs = 0, spreadMs = 0): ServerFrame => {
  return { type: 'bye', reason: 'drain', afterMs, spreadMs };
};
export const error = (code: string): ServerFrame => ({ type: 'error', code, message: code });
