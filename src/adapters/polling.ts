/**
 * Both kinds of polling: one request for each poll, whose answer ends. When to ask again is the session's affair, unless
 * the request names the one that follows it.
 * The two differ in one fact only: whether the server holds a poll open until something is due.
 *
 * @internal
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterFactory, AdapterRequest } from './adapter.ts';
import { exchange } from './exchange.ts';
import { connect } from './guard.ts';
import { uplink } from './uplink.ts';

export function polling(transport: 'long-poll' | 'poll', held: boolean): AdapterFactory<Platform> {
  return (platform) => ({
    transport,
    facts: {
      roundTrips: 2,
      duplex: false,
      streaming: false,
      binary: false,
      fresh: false,
      twoPools: true,
      held,
    },
    available: () => platform.fetch !== undefined,
    open: (request, sink) =>
      connect(sink, (link) => {
        let abort: (() => void) | undefined;
        link.atEnd(() => abort?.());

        function poll(asked: AdapterRequest): void {
          if (abort || link.isOver()) return;
          abort = exchange(platform, asked, {
            onHead: link.opened,
            onUnit: link.received,
            onEnd(reason) {
              abort = undefined;
              if (reason.kind !== 'closed') return link.closed(reason);
              const next = asked.next?.();
              if (next) poll(next);
              else link.answered();
            },
          });
        }

        poll(request);
        const send = uplink(platform, link, request.next !== undefined);
        return {
          send,
          poll,
          close() {
            const last = request.last?.();
            if (last) send({ request: last });
            link.closed({ kind: 'aborted' });
          },
        };
      }),
  });
}
