/**
 * What the bytes mean: the interface between the session's frames and an adapter's requests and units.
 * `holdfast.ts` is ours; `plain.ts` speaks to servers that know nothing of Holdfast.
 */
import type {
  AdapterFacts,
  AdapterRequest,
  Closed,
  Outgoing,
  Posted,
  TransportName,
  Unit,
} from '../adapters/adapter.ts';
import type { BatchFrame, ClientFrame, OpenFrame, ServerFrame } from '../core/frames.ts';
import type { InboxEvent } from '../core/inbox.ts';
import type { Kind } from '../core/policy.ts';

/** What the client knows about where and how to ask. */
export interface Endpoint {
  /** Absolute URL of this transport. */
  readonly url: string;
  readonly credentials: 'omit' | 'same-origin' | 'include';
  readonly headers: Readonly<Record<string, string>>;
  /** The page's origin, where there is one. */
  readonly origin: string | undefined;
  /** A number never used before by this client, for the URL of one request. */
  requestNumber(): number;
  /** 128 random bits as base64url, fresh for this request. */
  readonly nonce: string;
}

/** What became of a connection, or of something on it. */
export type Notice =
  | { readonly type: 'opened' }
  /** Nothing came, as is usual with this kind until there is something to say: it is taken to be open. */
  | { readonly type: 'presumed' }
  | { readonly type: 'answered' }
  | { readonly type: 'posted'; readonly result: Posted }
  | { readonly type: 'closed'; readonly reason: Closed };

/** What a protocol may do beside answering. `id` is a connection's. */
export interface ProtocolHost {
  /** Frames that no server sent: those that a server which knows none would have sent. Taken before what is noticed next. */
  frames(id: number, frames: readonly ServerFrame[]): void;
  /** Something for the server that no frame asked for. Dropped if the connection is over. */
  send(id: number, outgoing: Outgoing): void;
}

/** One client's. */
export interface Protocol {
  readonly name: string;
  /** What a switch of transport keeps. Default `full`. */
  resume?(): 'full' | 'last-event-id' | 'none';
  /** What kinds of connections are under this protocol, where that differs from what their adapters say. */
  facts?(transport: TransportName, facts: AdapterFacts): Partial<Kind>;
  /** The transports that it can be spoken over. Default: all. */
  readonly transports?: readonly TransportName[] | undefined;
  /** Whether only transports are used that have an address of their own, if any has. Default false. */
  readonly ownEndpoints?: boolean;
  /** The request that opens a connection, or asks a poll again. */
  open(id: number, transport: TransportName, open: OpenFrame, endpoint: Endpoint): AdapterRequest;
  /** What carries `frames` up; `undefined` if nothing need go. `batch` heads a POST; it is left out on a duplex connection. */
  transmit(
    id: number,
    facts: AdapterFacts,
    frames: readonly ClientFrame[],
    batch: BatchFrame,
    endpoint: Endpoint,
    keepalive: boolean,
  ): Outgoing | undefined;
  /** The frames in one unit; `undefined` if any of it cannot be decoded. */
  decode(id: number, unit: Unit): readonly ServerFrame[] | undefined;
  /** Told before the session hears of it. */
  noticed?(id: number, notice: Notice): void;
  /** Of what the application is told: places by the server's own names, where the protocol counts by itself. */
  named?(event: InboxEvent): InboxEvent;
}

/** What the `protocol` option takes: made for one client. */
export type ProtocolFactory = (host: ProtocolHost) => Protocol;
