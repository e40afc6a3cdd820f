// `npm run test:all`: what is checked on every landing besides the tests. Each check counts as one.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { binOf, ensureBuilt, ensureInstalled, root } from './ensure.mjs';
import { countRun, none } from './summary.mjs';
import { checkTypes, typeConfigs } from './types.mjs';

const checkTimeoutMs = 5 * 60_000;

/** How much of what a failed check printed is told again beside its name. */
const tailLines = 40;
let tail = '';

function isZero(command, args, options = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: checkTimeoutMs,
    ...options,
  });
  process.stdout.write(stdout + stderr);
  if (status !== 0) {
    const lines = stripVTControlCharacters(`${stdout}${stderr}`).trimEnd().split('\n');
    tail = lines.slice(-tailLines).join('\n');
  }
  return status === 0;
}

function npm(args) {
  const script = process.env.npm_execpath?.endsWith('.js') ? process.env.npm_execpath : undefined;
  return script
    ? isZero(process.execPath, [script, ...args])
    : isZero('npm', args, { shell: process.platform === 'win32' });
}

/** A check that is the exit code of an installed tool. */
function tool(packageName, args, bin) {
  return () => isZero(process.execPath, [binOf(packageName, bin), ...args]);
}

/** Packs the package as npm would, into a folder of its own; the path of the archive. */
function pack(folder) {
  const isPacked = npm(['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]);
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
    ['branch coverage of src/core', () => npm(['run', 'coverage'])],
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
  tail = '';
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
  const results = checks(folder).map(([name, check]) => {
    const isClean = passes(name, check);
    return { name, isClean, why: isClean ? '' : tail };
  });
  rmSync(folder, { recursive: true, force: true });
  const passed = results.filter(({ isClean }) => isClean).length;
  const counts = { ...none, passed, failed: results.length - passed };
  const lines = results.map(({ name, isClean }) => `${isClean ? 'ok    ' : 'FAILED'} ${name}`);
  console.log(`\n${lines.join('\n')}`);
  const failures = results
    .filter(({ isClean }) => !isClean)
    .map(({ name, why }) => (why === '' ? name : `${name}\n${why}`));
  return { ...counts, failures };
}

await countRun('all', main);
