// What a page has to load: the scripts as they are published, compressed.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import Primus from 'primus';
import { root } from '../../scripts/ensure.mjs';
import { bundleOf, sizesOf, withCore } from '../../scripts/sizes.mjs';

export const title = 'Size';
export const about =
  'The minified script that each publishes for pages, with all transports that it has. Primus publishes none: what its server makes, minified.';

export const roundsMax = 1;
export const isFresh = true;

const kilobytes = (title) => ({ title, digits: 1, isLessBetter: true });
export const metrics = {
  gzip: kilobytes('gzip -9, kB'),
  brotli: kilobytes('brotli 11, kB'),
  minified: kilobytes('minified, kB'),
};

const file = (path) => () => readFileSync(join(root, path), 'utf8');
const peer = (path) => file(join('bench/node_modules', path));

async function primusLibrary() {
  const primus = new Primus(http.createServer(), { transformer: 'websockets' });
  return bundleOf(
    `(function () { ${primus.library()} }).call(globalThis); export default globalThis.Primus;`,
  );
}

export function contenders() {
  return [
    { name: 'Holdfast', read: file('dist/holdfast.umd.min.js') },
    {
      name: 'Holdfast, core and WebSocket',
      read: () => bundleOf(withCore),
    },
    { name: 'Holdfast, for old browsers', read: file('dist/holdfast.legacy.min.js') },
    { name: 'Socket.IO', isBase: true, read: peer('socket.io-client/dist/socket.io.min.js') },
    { name: 'SockJS', read: peer('sockjs-client/dist/sockjs.min.js') },
    { name: 'Faye', read: peer('faye/client/faye-browser-min.js') },
    { name: 'Primus, WebSocket alone', read: primusLibrary },
  ];
}

export const rows = () => [{ name: 'scripts for pages' }];

export async function measure(_, __, { read }) {
  const sizes = Object.entries(sizesOf(await read()));
  return Object.fromEntries(sizes.map(([name, bytes]) => [name, bytes / 1e3]));
}
