// `npm run bench`: Holdfast beside its peers and the floor, everything in one run. bench/README.md says what the figures mean.
// The JSON, and a page with plots, go to test-results/bench; a full run also writes docs/SPEED.md (`--doc`: this one, too).

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled, root } from '../scripts/ensure.mjs';
import { figuresOf } from './lib/figures.mjs';
import { ensurePeers } from './lib/install.mjs';
import { judge } from './lib/judge.mjs';
import { pageOf } from './lib/page.mjs';
import { speedDoc } from './lib/speed-doc.mjs';
import { goals } from './speed/goals.mjs';

const folder = join(root, 'test-results', 'bench');

function readFlags() {
  const { values } = parseArgs({
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      profile: { type: 'boolean', default: false },
      doc: { type: 'boolean', default: false },
    },
  });
  const { full: isFull, only, profile: isProfiled } = values;
  const rounds = Number(values.rounds ?? (isFull ? 5 : 3));
  const isWhole = only.length === 0 && !isProfiled;
  return { isFull, only, rounds, isProfiled, writesDoc: isWhole && (isFull || values.doc) };
}

function printSuite({ title, metrics, rows, rounds }) {
  console.log(`\n${title}; medians of ${rounds}, with the ratio to the base`);
  for (const { name, cells } of rows) {
    console.log(`  ${name}`);
    for (const { contender, figures, errors } of cells) {
      const texts = Object.entries(figures).map(([metric, { median, ratio }]) => {
        const beside = ratio ? ` (${ratio.median.toFixed(2)})` : '';
        return `${metric} ${median.toFixed(metrics[metric].digits)}${beside}`;
      });
      if (errors.length > 0) texts.push(`${errors.length} failed: ${errors[0]}`);
      console.log(`    ${contender.padEnd(30)} ${texts.join('  ')}`);
    }
  }
}

function printGoals(goals) {
  console.log('\nGoals');
  for (const { title, parts } of goals) {
    for (const { goal, measured, isMeasured, isMissed } of parts) {
      const state = !isMeasured ? '–' : isMissed ? 'NOT REACHED' : 'reached';
      console.log(`  ${state.padEnd(12)} ${title}: ${goal}; measured ${measured}`);
    }
  }
}

/** The modules of the bench import what is installed and built, so they are loaded after that was seen to. */
async function measureAll({ isFull, only, rounds }) {
  const [{ suites }, { peers }, { measureSuite }, { versionsOf, watchMachine }] = await Promise.all([
    import('./lib/suites.mjs'),
    import('./lib/peers.mjs'),
    import('./lib/rounds.mjs'),
    import('./lib/machine.mjs'),
  ]);
  const readMachine = watchMachine();
  const all = [];
  let ownUs = 0;
  for (const [name, load] of Object.entries(suites)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const suite = await load();
    const { roundsMax = rounds } = suite;
    const { rows, cpuUs } = await measureSuite(name, suite, { isFull, rounds: Math.min(rounds, roundsMax) });
    ownUs += cpuUs;
    const figures = figuresOf(name, suite, rows, Math.min(rounds, roundsMax));
    printSuite(figures);
    all.push(figures);
  }
  const packages = (await Promise.all(Object.values(peers).map((load) => load()))).flatMap(
    (peer) => peer.packages,
  );
  return {
    at: new Date().toISOString(),
    machine: readMachine(ownUs),
    versions: versionsOf(packages),
    suites: all,
  };
}

async function main() {
  const flags = readFlags();
  ensureInstalled();
  ensurePeers();
  ensureBuilt();
  await mkdir(folder, { recursive: true });
  if (flags.isProfiled) process.env['BENCH_PROFILE_DIR'] = folder;
  const measured = await measureAll(flags);
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  const report = { command, ...measured, goals: judge(goals, measured.suites) };
  printGoals(report.goals);
  await writeFile(join(folder, 'speed.json'), `${JSON.stringify(report, undefined, 1)}\n`);
  await writeFile(join(folder, 'speed.html'), pageOf(report));
  if (flags.writesDoc) await writeFile(join(root, 'docs', 'SPEED.md'), speedDoc(report));
  console.log(`\nThe report is ${join('test-results', 'bench', 'speed.html')}.`);
}

await main();
process.exit(0);
