/**
 * A hub in a process of its own, so that it can be killed: it publishes numbered messages, and writes every send that it
 * applies into a file before it answers. Takes orders from its parent, and ends with it.
 */
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createHub, memoryBroker } from '../../dist/server.js';
import { createRandom } from './random.js';

const { instance, appliedPath, seed, rates, options } = JSON.parse(process.argv[2]);
const random = createRandom(seed);
const tickMs = 10;

// ---- sends ---------------------------------------------------------------------------------------------------------

const applied = openSync(appliedPath, 'a');

/** Most are applied at once, some take their time, some are refused. What is written here outlives the process. */
async function onSend({ data }) {
  const { lane, s } = data instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(data)) : data;
  if (random.isOneIn(40)) throw Object.assign(new Error('This one is not wanted.'), { code: 'REFUSED' });
  if (random.isOneIn(10)) await delay(random.between(0, 60));
  writeSync(applied, `${JSON.stringify({ instance, lane, s })}\n`);
  if (random.isOneIn(10)) await delay(random.between(0, 60));
  return random.isOneIn(10) ? new TextEncoder().encode(JSON.stringify({ lane, s })) : { lane, s };
}

// ---- messages ------------------------------------------------------------------------------------------------------

/** Of each topic: how many there are, where and when the last was published, and how many are due by now. */
const topics = Object.fromEntries(
  Object.keys(rates).map((topic) => [topic, { n: 0, id: '0', at: 0, due: 0 }]),
);

/** Each names the one before it, so that a reader can tell what a gap has cost. Some are large: cuts fall into them. */
function nextMessage(state) {
  const padLength = random.isOneIn(40) ? random.whole(1_000, 30_000) : 0;
  const before = { id: state.id, at: state.at };
  state.at = Date.now();
  const data = { instance, n: ++state.n, at: state.at, before, padLength, pad: 'x'.repeat(padLength) };
  return random.isOneIn(10) ? new TextEncoder().encode(JSON.stringify(data)) : data;
}

async function publishDue(elapsedMs) {
  for (const [topic, rate] of Object.entries(rates)) {
    const state = topics[topic];
    state.due += (rate * elapsedMs) / 1_000;
    for (; state.due >= 1; state.due--) state.id = await hub.publish(topic, nextMessage(state));
  }
}

function startPublishing() {
  let lastAt = performance.now();
  const timer = setInterval(() => {
    // What is due by then is published by the next hub, before its clients are back.
    if (isReplacing) return;
    const now = performance.now();
    const elapsedMs = now - lastAt;
    lastAt = now;
    // Nothing is waited for within, so that this ends before the next tick.
    publishDue(elapsedMs).catch((error) => {
      clearInterval(timer);
      if (error.code !== 'CLOSED') throw error;
    });
  }, tickMs);
  return () => clearInterval(timer);
}

// ---- the process ---------------------------------------------------------------------------------------------------

const broker = memoryBroker();
const server = createServer();
server.keepAliveTimeout = 65_000;
let isReplacing = false;
let hub = startHub();
let stopPublishing;

function startHub() {
  const made = createHub({ ...options, broker, onSend });
  made.attach(server, { path: '/realtime' });
  return made;
}

const orders = {
  /** What comes before `listening` takes as long as a machine is busy; from here on it is a moment. */
  listen({ port }) {
    stopPublishing = startPublishing();
    server.listen(port, '127.0.0.1', () => process.send({ type: 'listening', port: server.address().port }));
  },
  /** No message comes after the answer. */
  stop() {
    stopPublishing();
    process.send({ type: 'stopped', topics });
  },
  /** Another hub takes its place in this process, with its log. */
  async replace({ drainMs }) {
    isReplacing = true;
    await hub.close({ drainMs });
    hub = startHub();
    isReplacing = false;
    process.send({ type: 'replaced' });
  },
  /** Leaves the port to the next hub at once; its clients have some time to move there. */
  async drain({ drainMs }) {
    server.close();
    process.send({ type: 'draining' });
    await hub.close({ drainMs });
    process.exit(0);
  },
};

process.on('message', (order) => orders[order.type](order));
process.on('disconnect', () => process.exit(0));
process.send({ type: 'loaded' });
