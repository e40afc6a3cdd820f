/** `holdfast/server`: the hub for Node. */
export { memoryBroker } from './brokers/memory.ts';
export type { HistoryOptions, LimitOptions } from './core/config.ts';
export type { ClientInfo, HubStats } from './core/hub.ts';
export type { PublishOptions } from './core/publish.ts';
export type { AuthorizeRequest, AuthRequest, Broker, SendRequest } from './core/types.ts';
export type { AttachOptions } from './node/attach.ts';
export type { FastifyPlugin, KoaMiddleware } from './node/frameworks.ts';
export type { CloseOptions, Hub, HubEvents } from './node/hub.ts';
export { createHub, relay } from './node/hub.ts';
export type {
  AuthenticateResult,
  AuthorizeResult,
  HubOptions,
  SendHandler,
  SendTools,
} from './node/options.ts';
