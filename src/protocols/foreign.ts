/**
 * The session's protocol in front of a server that does not speak it: says hello, counts messages, confirms topics and
 * answers sends in that server's stead, as truthfully as what it really said allows. What its bytes mean, and which
 * requests it wants, is a dialect's affair: `plain.ts` and those beside it.
 *
 * @internal
 */
import type { Closed, Outgoing, TransportName } from '../adapters/adapter.ts';
import type {
  AckFrame,
  ClientFrame,
  HelloFrame,
  OpenFrame,
  SendFrame,
  ServerFrame,
  TopicAnswer,
  TopicRequest,
} from '../core/frames.ts';
import type { Gap } from '../core/inbox.ts';
import type { Channel, Dialect, Received } from './dialect.ts';
import { createIdLog, type IdLog } from './id-log.ts';
import type { Endpoint, ProtocolFactory } from './protocol.ts';

/** The one incarnation of the one log: what the server does beyond it, only its ids say. */
const epoch = 'plain-server';
/** The one memory of sends: nothing is ever transmitted twice, so numbers never begin anew. */
const memory = 'plain';
/** No server of others announces a limit. */
const unlimited = 0x7fffffff;
/** Sends under way at once where nothing says how many a server takes. */
const windowMax = 1_000;

interface Link<State> extends Channel<State> {
  /** Frames that are said while the dialect runs. */
  said: ServerFrame[];
  open: OpenFrame;
  isGreeted: boolean;
  /** It was greeted at least once, and is open. */
  isCounted: boolean;
  /** Until the first message that is new, what comes may be what another connection has brought. */
  isCatchingUp: boolean;
  /** How far it has come. */
  reached: number;
  /** When a short poll is to be asked again, as its hello says. */
  pollMs: number;
  posting: number | undefined;
}

const topicOf = (request: TopicRequest): string => (typeof request === 'string' ? request : request.topic);

/** The place in a cursor of ours; `undefined` if it is not ours. */
function offsetOf(cursor: string | undefined): number | undefined {
  const mark = `${epoch}.`;
  return cursor?.indexOf(mark) === 0 ? Number(cursor.slice(mark.length)) : undefined;
}

const cursorAt = (offset: number): string => `${epoch}.${offset}`;

const isPoll = (transport: TransportName): boolean => transport === 'poll' || transport === 'long-poll';

const isEventStream = (transport: TransportName): boolean =>
  transport === 'http-stream' || transport === 'eventsource';

/** Where each topic begins: those without a place here and now. */
function answersTo({ topics }: OpenFrame, log: IdLog): TopicAnswer[] {
  const answers: TopicAnswer[] = [];
  topics.forEach((request) => {
    if (typeof request === 'string') return;
    const at = 'at' in request ? offsetOf(request.at) : undefined;
    answers.push({ topic: request.topic, start: String(at ?? log.count()) });
  });
  return answers;
}

/** `make` is called once for each client. */
export function foreign<State>(make: () => Dialect<State>): ProtocolFactory {
  return (host) => {
    const dialect = make();
    const log = createIdLog(dialect.from);
    const links: Record<number, Link<State> | undefined> = {};
    /** Sends that were transmitted and have no answer: none of them is ever transmitted again. */
    const under: Record<number, true | undefined> = {};
    /** Connections that are greeted, and whether any was a stream: between one and the next something may be missed. */
    let greeted = 0;
    let hadStream = false;
    const withoutIds: Record<string, boolean> = {};
    /** The server's wait, until it says another (WHATWG HTML, section 9.2.6). */
    let retryMs: number | undefined;

    function helloOf(link: Link<State>, id: number): HelloFrame {
      const { open } = link;
      const isDuplex = dialect.isSession || link.transport === 'websocket';
      return {
        type: 'hello',
        attempt: id,
        head: cursorAt(log.count()),
        cursor: cursorAt(offsetOf(open.cursor) ?? log.count()),
        topics: answersTo(open, log),
        heartbeatMs: link.silenceMs ?? dialect.silenceMs ?? unlimited,
        holdMs: dialect.holdMs,
        pollMs: link.pollMs,
        sends: memory,
        keepMs: unlimited,
        limits: {
          frameBytes: unlimited,
          topics: unlimited,
          window: isDuplex ? windowMax : 1,
          batchBytes: unlimited,
        },
      };
    }

    /** A place that no message has: something was lost there. */
    function tellGap({ said }: Link<State>, topics: readonly TopicRequest[], reason: string): void {
      const to = String(log.skip());
      topics.forEach((request) => {
        said.push({ type: 'gap', topic: topicOf(request), to, reason });
      });
    }

    function createLink(id: number, transport: TransportName, open: OpenFrame): Link<State> {
      const isStream = dialect.isSession || !isPoll(transport);
      const link: Link<State> = {
        transport,
        state: dialect.state(transport),
        said: [],
        open,
        isGreeted: false,
        isCounted: false,
        isCatchingUp: true,
        reached: 0,
        pollMs: dialect.pollMs,
        posting: undefined,
        silenceMs: undefined,
        hello(isResumed = true) {
          if (link.isGreeted) return;
          link.isGreeted = true;
          link.said.push(helloOf(link, id));
          if (link.isCounted) return;
          link.isCounted = true;
          const goesOn = isResumed && resumeFrom(link.open, transport) !== undefined;
          if (greeted === 0 && hadStream && !goesOn) {
            // Nothing was open, and nothing says where the server is to go on: what it said meanwhile is lost.
            const former = link.open.topics.filter((one) => typeof one === 'string' || !('new' in one));
            tellGap(link, former, 'no-resume');
          }
          hadStream = isStream || (hadStream && greeted > 0);
          greeted++;
        },
        wait() {
          link.said.push({ type: 'wait' });
        },
        deliver(messages) {
          link.hello();
          for (let i = 0; i < messages.length; i++) link.said.push(place(link, messages[i] as Received));
          // Topics that nobody wants bring the others on, too: the next resume need not go back so far.
          if (log.hasIds() && messages.length > 0) {
            link.said.push({ type: 'pong', cursor: cursorAt(link.reached) });
          }
        },
        mark(resumeId) {
          if (!link.isCatchingUp) log.mark(resumeId);
        },
        gap(reason) {
          link.hello();
          tellGap(link, link.open.topics, reason);
        },
        settle: (seq, reply) => acknowledge(link, seq, { reply }),
        refuse: (seq, code, message, applied = false) =>
          acknowledge(link, seq, { error: { code, message, applied } }),
        unsent(seq) {
          if (seq !== undefined) delete under[seq];
        },
        fail(code, message) {
          // It had nothing to lose.
          if (code === 'EMPTY_STREAM') hadStream = false;
          link.said.push({ type: 'error', code, message });
        },
        retry(ms) {
          retryMs = ms;
        },
        hurry() {
          link.pollMs = 0;
        },
        send: (outgoing) => host.send(id, outgoing),
      };
      return link;
    }

    function acknowledge(
      link: Link<State>,
      seq: number | undefined,
      outcome: Pick<AckFrame, 'reply' | 'error'>,
    ): void {
      if (seq === undefined) return;
      delete under[seq];
      if (link.posting === seq) link.posting = undefined;
      link.said.push({ type: 'ack', seq, ...outcome });
    }

    function place(link: Link<State>, { topic, data, id, text, key = id }: Received): ServerFrame {
      const mayBeKnown = key !== undefined && (link.isCatchingUp || dialect.ownIds);
      const known = mayBeKnown ? log.find(key, text) : undefined;
      if (known === undefined) link.isCatchingUp = false;
      // A stream may leave it out where the one before still holds.
      if (isPoll(link.transport) && !dialect.isSession) withoutIds[link.transport] = id === undefined;
      const offset = known ?? log.add(id, text, key);
      if (offset > link.reached) link.reached = offset;
      return { topic, id: String(offset), data };
    }

    /** Who gives no ids is not asked to go on from another's. */
    function resumeFrom({ cursor }: OpenFrame, transport: TransportName): string | undefined {
      if (withoutIds[transport]) return undefined;
      return log.idAt(offsetOf(cursor) ?? log.count());
    }

    const nameOf = (id: string): string => (id === '' ? id : log.nameOf(Number(id)));

    const gapOf = (gap: Gap): Gap => ({ ...gap, from: nameOf(gap.from), to: nameOf(gap.to) });

    /** What was said beside an answer of ours goes to the session by itself. */
    function flush(id: number, link: Link<State>): void {
      const frames = link.said;
      link.said = [];
      if (frames.length > 0) host.frames(id, frames);
    }

    /** The end, in words that say what to do about it. */
    function explain(link: Link<State>, { kind, status, detail = '' }: Closed): void {
      const isLater = status === 429 || status === 503;
      const isStatus = kind === 'status' && !isLater;
      if (isStatus && status === 204) link.fail('STOPPED', 'it wants to be asked no more (204)');
      else if (isStatus || kind === 'type')
        link.fail(isStatus ? 'BAD_STATUS' : 'WRONG_TYPE', `it answered ${detail}`);
      else if (kind === 'unreadable') link.fail('UNPARSABLE', detail);
      else if (retryMs !== undefined && link.isGreeted && isEventStream(link.transport)) {
        link.said.push({ type: 'bye', reason: 'retry', afterMs: retryMs });
      }
    }

    /** Nobody knows how far it got, and it cannot be asked twice. */
    function lost(link: Link<State>, seq: number | undefined): void {
      link.refuse(seq, 'OUTCOME_UNKNOWN', 'It ended without an answer', 'unknown');
    }

    function transmitSend(link: Link<State>, frame: SendFrame, endpoint: Endpoint): Outgoing | undefined {
      const { seq } = frame;
      if (frame.void) link.settle(seq);
      else if (seq !== undefined && under[seq]) lost(link, seq);
      else {
        if (seq !== undefined) under[seq] = true;
        try {
          return dialect.send(link, frame, endpoint);
        } catch (error) {
          // A function of the application's; nothing has gone.
          link.refuse(seq, 'LISTENER_FAILED', String(error));
        }
      }
      return undefined;
    }

    function transmitOne(link: Link<State>, frame: ClientFrame, endpoint: Endpoint): Outgoing | undefined {
      if (frame.type === 'send') return transmitSend(link, frame, endpoint);
      if (frame.type !== 'subscribe') return undefined;
      const topics = frame.topics.map(topicOf);
      const start = String(log.count());
      const answers = topics.map((topic) => ({ topic, start }));
      link.said.push({ type: 'subscribed', request: frame.request, topics: answers });
      return dialect.subscribed?.(link, topics);
    }

    return {
      name: dialect.name,
      transports: dialect.transports,
      ownEndpoints: true,
      resume: () => dialect.resume ?? (log.hasIds() ? 'last-event-id' : 'none'),
      named(event) {
        if (event.type === 'ready') return { ...event, start: nameOf(event.start) };
        if (event.type === 'gap') return { ...event, gap: gapOf(event.gap) };
        if (event.type !== 'message') return event;
        const { id, gap } = event.message;
        const message = { ...event.message, id: nameOf(id) };
        return { ...event, message: gap ? { ...message, gap: gapOf(gap) } : message };
      },
      facts: (transport, facts) => ({
        plain: true,
        inPlace: !dialect.topicsInOpen,
        // Neither a held poll nor a document in a frame shows that it has begun.
        presumed: !dialect.isSession && (transport === 'long-poll' || transport === 'iframe'),
        ...(dialect.isSession ? { duplex: true, streaming: true } : {}),
        ...dialect.facts?.(transport, facts),
      }),
      open(id, transport, open, endpoint) {
        const link = links[id] ?? createLink(id, transport, open);
        links[id] = link;
        link.isGreeted = false;
        link.isCatchingUp = true;
        link.pollMs = dialect.pollMs;
        link.open = open;
        const { token, client } = open;
        const topics = open.topics.map(topicOf);
        return dialect.open(link, {
          transport,
          endpoint,
          topics,
          from: resumeFrom(open, transport),
          token,
          client,
        });
      },
      transmit(id, facts, frames, _batch, endpoint) {
        const link = links[id];
        if (!link) return undefined;
        let messages: (string | Uint8Array)[] = [];
        let other: Outgoing | undefined;
        for (let i = 0; i < frames.length; i++) {
          const frame = frames[i] as ClientFrame;
          const outgoing = transmitOne(link, frame, endpoint);
          if (!outgoing) continue;
          if ('messages' in outgoing) {
            messages = messages.concat(outgoing.messages);
            continue;
          }
          other = outgoing;
          if ('request' in outgoing && frame.type === 'send') link.posting = frame.seq;
        }
        flush(id, link);
        if (messages.length > 0) return { messages };
        // Not a POST: it goes at once, and leaves nothing to wait for.
        if (other && 'events' in other && !facts.duplex) {
          host.send(id, other);
          return undefined;
        }
        return other;
      },
      decode(id, unit) {
        const link = links[id];
        if (!link) return [];
        try {
          dialect.unit(link, unit);
        } catch (error) {
          const message = (error as { message?: unknown } | undefined)?.message;
          link.fail('UNPARSABLE', String(message ?? error));
        }
        const frames = link.said;
        link.said = [];
        return frames;
      },
      noticed(id, notice) {
        const link = links[id];
        if (!link) return;
        if (notice.type === 'opened' && dialect.opensItself && link.transport !== 'long-poll') link.hello();
        if (notice.type === 'presumed' || (notice.type === 'answered' && !dialect.isSession)) link.hello();
        if (notice.type === 'posted') {
          lost(link, link.posting);
          dialect.posted?.(link, notice.result);
        }
        if (notice.type === 'closed') {
          dialect.closed?.(link, notice.reason);
          explain(link, notice.reason);
          if (link.isCounted) greeted--;
          delete links[id];
        }
        flush(id, link);
      },
    };
  };
}
