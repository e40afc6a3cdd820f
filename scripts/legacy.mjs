// `npm run test:legacy`: the script for old browsers in old browsers, each of them installed where it is missing.
// `-- chrome-63` takes some of them. A whole run writes the matrix of `docs/BROWSERS.md`. Ends with one line of counts.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, ensureBuilt, ensureInstalled } from './ensure.mjs';
import { countRun, resultsDir } from './summary.mjs';

ensureInstalled();
ensureBuilt();
const { engines, install, show } = await import('../e2e/legacy/engines.mjs');
const { judge, writeMatrix } = await import('../e2e/legacy/matrix.mjs');
const { startServer } = await import('../e2e/legacy/server.mjs');

/** Milliseconds that all runs of one engine may take. */
const engineMs = 300_000;

// So that the engines end with this program, whatever ends it.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Everything that the page of one engine tells, until it is done, gone or late. */
async function runEngine(engine, binary) {
  const told = { name: engine.name, begin: undefined, results: [], errors: [] };
  let finish;
  const done = new Promise((resolve) => {
    finish = resolve;
  });
  const server = await startServer((_, what, body) => {
    if (what === 'begin') told.begin = body;
    if (what === 'result') told.results.push(body);
    if (what === 'error') told.errors.push(body);
    if (what === 'done') finish();
  });
  const page = show(engine, binary, server.pageUrl(engine.name));
  const timer = setTimeout(() => finish(`not done within ${engineMs / 1000} s`), engineMs);
  const trouble = await Promise.race([done, page.ended]);
  clearTimeout(timer);
  if (trouble) told.errors.push(trouble);
  await page.stop();
  await server.close();
  return told;
}

async function runAll(chosen) {
  const ran = [];
  const skipped = [];
  for (const engine of chosen) {
    try {
      const told = await runEngine(engine, install(engine, cacheDir));
      const verdicts = judge(engine, told);
      for (const { name, wrong } of verdicts) {
        console.log(`${wrong ? 'FAILED' : 'ok    '} ${engine.name}: ${name}${wrong ? ` (${wrong})` : ''}`);
      }
      ran.push({ engine, told, verdicts });
    } catch (error) {
      console.log(`skipped ${engine.name}: ${error.message}`);
      skipped.push(engine.name);
    }
  }
  return { ran, skipped };
}

/** Where everything must run, what is skipped has failed. */
function count({ ran, skipped }) {
  const verdicts = ran.flatMap((one) => one.verdicts);
  const failed = verdicts.filter(({ wrong }) => wrong).length;
  const isStrict = Boolean(process.env.CI);
  return {
    passed: verdicts.length - failed,
    failed: failed + (isStrict ? skipped.length : 0),
    skipped: isStrict ? 0 : skipped.length,
  };
}

async function main(names) {
  const unknown = names.filter((name) => !engines.some((engine) => engine.name === name));
  if (unknown.length > 0) throw new Error(`No engine ${unknown.join(', ')}`);
  const chosen = engines.filter(({ name }) => names.length === 0 || names.includes(name));
  const result = await runAll(chosen);
  mkdirSync(resultsDir, { recursive: true });
  writeFileSync(
    join(resultsDir, 'legacy.json'),
    JSON.stringify(
      result.ran.map(({ told }) => told),
      null,
      1,
    ),
  );
  const counts = count(result);
  if (result.ran.length === engines.length && counts.failed === 0 && !process.env.CI) writeMatrix(result.ran);
  return counts;
}

await countRun('legacy', () => main(process.argv.slice(2)));
