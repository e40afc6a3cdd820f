/**
 * The runtimes: where each comes from and how it runs a module. They are fetched from the npm registry into a cache folder, so that
 * every version is there whatever the machine has.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const installTimeoutMs = 300_000;

const { platform, arch } = process;

function node(version) {
  return {
    name: `node-${version.split('.')[0]}`,
    label: `Node ${version}`,
    spec: `node-${platform}-${arch}@${version}`,
    binary: 'bin/node',
    args: [],
  };
}

export const engines = [
  node('20.20.2'),
  node('22.23.3'),
  node('24.21.0'),
  node('26.10.0'),
  {
    name: 'bun',
    label: 'Bun 1.4.5',
    spec: `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}@1.4.5`,
    binary: 'bin/bun',
    args: [],
  },
  {
    name: 'deno',
    label: 'Deno 2.9.6',
    spec: `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}@2.9.6`,
    binary: 'deno',
    args: ['run', '--quiet', '--allow-all', '--no-lock'],
  },
];

function run(command, args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: installTimeoutMs });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${String(stderr).trim().slice(-300)}`);
}

/** The command that runs a module in this runtime, which is fetched where it is missing; throws where it cannot be. */
export function install({ name, spec, binary, args }, folder) {
  const home = join(folder, `${name}-${spec.split('@').at(-1)}`);
  const path = join(home, 'package', binary);
  if (!existsSync(path)) {
    if (platform === 'win32') throw new Error('only for Linux and macOS');
    console.log(`Fetching ${spec} ...`);
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    run('npm', ['pack', spec, '--ignore-scripts', '--silent', '--pack-destination', home]);
    run('sh', ['-c', `tar xzf '${home}'/*.tgz -C '${home}' && rm '${home}'/*.tgz`]);
  }
  return [path, ...args];
}
