// What a message costs the hub as topics grow, while the receivers stay: 100 clients, each of which has its share of all topics.

import { createCounter, createMessages, inParallel, openServer, stopwatch } from '../lib/stage-half.mjs';

export const title = 'Publishing as topics grow';
export const about =
  'Each turn brings one message to each of 100 clients, every time on the next of its topics; each topic has one subscriber. In the first of the rounds the first message of a topic makes its record, later ones find it, so the medians are of the latter. Every client has to have its messages in order.';

export const metrics = {
  serverCpu: { title: 'server, µs of processor a message', digits: 2, isLessBetter: true },
  publish: { title: 'of these within publish(), µs', digits: 2, isLessBetter: true },
  heap: { title: 'heap, KiB a topic with its subscriber', digits: 2, isLessBetter: true },
};

const receivers = 100;

export function contenders(isFull) {
  return [100, 1_000, 10_000, 100_000]
    .filter((count) => isFull || count !== 1_000)
    .map((count) => ({
      name: `${count.toLocaleString('en')} topics`,
      peer: 'holdfast-light',
      options: { count },
      isBase: count === 100,
    }));
}

export function rows() {
  // As many as a client has topics at most: after the first round every topic is known.
  return [{ name: '100 receivers', turns: 1_000 }];
}

function nameOf(receiver, index) {
  return `room-${receiver}/${index}`;
}

export async function server(peer, { count, ...options }) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const { service, port } = await openServer(peer, options);
  const { make } = createMessages();
  const each = count / receivers;
  let heap;
  return {
    where: () => ({ port, each }),
    /** Asked when everybody has subscribed; what messages take is not a topic's. */
    heap() {
      globalThis.gc();
      heap ??= process.memoryUsage().heapUsed - before;
      return heap;
    },
    async publish({ turns, from }) {
      const read = stopwatch();
      let publishMs = 0;
      for (let turn = 0; turn < turns; turn++) {
        const startedAt = performance.now();
        for (let receiver = 0; receiver < receivers; receiver++) {
          service.publish(nameOf(receiver, (from + turn) % each), make(from + turn + 1));
        }
        publishMs += performance.now() - startedAt;
        await new Promise(setImmediate);
      }
      return { ...read(), publishMs };
    },
  };
}

export function clients(peer) {
  const { number } = createMessages();
  let counters;
  let isConnected = false;
  return {
    async connect({ port, each }) {
      if (isConnected) return;
      isConnected = true;
      counters = Array.from({ length: receivers }, createCounter);
      await inParallel(receivers, 10, (receiver) => {
        const topics = Array.from({ length: each }, (_, index) => nameOf(receiver, index));
        return peer.connect({ port, topics, onMessage: (data) => counters[receiver].take(number(data)) });
      });
    },
    seen: () => Math.min(...counters.map(({ last }) => last)),
    fault: () => counters.map(({ fault }) => fault).find(Boolean),
  };
}

const arrivalsMax = 1_000;

/** The clients stay for all rounds; a round goes on where the last one ended. */
export async function measure(pair, { turns }) {
  const where = await pair.server.where();
  await pair.clients.connect(where);
  const heap = await pair.server.heap();
  const from = await pair.clients.seen();
  const served = await pair.server.publish({ turns, from });
  for (let i = 0; i < arrivalsMax && (await pair.clients.seen()) < from + turns; i++);
  const fault = await pair.clients.fault();
  if (fault) throw new Error(fault);
  const seen = await pair.clients.seen();
  if (seen !== from + turns) throw new Error(`${seen - from} of ${turns} messages came`);
  const messages = turns * receivers;
  return {
    serverCpu: (served.cpuSeconds / messages) * 1e6,
    publish: (served.publishMs / messages) * 1e3,
    heap: heap / (where.each * receivers) / 1024,
  };
}
