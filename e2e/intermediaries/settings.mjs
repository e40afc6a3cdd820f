// Every product in every configuration that is tried, with the transport that is the best one it lets through.
// Each is named, says in a line how it is configured, and may carry the `remedy` that the documentation recommends.

import { apache } from './products/apache.mjs';
import { h2o } from './products/h2o.mjs';
import { haproxy } from './products/haproxy.mjs';
import { lighttpd } from './products/lighttpd.mjs';
import { mitmproxy } from './products/mitmproxy.mjs';
import { nginx } from './products/nginx.mjs';
import { squid } from './products/squid.mjs';
import { varnish } from './products/varnish.mjs';

const all = [nginx, haproxy, apache, varnish, lighttpd, mitmproxy, h2o, squid].flat();

/** Best first: the order in which the client prefers them. */
export const transports = ['websocket', 'http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'];

/** The settings that are called so, or whose product's first word is (`nginx` brings `nginx-well` along). */
export function settingsNamed(names) {
  const isMeant = ({ name }, wanted) => name === wanted || name.split('-')[0] === wanted;
  const unknown = names.filter((wanted) => !all.some((setting) => isMeant(setting, wanted)));
  if (unknown.length > 0) {
    throw new Error(`No ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`);
  }
  return all.filter((setting) => names.length === 0 || names.some((wanted) => isMeant(setting, wanted)));
}
