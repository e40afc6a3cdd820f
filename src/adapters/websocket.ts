/**
 * WebSocket: both directions, text and bytes, in one connection.
 * Owns the socket's handshake and end; must not know what its messages mean.
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterFactory, AdapterRequest, Closed } from './adapter.ts';
import { guard, messageOf } from './guard.ts';

const connecting = 0;
const open = 1;

function create(platform: Platform, request: AdapterRequest): WebSocket {
  const Constructor = platform.WebSocket;
  if (!Constructor) throw new Error('no WebSocket');
  // Engines before 2024 take nothing but ws: and wss:.
  const url = request.url.replace(/^http/i, 'ws');
  return request.protocols ? new Constructor(url, request.protocols.slice()) : new Constructor(url);
}

/** 1006 and 1015 are the platform's own words for an end without a close frame. */
function reasonOf(event: CloseEvent, detail: string | undefined): Closed {
  const said = event.reason || detail;
  const more = said ? { detail: said } : {};
  if (event.code >= 1000 && event.code !== 1006 && event.code !== 1015) {
    return { kind: 'closed', code: event.code, ...more };
  }
  return { kind: 'failed', ...more };
}

export function webSocket(): AdapterFactory<Platform> {
  return (platform) => ({
    transport: 'websocket',
    facts: { roundTrips: 2, duplex: true, streaming: true, binary: true, fresh: true, held: false },
    available: () => platform.WebSocket !== undefined,
    open(request, sink) {
      const link = guard(sink);
      let waiting = request.first ? request.first.slice() : [];
      let detail: string | undefined;
      let socket: WebSocket | undefined;

      function transmit(messages: readonly (string | Uint8Array)[]): void {
        for (let i = 0; i < messages.length; i++) {
          if (socket?.readyState === open) socket.send(messages[i] as string | Uint8Array<ArrayBuffer>);
        }
      }

      function start(made: WebSocket): void {
        made.binaryType = 'arraybuffer';
        link.listen(made, 'open', () => {
          const first = waiting;
          waiting = [];
          transmit(first);
          link.opened();
        });
        link.listen(made, 'message', (event: MessageEvent<string | ArrayBuffer>) => {
          const data = event.data;
          link.received(typeof data === 'string' ? { text: data } : { bytes: new Uint8Array(data) });
        });
        // Always followed by `close`; Node's sockets say here what went wrong.
        link.listen(made, 'error', (event: ErrorEvent) => {
          if (typeof event.message === 'string') detail = event.message;
        });
        link.listen(made, 'close', (event: CloseEvent) => link.closed(reasonOf(event, detail)));
        // Closing is legal at any time, and the way to free the lock that a socket in CONNECTING holds.
        link.atEnd(() => made.close(1000));
      }

      try {
        socket = create(platform, request);
        start(socket);
      } catch (error) {
        link.closedSoon({ kind: 'refused', detail: messageOf(error) });
      }

      return {
        send(outgoing) {
          if (link.isOver() || !('messages' in outgoing)) return;
          if (socket?.readyState === connecting) waiting = waiting.concat(outgoing.messages);
          else transmit(outgoing.messages);
        },
        poll() {},
        close: () => link.closed({ kind: 'aborted' }),
      };
    },
  });
}
