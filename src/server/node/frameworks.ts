/** The hub inside Koa and Fastify. Only the shapes that are used are named, so that neither is needed to compile. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { type AttachOptions, isFor } from './attach.ts';

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** What of a Koa context is used. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  respond?: boolean;
}

export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown>;

export function koaMiddleware({ path = '/realtime' }: AttachOptions, serve: Serve): KoaMiddleware {
  return async (context, next) => {
    if (!isFor(path, context.req)) return next();
    // The answer is written by the hub, and may go on for hours.
    context.respond = false;
    serve(context.req, context.res);
    return undefined;
  };
}

/** What of a Fastify instance is used. `never` fits whatever its own types say of a route. */
export interface FastifyInstanceLike {
  readonly server: unknown;
  readonly prefix: string;
  route(options: never): unknown;
}

interface FastifyRoute {
  readonly method: readonly string[];
  readonly url: string;
  readonly onRequest: (request: { raw: IncomingMessage }, reply: FastifyReply) => void;
  readonly handler: () => void;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): unknown;
}

export type FastifyPlugin = (instance: FastifyInstanceLike, options: unknown, done: () => void) => void;

/** `attachUpgrades` is told the server and the whole path, prefix included. */
export function fastifyPlugin(
  { path = '/realtime' }: AttachOptions,
  serve: Serve,
  attachUpgrades: (server: Server | SecureServer, path: string) => void,
): FastifyPlugin {
  return (instance, _options, done) => {
    const route: FastifyRoute = {
      method: ['GET', 'POST', 'OPTIONS'],
      url: path,
      // Before Fastify reads the body: the hub has bounds of its own.
      onRequest(request, reply) {
        reply.hijack();
        serve(request.raw, reply.raw);
      },
      handler: () => undefined,
    };
    instance.route(route as never);
    attachUpgrades(instance.server as Server, `${instance.prefix}${path}`);
    done();
  };
}
