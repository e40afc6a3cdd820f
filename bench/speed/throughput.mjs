// How many messages a second reach one client, and what they cost: in bursts of 100 a turn, and one a turn.

import {
  createCounter,
  createMessages,
  joinLine,
  openLine,
  openServer,
  stopwatch,
  topic,
} from '../lib/stage-half.mjs';

export const title = 'Throughput to one client';
export const about =
  'Messages of 100 bytes of JSON, at most 4,000 ahead of the client, which has to have them all and in order.';

export const metrics = {
  rate: { title: 'thousand messages a second', digits: 0 },
  serverCpu: { title: 'server, µs of processor a message', digits: 2, isLessBetter: true },
  clientCpu: { title: 'client, µs of processor a message', digits: 2, isLessBetter: true },
  bytes: { title: 'bytes on the wire a message', digits: 1, isLessBetter: true },
};

/** Messages that may be on the way, and after how many the client says how far it is. */
const windowMax = 4_000;
const tellEvery = 500;

const holdfast = (transport, maker) => ({
  name: `Holdfast, ${transport}`,
  peer: 'holdfast',
  options: { adapters: [maker] },
});

export function contenders(isFull) {
  return [
    { name: 'raw ws', peer: 'ws', isBase: true },
    { name: 'ws, one write a turn (floor)', peer: 'ws', options: { isJoined: true } },
    holdfast('WebSocket', 'webSocket'),
    holdfast('HTTP stream', 'httpStream'),
    holdfast('EventSource', 'eventSource'),
    holdfast('long polling', 'longPoll'),
    { name: 'raw SSE', peer: 'sse' },
    { name: 'Socket.IO', peer: 'socketio' },
    { name: 'Primus', peer: 'primus' },
    { name: 'SockJS', peer: 'sockjs' },
    ...(isFull
      ? [
          { name: 'Socket.IO, polling', peer: 'socketio', options: { transports: ['polling'] } },
          { name: 'SockJS, streaming', peer: 'sockjs', options: { transports: ['xhr-streaming'] } },
          { name: 'SockJS, polling', peer: 'sockjs', options: { transports: ['xhr-polling'] } },
          { name: 'Faye', peer: 'faye' },
        ]
      : []),
  ];
}

export function rows(isFull) {
  return [
    { name: 'bursts of 100', burst: 100, count: 200_000 },
    { name: 'one a turn', burst: 1, count: isFull ? 100_000 : 60_000 },
  ];
}

// ---- the server ------------------------------------------------------------------------------------------------------

export async function server(peer, options) {
  const { service, port, written } = await openServer(peer, options);
  const line = await openLine();
  const { make } = createMessages();
  return {
    where: () => ({ port, linePort: line.port }),
    stream({ count, burst }) {
      const read = stopwatch();
      const before = written();
      let next = 1;
      let taken = 0;
      let isWaiting = false;
      const turn = () => {
        for (let i = 0; i < burst && next <= count; i++) service.publish(topic, make(next++));
        if (next > count) return;
        isWaiting = next - taken > windowMax;
        if (!isWaiting) setImmediate(turn);
      };
      return new Promise((resolve) => {
        line.onTaken((number) => {
          taken = number;
          if (taken === count) resolve({ ...read(), bytes: written() - before });
          else if (isWaiting && next - taken <= windowMax) {
            isWaiting = false;
            turn();
          }
        });
        turn();
      });
    },
  };
}

// ---- the client ------------------------------------------------------------------------------------------------------

export function clients(peer, options) {
  const { number } = createMessages();
  let connection;
  let line;
  let counter;
  let read;
  return {
    async start({ port, linePort, count }) {
      line = await joinLine(linePort);
      counter = createCounter();
      const onMessage = (data) => {
        counter.take(number(data));
        if (counter.last % tellEvery === 0 || counter.last === count) line.tell(counter.last);
      };
      connection = await peer.connect({ port, topic, onMessage, ...options });
      read = stopwatch();
    },
    stop() {
      connection.close();
      line.close();
      return { ...read(), fault: counter.fault };
    },
  };
}

// ---- one measurement -------------------------------------------------------------------------------------------------

export async function measure(pair, { count, burst }) {
  const where = await pair.server.where();
  await pair.clients.start({ ...where, count });
  const served = await pair.server.stream({ count, burst });
  const received = await pair.clients.stop();
  if (received.fault) throw new Error(received.fault);
  return {
    rate: count / served.seconds / 1e3,
    serverCpu: (served.cpuSeconds / count) * 1e6,
    clientCpu: (received.cpuSeconds / count) * 1e6,
    bytes: served.bytes / count,
  };
}
