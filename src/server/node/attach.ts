/**
 * A hub beside whatever else answers on the same server. Requests and upgrades of other paths reach exactly the listeners
 * they would have reached; those of the hub's path reach the hub alone.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Duplex } from 'node:stream';

export interface AttachOptions {
  /** Path of the hub's one URL. Default `/realtime`. A slash at its end makes no difference. */
  readonly path?: string;
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void;
type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
type Listener = (...args: unknown[]) => void;

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Whether a request is for this path, whatever its query. */
export function isFor(path: string, request: IncomingMessage): boolean {
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  return trimSlash(mark < 0 ? url : url.slice(0, mark)) === trimSlash(path);
}

/**
 * Puts `ours` before the listeners that are there, which then get only what it declines. Returns what undoes it: in its place if
 * it is still there, else, where another one holds it as one of those that were there, by declining everything.
 * Listeners added later are not touched; they see everything.
 */
function intercept(
  server: Server | SecureServer,
  event: 'request' | 'upgrade',
  ours: (others: readonly Listener[], args: unknown[], isOver: boolean) => void,
): () => void {
  const others = server.rawListeners(event) as Listener[];
  let isOver = false;
  const listener = (...args: unknown[]): void => ours(others, args, isOver);
  server.removeAllListeners(event);
  server.on(event, listener);
  return () => {
    isOver = true;
    const all = server.rawListeners(event) as Listener[];
    if (!all.includes(listener)) return;
    server.removeAllListeners(event);
    for (const each of all.flatMap((one) => (one === listener ? others : one))) server.on(event, each);
  };
}

/** Returns what detaches it. */
export function attachTo(
  server: Server | SecureServer,
  { path = '/realtime' }: AttachOptions,
  serve: Serve,
  upgrade: Upgrade,
): () => void {
  const undoRequest = intercept(server, 'request', (others, args, isOver) => {
    const [request, response] = args as [IncomingMessage, ServerResponse];
    if (!isOver && isFor(path, request)) serve(request, response);
    else for (const each of others) each.apply(server, args);
  });
  const undoUpgrade = intercept(server, 'upgrade', (others, args, isOver) => {
    const [request, socket, head] = args as [IncomingMessage, Duplex, Buffer];
    if (!isOver && isFor(path, request)) return upgrade(request, socket, head);
    for (const each of others) each.apply(server, args);
    // Without a listener of its own Node would have ended it; with ours alone it would hang.
    if (others.length === 0 && server.listenerCount('upgrade') === 1) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    }
  });
  return () => {
    undoRequest();
    undoUpgrade();
  };
}
