/**
 * The proxy itself: it listens, keeps its connections, and lets rules, cuts and counters be reached from outside.
 */
import { connect, createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createConnection } from './connection.mjs';
import { createJournal } from './journal.mjs';
import { createRules } from './rules.mjs';

/** @typedef {import('node:net').Socket} Socket */

/**
 * @typedef {object} FaultProxyOptions
 * @property {{ host: string, port: number }} target
 * @property {string} [host]  `127.0.0.1` by default.
 * @property {number} [port]  Any free one by default.
 * @property {import('./rules.mjs').RulesPatch} [rules]  What holds from the start; nothing by default.
 * @property {() => number} [random]  For the jitter; `Math.random` by default.
 */

/**
 * @typedef {import('./journal.mjs').Counters & {
 *   requests: { open: number }, openUpgrades: number,
 *   log: import('./journal.mjs').LogEntry[], timelines: Record<number, import('./journal.mjs').LogEntry[]>
 * }} Stats
 */

/**
 * @typedef {object} FaultProxy
 * @property {number} port
 * @property {string} url  `http://host:port`
 * @property {import('./rules.mjs').RulesPatch} rules  What holds now; a copy.
 * @property {(patch: import('./rules.mjs').RulesPatch) => void} set  Changes the rules named; open connections obey at once.
 * @property {() => void} reset  Takes all rules away. A connection that has lost bytes by a rule stays as silent as it is.
 * @property {(options?: { match?: import('./rules.mjs').Match, how?: import('./rules.mjs').CutHow }) => number} cut
 *   Ends open connections now; returns how many.
 * @property {() => Stats} stats
 * @property {import('./journal.mjs').Journal['on']} on
 * @property {() => Promise<void>} close  Leaves no socket and no timer.
 */

/**
 * @param {FaultProxyOptions} options
 * @returns {Promise<FaultProxy>}
 */
export async function createFaultProxy({
  target,
  host = '127.0.0.1',
  port = 0,
  rules: firstRules = {},
  random = Math.random,
}) {
  const now = () => performance.now();
  let connectionCount = 0;
  const rules = createRules(() => connectionCount);
  const journal = createJournal(now);
  /** @type {Set<import('./connection.mjs').Connection>} */
  const connections = new Set();
  /** @type {Set<Socket>} */
  const upstreams = new Set();
  rules.set(firstRules);

  // Half-open, because the end of one side is forwarded like everything else, when its time comes.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);

  /** @param {Socket} client */
  function accept(client) {
    const id = ++connectionCount;
    const refused = rules.find('refuseConnections', { connection: id, request: undefined });
    refused?.spend();
    journal.write('connection', id, { refused: refused !== undefined });
    if (refused) client.resetAndDestroy();
    else keep(id, client);
  }

  /**
   * @param {number} id
   * @param {Socket} client
   */
  function keep(id, client) {
    const onOver = () => connections.delete(connection);
    const connection = createConnection({ id, client, connectUpstream, rules, journal, now, random, onOver });
    connections.add(connection);
  }

  function connectUpstream() {
    const socket = connect({ ...target, allowHalfOpen: true, noDelay: true });
    upstreams.add(socket);
    socket.on('close', () => upstreams.delete(socket));
    return socket;
  }

  function reconsider() {
    for (const connection of connections) connection.reconsider();
  }

  function openCounts() {
    const counts = [...connections].map((connection) => connection.open());
    return {
      requests: counts.reduce((sum, count) => sum + count.requests, 0),
      upgrades: counts.reduce((sum, count) => sum + count.upgrades, 0),
    };
  }

  async function close() {
    const closed = [...upstreams].map(closing);
    if (server.listening) closed.push(new Promise((resolve) => void server.close(() => resolve())));
    for (const connection of connections) connection.destroy();
    for (const socket of upstreams) socket.destroy();
    await Promise.all(closed);
  }

  const bound = await listen(server, host, port);
  return {
    port: bound,
    url: `http://${host}:${bound}`,
    get rules() {
      return rules.current();
    },
    set(patch) {
      rules.set(patch);
      reconsider();
    },
    reset() {
      rules.reset();
      reconsider();
    },
    cut: ({ match = {}, how = 'rst' } = {}) =>
      [...connections].filter((connection) => connection.cut(match, how)).length,
    stats() {
      const read = journal.read();
      const open = openCounts();
      return { ...read, requests: { ...read.requests, open: open.requests }, openUpgrades: open.upgrades };
    },
    on: journal.on,
    close,
  };
}

/**
 * @param {import('node:net').Server} server
 * @param {string} host
 * @param {number} port
 * @returns {Promise<number>}
 */
function listen(server, host, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(/** @type {import('node:net').AddressInfo} */ (server.address()).port);
    });
  });
}

/**
 * @param {Socket} socket
 * @returns {Promise<void>}
 */
function closing(socket) {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}
