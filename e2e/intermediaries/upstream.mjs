// What stands behind every product: a hub that publishes steadily, the page that browsers load, and an answer in pieces.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../scripts/ensure.mjs';

const page =
  '<!doctype html><title>intermediaries</title><link rel=icon href="data:,"><script src="/holdfast.js"></script>';
const pieces = 5;
export const pieceEveryMs = 300;
/** By topic: how often it brings a message. The quiet one is silent for longer than h2o lets an answer be. */
const everyMs = { steady: 100, quiet: 35_000, trial: 100 };

/** The same headers as the hub's own streams have. */
async function answerInPieces(response) {
  response.writeHead(200, {
    'Content-Type': 'application/x-ndjson; charset=utf-8',
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
  });
  for (let n = 1; n <= pieces; n++) {
    response.write(`{"piece":${n}}\n`);
    await sleep(pieceEveryMs);
  }
  response.end();
}

async function serveFiles() {
  const script = await readFile(join(root, 'dist/holdfast.umd.min.js'));
  return createServer((request, response) => {
    if (request.url.startsWith('/pieces')) return answerInPieces(response);
    const isScript = request.url === '/holdfast.js';
    response.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' });
    response.end(isScript ? script : page);
  });
}

/** Publishes 1, 2, 3 … with the time of each on every topic. */
function startPublishing(hub) {
  const counts = {};
  const publish = (topic) => {
    counts[topic] = (counts[topic] ?? 0) + 1;
    // A hub in memory takes every message at once; a refusal would be seen as a loss.
    void hub.publish(topic, { n: counts[topic], at: Date.now() });
  };
  const timers = {};
  for (const [topic, ms] of Object.entries(everyMs)) {
    publish(topic);
    timers[topic] = setInterval(publish, ms, topic);
  }
  return {
    /** Number of the topic's last message. */
    stop(topic) {
      clearInterval(timers[topic]);
      return counts[topic];
    },
    stopAll() {
      for (const timer of Object.values(timers)) clearInterval(timer);
    },
  };
}

/** `origins`: where the pages come from that may use the hub, as the documentation asks behind a proxy. */
export async function startUpstream({ port, origins }) {
  const { createHub } = await import('../../dist/server.js');
  /** By client: the numbers that its sends brought, as they were applied. */
  const applied = {};
  const hub = createHub({
    origins,
    trustProxy: true,
    onSend({ data }) {
      applied[data.name] ??= [];
      applied[data.name].push(data.n);
      return data.n;
    },
  });
  const server = await serveFiles();
  hub.attach(server, { path: '/realtime' });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const publisher = startPublishing(hub);
  return {
    url: `http://127.0.0.1:${port}`,
    applied,
    stopPublishing: publisher.stop,
    async close() {
      publisher.stopAll();
      await hub.close({ drainMs: 0 });
      server.closeAllConnections();
      server.close();
    },
  };
}
