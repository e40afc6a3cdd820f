/**
 * WebSocket: both directions, text and bytes, in one connection.
 * Owns the socket's handshake and end; must not know what its messages mean.
 */
import type { Platform, WebSocketConstructor } from '../runtime/runtime.ts';
import type { AdapterFactory, Closed } from './adapter.ts';
import { connect } from './guard.ts';

const connecting = 0;
const open = 1;

/** 1006 and 1015 are the platform's own words for an end without a close frame. */
function reasonOf({ code, reason }: CloseEvent, problem: string | undefined): Closed {
  const detail = reason || problem;
  const closed: Closed =
    code >= 1000 && code !== 1006 && code !== 1015 ? { kind: 'closed', code } : { kind: 'failed' };
  return detail ? { ...closed, detail } : closed;
}

export function webSocket(): AdapterFactory<Platform> {
  return (platform) => ({
    transport: 'websocket',
    facts: { roundTrips: 2, duplex: true, streaming: true, binary: true, fresh: true, held: false },
    available: () => platform.WebSocket !== undefined,
    open: (request, sink) =>
      connect(sink, (link) => {
        let waiting = request.first ?? [];
        let problem: string | undefined;
        // Engines before 2024 take nothing but ws: and wss:.
        const socket = new (platform.WebSocket as WebSocketConstructor)(
          request.url.replace(/^http/i, 'ws'),
          request.protocols?.slice() ?? [],
        );

        function transmit(messages: readonly (string | Uint8Array)[]): void {
          for (let i = 0; i < messages.length; i++) {
            if (socket.readyState === open) socket.send(messages[i] as string | Uint8Array<ArrayBuffer>);
          }
        }

        socket.binaryType = 'arraybuffer';
        link.listen(socket, 'open', () => {
          const first = waiting;
          waiting = [];
          transmit(first);
          link.opened();
        });
        link.listen(socket, 'message', ({ data }: MessageEvent<string | ArrayBuffer>) =>
          link.received(typeof data === 'string' ? { text: data } : { bytes: new Uint8Array(data) }),
        );
        // Always followed by `close`; Node's sockets say here what went wrong.
        link.listen(socket, 'error', ({ message }: ErrorEvent) => {
          problem = message;
        });
        link.listen(socket, 'close', (event: CloseEvent) => link.closed(reasonOf(event, problem)));
        // Closing is legal at any time, and the way to free the lock that a socket in CONNECTING holds.
        link.atEnd(() => socket.close(1000));
        return {
          send(outgoing) {
            if (!('messages' in outgoing)) return;
            if (socket.readyState === connecting) waiting = waiting.concat(outgoing.messages);
            else transmit(outgoing.messages);
          },
        };
      }),
  });
}
