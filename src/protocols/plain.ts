/**
 * Servers that know nothing of Holdfast: a WebSocket, an event stream, JSON lines, an iframe that calls a function of its
 * page, a URL to poll. Which request, which topic, which id; all else is in `foreign.ts`.
 */
import type { AdapterRequest, Outgoing, TransportName, Unit } from '../adapters/adapter.ts';
import type { Answer } from '../adapters/answer.ts';
import { binaryOf } from '../core/base64.ts';
import { isBytes, type SendFrame } from '../core/frames.ts';
import { isSuccess, pollAnswer, postAnswer, streamAnswer } from './answers.ts';
import type { Ask, Channel, Dialect, Received } from './dialect.ts';
import { foreign } from './foreign.ts';
import type { Endpoint, ProtocolFactory } from './protocol.ts';
import { isOn, requestTo, withQuery } from './url.ts';

/** What came, before anything is read out of it. */
export interface PlainEvent {
  readonly transport: TransportName;
  /** A WebSocket message, the data of an SSE event, a line, a body, what an iframe handed over. */
  readonly text?: string;
  /** A binary WebSocket message. */
  readonly bytes?: Uint8Array;
  /** SSE: the event's name; iframe: the function that was called. */
  readonly event?: string;
  /** SSE: the last event id. */
  readonly id?: string;
}

/** A POST as an application wants it. */
export interface PlainRequest {
  /** Absolute. Default: the transport's address. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface PlainOptions {
  /** A field of JSON data, or a function. Default: the SSE event's name, the iframe callback's name, else `message`. */
  readonly topic?: string | ((event: PlainEvent) => string | undefined);
  /** Default: JSON where it parses, else text; bytes as `Uint8Array`. With `json`, what does not parse is an error. */
  readonly parse?: 'json' | 'text' | 'binary' | ((event: PlainEvent) => unknown);
  /** A field of JSON data, or a function. Default: the SSE id. */
  readonly id?: string | ((event: PlainEvent) => string | undefined);
  /** Reads several messages out of one event, instead of `topic`, `parse` and `id`. What it throws is `UNPARSABLE`. */
  readonly read?: (
    event: PlainEvent,
  ) => readonly { readonly topic: string; readonly data: unknown; readonly id?: string }[];
  /** Names of SSE events to listen for beside the topics that are subscribed. Only EventSource must know them. */
  readonly events?: readonly string[];
  /** Functions that an iframe's scripts call on their `parent` (a blank frame: the page gets no globals). Same origin only. */
  readonly callbacks?: readonly string[];
  /** Subprotocols to offer to a WebSocket. */
  readonly subprotocols?: readonly string[];
  /** The id to begin after, as a page before may have kept it. */
  readonly lastEventId?: string;
  /** Query parameter for the last id where there is no header: EventSource, WebSocket, iframe, other origins. Default `lastEventId`. */
  readonly resumeParam?: string;
  /**
   * What goes up: a WebSocket message or the body of a POST. Default: strings and bytes as they are, all else as JSON.
   * On a WebSocket a send resolves when it was handed over, by POST with what a 2xx answers.
   */
  readonly send?: (
    message: { readonly topic: string; readonly data: unknown },
    transport: TransportName,
  ) => string | Uint8Array | PlainRequest;
  /** Interval of short polls, milliseconds, default 1,000. */
  readonly pollMs?: number;
  /** How long the server may hold a poll, milliseconds, default 120,000. */
  readonly holdMs?: number;
  /** A stream that brings nothing for so long is replaced, milliseconds; default: never. Comments count where they are seen. */
  readonly silenceMs?: number;
}

/** The longest that a timer takes. */
const retryMaxMs = 2_147_483_647;

export interface PlainState {
  /** Anything has come on it. */
  isAlive: boolean;
}

/** Other headers than the safelisted ones cost a preflight on other origins, and servers that were not told refuse it. */
function mayHaveHeaders({ url, origin }: Endpoint): boolean {
  return origin === undefined || isOn(origin, url);
}

/** Text as JSON, where it is; else as it is. */
export function jsonOrText(text: string): unknown {
  if (!/^\s*(?:[[{"\d-]|true|false|null)/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function fieldOf(data: unknown, name: string): string | undefined {
  const value =
    typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[name] : undefined;
  return value === undefined || value === null ? undefined : String(value);
}

/** What came, as the application wants it. */
export function parsed(parse: PlainOptions['parse'], event: PlainEvent): unknown {
  const { text = '', bytes } = event;
  if (typeof parse === 'function') return parse(event);
  if (bytes) return bytes;
  if (parse === 'json') return JSON.parse(text);
  return parse === 'text' || parse === 'binary' ? text : jsonOrText(text);
}

function readerOf(options: PlainOptions): (event: PlainEvent) => readonly Received[] {
  const { read, parse } = options;
  if (read) {
    return (event) => read(event).map((one) => ({ ...one, text: JSON.stringify(one.data) ?? '' }));
  }
  function pick(by: PlainOptions['id'], event: PlainEvent, data: unknown): string | undefined {
    return typeof by === 'function' ? by(event) : fieldOf(data, by as string);
  }
  return (event) => {
    const data = parsed(parse, event);
    const topic = options.topic === undefined ? (event.event ?? 'message') : pick(options.topic, event, data);
    const id = options.id === undefined ? event.id : pick(options.id, event, data);
    return topic === undefined ? [] : [{ topic, data, id, text: event.text ?? '' }];
  };
}

/** `data` as the application gave it. */
export function dataOf({ json, data }: SendFrame): unknown {
  return json === undefined ? data : JSON.parse(json);
}

/** The POST that carries a send, and settles it by what the server answers. */
export function postSend<S>(
  channel: Channel<S>,
  { seq }: SendFrame,
  endpoint: Endpoint,
  { url = endpoint.url, headers, body = '' }: PlainRequest,
): Outgoing {
  const answer = postAnswer(({ status }, text) => {
    const message = `The server answered ${status}`;
    if (isSuccess(status)) channel.settle(seq, text === '' ? undefined : jsonOrText(text));
    else if (status >= 400 && status < 500) channel.refuse(seq, 'SEND_DENIED', message);
    else channel.refuse(seq, 'HANDLER_FAILED', message, 'unknown');
  });
  return { request: { ...requestTo(endpoint, url, headers), method: 'POST', body, answer } };
}

/** Dialects for servers of one kind begin with it. */
export function plainDialect(options: PlainOptions): Dialect<PlainState> {
  const read = readerOf(options);
  /** Topics are names of events, which an EventSource must be told. */
  const byName = options.topic === undefined && options.read === undefined;
  let lastBody: string | undefined;
  let tag: { readonly url: string; readonly value: string | undefined } | undefined;

  function pollFor({ state }: Channel<PlainState>, url: string): Answer {
    const html =
      options.parse === 'text' || typeof options.parse === 'function' || options.read !== undefined;
    return pollAnswer(html, (text, head) => {
      if (text === '') return [];
      tag = { url, value: head.header('etag') };
      state.isAlive = true;
      if (text === lastBody) return [];
      lastBody = text;
      return [{ text }];
    });
  }

  function streamFor({ state, retry }: Channel<PlainState>, from: string | undefined): Answer {
    function alive(): void {
      state.isAlive = true;
    }
    return streamAnswer({
      from,
      alive,
      retry(ms) {
        alive();
        retry(Math.min(ms, retryMaxMs));
      },
    });
  }

  function open(channel: Channel<PlainState>, ask: Ask): AdapterRequest {
    const { transport, endpoint, from, topics, token } = ask;
    const isPoll = transport === 'long-poll' || transport === 'poll';
    const isStream = transport === 'http-stream';
    const byHeader = (isPoll || isStream) && mayHaveHeaders(endpoint);
    const headers: Record<string, string> = {};
    let { url } = endpoint;
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (from !== undefined) {
      // A header carries bytes: those of the text's UTF-8, as WHATWG HTML, section 9.2.2 wants it.
      if (byHeader) headers['last-event-id'] = binaryOf(from);
      else url = withQuery(url, `${options.resumeParam ?? 'lastEventId'}=${encodeURIComponent(from)}`);
    }
    if (isPoll) {
      headers['accept'] = 'application/json, */*;q=0.5';
      if (tag?.url === url && tag.value !== undefined && byHeader) headers['if-none-match'] = tag.value;
    }
    if (isStream) headers['accept'] = 'text/event-stream, application/x-ndjson';
    const request = requestTo(endpoint, url, headers);
    if (isPoll) return { ...request, answer: pollFor(channel, url) };
    if (isStream) return { ...request, answer: streamFor(channel, from) };
    const { callbacks, subprotocols, events = [] } = options;
    if (transport === 'eventsource') return { ...request, events: (byName ? topics : []).concat(events) };
    if (transport === 'iframe') return callbacks ? { ...request, callbacks } : request;
    return subprotocols ? { ...request, protocols: subprotocols } : request;
  }

  return {
    name: 'plain',
    from: options.lastEventId,
    silenceMs: options.silenceMs,
    holdMs: options.holdMs ?? 120_000,
    pollMs: options.pollMs ?? 1_000,
    opensItself: true,
    state: () => ({ isAlive: false }),
    open,
    unit(channel, unit: Unit) {
      channel.state.isAlive = true;
      if (unit.text === undefined && !unit.bytes) return channel.mark(unit.id ?? '');
      channel.deliver(read({ ...unit, transport: channel.transport }));
    },
    send(channel, frame, endpoint) {
      const data = dataOf(frame);
      const { topic, seq } = frame;
      const given = options.send?.({ topic, data }, channel.transport);
      const up = given ?? (typeof data === 'string' || isBytes(data) ? data : JSON.stringify(data));
      if (channel.transport === 'websocket') {
        channel.settle(seq);
        if (typeof up === 'string' || isBytes(up)) return { messages: [up] };
        return { messages: [up.body ?? ''] };
      }
      if (isBytes(up)) {
        channel.refuse(seq, 'SEND_DENIED', 'This transport carries no bytes: let `send` make text of them');
        return undefined;
      }
      const type = typeof data === 'string' && given === undefined ? 'text/plain' : 'application/json';
      const headers = { 'content-type': `${type};charset=UTF-8` };
      return postSend(channel, frame, endpoint, typeof up === 'string' ? { headers, body: up } : up);
    },
    subscribed: ({ transport }, topics) =>
      transport === 'eventsource' && byName ? { events: topics } : undefined,
    closed(channel, { kind }) {
      if (kind !== 'closed' || channel.state.isAlive || channel.transport === 'websocket') return;
      channel.fail('EMPTY_STREAM', 'its stream ended before anything came');
    },
  };
}

/** For one client or many: each has its own ids. */
export function plain(options: PlainOptions = {}): ProtocolFactory {
  return foreign(() => plainDialect(options));
}
