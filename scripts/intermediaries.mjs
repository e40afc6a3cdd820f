// `npm run test:intermediaries`: real clients through real proxies, all at once. `-- nginx haproxy` takes some of them,
// `-- --seconds 20` a shorter time. A whole run writes `docs/INTERMEDIARIES.md`. Ends with one line of counts.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeReport } from '../e2e/intermediaries/report.mjs';
import { runIntermediaries } from '../e2e/intermediaries/run.mjs';
import { settingsNamed } from '../e2e/intermediaries/settings.mjs';
import { ensureBuilt, ensureInstalled, root } from './ensure.mjs';
import { countRun, resultsDir } from './summary.mjs';

const wholeSeconds = 180;

// So that the products end with this program, whatever ends it.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

function tell({ tests, skipped }) {
  for (const { name, wrong } of tests) {
    console.log(`${wrong.length === 0 ? 'ok    ' : 'FAILED'} ${name}`);
    for (const text of wrong) console.log(`       ${text}`);
  }
  for (const name of skipped) console.log(`skipped ${name}: it is not installed and cannot be`);
}

/** Where everything must run, what is skipped has failed. */
function count({ tests, skipped }) {
  const failed = tests.filter(({ wrong }) => wrong.length > 0).length;
  const isStrict = Boolean(process.env.CI);
  return {
    passed: tests.length - failed,
    failed: failed + (isStrict ? skipped.length : 0),
    skipped: isStrict ? 0 : skipped.length,
  };
}

function keep(result, seconds, isWhole) {
  mkdirSync(resultsDir, { recursive: true });
  const records = result.runs.map(({ name, record }) => ({ name, ...record }));
  writeFileSync(join(resultsDir, 'intermediaries.json'), JSON.stringify(records, null, 1));
  const report = writeReport({ ...result, seconds });
  writeFileSync(join(resultsDir, 'INTERMEDIARIES.md'), report);
  // In CI the page in the repository is not touched: its figures are those of a quiet machine.
  if (isWhole && !process.env.CI) writeFileSync(join(root, 'docs/INTERMEDIARIES.md'), report);
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: 'string', default: String(wholeSeconds) } },
    allowPositionals: true,
  });
  const seconds = Number(values.seconds);
  const settings = settingsNamed(positionals);
  ensureInstalled();
  ensureBuilt();
  const result = await runIntermediaries(settings, seconds);
  const isWhole = positionals.length === 0 && result.skipped.length === 0 && seconds >= wholeSeconds;
  keep(result, seconds, isWhole);
  tell(result);
  const counts = count(result);
  return counts;
}

await countRun('intermediaries', main);
