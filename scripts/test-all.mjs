// `npm run test:all`: what is checked on every landing besides the tests. Each check counts as one.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { binOf, ensureBuilt, ensureInstalled, root } from './ensure.mjs';
import { countRun, none } from './summary.mjs';
import { checkTypes, typeConfigs } from './types.mjs';

const checkTimeoutMs = 5 * 60_000;

function isZero(command, args, options = {}) {
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    timeout: checkTimeoutMs,
    ...options,
  });
  return status === 0;
}

/** A check that is the exit code of an installed tool. */
function tool(packageName, args, bin) {
  return () => isZero(process.execPath, [binOf(packageName, bin), ...args]);
}

/** Packs the package as npm would, into a folder of its own; the path of the archive. */
function pack(folder) {
  const npmScript = process.env.npm_execpath?.endsWith('.js') ? process.env.npm_execpath : undefined;
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const isPacked = npmScript
    ? isZero(process.execPath, [npmScript, ...args])
    : isZero('npm', args, { shell: process.platform === 'win32' });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (!isPacked || !archive) throw new Error('npm pack failed');
  return join(folder, archive);
}

/** What a program does with the package once it is installed; run in plain Node, beside the packed files. */
const consumer = `
  import { createRequire } from 'node:module';
  import { readdirSync } from 'node:fs';
  const globals = Object.getOwnPropertyNames(globalThis).join();
  const { createClient } = await import('holdfast');
  const core = await import('holdfast/core');
  const { createHub, relay } = await import('holdfast/server');
  const values = { createClient, coreCreateClient: core.createClient, createHub, relay };
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'function') throw new Error(name + ' is ' + typeof value);
  }
  for (const folder of ['adapters', 'protocols']) {
    for (const file of readdirSync('node_modules/holdfast/dist/' + folder)) {
      if (file.endsWith('.js')) await import('holdfast/' + folder + '/' + file.slice(0, -3));
    }
  }
  if (createRequire(import.meta.url)('holdfast/package.json').name !== 'holdfast') throw new Error('package.json');
  if (Object.getOwnPropertyNames(globalThis).join() !== globals) throw new Error('importing touched a global');
`;

/** Unpacks the archive beside its run-time dependencies and imports every entry from there. */
function importsInNode(archive, folder) {
  const home = join(folder, 'node_modules');
  mkdirSync(join(home, 'holdfast'), { recursive: true });
  for (const name of ['mitt', 'ws', 'event-source-polyfill']) {
    symlinkSync(join(root, 'node_modules', name), join(home, name), 'junction');
  }
  const unpack = ['-xzf', archive, '-C', join(home, 'holdfast'), '--strip-components=1'];
  const evaluate = ['--input-type=module', '--eval', consumer];
  return isZero('tar', unpack) && isZero(process.execPath, evaluate, { cwd: folder, timeout: 30_000 });
}

function checks(folder) {
  let archive = '';
  return [
    ...typeConfigs().map((config) => [`types ${config}`, () => checkTypes(config)]),
    ['lint and format', tool('@biomejs/biome', ['ci', '.'], 'biome')],
    ['import lanes', tool('dependency-cruiser', ['src'], 'depcruise')],
    ['unused files and exports', tool('knip', [], 'knip')],
    ['sizes', () => isZero(process.execPath, [join(root, 'scripts/sizes.mjs')])],
    [
      'branch coverage of src/core',
      tool('vitest', ['run', '--project', 'unit', '--project', 'sim', '--coverage']),
    ],
    [
      'pack',
      () => {
        archive = pack(folder);
        return true;
      },
    ],
    ['publint', () => tool('publint', ['run', archive, '--strict'])()],
    [
      'are the types wrong',
      () => tool('@arethetypeswrong/cli', [archive, '--profile', 'esm-only'], 'attw')(),
    ],
    ['import of the packed package', () => importsInNode(archive, folder)],
    [
      'chaos, half a minute',
      () => isZero(process.execPath, [join(root, 'scripts/chaos.mjs'), '--minutes', '0.5']),
    ],
  ];
}

function passes(name, check) {
  console.log(`\n--- ${name} ---`);
  try {
    return check();
  } catch (error) {
    console.log(error.message);
    return false;
  }
}

function main() {
  ensureInstalled();
  ensureBuilt();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-pack-'));
  const results = checks(folder).map(([name, check]) => ({ name, isClean: passes(name, check) }));
  rmSync(folder, { recursive: true, force: true });
  const passed = results.filter(({ isClean }) => isClean).length;
  const counts = { ...none, passed, failed: results.length - passed };
  const lines = results.map(({ name, isClean }) => `${isClean ? 'ok    ' : 'FAILED'} ${name}`);
  console.log(`\n${lines.join('\n')}`);
  return counts;
}

await countRun('all', main);
