/**
 * EventSource (SSE): the platform's own, or one that the page injects because it needs headers.
 * Whichever it is, it is closed for good at its first error: when to try again is the session's affair.
 */
import type { EventSourceConstructor, Platform } from '../runtime/runtime.ts';
import type { AdapterFactory, AdapterRequest } from './adapter.ts';
import { exchange } from './exchange.ts';
import { connect, type Guard } from './guard.ts';
import { request } from './request.ts';
import { uplink } from './uplink.ts';

export interface EventSourceOptions {
  /** Instead of the platform's own, for instance `EventSourcePolyfill` of `event-source-polyfill`. */
  readonly EventSource?: EventSourceConstructor;
  /** Headers for the stream, on top of the client's. The native EventSource sends none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** `EventSource.CLOSED` */
const closedState = 2;

/** Five hours, the most that event-source-polyfill takes: its watchdog would be a second one beside the session's. */
const heartbeatTimeoutMs = 18_000_000;

/**
 * How event-source-polyfill asks: its `Transport` option, which native ones ignore. Its own transport cancels a reader
 * that has failed, whose rejection nobody catches (in Node that ends the process), and prints each failure.
 */
function transportFor(platform: Platform, asked: AdapterRequest, link: Guard): () => object {
  // The polyfill calls it with `new`, which an arrow function does not allow.
  return function transport() {
    return {
      open(
        _xhr: unknown,
        onStart: (status: number, statusText: string, type: string, headers: object) => void,
        onProgress: (text: string) => void,
        onFinish: () => void,
        url: string,
        _withCredentials: boolean,
        headers: Record<string, string>,
      ) {
        const get: AdapterRequest = { url, method: 'GET', headers, credentials: asked.credentials };
        const abort = request(platform, get, {
          onHead(head) {
            const detail = `${head.status} ${head.type}`;
            if (head.status !== 200) link.closed({ kind: 'status', status: head.status, detail });
            else if (head.type !== 'text/event-stream') link.closed({ kind: 'type', detail });
            else onStart(head.status, '', head.type, {});
          },
          onText: onProgress,
          onEnd(failure) {
            if (failure === undefined) link.closed({ kind: 'closed' });
            else onFinish();
          },
        });
        return { abort };
      },
    };
  };
}

export function eventSource(options: EventSourceOptions = {}): AdapterFactory<Platform> {
  return (platform) => ({
    transport: 'eventsource',
    facts: {
      roundTrips: 2,
      duplex: false,
      streaming: true,
      binary: false,
      fresh: false,
      twoPools: true,
      held: false,
      carriesMax: platform.answerLengthMax,
    },
    available: () => (options.EventSource ?? platform.EventSource) !== undefined,
    open: (asked, sink) =>
      connect(sink, (link) => {
        const { beside, credentials } = asked;
        const Constructor = options.EventSource ?? platform.EventSource;
        const source = new (Constructor as EventSourceConstructor)(asked.url, {
          withCredentials: credentials === 'include',
          headers: { ...asked.headers, ...options.headers },
          heartbeatTimeout: heartbeatTimeoutMs,
          Transport: platform.fetch && platform.TextDecoder && transportFor(platform, asked, link),
        });
        /** An empty id takes one back; before the first it says nothing. */
        let hasId = false;
        const listened: Record<string, unknown> = { error: true };

        function listenFor(events: readonly string[]): void {
          events.forEach((name) => {
            if (listened[name] !== true) link.listen(source, name, receive);
            listened[name] = true;
          });
        }

        function receive({ data, type, lastEventId }: MessageEvent<unknown>): void {
          // The platform's own events have the names that a server may use, too.
          if (typeof data !== 'string') return;
          hasId = hasId || lastEventId !== '';
          link.received(hasId ? { text: data, event: type, id: lastEventId } : { text: data, event: type });
        }

        function fail(event: MessageEvent<unknown>): void {
          if (typeof event.data === 'string') return receive(event);
          // It gives up at once what is no event stream, and says no more than that; after a cut it would try again.
          const detail = 'another status than 200, or another content type';
          link.closed(source.readyState === closedState ? { kind: 'refused', detail } : { kind: 'failed' });
        }

        link.listen(source, 'open', link.opened);
        listenFor(['message'].concat(asked.events ?? ['holdfast']));
        link.listen(source, 'error', fail);
        link.atEnd(() => source.close());
        if (beside) {
          // Its success says nothing, its failure is the connection's.
          link.atEnd(
            exchange(platform, beside, {
              onUnit: link.received,
              onEnd(reason) {
                if (reason.kind !== 'closed') link.closed(reason);
              },
            }),
          );
        }
        const post = uplink(platform, link);
        return {
          send(outgoing) {
            if ('events' in outgoing) listenFor(outgoing.events);
            else post(outgoing);
          },
        };
      }),
  });
}
