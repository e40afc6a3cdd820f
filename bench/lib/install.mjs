// Installs what the bench measures Holdfast beside, where it is missing.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../../scripts/ensure.mjs';

const home = join(root, 'bench');

function packagesIn(file) {
  return JSON.parse(readFileSync(join(home, file), 'utf8')).packages;
}

function isInstalled() {
  if (!existsSync(join(home, 'node_modules', '.package-lock.json'))) return false;
  const installed = packagesIn(join('node_modules', '.package-lock.json'));
  return Object.entries(packagesIn('package-lock.json')).every(
    ([path, { version, optional }]) =>
      path === '' || installed[path]?.version === version || (optional && !installed[path]),
  );
}

export function ensurePeers() {
  if (isInstalled()) return;
  console.log('Installing the packages of bench/package-lock.json ...');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  run('npm', args, { cwd: home, shell: process.platform === 'win32' });
}
