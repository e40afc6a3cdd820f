// 1,000 clients come back at once, and each has missed 100 messages. Beside it a raw `ws` server that sends everyone the same
// bytes in one go: what the network and the handshakes cost, and nothing else.

import {
  createCounter,
  createMessages,
  inParallel,
  openServer,
  stopwatch,
  topic,
} from '../lib/stage-half.mjs';

export const title = 'Resume';
export const about =
  'From the first handshake until everybody has everything. Light clients in one process, all at the same time; each has to get what it missed, once and in order.';

export const metrics = {
  ms: { title: 'until all have caught up, ms', digits: 0, isLessBetter: true },
  serverCpu: { title: 'server, µs of processor a client', digits: 0, isLessBetter: true },
  clientCpu: { title: 'clients, µs of processor a client', digits: 0, isLessBetter: true },
  bytes: { title: 'KiB on the wire a client', digits: 1, isLessBetter: true },
};

export const isFresh = true;

const missed = 100;

export function contenders() {
  return [
    {
      name: 'raw ws, the same bytes',
      peer: 'ws',
      options: { isLines: true, isBare: true },
      isBase: true,
    },
    { name: 'Holdfast, WebSocket', peer: 'holdfast-light', options: { isBare: true } },
  ];
}

export function rows() {
  return [{ name: '1,000 clients, 100 messages each', size: 1_000 }];
}

/** What the hub writes, made by hand: a hello's worth of bytes, then the messages as its lines. */
function sameBytes(make) {
  const hello = JSON.stringify({ hello: 'x'.repeat(400) });
  const lines = Array.from({ length: missed }, (_, index) =>
    JSON.stringify({ topic, id: String(index + 2), data: make(index + 1) }),
  );
  return `${hello}\n${lines.join('\n')}\n`;
}

export async function server(peer, options) {
  const { make } = createMessages();
  const greeting = sameBytes(make);
  const { service, port, written } = await openServer(peer, { ...options, greeting: () => greeting });
  let read;
  let before;
  return {
    where: () => ({ port }),
    publish() {
      for (let n = 1; n <= missed; n++) service.publish(topic, make(n));
    },
    start() {
      before = written();
      read = stopwatch();
    },
    stop: () => ({ ...read(), bytes: written() - before }),
  };
}

export function clients(peer, options) {
  const { number } = createMessages();
  let left = [];
  return {
    /** Comes, and goes again: what it has seen so far is where it goes on. */
    async visit({ port, size }) {
      const onMessage = () => undefined;
      left = await inParallel(size, 50, async () => {
        const connection = await peer.connect({ port, topic, onMessage, ...options });
        connection.close();
        return connection.left;
      });
    },
    async comeBack({ port, size }) {
      const read = stopwatch();
      const faults = await inParallel(size, size, (index) => {
        const counter = createCounter();
        return new Promise((resolve, reject) => {
          const onMessage = (data) => {
            if (data === undefined) return;
            counter.take(number(data));
            if (counter.last === missed) resolve(counter.fault);
          };
          peer.connect({ port, topic, onMessage, from: left[index], ...options }).catch(reject);
        });
      });
      return { ...read(), fault: faults.find(Boolean) };
    },
  };
}

/** One visit before it counts: both processes have compiled their code then. */
export async function measure(pair, { size }) {
  const { port } = await pair.server.where();
  await pair.clients.visit({ port, size });
  await pair.server.publish();
  await pair.server.start();
  const back = await pair.clients.comeBack({ port, size });
  const served = await pair.server.stop();
  if (back.fault) throw new Error(back.fault);
  return {
    ms: back.seconds * 1e3,
    serverCpu: (served.cpuSeconds / size) * 1e6,
    clientCpu: (back.cpuSeconds / size) * 1e6,
    bytes: served.bytes / size / 1024,
  };
}
