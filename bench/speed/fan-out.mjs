// One message to 1,000 clients: how late it is when one is sent at a time, and how many deliveries a second there are when
// the next ones wait already.

import {
  createCounter,
  createMessages,
  inParallel,
  joinLine,
  openLine,
  openServer,
  sharedUs,
  stopwatch,
  topic,
} from '../lib/stage-half.mjs';

export const title = 'Fan-out';
export const about =
  'One topic, messages of 100 bytes of JSON, 1,000 clients in one process: bare ones for raw ws and Holdfast alike (lib/light.mjs), so that the servers are what differs. Every client has to have every message, in order.';

export const metrics = {
  p50: { title: 'median latency, ms', digits: 2, isLessBetter: true },
  p99: { title: '99th percentile of latency, ms', digits: 2, isLessBetter: true },
  rate: { title: 'thousand deliveries a second', digits: 0 },
  serverCpu: { title: 'server, µs of processor a delivery', digits: 2, isLessBetter: true },
  clientCpu: { title: 'clients, µs of processor a delivery', digits: 2, isLessBetter: true },
};

export function contenders(isFull) {
  return [
    { name: 'raw ws', peer: 'ws', options: { isBare: true }, isBase: true },
    { name: 'raw ws, its own client', peer: 'ws' },
    { name: 'Holdfast, WebSocket', peer: 'holdfast-light', options: { isBare: true } },
    { name: 'Socket.IO', peer: 'socketio' },
    { name: 'Primus', peer: 'primus' },
    ...(isFull
      ? [
          { name: 'ws, one write a turn (floor)', peer: 'ws', options: { isJoined: true, isBare: true } },
          { name: 'raw SSE', peer: 'sse' },
          {
            name: 'Holdfast, HTTP stream',
            peer: 'holdfast-light',
            options: { transport: 'http-stream' },
          },
          { name: 'SockJS', peer: 'sockjs' },
          { name: 'Faye', peer: 'faye' },
        ]
      : []),
  ];
}

const oneAtATime = { window: 1, perTurn: 1 };
const saturated = { window: 60, perTurn: 1 };
const burst = { window: 60, perTurn: 20 };

/** Who can have 5,000 connections in moderate time. */
const many = ['raw ws', 'ws, one write a turn (floor)', 'Holdfast, WebSocket', 'Socket.IO'];

export function rows(isFull) {
  return [
    { name: '1,000 clients, one at a time', size: 1_000, count: 200, ...oneAtATime },
    { name: '1,000 clients, saturated', size: 1_000, count: 150, ...saturated },
    { name: '1,000 clients, saturated, 20 a turn', size: 1_000, count: 140, ...burst },
    ...(isFull
      ? [{ name: '5,000 clients, saturated', size: 5_000, count: 30, only: many, ...saturated }]
      : []),
  ];
}

// ---- the server ------------------------------------------------------------------------------------------------------

export async function server(peer, options) {
  const { service, port } = await openServer(peer, options);
  const line = await openLine();
  const { make } = createMessages();
  return {
    where: () => ({ port, linePort: line.port }),
    /** At most `window` messages that not everyone has, `perTurn` of them in one turn. */
    broadcast({ count, window, perTurn }) {
      const read = stopwatch();
      let next = 1;
      let taken = 0;
      let isScheduled = false;
      const turn = () => {
        isScheduled = false;
        for (let i = 0; i < perTurn && next <= count && next - taken <= window; i++) {
          service.publish(topic, make(next++, sharedUs()));
        }
        schedule();
      };
      const schedule = () => {
        const isDue = next <= count && next - taken + perTurn - 1 <= window;
        if (!isDue || isScheduled) return;
        isScheduled = true;
        setImmediate(turn);
      };
      return new Promise((resolve) => {
        line.onTaken((number) => {
          taken = number;
          if (taken === count) resolve(read());
          else schedule();
        });
        schedule();
      });
    },
  };
}

// ---- the clients -----------------------------------------------------------------------------------------------------

/** Counts how many have each message, and how late they got it. */
function createTally({ size, count, tell }) {
  const have = new Uint16Array(count + 1);
  const late = new Float64Array(size * count);
  let taken = 0;
  return {
    take(number, at) {
      late[taken++] = sharedUs() - at;
      if (++have[number] === size) tell(number);
    },
    late: () => late.subarray(0, taken).sort(),
  };
}

export function clients(peer, options) {
  const { number } = createMessages();
  let line;
  let tally;
  let counters;
  let connections;
  let read;
  return {
    async start({ port, linePort, size, count }) {
      line = await joinLine(linePort);
      tally = createTally({ size, count, tell: line.tell });
      counters = Array.from({ length: size }, createCounter);
      connections = await inParallel(size, 50, (index) => {
        const onMessage = (data) => {
          counters[index].take(number(data));
          tally.take(number(data), data.at);
        };
        return peer.connect({ port, topic, onMessage, ...options });
      });
      read = stopwatch();
    },
    stop() {
      const spent = read();
      for (const connection of connections) connection.close();
      line.close();
      const late = tally.late();
      const percentiles = Array.from({ length: 101 }, (_, percent) => {
        return late[Math.min(late.length - 1, Math.floor((late.length * percent) / 100))] / 1e3;
      });
      const fault = counters.map((counter) => counter.fault).find(Boolean);
      return { ...spent, percentiles, fault };
    },
  };
}

// ---- one measurement -------------------------------------------------------------------------------------------------

export async function measure(pair, { size, count, window, perTurn }) {
  const where = await pair.server.where();
  await pair.clients.start({ ...where, size, count });
  const served = await pair.server.broadcast({ count, window, perTurn });
  const received = await pair.clients.stop();
  if (received.fault) throw new Error(received.fault);
  const deliveries = size * count;
  const cpu = {
    serverCpu: (served.cpuSeconds / deliveries) * 1e6,
    clientCpu: (received.cpuSeconds / deliveries) * 1e6,
  };
  if (window > 1) return { rate: deliveries / served.seconds / 1e3, ...cpu };
  const { percentiles } = received;
  return { p50: percentiles[50], p99: percentiles[99], ...cpu, plots: { latency: percentiles } };
}
