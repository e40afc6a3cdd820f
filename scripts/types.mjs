// `npm run types`: every tsconfig in turn; all are tried, so that one run shows all errors.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { binOf, ensureInstalled, root } from './ensure.mjs';

/** The names of all type checks that can be run. */
export function typeConfigs() {
  return readdirSync(root)
    .filter((name) => /^tsconfig(\.\w+)?\.json$/.test(name) && name !== 'tsconfig.base.json')
    .sort();
}

/** Checks one configuration; true when it has no errors. */
export function checkTypes(config) {
  const args = [binOf('typescript', 'tsc'), '--project', config, '--pretty', 'false'];
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status === 0;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  for (const config of typeConfigs()) {
    const isClean = checkTypes(config);
    console.log(`${isClean ? 'ok    ' : 'FAILED'} ${config}`);
    if (!isClean) process.exitCode = 1;
  }
}
