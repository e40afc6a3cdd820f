// Ten messages a second, and then the connection is cut, or falls silent: when messages come again, and which never do.

import { setTimeout as delay } from 'node:timers/promises';
import { createFaultProxy } from '../../e2e/fault-proxy.mjs';
import { openServer, topic, wallMs } from '../lib/stage-half.mjs';
import { createVisitor } from '../lib/visitor.mjs';

export const title = 'Recovery';
export const about =
  'Ten messages a second, all clients with their default transports, through a proxy. Cut: all connections are reset. Silent: all that are open lose every byte from now on, and nobody is told; new ones are fine. A client that has had nothing new after 10 s (cut) or 60 s (silent) counts as not back, and has lost what was published until then.';

/** What is wanted is how long it waits, so a process that was just started does as well. */
export const isFresh = true;
export const roundsMax = 3;

export const metrics = {
  backMs: { title: 'until messages come again, ms', digits: 0, isLessBetter: true },
  lost: { title: 'messages lost', digits: 0, isLessBetter: true },
  repeated: { title: 'messages repeated', digits: 0, isLessBetter: true },
};

export const timeline = 'messages that came, by time since the fault';

const everyMs = 100;
const steadyMs = 3_000;
/** What was missed comes in this time after the first message, if it comes. */
const settleMs = 1_500;
const binMs = 500;

const transports = ['polling', 'websocket'];

export function contenders() {
  return [
    { name: 'Holdfast', peer: 'holdfast' },
    { name: 'Socket.IO', peer: 'socketio', options: { transports }, isBase: true },
    {
      name: 'Socket.IO, connectionStateRecovery',
      peer: 'socketio',
      options: { transports, connectionStateRecovery: {} },
    },
    { name: 'SockJS', peer: 'sockjs', options: { transports: null } },
    { name: 'Faye', peer: 'faye' },
    { name: 'Primus', peer: 'primus' },
  ];
}

export function rows(isFull) {
  const inPages = ['Holdfast', 'Socket.IO', 'Socket.IO, connectionStateRecovery', 'SockJS', 'Faye'];
  const cut = { name: 'cut', limitMs: 10_000, strike: (proxy) => proxy.cut() };
  const silent = {
    name: 'silent (one round)',
    limitMs: 60_000,
    strike: (proxy) => proxy.set({ blackholeExisting: true }),
    roundsMax: 1,
  };
  const page = { name: 'cut, in Chromium', only: inPages, isPage: true };
  return isFull ? [cut, { ...cut, ...page }, silent] : [cut];
}

export async function server(peer, options) {
  let stage;
  let published = 0;
  let timer;
  return {
    async where(origin) {
      stage = await openServer(peer, { ...options, origins: [origin] });
      return { port: stage.port };
    },
    start() {
      timer = setInterval(() => stage.service.publish(topic, { n: ++published }), everyMs);
    },
    published: () => published,
    stop: () => clearInterval(timer),
  };
}

export const clients = createVisitor;

/** Of the numbers from the first that was heard to `last`, those that never came, and those that came again. */
function account(heard, last) {
  const numbers = heard.map(([n]) => n).filter((n) => n <= last);
  const distinct = new Set(numbers);
  const first = Math.min(...numbers);
  return { lost: last - first + 1 - distinct.size, repeated: numbers.length - distinct.size };
}

function binned(times, from) {
  const bins = [];
  for (const at of times) {
    const bin = Math.floor((at - from) / binMs);
    if (bin >= 0) bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return Array.from(bins, (count) => count ?? 0);
}

export async function measure({ server, clients }, { strike, limitMs, isPage }) {
  const { port } = await server.where(await clients.origin());
  const proxy = await createFaultProxy({ target: { host: '127.0.0.1', port } });
  try {
    await clients.begin({ port: proxy.port, topic, isPage });
    await server.start();
    if (!(await clients.waitFor({ after: 0, limitMs: 5_000 }))) throw new Error('it never began');
    await delay(steadyMs);
    // What was on its way just then may be there all the same.
    const published = (await server.published()) + 1;
    const struckAt = wallMs();
    strike(proxy);
    const isBack = await clients.waitFor({ after: published, limitMs });
    const last = await server.published();
    await delay(settleMs);
    await server.stop();
    const heard = await clients.heard();
    const back = heard.find(([n, at]) => n > published && at > struckAt);
    return {
      ...(isBack && { backMs: back[1] - struckAt }),
      ...account(heard, last),
      plots: {
        timeline: binned(
          heard.map(([, at]) => at),
          struckAt,
        ),
        binMs,
      },
    };
  } finally {
    await proxy.close();
  }
}
