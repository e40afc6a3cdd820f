/**
 * What the page of an engine talks to: itself, a hub out of `dist/`, and controls (publish, cut, report), on one port.
 * The page reaches it through two fault proxies, which are its own origin and another.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transform } from '@swc/core';
import { createFaultProxy } from '../fault-proxy.mjs';

const here = import.meta.dirname;
const root = join(here, '../..');
/** Short, because a document that is cut in an iframe is noticed like silence. */
const heartbeatMs = 1_000;
/** Characters of a long message. */
const longLength = 64 * 1024;

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';

/** A script of these pages as an old engine can read it. */
async function lowered(file) {
  const text = await readFile(join(here, file), 'utf8');
  const jsc = { target: 'es5', loose: true };
  const { code } = await transform(text, { swcrc: false, configFile: false, isModule: false, jsc });
  return code;
}

async function readPages(name) {
  return {
    '/page.html': [html, await readFile(join(here, 'page.html'))],
    '/before.js': [script, await lowered('before.js')],
    '/page.js': [script, await lowered('page.js')],
    '/holdfast.js': [script, await readFile(join(root, `dist/holdfast.${name}.min.js`))],
  };
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
}

/** Starts everything for a page with the script of that name. `report(what, body)` gets what the page tells. */
export async function startServer(name, report) {
  const { createHub } = await import(pathToFileURL(join(root, 'dist/server.js')).href);
  const pages = await readPages(name);
  const applied = new Map();
  const proxies = [];
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  function count({ topic, data }) {
    applied.set(topic, (applied.get(topic) ?? 0) + 1);
    return data;
  }

  async function publish(query, dataOf = (n) => n) {
    for (let n = Number(query.get('from')); n <= Number(query.get('to')); n++) {
      await hub.publish(query.get('topic'), dataOf(n));
    }
  }

  const controls = {
    publish: (query) => publish(query),
    'publish-long': (query) => publish(query, (n) => `${n} ${'x'.repeat(longLength)}`),
    'publish-bytes': (query) => hub.publish(query.get('topic'), new Uint8Array([255, 0, 10])),
    async cut(query) {
      const cuts = proxies.map((proxy) => proxy.cut({ match: { path: /^\/realtime/ } }));
      await publish(query);
      return { cut: cuts[0] + cuts[1] };
    },
    applied: (query) => ({ count: applied.get(query.get('topic')) ?? 0 }),
  };

  async function answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, 'http://page');
    const page = pages[pathname];
    if (page) return void response.writeHead(200, { 'Content-Type': page[0] }).end(page[1]);
    if (pathname !== '/control') return void response.writeHead(404).end();
    const what = searchParams.get('do');
    const body = await bodyOf(request);
    const told = controls[what] ? await controls[what](searchParams) : report(what, body);
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(told ?? null));
  }

  const origins = [];
  const hub = createHub({ heartbeatMs, origins, onSend: count });
  hub.attach(server, { path: '/realtime' });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = { host: '127.0.0.1', port: server.address().port };
  for (let i = 0; i < 2; i++) proxies.push(await createFaultProxy({ target }));
  const [own, other] = proxies;
  origins.push(own.url);
  return {
    pageUrl: (engine) => `${own.url}/page.html?engine=${engine}&script=${name}&other=${other.url}`,
    async close() {
      await hub.close({ drainMs: 0 });
      for (const proxy of proxies) await proxy.close();
      server.close();
      server.closeAllConnections();
    },
  };
}
