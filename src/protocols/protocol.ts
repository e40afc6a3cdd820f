/**
 * What the bytes mean: the interface between the session's frames and an adapter's requests and units.
 * `holdfast.ts` is ours; others may speak to servers that know nothing of Holdfast.
 */
import type { AdapterFacts, AdapterRequest, Outgoing, TransportName, Unit } from '../adapters/adapter.ts';
import type { BatchFrame, ClientFrame, OpenFrame, ServerFrame } from '../core/frames.ts';

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

export interface Protocol {
  readonly name: string;
  /** The request that opens a connection, or asks a poll again. */
  open(transport: TransportName, open: OpenFrame, endpoint: Endpoint): AdapterRequest;
  /** What carries `frames` up. `batch` heads a POST; it is left out on a duplex connection. */
  transmit(
    facts: AdapterFacts,
    frames: readonly ClientFrame[],
    batch: BatchFrame,
    endpoint: Endpoint,
    keepalive: boolean,
  ): Outgoing;
  /** The frames in one unit; `undefined` if any of it cannot be decoded. */
  decode(unit: Unit): readonly ServerFrame[] | undefined;
}
