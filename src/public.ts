/** What every entry exports beside `createClient`. */
export type {
  Adapter,
  AdapterConnection,
  AdapterFactory,
  AdapterFacts,
  AdapterRequest,
  AdapterSink,
  Closed,
  CloseKind,
  Outgoing,
  Posted,
  TransportName,
  Unit,
} from './adapters/adapter.ts';
export type { Answer, Head, Reader } from './adapters/answer.ts';
export type {
  Client,
  ClientEvents,
  ClientOptions,
  Diagnosis,
  Finding,
  SendOptions,
  Status,
  Topics,
} from './client-types.ts';
export {
  type ClientErrorCode,
  type HoldfastError,
  type HoldfastErrorCode,
  isHoldfastError,
  type ServerErrorCode,
} from './core/errors.ts';
export type { Gap, Message } from './core/inbox.ts';
export type { Attempt, Role, State, Trace } from './core/model.ts';
export type { Endpoint, Notice, Protocol, ProtocolFactory, ProtocolHost } from './protocols/protocol.ts';
export type { Platform, Runtime, Store } from './runtime/runtime.ts';
export type { SignalLike, SubscribeOptions, Subscription, TypedMessage } from './subscription.ts';
