/**
 * HTTP streaming: a POST whose answer (NDJSON) does not end, read as it comes by fetch.
 * Knows nothing of frames; what it reads are lines.
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterFactory } from './adapter.ts';
import { exchange } from './exchange.ts';
import { connect } from './guard.ts';
import { uplink } from './uplink.ts';

export function httpStream(): AdapterFactory<Platform> {
  return (platform) => ({
    transport: 'http-stream',
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
    available: () => platform.fetch !== undefined && platform.TextDecoder !== undefined,
    open: (request, sink) =>
      connect(sink, (link) => {
        link.atEnd(
          exchange(platform, request, {
            onHead: link.opened,
            onUnit: link.received,
            onEnd: link.closed,
          }),
        );
        return { send: uplink(platform, link) };
      }),
  });
}
