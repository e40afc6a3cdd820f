// Puts the products on this machine where that is possible, and says which version is there.

import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';

const installTimeoutMs = 180_000;
/** Debian asks this file whether a service may be started; 101 is a no. */
const startPolicy = '/usr/sbin/policy-rc.d';
/** Daemons live where an ordinary user's PATH does not look. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** A program by its name, anything else by its path. */
function isThere(binary) {
  if (isAbsolute(binary)) return existsSync(binary);
  return spawnSync('sh', ['-c', `command -v ${binary}`], { env }).status === 0;
}

function apt(packages) {
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const { status, stderr } = spawnSync('sh', ['-c', command], {
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: installTimeoutMs,
  });
  if (status !== 0) console.log(`apt-get failed: ${String(stderr).trim().slice(-500)}`);
}

/** Installs without letting the distribution start what it installs. */
function installQuietly(packages) {
  const isOurs = !existsSync(startPolicy);
  if (isOurs) writeFileSync(startPolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt(packages);
  } finally {
    if (isOurs) rmSync(startPolicy);
  }
}

/** Installs what is missing with a single call; the binaries that are missing afterwards. */
export function installMissing(settings) {
  const wanted = [{ binary: 'openssl', debian: 'openssl' }, ...settings];
  const missing = () => wanted.filter(({ binary }) => !isThere(binary));
  const packages = [...new Set(missing().map(({ debian }) => debian))];
  if (packages.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log(`Installing ${packages.join(', ')} by apt-get ...`);
    installQuietly(packages);
  }
  return new Set(missing().map(({ binary }) => binary));
}

function versionOf({ binary, versionArgs }) {
  const { stdout, stderr } = spawnSync(binary, versionArgs, { env, encoding: 'utf8', timeout: 30_000 });
  return /\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
}

/** Versions by binary, each asked once. */
export function versionsOf(settings) {
  const byBinary = new Map(settings.map((setting) => [setting.binary, setting]));
  return Object.fromEntries([...byBinary].map(([binary, setting]) => [binary, versionOf(setting)]));
}
