// What an idle connection costs the server's memory.

import { setTimeout as delay } from 'node:timers/promises';
import { inParallel, openServer, topic } from '../lib/stage-half.mjs';

export const title = 'Memory of an idle connection';
export const about =
  'The server’s heap after garbage collection, when nothing is said any more, less what it was before; every pair of processes is new. Each connection has one topic.';

/** Nothing of another connection is to be left over. */
export const isFresh = true;

export const metrics = {
  heap: { title: 'heap, KiB a connection', digits: 2, isLessBetter: true },
  external: { title: 'outside the heap, KiB a connection', digits: 2, isLessBetter: true },
  rss: { title: 'resident, KiB a connection', digits: 2, isLessBetter: true },
};

export function contenders(isFull) {
  const light = (transport) => ({ peer: 'holdfast-light', options: { transport } });
  return [
    { name: 'raw ws', peer: 'ws', isBase: true },
    { name: 'Holdfast, WebSocket', ...light('websocket') },
    { name: 'raw SSE', peer: 'sse' },
    { name: 'Holdfast, HTTP stream', ...light('http-stream') },
    { name: 'Holdfast, EventSource', ...light('eventsource') },
    { name: 'Socket.IO', peer: 'socketio' },
    { name: 'Primus', peer: 'primus' },
    ...(isFull
      ? [
          { name: 'SockJS', peer: 'sockjs' },
          { name: 'Faye', peer: 'faye' },
        ]
      : []),
  ];
}

export function rows(isFull) {
  return [
    { name: '1,000 connections', size: 1_000 },
    ...(isFull ? [{ name: '5,000 connections', size: 5_000 }] : []),
  ];
}

/** Collects until two readings in a row are alike, at most so many times. */
const readingsMax = 40;
const steadyBytes = 4_096;

async function steadyHeap() {
  let last = Number.POSITIVE_INFINITY;
  for (let i = 0; i < readingsMax; i++) {
    globalThis.gc();
    await delay(50);
    globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    if (Math.abs(heapUsed - last) < steadyBytes) return { heapUsed, external, rss };
    last = heapUsed;
  }
  throw new Error('the heap did not come to rest');
}

export async function server(peer, options) {
  const { server, port } = await openServer(peer, options);
  const count = () => new Promise((resolve) => server.getConnections((_, number) => resolve(number)));
  return {
    where: () => ({ port }),
    steadyHeap,
    async emptied() {
      while ((await count()) > 0) await delay(20);
    },
    count,
  };
}

export function clients(peer, options) {
  let connections = [];
  return {
    async connect({ port, size }) {
      const onMessage = () => undefined;
      connections = await inParallel(size, 50, () => peer.connect({ port, topic, onMessage, ...options }));
    },
    leave() {
      for (const connection of connections) connection.close();
    },
  };
}

export async function measure(pair, { size }) {
  const { port } = await pair.server.where();
  // Code that was never run is compiled first; that is no connection's memory.
  await pair.clients.connect({ port, size: 100 });
  await pair.clients.leave();
  await pair.server.emptied();
  const before = await pair.server.steadyHeap();
  await pair.clients.connect({ port, size });
  const after = await pair.server.steadyHeap();
  const there = await pair.server.count();
  if (there < size) throw new Error(`${there} of ${size} connections are there`);
  const each = (name) => (after[name] - before[name]) / size / 1024;
  return { heap: each('heapUsed'), external: each('external'), rss: each('rss') };
}
