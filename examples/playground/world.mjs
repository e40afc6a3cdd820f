/**
 * What the page talks to: a hub with a clock, a chat room, a pulse that answers, and a count of those present.
 * It can be restarted in place. Knows nothing of the page, of the faults, or of what lies between.
 */
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createHub, relay } from '../../dist/server.js';

export const realtimePath = '/realtime';
const tickMs = 100;
const presenceMs = 500;
const drainMs = 300;
/** Short, so that silence is noticed within seconds. */
const heartbeatMs = 2_000;
const downMs = 1_000;
const pulsesMax = 10_000;
const chatCharactersMax = 2_000;

/**
 * @param {{ origins: string[] }} options  The pages that may connect.
 */
export async function createWorld({ origins }) {
  // The count outlives the hub, so that a page can tell what it missed while there was none.
  let count = 0;
  let current = await openHub({ origins, port: 0, next: () => ++count });
  const { port } = current;
  let restarting;

  async function replaceHub() {
    await current.close();
    await delay(downMs);
    current = await openHub({ origins, port, next: () => ++count });
  }

  return {
    port,
    /** Ends the hub, forgets all that it knew, and starts another on the same port a second later. */
    restart() {
      restarting ??= replaceHub().finally(() => {
        restarting = undefined;
      });
      return restarting;
    },
    async close() {
      await restarting;
      await current.close();
    },
  };
}

/** One hub on a port of its own, with all that is published on it. */
async function openHub({ origins, port, next }) {
  const hub = createHub({
    origins,
    heartbeatMs,
    history: { messages: 10_000, ageMs: 3_600_000 },
    onSend: answerSends(),
  });
  const server = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  hub.attach(server, { path: realtimePath });
  await listen(server, port);

  const publish = (topic, data) => hub.publish(topic, data).catch(ignoreWhileClosing);
  const timers = [
    setInterval(() => publish('clock', { n: next(), time: Date.now() }), tickMs),
    setInterval(tellPresence(hub, publish), presenceMs),
  ];

  return {
    port: server.address().port,
    async close() {
      timers.forEach(clearInterval);
      await hub.close({ drainMs });
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Chat is passed on to the room. A pulse is answered with how often it has been applied, which must be once:
 * the page that sent it counts the others.
 */
function answerSends() {
  const passOn = relay();
  const timesOf = new Map();
  return (message, ...rest) => {
    if (message.topic === 'pulse') return { times: countPulse(timesOf, message.data) };
    if (message.topic === 'chat' && isChat(message.data)) return passOn(message, ...rest);
    throw new Error('The playground takes sends to "chat" and "pulse" only.');
  };
}

function countPulse(timesOf, data) {
  const key = `${data?.page}/${data?.n}`;
  const times = (timesOf.get(key) ?? 0) + 1;
  timesOf.set(key, times);
  if (timesOf.size > pulsesMax) timesOf.delete(timesOf.keys().next().value);
  return times;
}

function isChat(data) {
  return typeof data?.text === 'string' && data.text.length <= chatCharactersMax;
}

/** Publishes how many are connected, whenever that changes. */
function tellPresence(hub, publish) {
  let told = -1;
  return () => {
    const clients = hub.stats().clients;
    if (clients === told) return;
    told = clients;
    publish('presence', { clients });
  };
}

/** A tick may fall into the moment in which the hub goes away; the next hub has the next one. */
function ignoreWhileClosing() {}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
