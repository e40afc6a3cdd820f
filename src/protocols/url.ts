/**
 * URLs as text (engines without `URL` read this, too), and requests to them.
 *
 * @internal
 */
import type { AdapterRequest } from '../adapters/adapter.ts';
import type { Endpoint } from './protocol.ts';

/** Adds query parameters; a fragment goes. */
export function withQuery(url: string, query: string): string {
  const whole = url.split('#')[0] as string;
  return query === '' ? whole : `${whole}${whole.indexOf('?') < 0 ? '?' : '&'}${query}`;
}

/** Whether an absolute URL lies on this origin; `undefined` is that of whoever has none, outside pages. */
export function isOn(origin: string | undefined, url: string): boolean {
  return `${url}/`.indexOf(`${origin}/`) === 0;
}

/** A GET; `more`: headers beside the application's own. */
export function requestTo({ headers, credentials }: Endpoint, url: string, more?: object): AdapterRequest {
  return { url, method: 'GET', headers: { ...headers, ...more }, credentials };
}
