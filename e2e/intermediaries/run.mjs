// One run: products up, clients through them, judged, reported, everything down again.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngines } from './engines.mjs';
import { installMissing, versionsOf } from './install.mjs';
import { tryTransports } from './matrix.mjs';
import { freePorts, makeCertificate, startProduct } from './processes.mjs';
import { openRuns, soak } from './soak.mjs';
import { startUpstream } from './upstream.mjs';
import { judge } from './verdict.mjs';

/** Where a product stands, and how a client reaches the hub through it. */
function standOf(setting, version, port, upstreamUrl) {
  const ownUrl = `${setting.isSecure ? 'https' : 'http'}://127.0.0.1:${port}`;
  const baseUrl = setting.isForward ? upstreamUrl : ownUrl;
  return {
    setting,
    port,
    baseUrl,
    pageUrl: `${baseUrl}/`,
    url: `${baseUrl}/realtime`,
    proxy: setting.isForward ? ownUrl : undefined,
    version,
  };
}

/** Starts each; those that do not start are told as failed tests. */
async function startProducts(stands, given) {
  const failures = [];
  const start = async (stand) => {
    try {
      stand.process = await startProduct(stand.setting, { ...given, port: stand.port });
    } catch (error) {
      failures.push({ name: `${stand.setting.name}: starts`, wrong: [error.message] });
    }
  };
  await Promise.all(stands.map(start));
  return failures;
}

async function runThrough(stands, upstream, engines, seconds) {
  const startedMs = performance.now();
  const { runs, failures } = await openRuns(engines, stands);
  const openedS = Math.round((performance.now() - startedMs) / 1000);
  console.log(`${runs.length} clients open through ${stands.length} products after ${openedS} s`);
  // The transports are tried while the soak runs: neither needs the machine for itself.
  const [rows] = await Promise.all([tryTransports(engines, stands), soak(runs, upstream, seconds)]);
  return { runs, rows, tests: [...failures, ...judge(runs, stands, rows)] };
}

/** Runs the settings for so many seconds: `{ tests, skipped, stands, rows, runs }`. */
export async function runIntermediaries(settings, seconds) {
  const missing = installMissing(settings);
  if (missing.has('openssl')) throw new Error('These tests need openssl');
  const skipped = settings.filter(({ binary }) => missing.has(binary)).map(({ name }) => name);
  const runnable = settings.filter(({ binary }) => !missing.has(binary));
  const parent = mkdtempSync(join(tmpdir(), 'holdfast-intermediaries-'));
  chmodSync(parent, 0o755);
  process.once('exit', () => rmSync(parent, { recursive: true, force: true }));
  const [upstreamPort, ...ports] = await freePorts(runnable.length + 1);
  const versions = versionsOf(runnable);
  const all = runnable.map((setting, i) =>
    standOf(setting, versions[setting.binary], ports[i], `http://127.0.0.1:${upstreamPort}`),
  );
  const closers = [];
  try {
    const certificate = makeCertificate(parent);
    const origins = [...new Set(all.map(({ baseUrl }) => baseUrl))];
    const upstream = await startUpstream({ port: upstreamPort, origins });
    closers.push(upstream.close);
    const failures = await startProducts(all, { upstream: upstreamPort, parent, certificate });
    const stands = all.filter(({ process }) => process);
    closers.push(...stands.map((stand) => stand.process.stop));
    const names = new Set(['chromium', ...stands.flatMap(({ setting }) => setting.engines)]);
    const engines = await startEngines(names, certificate.certificate);
    closers.push(...Object.values(engines).map((engine) => engine.close));
    const { runs, rows, tests } = await runThrough(stands, upstream, engines, seconds);
    return { stands, runs, rows, skipped, tests: [...failures, ...tests] };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}
