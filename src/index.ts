/** `holdfast`: everything included, for pages and workers. Importing it does nothing. */
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
import { browserRuntime } from './runtime/browser.ts';
import type { Platform } from './runtime/runtime.ts';

/** All transports, best first. */
export function allAdapters(): readonly AdapterFactory<Platform>[] {
  return [webSocket(), httpStream(), eventSource(), iframe(), longPoll(), poll()];
}

/**
 * Makes a client. Inert: it connects at the end of the task of the first `subscribe`, `send` or `open`.
 * @param url where the hub lives; relative to the page. `http(s)` and `ws(s)` mean the same.
 * @throws `MISUSE` for what cannot be a URL. Nothing else ever throws here; networks fail later, in `status`.
 */
export function createClient<T extends Topics = Topics>(url: string, options: ClientOptions = {}): Client<T> {
  const defaults = { runtime: browserRuntime, adapters: allAdapters(), protocol: holdfast() };
  return createClientWith<T>(defaults, url, options);
}

export * from './public.ts';
export { eventSource, holdfast, httpStream, iframe, longPoll, plain, poll, webSocket };
