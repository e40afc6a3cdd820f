/** `holdfast` in Node: everything that Node can do (all but the iframe), with `ws` and a reader of event streams where it lacks its own. */
import type { AdapterFactory } from './adapters/adapter.ts';
import { eventSource } from './adapters/eventsource.ts';
import { httpStream } from './adapters/http-stream.ts';
import { iframe } from './adapters/iframe.ts';
import { longPoll } from './adapters/long-poll.ts';
import { poll } from './adapters/poll.ts';
import { webSocket } from './adapters/websocket.ts';
import { createClientWith } from './client.ts';
import type { Client, ClientOptions, Topics } from './client-types.ts';
import { holdfast } from './protocols/holdfast.ts';
import { plain } from './protocols/plain.ts';
import { nodeRuntime } from './runtime/node.ts';
import type { Platform } from './runtime/runtime.ts';

export function allAdapters(): readonly AdapterFactory<Platform>[] {
  return [webSocket(), httpStream(), eventSource(), iframe(), longPoll(), poll()];
}

export function createClient<T extends Topics = Topics>(url: string, options: ClientOptions = {}): Client<T> {
  const defaults = { runtime: nodeRuntime, adapters: allAdapters(), protocol: holdfast() };
  return createClientWith<T>(defaults, url, options);
}

export * from './public.ts';
export { eventSource, holdfast, httpStream, iframe, longPoll, plain, poll, webSocket };
