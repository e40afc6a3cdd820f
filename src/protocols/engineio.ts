/**
 * Engine.IO (protocol revision 4), which carries Socket.IO: sessions over WebSocket, and over GETs and POSTs that share a
 * name. What its messages mean stands in `socketio.ts`.
 *
 * @internal
 */
import type { AdapterRequest, Unit } from '../adapters/adapter.ts';
import type { Answer } from '../adapters/answer.ts';
import { fromBase64, toBase64 } from '../core/base64.ts';
import { pollAnswer, postAnswer } from './answers.ts';
import type { Ask, Channel } from './dialect.ts';
import type { Endpoint } from './protocol.ts';
import { requestTo, withQuery } from './url.ts';

/** First characters of packets. */
const mark = { open: '0', close: '1', ping: '2', pong: '3', message: '4', noop: '6', bytes: 'b' };
/** Between the packets of a body. */
const separator = '\x1e';
/** What may wait for a POST: more than the session has under way, with answers to pings and events beside it. */
const queueMax = 10_000;
/** What a POST may carry if the server does not say, bytes. */
const bodyBytesMax = 1_000_000;
/** Bytes of a character in UTF-8 at most. */
const characterBytesMax = 3;

export type EngineMessage = string | Uint8Array;

/** What waits for the next POST. */
interface Queued {
  readonly body: string;
  readonly seq: number | undefined;
  /** It is settled by an acknowledgement, not by the POST. */
  readonly isAcked: boolean;
}

export interface EngineState {
  ask: Ask | undefined;
  /** The session's name, which polls and POSTs share. */
  sid: string | undefined;
  bodyBytesMax: number;
  /** The last poll has brought something. */
  isFruitful: boolean;
  queue: Queued[];
  posting: readonly Queued[];
}

export interface EngineListener {
  /** The session has begun. */
  opened(): void;
  text(message: string): void;
  bytes(message: Uint8Array): void;
}

type EngineChannel = Channel<EngineState>;

export function engineState(): EngineState {
  return { ask: undefined, sid: undefined, bodyBytesMax, isFruitful: false, queue: [], posting: [] };
}

/** Nothing after the host: where Socket.IO lives unless its server says otherwise. */
function urlOf(endpoint: Endpoint, query: string): string {
  const url = endpoint.url.replace(/^(https?:\/\/[^/?#]+)\/?(?=[?#]|$)/i, '$1/socket.io/');
  return withQuery(url, `EIO=4&${query}`);
}

function pollingUrl({ ask, sid }: EngineState): string {
  const { endpoint } = ask as Ask;
  const session = sid === undefined ? '' : `&sid=${encodeURIComponent(sid)}`;
  return urlOf(endpoint, `transport=polling&t=${endpoint.requestNumber()}${session}`);
}

/** 400: the session is over, or another server behind the same address has it. The next connection begins a new one. */
function inSession(answer: Answer): Answer {
  return {
    ...answer,
    judge: (head) =>
      head.status === 400 ? { kind: 'failed', detail: 'the session is over' } : answer.judge(head),
  };
}

function postRequest(state: EngineState, body: string): AdapterRequest {
  const { endpoint } = state.ask as Ask;
  const type = { 'content-type': 'text/plain;charset=UTF-8' };
  const answer = inSession(postAnswer(() => {}));
  return { ...requestTo(endpoint, pollingUrl(state), type), method: 'POST', body, answer };
}

/** What begins a session. After each poll comes another, for as long as they bring anything. */
export function engineRequest(channel: EngineChannel): AdapterRequest {
  const { state, transport } = channel;
  const { endpoint } = state.ask as Ask;
  if (transport === 'websocket') return requestTo(endpoint, urlOf(endpoint, 'transport=websocket'));
  const answer = pollAnswer(false, (text) => text.split(separator).map((packet) => ({ text: packet })));
  state.isFruitful = false;
  return {
    ...requestTo(endpoint, pollingUrl(state)),
    answer: state.sid === undefined ? answer : inSession(answer),
    next: () => (state.isFruitful ? engineRequest(channel) : undefined),
    // Between two polls a server would not see that nobody comes back.
    last: () =>
      state.sid === undefined ? undefined : { ...postRequest(state, mark.close), keepalive: true },
  };
}

/** The first of the queue, as much as a POST may carry; one at least. */
function takeBody({ queue, bodyBytesMax: most }: EngineState): readonly Queued[] {
  let count = 0;
  let bytes = 0;
  while (count < queue.length) {
    bytes += (queue[count] as Queued).body.length * characterBytesMax + separator.length;
    if (count > 0 && bytes > most) break;
    count++;
  }
  return queue.splice(0, count);
}

/** A session ends if its POSTs overlap: what comes meanwhile goes with the next. */
function post(channel: EngineChannel): void {
  const { state } = channel;
  if (state.posting.length > 0 || state.queue.length === 0) return;
  state.posting = takeBody(state);
  channel.send({ request: postRequest(state, state.posting.map(({ body }) => body).join(separator)) });
}

/** The POST has been answered. */
export function onPosted(channel: EngineChannel): void {
  const { posting } = channel.state;
  channel.state.posting = [];
  for (let i = 0; i < posting.length; i++) {
    const { seq, isAcked } = posting[i] as Queued;
    if (!isAcked) channel.settle(seq);
  }
  post(channel);
}

/** What still waits for a POST never left. */
export function onClosed(channel: EngineChannel): void {
  const { queue } = channel.state;
  for (let i = 0; i < queue.length; i++) channel.unsent((queue[i] as Queued).seq);
}

function transmitPackets(
  channel: EngineChannel,
  packets: readonly EngineMessage[],
  seq: number | undefined,
  isAcked: boolean,
): void {
  if (channel.transport === 'websocket') {
    channel.send({ messages: packets });
    if (!isAcked) channel.settle(seq);
    return;
  }
  const texts = packets.map((one) => (typeof one === 'string' ? one : mark.bytes + toBase64(one)));
  const { queue } = channel.state;
  if (queue.push({ body: texts.join(separator), seq, isAcked }) > queueMax) {
    channel.fail('BUSY', 'its answers to POSTs do not come');
  }
  post(channel);
}

/** Messages that belong together. `seq`: a send, settled once it was handed over unless an acknowledgement will do that. */
export function transmit(
  channel: EngineChannel,
  messages: readonly EngineMessage[],
  seq?: number,
  isAcked = false,
): void {
  const packets = messages.map((one) => (typeof one === 'string' ? mark.message + one : one));
  transmitPackets(channel, packets, seq, isAcked);
}

function begin(channel: EngineChannel, text: string): void {
  const said = JSON.parse(text) as {
    readonly sid: string;
    readonly pingInterval: number;
    readonly pingTimeout: number;
    readonly maxPayload?: number;
  };
  channel.state.sid = said.sid;
  channel.state.bodyBytesMax = said.maxPayload ?? bodyBytesMax;
  channel.silenceMs = said.pingInterval + said.pingTimeout;
}

/** One packet. Throws if it is none. */
export function receive(channel: EngineChannel, { text = '', bytes }: Unit, on: EngineListener): void {
  channel.state.isFruitful = true;
  if (bytes) return on.bytes(bytes);
  const rest = text.slice(1);
  switch (text.charAt(0)) {
    case mark.open:
      begin(channel, rest);
      return on.opened();
    case mark.ping:
      return transmitPackets(channel, [mark.pong], undefined, false);
    case mark.message:
      return on.text(rest);
    case mark.bytes: {
      const read = fromBase64(rest);
      if (read) return on.bytes(read);
      break;
    }
    // A WebSocket closes by itself, and the next poll finds the session gone.
    case mark.close:
    case mark.noop:
      return;
  }
  throw new Error(`No packet of Engine.IO: ${text.slice(0, 40)}`);
}
