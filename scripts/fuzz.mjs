// `npm run fuzz -- --rounds 10`: all properties once more, each round by a seed of its own. Ends with 1 at the first that fails, having
// said the seed: HOLDFAST_FUZZ_SEED makes any run of the unit tests use it.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { binOf, ensureInstalled, root } from './ensure.mjs';

const roundTimeoutMs = 10 * 60_000;

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } });
ensureInstalled();
const args = [binOf('vitest', 'vitest'), 'run', '--project', 'unit', '--reporter=dot'];
const folders = ['fuzz', 'core', 'protocols', 'client/memory', 'server/log', 'server/queue'];
for (let round = 1; round <= Number(values.rounds); round++) {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`\nround ${round} of ${values.rounds}: HOLDFAST_FUZZ_SEED=${seed}`);
  const { status } = spawnSync(process.execPath, [...args, ...folders.map((name) => `test/unit/${name}`)], {
    cwd: root,
    stdio: 'inherit',
    timeout: roundTimeoutMs,
    env: { ...process.env, HOLDFAST_FUZZ_SEED: String(seed) },
  });
  if (status !== 0) process.exit(1);
}
