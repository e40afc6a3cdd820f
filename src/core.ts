/** `holdfast/core`: the client without any adapter; name in `adapters` those that should be in the bundle. */
import { createClientWith } from './client.ts';
import type { Client, ClientOptions, Topics } from './client-types.ts';
import { holdfast } from './protocols/holdfast.ts';
import { browserRuntime } from './runtime/browser.ts';

export function createClient<T extends Topics = Topics>(
  url: string,
  options: ClientOptions & Required<Pick<ClientOptions, 'adapters'>>,
): Client<T> {
  return createClientWith<T>({ runtime: browserRuntime, adapters: [], protocol: holdfast() }, url, options);
}

export * from './public.ts';
