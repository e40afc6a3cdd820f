// Completes package-lock.json after `npm install`. npm leaves out the optional packages of other platforms when it
// cannot see them, and `npm ci` then fails, or installs no native binary on those platforms
// (https://github.com/npm/cli/issues/4828). Their versions are pinned by the packages that ask for them.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './ensure.mjs';

const file = join(root, 'package-lock.json');
const systems = 'aix android darwin freebsd linux netbsd openbsd openharmony sunos win32'.split(' ');
const processors = 'arm arm64 ia32 loong64 mips64el ppc64 riscv64 s390x wasm32 x64'.split(' ');

/** What a platform package declares, read off its name: `…-linux-x64-musl`. */
function platformOf(name) {
  if (name === 'fsevents') return { os: ['darwin'] };
  const words = name.split(/[/-]/);
  const os = systems.filter((word) => words.includes(word));
  const cpu = processors.filter((word) => words.includes(word));
  const libc = [
    ...(os[0] === 'linux' && words.some((word) => word.startsWith('musl')) ? ['musl'] : []),
    ...(os[0] === 'linux' && words.some((word) => word.startsWith('gnu')) ? ['glibc'] : []),
  ];
  if (cpu.length === 0) return undefined;
  return { cpu, ...(libc.length > 0 ? { libc } : {}), ...(os.length > 0 ? { os } : {}) };
}

const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];
for (const { dev, optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const path = `node_modules/${name}`;
    const platform = platformOf(name);
    if (lock.packages[path] || !platform || !/^[~^]?\d+\.\d+\.\d+$/.test(version)) continue;
    lock.packages[path] = {
      version: version.replace(/^[~^]/, ''),
      ...platform,
      ...(dev ? { dev: true } : {}),
      optional: true,
    };
    added.push(name);
  }
}
const [own, ...others] = Object.entries(lock.packages);
others.sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries([own, ...others]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length > 0 ? `added ${added.length} optional packages: ${added.join(', ')}` : 'complete');
