/**
 * Real hubs and real clients, with a fault proxy before each client, for a stated time: what is done to them and when
 * comes from a seed. Afterwards all is healed, and every message and every send must be accounted for.
 */
import { setMaxListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as holdfast from '../../dist/index.node.js';
import { createFaultProxy } from '../../e2e/fault-proxy.mjs';
import { trouble } from './faults.mjs';
import { historyMessages, startHub } from './hub.mjs';
import { createLane } from './lane.js';
import { createLedger } from './ledger.mjs';
import { openPage, startSite } from './page.mjs';
import { createRandom } from './random.js';

export const transports = ['websocket', 'http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'];
/** Node has no documents to stream into. */
const nodeTransports = transports.filter((name) => name !== 'iframe');

const openMs = 20_000;
/** A silence is noticed after 10 s and a grace, and the next attempt may wait for 20 s. */
const recoverMs = 60_000;
const closeMs = 5_000;
const hubEveryMs = [7_000, 15_000];
/** Others wait as long as clients do by default, which is up to 20 s. */
const quickly = { backoff: { baseMs: 100, capMs: 1_500 } };

/** Who takes part: each transport by itself wherever it runs, and clients that choose. */
function plan() {
  const alone = (where, names) =>
    names.map((name) => ({ name: `${where} ${name}`, where, transports: [name], options: quickly }));
  return [
    ...alone('chromium', transports),
    { name: 'chromium iframe, patient', where: 'chromium', transports: ['iframe'], options: {} },
    { name: 'chromium any', where: 'chromium', transports, options: quickly },
    ...alone('node', nodeTransports),
    { name: 'node any, patient', where: 'node', transports: nodeTransports, options: {} },
  ];
}

async function until(condition, timeoutMs) {
  const endsAt = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > endsAt) return false;
    await delay(50);
  }
  return true;
}

/** One client, the proxy before it, and its account in the ledger. */
async function putUp({ name, where, transports: its, options }, { hub, ledger, page, random }) {
  const seeds = [random.whole(0, 2 ** 32 - 1), random.whole(0, 2 ** 32 - 1)];
  const proxy = await createFaultProxy({
    target: { host: '127.0.0.1', port: hub.port },
    random: createRandom(seeds[0]).next,
  });
  const account = ledger.addAccount(name, its[0]);
  const given = { name, url: `${proxy.url}/realtime`, transports: its, seed: seeds[1], options };
  const client = where === 'node' ? createLane(holdfast, given, account.hear) : await page.createLane(given);
  return { name, transports: its, proxy, account, client, random: createRandom(seeds[0] ^ seeds[1]) };
}

/** Kills, drains and replaces the hub in turns of chance, until the signal aborts. */
async function troubleHub({ hub, lanes, random, signal, counts }) {
  while (!signal.aborted) {
    await delay(random.between(...hubEveryMs), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const kind = random.pick(['kill', 'drain', 'replace']);
    for (const { account } of lanes) account.hubFault(`the hub: ${kind}`, Date.now());
    counts[kind]++;
    if (kind === 'kill') await hub.kill(random.between(0, 1_500));
    else await hub[kind]();
    for (const { account } of lanes) account.healed(Date.now());
  }
}

async function troubleAll({ hub, lanes, random }, minutes) {
  const controller = new AbortController();
  const { signal } = controller;
  setMaxListeners(lanes.length + 1, signal);
  setTimeout(() => controller.abort(), minutes * 60_000);
  const counts = { kill: 0, drain: 0, replace: 0 };
  await Promise.all([
    troubleHub({ hub, lanes, random, signal, counts }),
    ...lanes.map(({ proxy, transports: its, random: own, account }) =>
      trouble({
        proxy,
        transports: its,
        random: own,
        signal,
        on: { fault: (kind) => account.fault(kind, Date.now()), healed: () => account.healed(Date.now()) },
      }),
    ),
  ]);
  return counts;
}

function appliedBy(path) {
  const applied = {};
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const { lane, s } = JSON.parse(line);
    applied[lane] ??= [];
    applied[lane].push(s);
  }
  return applied;
}

/** All is healed: whoever has not come back, lacks a message or waits for an answer after a fair time is a violation. */
async function settle({ hub, lanes }, appliedPath) {
  const healedAt = Date.now();
  await Promise.all(lanes.map(({ client }) => client.calm()));
  await until(
    () => lanes.every(({ account }) => account.hasHeardSince(healedAt) && account.pendingCount() === 0),
    recoverMs,
  );
  for (const { account } of lanes) {
    if (!account.hasHeardSince(healedAt))
      account.fail(`nothing has come for ${recoverMs} ms, though all is healed`);
  }
  const end = await hub.stop();
  await until(() => lanes.every(({ account }) => account.missing(end).length === 0), recoverMs);
  const applied = appliedBy(appliedPath);
  for (const { name, account } of lanes) account.judge(end, applied[name] ?? [], Date.now());
}

/** Site, hub, page and lanes, all up. `closers` gets what ends them, in order. */
async function putUpAll({ ledger, random, appliedPath, closers }) {
  const site = await startSite();
  closers.push(site.close);
  const hub = await startHub({ origins: [site.origin], appliedPath, random, onDeath: ledger.fail });
  closers.push(hub.close);
  const page = await openPage(site.origin, {
    hear: ledger.hear,
    failed: ledger.fail,
  });
  closers.push(page.close);
  const lanes = [];
  for (const one of plan()) {
    const lane = await putUp(one, { hub, ledger, page, random });
    closers.push(lane.proxy.close);
    lanes.push(lane);
  }
  return { hub, lanes };
}

async function start({ lanes }) {
  const startedAt = Date.now();
  for (const { client } of lanes) await client.start();
  await until(() => lanes.every(({ account }) => account.hasHeardSince(startedAt)), openMs);
  for (const { account } of lanes) if (!account.hasHeardSince(startedAt)) account.fail('it never opened');
}

/** `say` hears which part of the run begins. @param {{ minutes: number, seed: number, say: (part: string) => void }} given */
export async function run({ minutes, seed, say }) {
  const random = createRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-chaos-'));
  const appliedPath = join(folder, 'applied.txt');
  const ledger = createLedger({ historyMessages, transports });
  const closers = [() => rmSync(folder, { recursive: true, force: true })];
  const startedAt = Date.now();
  try {
    say('putting up');
    const parts = await putUpAll({ ledger, random, appliedPath, closers });
    await start(parts);
    say('troubling');
    const restarts = await troubleAll({ ...parts, random }, minutes);
    say('healing');
    await settle(parts, appliedPath);
    say('closing');
    for (const { client } of parts.lanes) await client.close();
    return { ledger, restarts, startedAt };
  } finally {
    // A socket that does not close is no reason to lose the figures.
    for (const close of closers.reverse()) await Promise.race([close(), delay(closeMs)]);
  }
}
