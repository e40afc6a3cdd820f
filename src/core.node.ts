/** `holdfast/core` in Node: the same, on Node's runtime. */
import { createClientWith } from './client.ts';
import type { Client, ClientOptions, Topics } from './client-types.ts';
import { holdfast } from './protocols/holdfast.ts';
import { nodeRuntime } from './runtime/node.ts';

export function createClient<T extends Topics = Topics>(
  url: string,
  options: ClientOptions & Required<Pick<ClientOptions, 'adapters'>>,
): Client<T> {
  return createClientWith<T>({ runtime: nodeRuntime, adapters: [], protocol: holdfast() }, url, options);
}

export * from './public.ts';
