/** `holdfast.legacy.min.js`: everything that `holdfast` has, for pages in browsers of any age. Loading it does nothing. */
import { createClientWith } from './client.ts';
import type { Client, ClientOptions, Topics } from './client-types.ts';
import { allAdapters } from './index.ts';
import { holdfast } from './protocols/holdfast.ts';
import { legacyRuntime } from './runtime/legacy.ts';

/** The same as in `holdfast`, and takes its place: only what a platform is taken for differs. */
export function createClient<T extends Topics = Topics>(url: string, options: ClientOptions = {}): Client<T> {
  const defaults = { runtime: legacyRuntime, adapters: allAdapters(), protocol: holdfast() };
  return createClientWith<T>(defaults, url, options);
}

export * from './index.ts';
