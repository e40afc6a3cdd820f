// `npm run test:legacy`: the script for old browsers in old browsers and in those that Playwright does not drive, and the script for
// current ones in those that can read it. Each engine is installed where it is missing. `-- chrome-63` takes some of them. A whole
// run writes the tables of `docs/BROWSERS.md`. Ends with one line of counts.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, ensureBuilt, ensureInstalled } from './ensure.mjs';
import { countRun, resultsDir } from './summary.mjs';

ensureInstalled();
ensureBuilt();
const { engines, install, installPackages, show } = await import('../e2e/legacy/engines.mjs');
const { judge, writeTables } = await import('../e2e/legacy/matrix.mjs');
const { startServer } = await import('../e2e/legacy/server.mjs');

/** Milliseconds that all runs of one engine may take. */
const engineMs = 300_000;
/** Engines at a time: most of their time they wait for a cut to be noticed. */
const laneCount = 3;

// So that the engines end with this program, whatever ends it.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Everything that the page of one engine with one script tells, until it is done, gone or late. */
async function runEngine(engine, script, binary) {
  const told = { name: engine.name, script, begin: undefined, results: [], errors: [] };
  let finish;
  const done = new Promise((resolve) => {
    finish = resolve;
  });
  const server = await startServer(script, (what, body) => {
    if (what === 'begin') told.begin = body;
    if (what === 'result') told.results.push(body);
    if (what === 'error') told.errors.push(body);
    if (what === 'done') finish();
  });
  const page = await show(engine, binary, server.pageUrl(engine.name));
  const timer = setTimeout(() => finish(`not done within ${engineMs / 1000} s`), engineMs);
  const trouble = await Promise.race([done, page.ended]);
  clearTimeout(timer);
  if (trouble) told.errors.push(trouble);
  await page.stop();
  await server.close();
  return told;
}

/** What one engine says to one script. */
async function runOne({ engine, script, binary }) {
  const label = `${engine.name}, ${script}`;
  const startedMs = performance.now();
  const told = await runEngine(engine, script, binary);
  const verdicts = judge(engine, told);
  const lines = verdicts.map(
    ({ name, wrong }) => `${wrong ? 'FAILED' : 'ok    '} ${label}: ${name}${wrong ? ` (${wrong})` : ''}`,
  );
  console.log([...lines, `${label}: ${((performance.now() - startedMs) / 1000).toFixed(0)} s`].join('\n'));
  return { engine, told, verdicts };
}

/** What there is to run; an engine that cannot be had is told of and left out. */
function installAll(chosen) {
  installPackages(chosen);
  return chosen.flatMap((engine) => {
    try {
      const binary = install(engine, cacheDir);
      return engine.scripts.map((script) => ({ engine, script, binary }));
    } catch (error) {
      console.log(`skipped ${engine.name}: ${error.message}`);
      return [];
    }
  });
}

/** Runs all, in lanes beside each other; the results are in the order of the engines. */
async function runAll(chosen) {
  // Before all runs, because it stops this program, and with it every hub, for seconds.
  const all = installAll(chosen);
  const ran = [];
  let begun = 0;
  async function runLane() {
    while (begun < all.length) {
      const turn = begun++;
      ran[turn] = await runOne(all[turn]);
    }
  }
  await Promise.all(Array.from({ length: laneCount }, runLane));
  return { ran, skippedCount: chosen.length - new Set(all.map(({ engine }) => engine)).size };
}

/** Where everything must run, what is skipped has failed. */
function count({ ran, skippedCount }) {
  const verdicts = ran.flatMap((one) => one.verdicts);
  const failed = verdicts.filter(({ wrong }) => wrong).length;
  const isStrict = Boolean(process.env.CI);
  return {
    passed: verdicts.length - failed,
    failed: failed + (isStrict ? skippedCount : 0),
    skipped: isStrict ? 0 : skippedCount,
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
  const isWhole = chosen.length === engines.length && result.skippedCount === 0;
  if (isWhole && counts.failed === 0 && !process.env.CI) writeTables(result.ran);
  return counts;
}

await countRun('legacy', () => main(process.argv.slice(2)));
