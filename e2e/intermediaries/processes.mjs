// Starts a product from a configuration of our own, in a folder of its own, on a port of its own, and stops it again.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const startTimeoutMs = 30_000;
const stopTimeoutMs = 3_000;
const outputCharactersMax = 4_000;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

const running = new Set();
// Whatever ends this program ends the products too.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Ports that nobody listens on, all different. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** A certificate for 127.0.0.1 that only this run trusts; the bundle holds both, as HAProxy wants it. */
export function makeCertificate(folder) {
  const [certificate, key, bundle] = ['cert.pem', 'key.pem', 'bundle.pem'].map((name) => join(folder, name));
  const { status, stderr } = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
    ...['-keyout', key, '-out', certificate],
  ]);
  if (status !== 0) throw new Error(`openssl made no certificate: ${stderr}`);
  writeFileSync(bundle, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 });
  return { certificate, key, bundle };
}

async function accepts(port) {
  const socket = connect(port, '127.0.0.1');
  const outcome = await Promise.race([
    once(socket, 'connect').then(
      () => true,
      () => false,
    ),
    sleep(1_000, false),
  ]);
  socket.destroy();
  return outcome;
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const isGone = await Promise.race([exited.then(() => true), sleep(stopTimeoutMs, false, { ref: false })]);
  if (!isGone) child.kill('SIGKILL');
  await exited;
}

/** Resolves once it accepts connections. Rejects with what it printed when it ends first, or takes too long. */
export async function startProduct(setting, { port, upstream, parent, certificate }) {
  const folder = join(parent, setting.name);
  mkdirSync(folder);
  // Those that root starts write as somebody else.
  chmodSync(folder, 0o777);
  const file = join(folder, setting.file ?? 'none');
  const given = { port, upstream, folder, file, ...certificate };
  if (setting.configure) writeFileSync(file, setting.configure(given));
  const child = spawn(setting.binary, setting.args(given), { env, cwd: folder });
  let output = '';
  const keep = (text) => {
    output = (output + text).slice(-outputCharactersMax);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => keep(error.message));
  running.add(child);
  child.once('exit', () => running.delete(child));
  const deadline = performance.now() + startTimeoutMs;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop(child);
      throw new Error(`${setting.name} does not start: ${output.trim()}`);
    }
    await sleep(50);
  }
  return {
    isRunning: () => child.exitCode === null && child.signalCode === null,
    output: () => output,
    stop: () => stop(child),
  };
}
