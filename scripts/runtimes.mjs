// `npm run test:runtimes`: the adapters' contract suite and the built package in Node, Bun and Deno, each of them fetched where it is
// missing. `-- bun deno` takes some of them. A whole run writes the table of `docs/BROWSERS.md`. Ends with one line of counts.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir, ensureBuilt, ensureInstalled, root } from './ensure.mjs';
import { countRun } from './summary.mjs';

ensureInstalled();
ensureBuilt();
const { bundleContract } = await import('../test/runtimes/bundle.mjs');
const { runContract } = await import('../test/runtimes/contract-run.mjs');
const { engines, install } = await import('../test/runtimes/engines.mjs');
const { runScenario, transports } = await import('../test/runtimes/scenario.mjs');
const { tableOf, writeTable } = await import('../test/runtimes/table.mjs');

const suite = {
  contract: fileURLToPath(new URL('../test/runtimes/contract.ts', import.meta.url)),
  vitest: fileURLToPath(new URL('../test/runtimes/vitest.ts', import.meta.url)),
};
const folder = join(cacheDir, 'runtimes');
/** The other half of each scenario: this very Node. */
const here = [process.execPath];

// So that what was started ends with this program, whatever ends it.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
process.chdir(root);

function say(engine, { name, wrong }) {
  console.log(`${wrong ? 'FAILED' : 'ok    '} ${engine.label}: ${name}${wrong ? ` (${wrong})` : ''}`);
}

/** Each transport alone, and then all of them as they come. */
async function runScenarios(engine, side, commands) {
  const results = [];
  for (const [transport, allowed] of [...transports.map((name) => [name, [name]]), ['default', transports]]) {
    const result = { name: `${side}, ${transport}`, transport, used: undefined, wrong: '' };
    try {
      result.used = await runScenario({ ...commands, allowed });
    } catch (error) {
      result.wrong = error.message;
    }
    say(engine, result);
    results.push(result);
  }
  return results;
}

/** The command that runs it, or nothing where it cannot be had. */
function commandOf(engine) {
  try {
    return install(engine, folder);
  } catch (error) {
    console.log(`skipped ${engine.label}: ${error.message}`);
    return undefined;
  }
}

async function runEngine(engine, command, files) {
  const contract = await runContract(command, files);
  for (const verdict of contract.filter(({ state }) => state === 'fail')) say(engine, verdict);
  say(engine, { name: `${contract.filter(({ state }) => state === 'pass').length} of the contract suite` });
  const client = await runScenarios(engine, 'client', { clientCommand: command, hubCommand: here });
  const hub = await runScenarios(engine, 'hub', { clientCommand: here, hubCommand: command });
  return { engine, contract, client, hub };
}

function countOf(ran, skipped) {
  const failures = ran.flatMap(({ contract, client, hub }) => [
    ...contract.filter(({ state }) => state !== 'skip').map(({ state }) => state !== 'pass'),
    ...[...client, ...hub].map(({ wrong }) => wrong !== ''),
  ]);
  const failed = failures.filter(Boolean).length;
  // Where everything must run, what is skipped has failed.
  const isStrict = Boolean(process.env.CI);
  return {
    passed: failures.length - failed,
    failed: failed + (isStrict ? skipped : 0),
    skipped: isStrict ? 0 : skipped,
  };
}

async function main(names) {
  const unknown = names.filter((name) => !engines.some((engine) => engine.name === name));
  if (unknown.length > 0) throw new Error(`No runtime ${unknown.join(', ')}`);
  const files = await bundleContract(suite, join(folder, 'contract'));
  const ran = [];
  const chosen = engines.filter(({ name }) => names.length === 0 || names.includes(name));
  for (const engine of chosen) {
    const command = commandOf(engine);
    if (command) ran.push(await runEngine(engine, command, files));
  }
  const counts = countOf(ran, chosen.length - ran.length);
  const table = tableOf(ran);
  console.log(`\n${table}`);
  if (ran.length === engines.length && counts.failed === 0 && !process.env.CI) writeTable(table);
  return counts;
}

await countRun('runtimes', () => main(process.argv.slice(2)));
