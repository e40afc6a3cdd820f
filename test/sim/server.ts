/** What the simulated network knows of a server; `hub.ts` puts the real hub's core behind it. */
import type { TransportName } from '../../src/adapters/adapter.ts';

/** The server's end of an answer or of a WebSocket. */
export interface Down {
  write(unit: string | Uint8Array): void;
  /** Orderly end; `code` on WebSocket. */
  end(code?: number): void;
}

export interface Up {
  receive(message: string | Uint8Array): void;
  gone(): void;
}

/** `url` is the request's own; its number tells a repetition of a browser's from a second request. */
export interface SimServer {
  /** A stream, a WebSocket or a poll: all begin with an open. */
  open(transport: TransportName, open: string, url: string, down: Down): Up;
  /** The GET of an EventSource, which can carry nothing but a ticket. */
  present(url: string, down: Down): Up;
  /** The POST beside it: the open that the ticket stands for. `false`: refused. */
  offer(open: string, url: string): boolean;
  /** A POST of the uplink. */
  post(body: string, url: string, down: Down): Up;
}
