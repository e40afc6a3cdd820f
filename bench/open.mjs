// `npm run bench:open`: how many round trips pass between `subscribe(topic, { last: 1 })` and the first message.
// Every transport alone, in Node, Chromium and Firefox, with and without a token, beside a raw WebSocket as the floor.
// bench/README.md says what the figures mean. Ends with 1 when a median is above the limit.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { ensureBuilt, ensureInstalled, root } from '../scripts/ensure.mjs';

const oneWayMs = 50;
const roundTripMs = 2 * oneWayMs;
const limit = 2.2;
const measureTimeoutMs = 15_000;
const restMs = 1_000;
const topic = 'prices';
const token = 'a-token';
const makers = {
  websocket: 'webSocket',
  'http-stream': 'httpStream',
  eventsource: 'eventSource',
  'long-poll': 'longPoll',
};
const floor = 'raw WebSocket';

/** One cell of the table: what is measured, and whether with a token. */
const cells = [
  ...[floor, ...Object.keys(makers)].map((transport) => ({ transport, token: undefined })),
  ...[floor, ...Object.keys(makers)].map((transport) => ({ transport, token })),
];

// ---- servers: in a thread of their own, so that they do not wait for a client that computes -----------------------

async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

/** A hub with one retained message. With `secret` it lets in only who brings the token, and takes a moment to judge. */
async function startHub({ createHub }, origin, secret) {
  const authenticate = async (request) => {
    await new Promise((resolve) => setImmediate(resolve));
    return request.token === secret ? { identity: 'bench' } : null;
  };
  const hub = createHub({ origins: [origin], ...(secret && { authenticate }) });
  const server = createServer();
  hub.attach(server, { path: '/realtime' });
  await hub.publish(topic, { eur: 1.07 });
  return listen(server);
}

async function startPages() {
  const html =
    '<!doctype html><title>bench</title><link rel=icon href="data:,"><script src="/holdfast.js"></script>';
  const script = await readFile(join(root, 'dist/holdfast.umd.min.js'));
  return listen(
    createServer((request, response) => {
      const isScript = request.url === '/holdfast.js';
      response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' });
      response.end(isScript ? script : html);
    }),
  );
}

async function serve() {
  const { createFaultProxy } = await import('../e2e/fault-proxy.mjs');
  const server = await import('../dist/server.js');
  const pagesPort = await startPages();
  const origin = `http://127.0.0.1:${pagesPort}`;
  const open = await startHub(server, origin, undefined);
  const guarded = await startHub(server, origin, token);
  let proxy;
  // A proxy for each measurement, on a port of its own: no pool of any client has ever been there.
  parentPort.on('message', async ({ isGuarded }) => {
    await proxy?.close();
    proxy = await createFaultProxy({
      target: { host: '127.0.0.1', port: isGuarded ? guarded : open },
      rules: { latencyMs: oneWayMs, chargeHandshake: true },
    });
    parentPort.postMessage({ url: `${proxy.url}/realtime` });
  });
  parentPort.postMessage({ origin });
}

// ---- what is measured: self-contained, because it runs in pages as well --------------------------------------------

/** Milliseconds from `subscribe` to the first message. */
function measureClient(holdfast, { url, maker, topic, token }) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const client = holdfast.createClient(url, {
      adapters: [holdfast[maker]()],
      memory: false,
      ...(token && { auth: () => token }),
    });
    const fail = (error) => reject(new Error(String(error.message)));
    client.on('error', fail);
    const { ready } = client.subscribe(topic, {
      last: 1,
      message: () => {
        const tookMs = performance.now() - startedAt;
        client.close();
        resolve(tookMs);
      },
    });
    ready.then(undefined, fail);
  });
}

/** The same by hand: the open among the subprotocols, and the hello, which brings the retained message. */
function measureFloor(WebSocket, { url, topic, token }) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const random = () => Array.from({ length: 22 }, () => letters[Math.floor(Math.random() * 64)]).join('');
    const client = random();
    const open = {
      type: 'open',
      protocol: 'holdfast.v1',
      client,
      key: random(),
      attempt: 1,
      topics: [{ topic, new: true, last: 1 }],
      token,
    };
    const coded = btoa(JSON.stringify(open)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}?client=${client}&n=1`, [
      'holdfast.v1',
      `open.${coded}`,
    ]);
    socket.onmessage = ({ data }) => {
      if (!String(data).includes('"last":[')) return;
      resolve(performance.now() - startedAt);
      socket.close();
    };
    socket.onerror = () => reject(new Error('the raw WebSocket failed'));
  });
}

/** A cell's measurement in a page of a fresh context: at rest, its pools cold. */
async function inPage(browser, origin, cell, given) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(origin, { waitUntil: 'load' });
    // At rest: the load event is over, and so is what the browser does to a page that has just been made.
    await page.evaluate(
      (ms) => new Promise((resolve) => requestIdleCallback(() => setTimeout(resolve, ms))),
      restMs,
    );
    const call =
      cell.transport === floor
        ? `(${measureFloor})(WebSocket, ${JSON.stringify(given)})`
        : `(${measureClient})(Holdfast, ${JSON.stringify(given)})`;
    return await page.evaluate(call);
  } finally {
    await context.close();
  }
}

// ---- the run ------------------------------------------------------------------------------------------------------

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function withTimeout(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: nothing after ${measureTimeoutMs} ms`)),
      measureTimeoutMs,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The engines asked for, each a function that measures one cell. */
async function startEngines(names, origin) {
  const engines = {};
  const closers = [];
  if (names.includes('node')) {
    const holdfast = await import('../dist/index.node.js');
    const { WebSocket } = await import('ws');
    engines.node = (cell, given) =>
      cell.transport === floor ? measureFloor(WebSocket, given) : measureClient(holdfast, given);
  }
  // biome-ignore lint/correctness/useImportExtensions: the rule takes the declarations beside the script for the script
  const { chromiumArgs, findBrowsers } = await import('../scripts/browsers.mjs');
  const playwright = await import('playwright');
  const found = await findBrowsers();
  for (const name of names.filter((one) => one !== 'node')) {
    const args = name === 'chromium' ? chromiumArgs() : [];
    const browser = await playwright[name].launch({ ...found[name], args });
    closers.push(() => browser.close());
    engines[name] = (cell, given) => inPage(browser, origin, cell, given);
  }
  return { engines, close: () => Promise.all(closers.map((close) => close())) };
}

/** All figures in round trips, by engine and cell. */
async function measureAll(engines, runs, nextUrl) {
  const figures = Object.fromEntries(Object.keys(engines).map((name) => [name, cells.map(() => [])]));
  // Run 0 is thrown away: it compiles code and fills caches that have nothing to do with the network.
  for (let run = 0; run <= runs; run++) {
    for (const [index, cell] of cells.entries()) {
      for (const [name, measure] of Object.entries(engines)) {
        const url = await nextUrl(cell.token !== undefined);
        const given = { url, topic, token: cell.token, maker: makers[cell.transport] };
        const tookMs = await withTimeout(measure(cell, given), `${name}, ${cell.transport}`);
        if (run > 0) figures[name][index].push(tookMs / roundTripMs);
      }
    }
    if (process.stderr.isTTY) process.stderr.write(`\rrun ${run} of ${runs} `);
  }
  return figures;
}

function printTable(figures) {
  const names = Object.keys(figures);
  const isOver = (value, cell) => cell.transport !== floor && value > limit;
  const rows = cells.map((cell, index) => [
    `${cell.transport}${cell.token ? ', token' : ''}`,
    ...names.map((name) => {
      const values = figures[name][index];
      const value = median(values);
      const spread = `${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)}`;
      return `${value.toFixed(2)}${isOver(value, cell) ? ' OVER' : ''} (${spread})`;
    }),
  ]);
  const table = [['', ...names], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table)
    console.log(
      row
        .map((text, column) => text.padEnd(widths[column] + 2))
        .join('')
        .trimEnd(),
    );
  return cells.every((cell, index) => names.every((name) => !isOver(median(figures[name][index]), cell)));
}

async function main() {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '5' }, engine: { type: 'string', multiple: true } },
  });
  const runs = Number(values.runs);
  const names = values.engine ?? ['node', 'chromium', 'firefox'];
  ensureInstalled();
  ensureBuilt();
  const servers = new Worker(new URL(import.meta.url));
  const [{ origin }] = await once(servers, 'message');
  const nextUrl = async (isGuarded) => {
    servers.postMessage({ isGuarded });
    const [{ url }] = await once(servers, 'message');
    return url;
  };
  const { engines, close } = await startEngines(names, origin);
  try {
    const figures = await measureAll(engines, runs, nextUrl);
    console.log(
      `\nRound trips of ${roundTripMs} ms from subscribe(topic, { last: 1 }) to the message: median of ${runs} (least-most), limit ${limit}\n`,
    );
    return printTable(figures);
  } finally {
    await close();
    await servers.terminate();
  }
}

if (isMainThread) process.exit((await main()) ? 0 : 1);
else await serve();
