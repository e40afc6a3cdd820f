/**
 * The frames of `docs/PROTOCOL.md` section 1: their types, and the checks that turn foreign JSON into them.
 * Client and hub share this file, so that they cannot drift apart. It knows no transport.
 */

export const protocolName = 'holdfast.v1';

/** What a message or a send carries: any JSON value, or bytes. */
export type Payload = unknown;

export interface MessageFrame {
  readonly type?: undefined;
  readonly topic: string;
  readonly id?: string;
  /** `origin.counter`, instead of `id`. */
  readonly ephemeral?: string;
  /** A JSON value, or `Uint8Array` where it was sent as bytes. */
  readonly data: Payload;
}

/** One topic's answer in `hello` and `subscribed`. */
export interface TopicAnswer {
  readonly topic: string;
  readonly start?: string;
  readonly last?: readonly MessageFrame[];
  readonly error?: { readonly code: string; readonly message: string };
  readonly retryMs?: number;
}

export interface Limits {
  /** Bytes of one frame. */
  readonly frameBytes: number;
  /** Topics of one connection. */
  readonly topics: number;
  /** Numbered sends without an answer. */
  readonly window: number;
  /** Bytes of one POST. */
  readonly batchBytes: number;
}

export interface HelloFrame {
  readonly type: 'hello';
  readonly attempt: number;
  readonly head: string;
  readonly cursor: string;
  readonly topics: readonly TopicAnswer[];
  readonly heartbeatMs: number;
  readonly holdMs: number;
  /** The interval of short polls; absent: the client's own. */
  readonly pollMs?: number;
  readonly sends: string;
  readonly keepMs: number;
  readonly limits: Limits;
  readonly expiresInMs?: number;
  readonly identity?: string;
  readonly time?: number;
}

export interface SubscribedFrame {
  readonly type: 'subscribed';
  readonly request: number;
  readonly topics: readonly TopicAnswer[];
}

export interface AckError {
  readonly code: string;
  readonly message: string;
  readonly applied: boolean | 'unknown';
}

export interface AckFrame {
  readonly type: 'ack';
  readonly seq: number;
  readonly reply?: Payload;
  readonly error?: AckError;
  /** `false`: the number was not used up; the send may be transmitted again. */
  readonly consumed?: boolean;
}

export interface GapFrame {
  readonly type: 'gap';
  readonly topic: string;
  readonly to: string;
  readonly reason: string;
}

export interface ServerPingFrame {
  readonly type: 'ping';
  readonly cursor: string;
  readonly time?: number;
}

export interface ServerPongFrame {
  readonly type: 'pong';
  readonly cursor?: string;
}

export interface WaitFrame {
  readonly type: 'wait';
}

export interface ByeFrame {
  readonly type: 'bye';
  readonly reason: string;
  readonly afterMs?: number;
  readonly spreadMs?: number;
}

export interface ErrorFrame {
  readonly type: 'error';
  readonly code: string;
  readonly message: string;
  readonly scope?: 'session';
}

export type ServerFrame =
  | MessageFrame
  | HelloFrame
  | SubscribedFrame
  | AckFrame
  | GapFrame
  | ServerPingFrame
  | ServerPongFrame
  | WaitFrame
  | ByeFrame
  | ErrorFrame;

/** A topic in an open: a bare name resumes at the open's cursor. */
export type TopicRequest =
  | string
  | { readonly topic: string; readonly at: string }
  | { readonly topic: string; readonly new: true; readonly last?: number };

export interface OpenFrame {
  readonly type: 'open';
  readonly protocol: string;
  readonly client: string;
  readonly key: string;
  readonly attempt: number;
  readonly topics: readonly TopicRequest[];
  readonly cursor?: string | undefined;
  readonly token?: string | undefined;
  readonly wait?: number | undefined;
  /** Most messages that come together, until some have come; `0` of a poll: none, only a hello. */
  readonly max?: number | undefined;
  /** The next message is to be passed over, and told as a gap. */
  readonly skip?: true | undefined;
  readonly ticket?: string;
  /** How often the client wants to hear from the server, milliseconds. */
  readonly heartbeat?: number | undefined;
  /** The memory of sends that the client stands in. */
  readonly sends?: string | undefined;
}

export interface SubscribeFrame {
  readonly type: 'subscribe';
  readonly request: number;
  readonly topics: readonly TopicRequest[];
}

export interface UnsubscribeFrame {
  readonly type: 'unsubscribe';
  readonly topics: readonly string[];
}

export interface SendFrame {
  readonly type: 'send';
  /** Absent: volatile, never answered. */
  readonly seq?: number;
  readonly topic: string;
  readonly data: Payload;
  /** `data` as JSON already, taken at the call to `send`: encoders write this instead. */
  readonly json?: string | undefined;
  /** Uses its number up without being applied: nobody waits for it any more. */
  readonly void?: true;
}

export interface BatchFrame {
  readonly type: 'batch';
  readonly client: string;
  readonly key: string;
  readonly sends: string;
  readonly token?: string | undefined;
}

export interface ReleaseFrame {
  readonly type: 'release';
  readonly attempts: readonly number[];
}

export interface ClientPingFrame {
  readonly type: 'ping';
  /** In a POST: the stream that is to show a sign of life. */
  readonly attempt?: number;
}

export interface ClientPongFrame {
  readonly type: 'pong';
}

export type ClientFrame =
  | OpenFrame
  | SubscribeFrame
  | UnsubscribeFrame
  | SendFrame
  | BatchFrame
  | ReleaseFrame
  | ClientPingFrame
  | ClientPongFrame;

type Fields = Readonly<Record<string, unknown>>;

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 9007199254740991 && Math.floor(value) === value;
}

/** Sends are counted from 1. */
function isSeq(value: unknown): boolean {
  return isCount(value) && value > 0;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isList(value: unknown): value is readonly unknown[] {
  return Object.prototype.toString.call(value) === '[object Array]';
}

/** Also one of another realm (a frame, a virtual machine), which `instanceof` would not know; and a Node `Buffer`. */
export function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

function optional(value: unknown, check: (value: unknown) => boolean): boolean {
  return value === undefined || check(value);
}

/** A list whose items all are right. What only has a length is none: it costs nothing to say that it is endless. */
export function every(list: unknown, check: (value: unknown) => boolean): boolean {
  if (!isList(list)) return false;
  for (let i = 0; i < list.length; i++) if (!check(list[i])) return false;
  return true;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !isList(value);
}

/** 1 to 256 code units, no control characters. Whether `$` is allowed is for the caller to say. */
export function isTopic(value: unknown): value is string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  return isText(value) && value.length > 0 && value.length <= 256 && !/[\x00-\x1f\x7f]/.test(value);
}

export function isTopicRequest(value: unknown): value is TopicRequest {
  if (isText(value)) return isTopic(value);
  if (!isObject(value) || !isTopic(value['topic'])) return false;
  if (value['new'] === true) return optional(value['last'], isCount);
  return isText(value['at']);
}

function isMessage(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['topic']) &&
    (isText(value['id']) || isText(value['ephemeral'])) &&
    'data' in value
  );
}

function isTopicAnswer(value: unknown): boolean {
  return (
    isObject(value) &&
    isText(value['topic']) &&
    optional(value['start'], isText) &&
    optional(value['last'], (list) => every(list, isMessage)) &&
    optional(value['error'], (error) => isObject(error) && isText(error['code'])) &&
    optional(value['retryMs'], isCount)
  );
}

function isLimits(value: unknown): boolean {
  return (
    isObject(value) &&
    isCount(value['frameBytes']) &&
    isCount(value['topics']) &&
    isCount(value['window']) &&
    isCount(value['batchBytes'])
  );
}

const serverChecks: Readonly<Record<string, (frame: Fields) => boolean>> = {
  hello: (frame) =>
    isCount(frame['attempt']) &&
    isText(frame['head']) &&
    isText(frame['cursor']) &&
    every(frame['topics'], isTopicAnswer) &&
    isCount(frame['heartbeatMs']) &&
    isCount(frame['holdMs']) &&
    isText(frame['sends']) &&
    isCount(frame['keepMs']) &&
    isLimits(frame['limits']) &&
    optional(frame['pollMs'], isCount) &&
    optional(frame['expiresInMs'], isCount) &&
    optional(frame['identity'], isText) &&
    optional(frame['time'], isNumber),
  subscribed: (frame) => isCount(frame['request']) && every(frame['topics'], isTopicAnswer),
  ack: (frame) =>
    isSeq(frame['seq']) &&
    optional(frame['error'], (error) => isObject(error) && isText(error['code'])) &&
    optional(frame['consumed'], (value) => value === false || value === true),
  gap: (frame) => isText(frame['topic']) && isText(frame['to']) && isText(frame['reason']),
  ping: (frame) => isText(frame['cursor']) && optional(frame['time'], isNumber),
  pong: (frame) => optional(frame['cursor'], isText),
  wait: () => true,
  bye: (frame) =>
    isText(frame['reason']) && optional(frame['afterMs'], isCount) && optional(frame['spreadMs'], isCount),
  error: (frame) => isText(frame['code']) && isText(frame['message']),
};

const clientChecks: Readonly<Record<string, (frame: Fields) => boolean>> = {
  open: (frame) =>
    isText(frame['protocol']) &&
    isText(frame['client']) &&
    isText(frame['key']) &&
    isCount(frame['attempt']) &&
    every(frame['topics'], isTopicRequest) &&
    optional(frame['cursor'], isText) &&
    optional(frame['token'], isText) &&
    optional(frame['wait'], isCount) &&
    optional(frame['max'], isCount) &&
    optional(frame['skip'], (value) => value === true) &&
    optional(frame['ticket'], isText) &&
    optional(frame['heartbeat'], isCount) &&
    optional(frame['sends'], isText),
  subscribe: (frame) => isCount(frame['request']) && every(frame['topics'], isTopicRequest),
  unsubscribe: (frame) => every(frame['topics'], isTopic),
  send: (frame) => optional(frame['seq'], isSeq) && isTopic(frame['topic']) && 'data' in frame,
  batch: (frame) =>
    isText(frame['client']) &&
    isText(frame['key']) &&
    isText(frame['sends']) &&
    optional(frame['token'], isText),
  release: (frame) => every(frame['attempts'], isCount),
  ping: (frame) => optional(frame['attempt'], isCount),
  pong: () => true,
};

/** Lists have none, if they come from JSON. */
function typeOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (value as Fields)['type'] : undefined;
}

/**
 * A frame from the server, its bytes already in `data` or `reply`.
 * `undefined`: not a frame. Unknown types are frames too (`'ignored'`), as the protocol may grow.
 */
export function checkServerFrame(value: unknown): ServerFrame | 'ignored' | undefined {
  const type = typeOf(value);
  if (type === undefined) return isMessage(value) ? (value as MessageFrame) : undefined;
  if (!isText(type)) return undefined;
  const check = Object.prototype.hasOwnProperty.call(serverChecks, type) ? serverChecks[type] : undefined;
  if (!check) return 'ignored';
  return check(value as Fields) ? (value as ServerFrame) : undefined;
}

/** A frame from a client; `undefined`: refuse it with `BAD_FRAME`. */
export function checkClientFrame(value: unknown): ClientFrame | undefined {
  const type = typeOf(value);
  if (!isText(type) || !Object.prototype.hasOwnProperty.call(clientChecks, type)) return undefined;
  return clientChecks[type]?.(value as Fields) ? (value as ClientFrame) : undefined;
}
