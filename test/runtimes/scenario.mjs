/**
 * What must hold in every runtime, over every transport: a client in one process, a hub in another, a fault proxy between the two.
 */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { join } from 'node:path';
import { createFaultProxy } from '../../e2e/fault-proxy.mjs';
import { startRemote } from './remote.mjs';

/** No runtime here has documents to stream into. */
export const transports = ['websocket', 'http-stream', 'eventsource', 'long-poll', 'poll'];

const waitMs = 20_000;
const sendCount = 20;

async function until(condition, what) {
  const deadline = performance.now() + waitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${waitMs / 1000} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function numbers(count) {
  return Array.from({ length: count }, (_, i) => i + 1);
}

async function hasNumbers(client, count) {
  await until(async () => (await client.ask('count', 'numbers')) >= count, `${count} messages`);
  deepStrictEqual(await client.ask('received', 'numbers'), numbers(count));
}

/** Subscribes, gets, sends. */
async function talk(client, hub) {
  strictEqual(await client.ask('subscribe', 'numbers'), 'ready');
  await hub.ask('publish', 'numbers', 1, 20);
  await hasNumbers(client, 20);
  strictEqual((await client.ask('send', 'chat', 'grün 😀')).reply, 'grün 😀');
  deepStrictEqual((await client.ask('sendBytes', 'bytes', 70_000)).reply, { bytes: 70_000, isIntact: true });
}

/** Breaks every connection, as soon as there is one. */
function cut(faults) {
  return until(() => faults.cut() > 0, 'a connection to cut');
}

/** Cut while messages are published and sends are under way, the client goes on without loss or repeat. */
async function resume(client, hub, faults) {
  await client.ask('sendMany', 'count', sendCount);
  await cut(faults);
  await hub.ask('publish', 'numbers', 21, 40);
  await hasNumbers(client, 40);
  await until(async () => (await client.ask('settledCount')) === sendCount, 'all sends settled');
  deepStrictEqual(
    (await client.ask('settled')).filter(({ error }) => error),
    [],
  );
  deepStrictEqual(await hub.ask('applied'), numbers(sendCount));
  await cut(faults);
  await hub.ask('publish', 'numbers', 41, 100);
  await hasNumbers(client, 100);
  deepStrictEqual(await client.ask('events', 'gap'), []);
}

async function play(client, hub, faults, allowed) {
  await client.ask('start', `${faults.url}/realtime`, allowed);
  await talk(client, hub);
  await resume(client, hub, faults);
  const { state, transport } = await client.ask('status');
  strictEqual(state, 'open');
  if (!allowed.includes(transport)) throw new Error(`it went by ${transport}`);
  await client.ask('close');
  await until(async () => (await hub.ask('connections')) === 0, 'a hub without connections');
  await client.end();
  await hub.ask('close');
  await hub.end();
  return transport;
}

/** Returns the transport that was used in the end; throws what did not hold. */
export async function runScenario({ clientCommand, hubCommand, allowed }) {
  const hub = startRemote(hubCommand, join(import.meta.dirname, 'hub.mjs'));
  const client = startRemote(clientCommand, join(import.meta.dirname, 'client.mjs'));
  let faults;
  try {
    faults = await createFaultProxy({ target: { host: '127.0.0.1', port: await hub.ask('start') } });
    return await play(client, hub, faults, allowed);
  } finally {
    await client.kill();
    await hub.kill();
    await faults?.close();
  }
}
