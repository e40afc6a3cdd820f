/**
 * Which pages may use this hub (rule D15). Judged before anything acts; knows headers and options, nothing else.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface OriginOptions {
  /**
   * Origins (`https://shop.example`) allowed besides the hub's own. Default none. Nothing is allowed by pattern:
   * a page of a listed origin can act in its user's name.
   */
  readonly origins?: readonly string[];
  /**
   * Believe `X-Forwarded-Host` and `X-Forwarded-For`. Default `false`. Only behind a proxy that sets them itself;
   * else anyone can claim any of them.
   */
  readonly trustProxy?: boolean;
}

/** The first value of a header that may have been joined by proxies. */
export function firstValue(value: string | readonly string[] | undefined): string | undefined {
  const text = typeof value === 'string' ? value : value?.[0];
  return text?.split(',')[0]?.trim();
}

/** `host[:port]` as an origin writes it: lower case, no default port. */
function hostOf(host: string | undefined, scheme: string): string | undefined {
  if (host === undefined) return undefined;
  const defaultPort = scheme === 'https:' ? ':443' : ':80';
  const lower = host.toLowerCase();
  return lower.endsWith(defaultPort) ? lower.slice(0, -defaultPort.length) : lower;
}

function isOwn(origin: string, headers: IncomingHttpHeaders, options: OriginOptions): boolean {
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return false;
  }
  if (url.host === hostOf(headers.host, url.protocol)) return true;
  const forwarded = options.trustProxy ? firstValue(headers['x-forwarded-host']) : undefined;
  return forwarded !== undefined && url.host === hostOf(forwarded, url.protocol);
}

/** Whether pages of this origin may use the hub that was asked with these headers. */
export function isAllowedOrigin(
  origin: string,
  headers: IncomingHttpHeaders,
  options: OriginOptions,
): boolean {
  if (options.origins?.includes(origin)) return true;
  return headers['sec-fetch-site'] === 'same-origin' || isOwn(origin, headers, options);
}

/**
 * Why a request is refused; `undefined` if it is not. `acts`: it is a POST or an upgrade, which a foreign page could make
 * in its visitor's name.
 */
export function refuseOrigin(
  headers: IncomingHttpHeaders,
  options: OriginOptions,
  acts: boolean,
): string | undefined {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined) {
    if (site === 'cross-site' || site === 'same-site')
      return `Requests from another site (${site}) need an Origin.`;
    if (acts && headers.cookie !== undefined && site !== 'same-origin' && site !== 'none') {
      return 'A request with cookies and without an Origin is refused.';
    }
    return undefined;
  }
  if (isAllowedOrigin(origin, headers, options)) return undefined;
  const forwarded = headers['x-forwarded-host'];
  const also = forwarded === undefined ? '' : ` (X-Forwarded-Host "${firstValue(forwarded)}")`;
  const remedy = "List it in createHub's origins, or set trustProxy behind a proxy.";
  return `Origin "${origin}" is not the origin of Host "${headers.host ?? ''}"${also}. ${remedy}`;
}

/** What lets a page of another origin read the answer. */
export function corsHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  if (headers.origin === undefined) return {};
  return {
    'Access-Control-Allow-Origin': headers.origin,
    'Access-Control-Allow-Credentials': 'true',
    Vary: 'Origin',
  };
}
