// A server that was gone for three seconds comes back, and so do its 1,000 clients: how steeply, and how soon.

import { setTimeout as delay } from 'node:timers/promises';
import { inParallel, openServer, topic } from '../lib/stage-half.mjs';

export const title = 'The herd after a restart';
export const about =
  'The server ends as a crash does and is back on its port after 3 s. The clients are the real ones, with their default transports, all in one process; in the end each has to get a message.';

export const isFresh = true;
/** It mostly waits, so fewer rounds say as much. */
export const roundsMax = 3;

export const metrics = {
  peak: { title: 'requests at the most, in 100 ms', digits: 0, isLessBetter: true },
  requests: { title: 'requests until all are back', digits: 0, isLessBetter: true },
  backMs: { title: 'until all are back, ms', digits: 0, isLessBetter: true },
};

export const timeline = 'requests by time since the restart';

const absenceMs = 3_000;
const binMs = 100;
const backMsMax = 60_000;

export function contenders() {
  return [
    { name: 'Holdfast', peer: 'holdfast' },
    { name: 'Socket.IO', peer: 'socketio', isBase: true },
    { name: 'Primus', peer: 'primus' },
  ];
}

export function rows() {
  return [{ name: '1,000 clients', size: 1_000 }];
}

// ---- the server ------------------------------------------------------------------------------------------------------

/** Counts what comes to a server, whatever kind of request it is, by the time since now. */
function countRequests(server) {
  const startedAt = performance.now();
  const bins = [];
  const count = () => {
    const bin = Math.floor((performance.now() - startedAt) / binMs);
    bins[bin] = (bins[bin] ?? 0) + 1;
  };
  server.prependListener('request', count);
  server.prependListener('upgrade', count);
  return () => Array.from(bins, (value) => value ?? 0);
}

export async function server(peer, options) {
  let stage = await openServer(peer, options);
  let bins;
  const { port } = stage;
  return {
    where: () => ({ port }),
    crash: () => stage.cut(),
    async comeBack() {
      stage = await openServer(peer, options, { port });
      bins = countRequests(stage.server);
    },
    publish() {
      stage.service.publish(topic, 'after');
    },
    bins: () => bins(),
  };
}

// ---- the clients -----------------------------------------------------------------------------------------------------

/** Waits until a count is reached, or it has taken too long. */
async function reached(read, count) {
  const endsAt = performance.now() + backMsMax;
  while (read() < count && performance.now() < endsAt) await delay(10);
  return read();
}

export function clients(peer, options) {
  let connections;
  let back = new Set();
  let told = 0;
  return {
    async connect({ port, size }) {
      connections = await inParallel(size, 50, (index) =>
        peer.connect({
          port,
          topic,
          onMessage: () => told++,
          onBack: () => back.add(index),
          ...options,
        }),
      );
    },
    /** Whoever is back from now on has been away. */
    forget() {
      back = new Set();
    },
    async allBack() {
      const startedAt = performance.now();
      const count = await reached(() => back.size, connections.length);
      return { ms: performance.now() - startedAt, count };
    },
    allTold: () => reached(() => told, connections.length),
  };
}

// ---- one measurement -------------------------------------------------------------------------------------------------

export async function measure(pair, { size }) {
  const { port } = await pair.server.where();
  await pair.clients.connect({ port, size });
  await pair.server.crash();
  await delay(absenceMs);
  await pair.clients.forget();
  await pair.server.comeBack();
  const { ms, count } = await pair.clients.allBack();
  if (count < size) throw new Error(`${count} of ${size} came back`);
  const bins = await pair.server.bins();
  await pair.server.publish();
  const told = await pair.clients.allTold();
  if (told !== size) throw new Error(`${told} of ${size} got the message`);
  return {
    peak: Math.max(...bins),
    requests: bins.reduce((a, b) => a + b, 0),
    backMs: ms,
    plots: { timeline: bins, binMs },
  };
}
