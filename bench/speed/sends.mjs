// Sends with acknowledgement: 100 clients, each of which sends the next when the last one was answered.

import { inParallel, openServer, stopwatch, topic } from '../lib/stage-half.mjs';

export const title = 'Sends with acknowledgement';
export const about =
  'Each of 100 clients waits for the answer before it sends again. The server checks that every send comes once and in order, the client that it gets the answer to its own.';

export const metrics = {
  rate: { title: 'thousand sends a second', digits: 1 },
  serverCpu: { title: 'server, µs of processor a send', digits: 1, isLessBetter: true },
  clientCpu: { title: 'clients, µs of processor a send', digits: 1, isLessBetter: true },
  p50: { title: 'median wait, ms', digits: 2, isLessBetter: true },
  p99: { title: '99th percentile of the wait, ms', digits: 2, isLessBetter: true },
};

export function contenders() {
  return [
    { name: 'Socket.IO, emitWithAck', peer: 'socketio', isBase: true },
    { name: 'Holdfast', peer: 'holdfast', options: { adapters: ['webSocket'] } },
    { name: 'Holdfast, light clients', peer: 'holdfast-light' },
    { name: 'raw ws, numbered by hand', peer: 'ws' },
  ];
}

export function rows(isFull) {
  return [{ name: '100 clients', size: 100, each: isFull ? 1_500 : 400 }];
}

export async function server(peer, options) {
  const applied = new Map();
  let fault;
  const onSend = ({ client, number }) => {
    const last = applied.get(client) ?? 0;
    if (number !== last + 1) fault ??= `send ${number} of client ${client} came after ${last}`;
    applied.set(client, number);
    return number * 2;
  };
  const { port } = await openServer(peer, options, { onSend });
  let read;
  return {
    where: () => ({ port }),
    start() {
      applied.clear();
      read = stopwatch();
    },
    stop: () => ({ ...read(), applied: [...applied.values()].reduce((a, b) => a + b, 0), fault }),
  };
}

export function clients(peer, options) {
  let connections = [];
  return {
    async start({ port, size }) {
      const onMessage = () => undefined;
      connections = await inParallel(size, 50, () => peer.connect({ port, topic, onMessage, ...options }));
    },
    async run({ each }) {
      const waits = [];
      const read = stopwatch();
      const sendAll = async ({ send }, client) => {
        for (let number = 1; number <= each; number++) {
          const sentAt = performance.now();
          const reply = await send({ client, number });
          waits.push(performance.now() - sentAt);
          if (reply !== number * 2) throw new Error(`client ${client} got ${reply} for ${number}`);
        }
      };
      await Promise.all(connections.map(sendAll));
      const spent = read();
      for (const connection of connections) connection.close();
      waits.sort((a, b) => a - b);
      const percentiles = Array.from(
        { length: 101 },
        (_, percent) => waits[Math.min(waits.length - 1, Math.floor((waits.length * percent) / 100))],
      );
      return { ...spent, percentiles };
    },
  };
}

export async function measure(pair, { size, each }) {
  const where = await pair.server.where();
  await pair.clients.start({ ...where, size });
  await pair.server.start();
  const sent = await pair.clients.run({ each });
  const served = await pair.server.stop();
  if (served.fault) throw new Error(served.fault);
  const count = size * each;
  if (served.applied !== count) throw new Error(`${served.applied} of ${count} sends were applied`);
  return {
    rate: count / sent.seconds / 1e3,
    serverCpu: (served.cpuSeconds / count) * 1e6,
    clientCpu: (sent.cpuSeconds / count) * 1e6,
    p50: sent.percentiles[50],
    p99: sent.percentiles[99],
    plots: { latency: sent.percentiles },
  };
}
