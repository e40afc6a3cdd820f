/**
 * Mercure: topics in the query of one event stream, the hub's own ids to resume from, and its word on what it cannot resume.
 * Hubs of both generations: the names differ, and 1.0 takes no token in a URL.
 */
import type { AdapterRequest, Unit } from '../adapters/adapter.ts';
import type { Answer } from '../adapters/answer.ts';
import type { Ask, Channel, Dialect } from './dialect.ts';
import { foreign } from './foreign.ts';
import {
  dataOf,
  fieldOf,
  type PlainEvent,
  type PlainOptions,
  type PlainState,
  parsed,
  plainDialect,
  postSend,
} from './plain.ts';
import type { ProtocolFactory } from './protocol.ts';
import { withQuery } from './url.ts';

/** What each generation calls things. */
const wordsOf = {
  0: { topic: 'topic', from: 'lastEventID', told: 'last-event-id', token: 'authorization' },
  1: { topic: 'match', from: 'last_event_id', told: 'mercure-last-event-id', token: undefined },
} as const;

export interface MercureOptions extends Pick<PlainOptions, 'events' | 'parse' | 'lastEventId' | 'silenceMs'> {
  /** The hub's major version: `1` asks by `match` and `last_event_id`. Default `0`: `topic` and `lastEventID`. */
  readonly version?: 0 | 1;
  /**
   * Which of several topics an update is of, as the hub does not say: a field of JSON data, default `@id`, or a function. A
   * single topic needs neither.
   */
  readonly topic?: string | ((event: PlainEvent) => string);
  /** Fields for the form of a publication beside `topic` and `data`: `private`, `id`, `type`, `retry`. */
  readonly fields?: (message: { topic: string; data: unknown }) => Readonly<Record<string, string>>;
}

interface State extends PlainState {
  topics: readonly string[];
  token: string | undefined;
}

function formOf(pairs: readonly (readonly string[])[]): string {
  return pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
}

/** Whatever lies between the id that was asked for and the one that the hub goes on from, it has no more. */
function tellingGaps(answer: Answer, name: string, channel: Channel<State>, from: string): Answer {
  return {
    ...answer,
    judge(head) {
      const verdict = answer.judge(head);
      const told = head.header(name);
      if (!verdict && told !== undefined && told !== from) channel.gap('trimmed');
      return verdict;
    },
  };
}

function mercureDialect(options: MercureOptions): Dialect<State> {
  const { topic = '@id', parse } = options;
  const words = wordsOf[options.version ?? 0];
  const base = plainDialect({ ...options, topic, resumeParam: words.from });

  function topicOf({ state }: Channel<State>, event: PlainEvent, data: unknown): string {
    if (typeof topic === 'function') return topic(event);
    const named = state.topics.length === 1 ? state.topics[0] : fieldOf(data, topic);
    if (named !== undefined) return named;
    throw new Error(`an update has no '${topic}' that says its topic: give mercure() a \`topic\``);
  }

  function open(channel: Channel<State>, ask: Ask): AdapterRequest {
    const { transport, topics, token, from, endpoint } = ask;
    channel.state.topics = topics;
    channel.state.token = token;
    const pairs: (readonly string[])[] = topics.map((one) => [words.topic, one]);
    // No header goes with an EventSource, and a cookie goes by itself.
    if (transport === 'eventsource' && token !== undefined && words.token) pairs.push([words.token, token]);
    const url = withQuery(endpoint.url, formOf(pairs));
    const request = base.open(channel, { ...ask, endpoint: { ...endpoint, url } });
    if (!request.answer || from === undefined) return request;
    return { ...request, answer: tellingGaps(request.answer, words.told, channel, from) };
  }

  return {
    ...base,
    name: 'mercure',
    transports: ['http-stream', 'eventsource'],
    topicsInOpen: true,
    ownIds: true,
    state: () => ({ isAlive: false, topics: [], token: undefined }),
    open,
    unit(channel, unit: Unit) {
      if (unit.text === undefined) return base.unit(channel, unit);
      channel.state.isAlive = true;
      const event = { ...unit, transport: channel.transport };
      const data = parsed(parse, event);
      channel.deliver([{ topic: topicOf(channel, event, data), data, id: unit.id, text: unit.text }]);
    },
    send(channel, frame, endpoint) {
      const data = dataOf(frame);
      const text = typeof data === 'string' ? data : JSON.stringify(data);
      const fields = { ...options.fields?.({ topic: frame.topic, data }) };
      const pairs = [
        ['topic', frame.topic],
        ['data', text],
      ].concat(Object.keys(fields).map((name) => [name, fields[name] as string]));
      const { token } = channel.state;
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      };
      return postSend(channel, frame, endpoint, { headers, body: formOf(pairs) });
    },
  };
}

/**
 * For hubs of the Mercure protocol. What is sent is published, if the hub allows it, once anything is subscribed. A topic that
 * is added may bring what was said of it since the last id. The browser's own EventSource hides what a hub has forgotten.
 */
export function mercure(options: MercureOptions = {}): ProtocolFactory {
  return foreign(() => mercureDialect(options));
}
