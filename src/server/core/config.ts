/** What can be set at a hub: every option with its unit and default. Nothing here acts. */
import { createError } from '../../core/errors.ts';

export interface HistoryOptions {
  /** Messages kept for each topic. Default 10,000. `0` keeps none: who was away gets a gap. */
  readonly messages?: number;
  /** Bytes kept for each topic. Default 16 MiB. */
  readonly bytes?: number;
  /** Milliseconds that a message is kept, by a clock that does not jump. Default 1 hour. */
  readonly ageMs?: number;
  /** Bytes kept in all; beyond it the oldest message goes, whatever its topic. Default 256 MiB. */
  readonly totalBytes?: number;
  /** Topics about which anything is remembered; beyond it the one that was silent longest goes. Default 100,000. */
  readonly topics?: number;
}

export interface LimitOptions {
  /** Bytes of one frame, either way. Default 2 MiB. */
  readonly frameBytes?: number;
  /** Bytes of the body of one request. Default 4 MiB. */
  readonly batchBytes?: number;
  /** Topics of one connection. Default 1,000. Beyond: `TOO_MANY_TOPICS`. */
  readonly topics?: number;
  /** UTF-16 code units of a topic's name. Default 256, which is also the most. Beyond: `BAD_TOPIC`. */
  readonly topicLength?: number;
  /** Connections of one client at the same time. Default 8. Beyond: `TOO_MANY_CONNECTIONS`. */
  readonly connections?: number;
  /** Sends of one client without an answer. Default 256. Beyond: `BUSY`, nothing is consumed. */
  readonly window?: number;
  /** Sends of one client in a second. Default 1,000. Beyond: `RATE_LIMITED`, nothing is consumed. */
  readonly sendsPerSecond?: number;
  /** Bytes that wait for one connection; beyond it messages are read from the log later. Default 1 MiB. */
  readonly bufferBytes?: number;
  /** Milliseconds that a request's body, a first frame, or an answer of `authenticate` or `authorize` may take. Default 10,000. */
  readonly bodyMs?: number;
  /** Milliseconds that a connection may take nothing at all of what waits for it. Default 30,000. */
  readonly stallMs?: number;
  /** Clients remembered. Default 100,000. Beyond: new ones get `BUSY`, nobody is forgotten early. */
  readonly records?: number;
  /** Bytes of replies remembered for one client. Default 1 MiB. Beyond: `REPLY_LOST`. */
  readonly replyBytes?: number;
  /** Bytes read from the log for one connection at a time. Default 256 KiB. */
  readonly chunkBytes?: number;
  /** Bytes of messages in the answer to one poll. Default 1 MiB. */
  readonly pollBytes?: number;
  /** Messages that `last` can bring. Default 1,000. */
  readonly last?: number;
  /** Bytes read from the log in one turn for all who catch up; the rest waits for the next turn. Default 4 MiB. */
  readonly replayTurnBytes?: number;
  /** Bytes a second read from the log for one client that catches up; beyond it, slower. Default 64 MiB. */
  readonly replayBytesPerSecond?: number;
  /** Tickets that wait for their other half. Default 10,000. */
  readonly tickets?: number;
}

export interface CoreOptions {
  /** Partitions of the log. Default 1. */
  readonly partitions?: number;
  /** Milliseconds without a write after which a heartbeat is written. Default 10,000. */
  readonly heartbeatMs?: number;
  /** Milliseconds that a poll is held at most. Default 25,000. */
  readonly holdMs?: number;
  /** Milliseconds that a client's sends are remembered after it was last connected. Default 120,000. */
  readonly keepMs?: number;
  /** The same for a client that never sent. Default 60,000. */
  readonly idleKeepMs?: number;
  /** Milliseconds that a handler may take. Default 30,000. Then: `HANDLER_TIMEOUT`, and the next one runs. */
  readonly handlerMs?: number;
  /** Milliseconds that a client which polls counts as present after an answer. Default 15,000. */
  readonly lingerMs?: number;
  /** Milliseconds after which a failed `authorize` is to be asked again. Default 1,000. */
  readonly retryMs?: number;
  /** Milliseconds that answers of `authenticate` (without expiry) and `authorize` are reused. Default 60,000. */
  readonly authCacheMs?: number;
  readonly history?: HistoryOptions;
  readonly limits?: LimitOptions;
}

export type History = Readonly<Required<HistoryOptions>>;
export type HubLimits = Readonly<Required<LimitOptions>>;
export type HubConfig = Readonly<Required<Omit<CoreOptions, 'history' | 'limits'>>> & {
  readonly history: History;
  readonly limits: HubLimits;
};

/** Milliseconds that either half of a ticket waits for the other (`docs/PROTOCOL.md` 5.3). */
export const ticketMs = 10_000;

const history: History = {
  messages: 10_000,
  bytes: 16 * 1024 * 1024,
  ageMs: 3_600_000,
  totalBytes: 256 * 1024 * 1024,
  topics: 100_000,
};

const limits: HubLimits = {
  frameBytes: 2 * 1024 * 1024,
  batchBytes: 4 * 1024 * 1024,
  topics: 1_000,
  topicLength: 256,
  connections: 8,
  window: 256,
  sendsPerSecond: 1_000,
  bufferBytes: 1024 * 1024,
  bodyMs: 10_000,
  stallMs: 30_000,
  records: 100_000,
  replyBytes: 1024 * 1024,
  chunkBytes: 256 * 1024,
  pollBytes: 1024 * 1024,
  last: 1_000,
  replayTurnBytes: 4 * 1024 * 1024,
  replayBytesPerSecond: 64 * 1024 * 1024,
  tickets: 10_000,
};

/** The given values over the defaults, all of which are numbers; `undefined` counts as not given. */
function over<T extends object>(defaults: T, given: object | undefined): T {
  const whole = { ...defaults } as Record<string, unknown>;
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined) continue;
    if (name in defaults && !(typeof value === 'number' && value >= 0)) {
      throw createError(
        'MISUSE',
        `createHub() needs a number that is not below 0 for ${name}, not ${String(value)}.`,
      );
    }
    whole[name] = value;
  }
  return whole as T;
}

/** What a cursor can name (`core/cursor.ts`). */
const partitionsMax = 1_024;

export function completeConfig(options: CoreOptions): HubConfig {
  const defaults = {
    partitions: 1,
    heartbeatMs: 10_000,
    holdMs: 25_000,
    keepMs: 120_000,
    idleKeepMs: 60_000,
    handlerMs: 30_000,
    lingerMs: 15_000,
    retryMs: 1_000,
    authCacheMs: 60_000,
  };
  const { history: givenHistory, limits: givenLimits, ...rest } = options;
  const { partitions } = rest;
  if (
    partitions !== undefined &&
    !(Number.isInteger(partitions) && partitions > 0 && partitions <= partitionsMax)
  ) {
    throw createError(
      'MISUSE',
      `createHub() needs partitions from 1 to ${partitionsMax}, not ${String(partitions)}.`,
    );
  }
  return {
    ...over(defaults, rest),
    history: over(history, givenHistory),
    limits: over(limits, givenLimits),
  };
}
