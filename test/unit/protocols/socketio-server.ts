/** A real server of Socket.IO on a port of its own, which counts, and whose wires can be cut. */
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket as Wire } from 'node:net';
import { Server, type ServerOptions, type Socket } from 'socket.io';

export interface SocketServer {
  readonly url: string;
  readonly port: number;
  readonly io: Server;
  /** Sockets that ever connected, oldest first. */
  readonly sockets: Socket[];
  /** Requests and upgrades, as `GET polling`, `POST polling`, `GET websocket`. */
  readonly asked: string[];
  /** Breaks every wire. */
  cut(): void;
  close(): Promise<void>;
}

function listen(http: HttpServer, port: number): Promise<number> {
  return new Promise((resolve) => {
    http.listen(port, '127.0.0.1', () => resolve((http.address() as AddressInfo).port));
  });
}

/** `port`: of a server that was closed before. */
export async function startSocketServer(
  options: Partial<ServerOptions> = {},
  port = 0,
  prepare: (io: Server) => void = () => {},
): Promise<SocketServer> {
  const http = createServer();
  const wires = new Set<Wire>();
  const asked: string[] = [];
  const sockets: Socket[] = [];
  const note = ({ method, url = '' }: IncomingMessage): void => {
    asked.push(`${method} ${new URL(url, 'http://host').searchParams.get('transport')}`);
  };
  http.on('connection', (wire) => {
    wires.add(wire);
    wire.on('close', () => wires.delete(wire));
  });
  http.on('upgrade', note);
  const io = new Server(http, { serveClient: false, ...options });
  // In front of Socket.IO's own listener, which answers.
  http.prependListener('request', note);
  prepare(io);
  io.on('connection', (socket) => sockets.push(socket));
  const bound = await listen(http, port);
  const cut = (): void => {
    for (const wire of wires) wire.destroy();
  };
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    io,
    sockets,
    asked,
    cut,
    async close() {
      const closed = io.close();
      cut();
      await closed;
    },
  };
}
