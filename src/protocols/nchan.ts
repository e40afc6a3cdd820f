/**
 * Nchan, the publish-and-subscribe module of nginx: the channels of a location, over every transport that it has.
 * A message has the same id (`time:tag`) on all of them, so that a change of transport loses and repeats nothing.
 */
import type { AdapterRequest } from '../adapters/adapter.ts';
import type { Answer, Head } from '../adapters/answer.ts';
import { pollAnswer } from './answers.ts';
import type { Ask, Channel, Dialect } from './dialect.ts';
import { foreign } from './foreign.ts';
import { type PlainEvent, type PlainOptions, type PlainState, parsed, plainDialect } from './plain.ts';
import type { ProtocolFactory } from './protocol.ts';

type Shared = 'events' | 'parse' | 'lastEventId' | 'send' | 'pollMs' | 'holdMs' | 'silenceMs';

export interface NchanOptions extends Pick<PlainOptions, Shared> {
  /** What the channels of the location are called here, in its order: each is a topic. Default: one, `message`. */
  readonly channels?: readonly string[];
  /** What `nchan_subscriber_message_id_custom_etag_header` says. Default `Etag`. */
  readonly etagHeader?: string;
}

/** On a WebSocket: lines with the id and the type, an empty line, the message. */
function unwrapped({ transport, text, bytes }: PlainEvent): PlainEvent {
  const head = text ?? String.fromCharCode.apply(null, [].slice.call(bytes?.subarray(0, 1_024) ?? []));
  const end = head.indexOf('\n\n');
  const id = /^id: (.+)$/m.exec(head.slice(0, Math.max(end, 0)))?.[1];
  if (id === undefined) throw new Error('a message came without an id');
  const body = bytes ? { bytes: bytes.subarray(end + 2) } : { text: head.slice(end + 2) };
  return { transport, id, ...body };
}

/** Where in the list of channels a message's own is: its tag is the one in brackets. The others say how far theirs are. */
function placeOf(id: string): { readonly index: number; readonly key: string } {
  const halves = id.split(':');
  const tags = (halves[1] ?? '').split(',');
  let index = 0;
  while (index < tags.length - 1 && (tags[index] as string).charAt(0) !== '[') index++;
  return { index, key: `${halves[0]}:${index}:${tags[index]}` };
}

function readerOf({ channels = ['message'], events = [], parse }: NchanOptions) {
  return (came: PlainEvent) => {
    const event = came.transport === 'websocket' ? unwrapped(came) : came;
    const { id = '', event: name = 'message', text } = event;
    // Pings are events, too.
    if (name !== 'message' && events.indexOf(name) < 0) return [];
    const { index, key } = placeOf(id);
    const topic = channels[index];
    if (topic === undefined)
      throw new Error(`a message came from channel ${index + 1} of ${channels.length}`);
    // An event stream knows one end of a line; so that a message is the same everywhere, so do the others.
    const even = text === undefined ? event : { ...event, text: text.replace(/\r\n?/g, '\n') };
    return [{ topic, id, key, data: parsed(parse, even) }];
  };
}

/** Two headers are the halves of the id, or one is the whole of it (`nchan_subscriber_compound_etag_message_id`). */
function idOf(head: Head, etagHeader: string): string | undefined {
  const etag = head.header(etagHeader);
  const modified = Date.parse(head.header('last-modified') ?? '');
  return modified >= 0 ? `${modified / 1_000}:${etag ?? '0'}` : etag;
}

/** A poll brings one message. */
function pollOf(channel: Channel<PlainState>, etagHeader: string): Answer {
  const answer = pollAnswer(true, (text, head) => {
    const id = idOf(head, etagHeader);
    if (id !== undefined) return [{ text, id }];
    return { kind: 'type', detail: `${head.status} ${head.type}, without the id of a message` };
  });
  return {
    ...answer,
    judge(head) {
      if (head.status === 200) channel.hurry();
      return answer.judge(head);
    },
  };
}

function nchanDialect(options: NchanOptions): Dialect<PlainState> {
  const { etagHeader = 'etag', ...shared } = options;
  const base = plainDialect({
    ...shared,
    read: readerOf(options),
    subprotocols: ['ws+meta.nchan'],
    resumeParam: 'last_event_id',
  });
  return {
    ...base,
    name: 'nchan',
    transports: ['websocket', 'http-stream', 'eventsource', 'long-poll', 'poll'],
    ownIds: true,
    open(channel, ask: Ask): AdapterRequest {
      const request = base.open(channel, ask);
      const isPoll = ask.transport === 'poll' || ask.transport === 'long-poll';
      return isPoll ? { ...request, answer: pollOf(channel, etagHeader) } : request;
    },
  };
}

/**
 * For locations with `nchan_subscriber`; what is sent needs `nchan_pubsub`. Short polls need a location of their own
 * (`interval-poll`), bytes a WebSocket. What Nchan's buffer has dropped meanwhile it does not say: nobody hears of such a gap.
 */
export function nchan(options: NchanOptions = {}): ProtocolFactory {
  return foreign(() => nchanDialect(options));
}
