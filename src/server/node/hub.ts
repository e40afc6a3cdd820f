/**
 * A hub on Node: puts the pure core, the bindings and the application's callbacks together.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { memoryBroker } from '../brokers/memory.ts';
import { type ClientInfo, createHubCore, type HubCore, type HubStats } from '../core/hub.ts';
import type { PublishOptions } from '../core/publish.ts';
import type { HubHost, HubNote } from '../core/types.ts';
import { type AttachOptions, attachTo } from './attach.ts';
import { type FastifyPlugin, fastifyPlugin, type KoaMiddleware, koaMiddleware } from './frameworks.ts';
import { type Clockwork, callApplication, createClockwork } from './host.ts';
import { type Binding, createAnswers, serve } from './http.ts';
import {
  type HubOptions,
  readAuthentication,
  readAuthenticationError,
  readAuthorization,
  readHandlerError,
  readReply,
  type SendHandler,
  type SendTools,
} from './options.ts';
import { createUpgrades, type Upgrades } from './websocket.ts';

/** Milliseconds that sockets and answers may take to end after a hub was closed. */
const graceMs = 1_000;

export interface CloseOptions {
  /** Milliseconds over which clients move away and running handlers may finish. Default 5,000. `0`: at once. */
  readonly drainMs?: number;
}

/** What a hub tells its listeners. */
export interface HubEvents {
  /** A client has its first connection, or the last one has gone (for one that polls: a while after its last answer). */
  connect: { readonly client: string; readonly identity: string | undefined };
  disconnect: { readonly client: string; readonly identity: string | undefined };
  /** A callback of the application failed. Without a listener it becomes a process warning. */
  error: unknown;
}

export interface Hub {
  /**
   * Serves all transports at one path of a server, beside whatever else answers there. May be called for several
   * servers. Other paths are left alone. `server.keepAliveTimeout` should be above 60 s; Node's default of 5 s closes
   * connections that the next request is about to use.
   */
  attach(server: Server | SecureServer, options?: AttachOptions): void;
  /** For Express, Connect and plain `node:http`. WebSocket needs `attach`, or `server.on('upgrade', hub.upgrade)`, besides. */
  handler(request: IncomingMessage, response: ServerResponse, next?: unknown): void;
  /** Answers an upgrade. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Middleware for Koa, for one path. WebSocket needs `server.on('upgrade', hub.upgrade)` besides. */
  koa(options?: AttachOptions): KoaMiddleware;
  /** `fastify.register(hub.fastify({ path }))`: routes and upgrades. */
  fastify(options?: AttachOptions): FastifyPlugin;
  /** Resolves with the message's id once it has been appended; nobody need have received it yet. */
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<string>;
  /** Tells one client alone, on its topic `$direct`; kept and resumed like any message. */
  direct(client: string, data: unknown): Promise<string>;
  /** Clients that are connected, or polled a moment ago. */
  clients(): ClientInfo[];
  /** How many clients are connected; with a topic: how many receive it, `curl` and plain `EventSource` included. */
  count(topic?: string): number;
  /** Public ids of the clients that receive a topic. */
  subscribers(topic: string): string[];
  /**
   * Takes a topic from a client (by its public id) or from everyone of an identity. It is asked for anew by `authorize`;
   * if that grants it, it begins anew with a gap.
   */
  revoke(clientOrIdentity: string, topic: string): void;
  /** The end of the log. */
  cursor(): string;
  stats(): HubStats;
  /** Returns what ends it. */
  on<E extends keyof HubEvents>(event: E, listener: (value: HubEvents[E]) => void): () => void;
  /**
   * Tells clients to move, takes no new sends, waits for running handlers, then ends everything and detaches from all
   * servers. It does not close the servers. A broker given to it is free for the next hub then.
   */
  close(options?: CloseOptions): Promise<void>;
}

type Listeners = { [E in keyof HubEvents]: Set<(value: HubEvents[E]) => void> };

function tell<E extends keyof HubEvents>(listeners: Listeners, event: E, value: HubEvents[E]): void {
  for (const listener of [...listeners[event]]) {
    try {
      listener(value);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}

function createNotes(listeners: Listeners): (note: HubNote) => void {
  return (note) => {
    if (note.type !== 'error') {
      const { client, identity } = note;
      return tell(listeners, note.type, { client, identity });
    }
    if (listeners.error.size > 0) return tell(listeners, 'error', note.error);
    process.emitWarning(note.error instanceof Error ? note.error : String(note.error));
  };
}

const failedAnswer = () => ({ type: 'failed' }) as const;

/** An answer that makes no sense is a failure, like none. */
function reading<R, T>(read: (result: R) => T, done: (value: T) => void, failed: (error: unknown) => void) {
  return (result: R): void => {
    let answer: T;
    try {
      answer = read(result);
    } catch (error) {
      return failed(error);
    }
    done(answer);
  };
}

function createHost(
  options: HubOptions,
  clockwork: Clockwork,
  note: HubHost['note'],
  tools: SendTools,
): HubHost {
  const { authenticate, authorize, onSend } = options;
  const told =
    <T>(done: (value: T) => void, read: (error: unknown) => T) =>
    (error: unknown): void => {
      const answer = read(error);
      const isFailure = (answer as { type: string; code?: string }).type === 'failed';
      const { code } = answer as { code?: string };
      if (isFailure && (code === undefined || code === 'HANDLER_FAILED')) note({ type: 'error', error });
      done(answer);
    };
  return {
    ...clockwork,
    note,
    authenticate:
      authenticate &&
      ((request, done) =>
        callApplication(
          () => authenticate(request),
          reading(readAuthentication, done, told(done, readAuthenticationError)),
          told(done, readAuthenticationError),
        )),
    authorize:
      authorize &&
      ((request, done) =>
        callApplication(
          () => authorize(request),
          reading(readAuthorization, done, told(done, failedAnswer)),
          told(done, failedAnswer),
        )),
    handle:
      onSend &&
      ((request, done) =>
        callApplication(
          () => onSend(request, tools),
          (reply) => done(readReply(reply)),
          told(done, readHandlerError),
        )),
  };
}

/** Waits until sockets and answers have gone, then cuts those that have not. */
async function finish(binding: Binding, upgrades: Upgrades): Promise<void> {
  const endsAt = performance.now() + graceMs;
  const { passing, receiving } = binding.answers;
  while (upgrades.sockets.size + passing.size + receiving.size > 0 && performance.now() < endsAt) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const socket of upgrades.sockets) socket.terminate();
  for (const response of [...passing, ...receiving.keys()]) response.destroy();
}

function serving(core: HubCore, binding: Binding, upgrades: Upgrades) {
  const undo: (() => void)[] = [];
  const serveOne = (request: IncomingMessage, response: ServerResponse): void =>
    serve(binding, request, response);
  return {
    undo,
    attach(server: Server | SecureServer, options: AttachOptions = {}): void {
      undo.push(attachTo(server, options, serveOne, upgrades.upgrade));
    },
    handler: serveOne as Hub['handler'],
    upgrade: upgrades.upgrade,
    koa: (options: AttachOptions = {}) => koaMiddleware(options, serveOne),
    fastify: (options: AttachOptions = {}) =>
      fastifyPlugin(options, serveOne, (server, path) => {
        undo.push(attachTo(server, { path }, serveOne, upgrades.upgrade));
      }),
    clients: core.clients,
    count: core.count,
    subscribers: core.subscribers,
    revoke: core.revoke,
    cursor: core.cursor,
    stats: core.stats,
  };
}

/** What an async function would give, at half of its cost. */
function promiseOf<A, B, C>(run: (a: A, b: B, c?: C) => string, a: A, b: B, c?: C): Promise<string> {
  try {
    return Promise.resolve(run(a, b, c));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Makes a hub. It does nothing until it is attached, or its handler is called. */
export function createHub(options: HubOptions = {}): Hub {
  const listeners: Listeners = { connect: new Set(), disconnect: new Set(), error: new Set() };
  const clockwork = createClockwork(() => core.tick());
  const publish: Hub['publish'] = (topic, data, how) => promiseOf(core.publish, topic, data, how);
  const host = createHost(options, clockwork, createNotes(listeners), { publish });
  const core: HubCore = createHubCore(options, host, options.broker ?? memoryBroker());
  const binding: Binding = {
    core,
    origins: options,
    answers: createAnswers(core),
    asksWho: options.authenticate !== undefined,
  };
  const upgrades = createUpgrades(binding);
  const { undo, ...rest } = serving(core, binding, upgrades);
  let closing: Promise<void> | undefined;
  const close = async ({ drainMs = 5_000 }: CloseOptions): Promise<void> => {
    await new Promise<void>((resolve) => core.close(drainMs, resolve));
    clockwork.stop();
    await finish(binding, upgrades);
    for (const detach of undo.splice(0).reverse()) detach();
  };
  return {
    ...rest,
    publish,
    direct: (client, data) => promiseOf(core.direct, client, data),
    on(event, listener) {
      listeners[event].add(listener);
      return () => void listeners[event].delete(listener);
    },
    close(how = {}) {
      closing ??= close(how);
      return closing;
    },
  };
}

/** An `onSend` that publishes what clients send to the topic's subscribers, the sender included. */
export function relay(): SendHandler {
  return async ({ topic, data }, tools) => {
    await tools.publish(topic, data);
  };
}
