// From nothing to the first message, on a network where that takes round trips, and on some that hinder WebSockets.

import { createFaultProxy } from '../../e2e/fault-proxy.mjs';
import { openServer, topic } from '../lib/stage-half.mjs';
import { createVisitor } from '../lib/visitor.mjs';

export const title = 'First message';
export const about =
  'One client at a time, cold, through a proxy at 100 ms a round trip that charges the TCP handshake: from the call that connects until the message that the server gives to everyone who comes. All with their default transports. What has one transport alone is not asked where that does not get through; what has not arrived after 6 s is a failed round.';

/** It mostly waits. */
export const roundsMax = 3;

export const metrics = {
  roundTrips: { title: 'round trips', digits: 2, isLessBetter: true },
  connections: { title: 'TCP connections until then', digits: 0, isLessBetter: true },
  requests: { title: 'requests until then', digits: 0, isLessBetter: true },
};

const roundTripMs = 100;
const limitMs = 6_000;

const socketio = { peer: 'socketio', options: { transports: ['polling', 'websocket'] } };
const others = [
  { name: 'Holdfast', peer: 'holdfast', options: { last: 1 } },
  { name: 'Socket.IO', isBase: true, ...socketio },
  { name: 'SockJS', peer: 'sockjs', options: { transports: null } },
  { name: 'Faye', peer: 'faye' },
];

export function contenders() {
  return [
    { name: 'raw ws', peer: 'ws' },
    { name: 'raw SSE', peer: 'sse' },
    ...others,
    { name: 'Primus', peer: 'primus' },
  ];
}

export function rows(isFull) {
  const streams = ['raw SSE', ...others.map(({ name }) => name)];
  const networks = [
    { name: 'all fine', rules: {} },
    { name: 'WebSocket refused (403)', rules: { refuseUpgrade: 403 }, only: streams },
    { name: 'WebSocket swallowed', rules: { swallowUpgrade: true }, only: streams, isLong: true },
    { name: 'WebSocket open and silent', rules: { muteAfterUpgrade: true }, only: streams, isLong: true },
    {
      name: 'WebSocket refused, answers held until they are whole',
      rules: { refuseUpgrade: 403, bufferResponses: 'body' },
      only: others.map(({ name }) => name),
    },
  ];
  if (!isFull) return networks.filter(({ isLong }) => !isLong);
  const pages = networks.map(({ name, only = ['raw ws', ...streams], ...network }) => ({
    ...network,
    name: `${name}, in Chromium`,
    only,
    isPage: true,
  }));
  return [...networks, ...pages];
}

export async function server(peer, options) {
  const welcome = { topic, data: { n: 1 } };
  let stage;
  return {
    async where(origin) {
      stage ??= await openServer(peer, { ...options, welcome, origins: [origin] });
      return { port: stage.port };
    },
  };
}

export const clients = createVisitor;

export async function measure({ server, clients }, { rules, isPage }) {
  const { port } = await server.where(await clients.origin());
  const proxy = await createFaultProxy({
    target: { host: '127.0.0.1', port },
    rules: { latencyMs: roundTripMs / 2, chargeHandshake: true, ...rules },
  });
  try {
    const startedAt = await clients.begin({ port: proxy.port, topic, isPage });
    if (!(await clients.waitFor({ after: 0, limitMs }))) throw new Error(`not within ${limitMs / 1e3} s`);
    const { connections, requests } = proxy.stats();
    const [[, at]] = await clients.heard();
    await clients.leave();
    return {
      roundTrips: (at - startedAt) / roundTripMs,
      connections: connections.opened,
      requests: requests.total,
    };
  } finally {
    await proxy.close();
  }
}
