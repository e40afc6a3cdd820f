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

export interface SimServer {
  /** A stream, a WebSocket or a poll: all begin with an open. */
  open(transport: TransportName, open: string, down: Down): Up;
  /** A POST of the uplink. */
  post(body: string, down: Down): Up;
}
