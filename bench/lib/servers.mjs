// The servers of a bench: pages, hubs, TLS, and in front of a hub a fault proxy for each measurement. They run in a thread
// of their own, so that they do not wait for a client that computes; `stage.mjs` is the other end of the wire.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { createFaultProxy } from '../../e2e/fault-proxy.mjs';
import { root } from '../../scripts/ensure.mjs';
import { createSlowLine } from './slow-line.mjs';
import { startTlsFront } from './tls-front.mjs';

const path = '/realtime';
/** Longer than any measurement: these pictures keep the page's HTTP connections busy. */
const pictureMs = 60_000;
const pictures = Array.from({ length: 12 }, (_, n) => `<img src="/picture?${n}">`).join('');
const head =
  '<!doctype html><title>bench</title><link rel=icon href="data:,"><script src="/holdfast.js"></script>';
const quietPage = Buffer.from(head);
const busyPage = Buffer.from(`${head}<body>${pictures}</body>`);

const { createHub } = await import('../../dist/server.js');
const script = await readFile(join(root, 'dist/holdfast.umd.min.js'));

async function listen(server, port = 0) {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

/** What every server answers beside the hub's path, so that a page can come from the hub's own origin, too. */
function answerPage(request, response) {
  if (request.url === '/holdfast.js') {
    response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
  } else if (request.url.startsWith('/picture')) {
    const timer = setTimeout(() => response.writeHead(404).end(), pictureMs);
    response.on('close', () => clearTimeout(timer));
  } else {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(request.url === '/busy' ? busyPage : quietPage);
  }
}

const pagesPort = await listen(createServer(answerPage));
const origin = `http://127.0.0.1:${pagesPort}`;

// ---- hubs ---------------------------------------------------------------------------------------------------------

const hubs = new Map();
let nextId = 1;

/** A hub on a port of its own. With `token` it lets in only who brings that, and takes a moment to judge. */
async function startHub({ token, port } = {}) {
  const authenticate = async (request) => {
    await new Promise((resolve) => setImmediate(resolve));
    return request.token === token ? { identity: 'bench' } : null;
  };
  const hub = createHub({
    origins: [origin],
    trustProxy: true,
    onSend: () => undefined,
    ...(token && { authenticate }),
  });
  const server = createServer(answerPage);
  server.keepAliveTimeout = 60_000;
  hub.attach(server, { path });
  const entry = { hub, server, token, port: await listen(server, port), timer: undefined };
  const id = nextId++;
  hubs.set(id, entry);
  return id;
}

function publish({ hub, topic, data }) {
  return hubs.get(hub).hub.publish(topic, data);
}

/** Publishes numbers from 1 on, one every so often, until told to stop; `stopSteady` says how many. */
function startSteady({ hub, topic, everyMs }) {
  const entry = hubs.get(hub);
  entry.count = 0;
  entry.timer = setInterval(() => {
    void entry.hub.publish(topic, ++entry.count);
    entry.server.emit('steady', entry.count);
  }, everyMs);
}

/** Resolves once so many have been published. */
async function published({ hub, count }) {
  const { server } = hubs.get(hub);
  for (let last = 0; last < count; ) [last] = await once(server, 'steady');
}

function stopSteady({ hub }) {
  const entry = hubs.get(hub);
  clearInterval(entry.timer);
  return entry.count ?? 0;
}

function steadyCount({ hub }) {
  return hubs.get(hub).count;
}

async function stopHub({ hub }) {
  const entry = hubs.get(hub);
  hubs.delete(hub);
  clearInterval(entry.timer);
  entry.server.close();
  await entry.hub.close({ drainMs: 0 });
  entry.server.closeAllConnections();
}

/** The hub ends as a process does at a deploy, and another takes its port. */
async function restartHub({ hub }) {
  const { token, port } = hubs.get(hub);
  await stopHub({ hub });
  return startHub({ token, port });
}

// ---- what stands in front of them ------------------------------------------------------------------------------------

const fronts = new Map();

/** A proxy on a port of its own, where no pool of any client has ever been. */
async function openProxy({ hub, rules }) {
  const proxy = await createFaultProxy({ target: { host: '127.0.0.1', port: hubs.get(hub).port }, rules });
  const id = nextId++;
  fronts.set(id, proxy);
  return { id, site: proxy.url, url: `${proxy.url}${path}` };
}

/** TLS behind a slow line, so that its handshake takes round trips as well. */
async function openTls({ hub, oneWayMs, http2 }) {
  const front = await startTlsFront(hubs.get(hub).port, http2);
  const line = await createSlowLine({ port: front.port, oneWayMs });
  const id = nextId++;
  fronts.set(id, {
    async close() {
      await line.close();
      await front.close();
    },
  });
  const site = `https://127.0.0.1:${line.port}`;
  return { id, site, url: `${site}${path}` };
}

/** What came by at the proxy, in wall time: the requests of the client, how long each lasted, and on which connection. */
function seen({ id }) {
  const { log } = fronts.get(id).stats();
  const wall = (at) => performance.timeOrigin + at;
  const overAt = (request) => {
    const isOver = ({ type, connection, n, at }) =>
      at >= request.at &&
      connection === request.connection &&
      ((type === 'complete' && n === request.n) || type === 'cut' || type === 'close');
    const over = log.find(isOver);
    return over && wall(over.at);
  };
  return log
    .filter((entry) => entry.type === 'request' && entry.path.startsWith(path))
    .map((entry) => ({
      connection: entry.connection,
      kind: entry.kind,
      method: entry.method,
      n: Number(/[?&]n=(\d+)/.exec(entry.path)?.[1]),
      at: wall(entry.at),
      overAt: overAt(entry),
    }));
}

async function closeFront({ id }) {
  const front = fronts.get(id);
  fronts.delete(id);
  await front.close();
}

const commands = {
  startHub,
  stopHub,
  restartHub,
  publish,
  startSteady,
  stopSteady,
  steadyCount,
  published,
  openProxy,
  openTls,
  seen,
  closeFront,
  set: ({ id, rules }) => fronts.get(id).set(rules),
  cut: ({ id, how, match }) => fronts.get(id).cut({ how, match }),
};

parentPort.on('message', async ({ call, name, given }) => {
  try {
    parentPort.postMessage({ call, value: await commands[name](given) });
  } catch (error) {
    parentPort.postMessage({ call, error: String(error.stack ?? error) });
  }
});
parentPort.postMessage({ origin });
