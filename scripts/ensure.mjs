// Makes a clone ready to run: the locked packages are installed, and `dist/` is what the sources say.
// It imports nothing but Node, because it runs before anything is installed.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const cacheDir = join(root, 'node_modules', '.cache', 'holdfast');

const buildStamp = join(cacheDir, 'build.txt');
const buildInputs = [
  'src',
  'rollup.config.mjs',
  'scripts/sizes.mjs',
  'package.json',
  'tsconfig.base.json',
  'tsconfig.json',
];
const buildOutputs = [
  'dist/index.js',
  'dist/index.d.ts',
  'dist/holdfast.umd.min.js',
  'dist/holdfast.legacy.min.js',
];

/** Runs a command in the root of the project; throws with its name when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${status}`);
}

/** Runs the executable of an installed package under this very Node, without a shell. */
export function runBin(packageName, args, options) {
  run(process.execPath, [binOf(packageName), ...args], options);
}

/** The path of the script a package calls its executable. */
export function binOf(packageName, name = packageName.split('/').at(-1)) {
  const home = join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  return join(home, typeof bin === 'string' ? bin : (bin[name] ?? Object.values(bin)[0]));
}

function runNpm(args) {
  // Under `npm run` the path of npm's own script is known: no shell, and the npm that was called.
  const npmScript = process.env.npm_execpath;
  if (npmScript?.endsWith('.js')) run(process.execPath, [npmScript, ...args]);
  else run('npm', args, { shell: process.platform === 'win32' });
}

/** True when every package that the lockfile asks for is there, in that version. */
function isInstalled() {
  const hidden = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  return Object.entries(locked).every(
    ([path, entry]) =>
      path === '' || installed[path]?.version === entry.version || (entry.optional && !installed[path]),
  );
}

/** Installs the locked packages where they are missing. None of them needs its install script. */
export function ensureInstalled() {
  if (isInstalled()) return;
  console.log('Installing the packages of package-lock.json ...');
  runNpm(['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}

/** All files below a path (or the file itself), sorted, so that a hash of them is stable. */
function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

function hashOfInputs() {
  const hash = createHash('sha256');
  for (const file of buildInputs.flatMap((input) => filesBelow(join(root, input)))) {
    hash.update(relative(root, file).split(sep).join('/'));
    hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Builds `dist/` unconditionally. What an earlier build left and this one did not write is removed. */
export function build() {
  const hash = hashOfInputs();
  const startedMs = Date.now() - 1;
  rmSync(buildStamp, { force: true });
  runBin('rollup', ['--config', 'rollup.config.mjs', '--silent']);
  for (const file of filesBelow(join(root, 'dist'))) {
    if (statSync(file).mtimeMs < startedMs) rmSync(file);
  }
  mkdirSync(cacheDir, { recursive: true });
  writeFileSync(buildStamp, hash);
}

/** Builds `dist/` when it is missing or was made from other sources. */
export function ensureBuilt() {
  const isComplete = buildOutputs.every((file) => existsSync(join(root, file)));
  const builtFrom = existsSync(buildStamp) ? readFileSync(buildStamp, 'utf8') : '';
  if (isComplete && builtFrom === hashOfInputs()) return;
  console.log('Building dist/ ...');
  build();
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  if (process.argv.includes('--build')) build();
  else ensureBuilt();
}
