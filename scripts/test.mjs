// `npm test`: prepares a clone, then runs every stage and ends with one line of counts.
// `npm test -- node e2e` runs only the stages named; `more` and `webkit` run only if they are named.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { install, installPackages, webkitgtk } from '../e2e/legacy/engines.mjs';
import { findBrowsers } from './browsers.mjs';
import { binOf, cacheDir, ensureBuilt, ensureInstalled, root } from './ensure.mjs';
import {
  add,
  countPlaywright,
  countRun,
  countSim,
  countVitest,
  failuresOf,
  none,
  readReport,
  resultsDir,
  secondTries,
  summaryLine,
} from './summary.mjs';

const stageTimeoutMs = 20 * 60_000;

function vitestStage(name, projects) {
  const report = `${name}.json`;
  return {
    name,
    report,
    count: countVitest,
    packageName: 'vitest',
    args: [
      'run',
      ...projects.flatMap((project) => ['--project', project]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${join(resultsDir, report)}`,
    ],
  };
}

function playwrightStage(name, projects, env = {}) {
  const report = `${name}.json`;
  return {
    name,
    report,
    count: countPlaywright,
    packageName: '@playwright/test',
    args: [
      'test',
      '--config',
      'playwright.config.ts',
      ...projects.flatMap((project) => ['--project', project]),
    ],
    env: { ...env, E2E_REPORT: join(resultsDir, report) },
  };
}

const stages = [
  vitestStage('node', ['unit', 'tidy', 'sim', 'contract-node']),
  {
    name: 'sim',
    report: 'sim.json',
    count: countSim,
    script: join(root, 'scripts', 'sim.mjs'),
    args: ['--seeds', '20000', '--json', join(resultsDir, 'sim.json')],
  },
  vitestStage('contract-chromium', ['contract-chromium']),
  vitestStage('contract-firefox', ['contract-firefox']),
  playwrightStage('e2e', ['chromium', 'firefox']),
];

/** Stages that run only where they are named; the summary of a run of one of them goes by its name. */
const named = [
  playwrightStage('more', ['more-chromium', 'more-firefox']),
  playwrightStage('webkit', ['webkit'], { HOLDFAST_ENGINE: 'webkit' }),
];

/** Runs one stage; whatever goes wrong outside a test counts as one failure more. */
function runStage({ name, report, count, packageName, script, args, env }) {
  console.log(`\n--- ${name} ---`);
  rmSync(join(resultsDir, report), { force: true });
  const bin = script ?? binOf(packageName, packageName === 'vitest' ? 'vitest' : 'playwright');
  const result = spawnSync(process.execPath, [bin, ...args], {
    cwd: root,
    stdio: 'inherit',
    timeout: stageTimeoutMs,
    env: { ...process.env, ...env },
  });
  const failure = { ...none, failed: 1 };
  let counts;
  try {
    const told = readReport(report);
    counts = { ...count(told), failures: failuresOf(told) };
    if (count === countPlaywright) for (const test of secondTries(told)) console.log(`second try: ${test}`);
  } catch (error) {
    console.log(`${name}: no report (${error.message})`);
    return failure;
  }
  if (counts.passed + counts.failed === 0) {
    console.log(`${name}: no test ran`);
    return add(counts, failure);
  }
  if (result.status !== 0 && counts.failed === 0) {
    console.log(`${name}: every test passed, yet the runner ended with ${result.status ?? result.signal}`);
    return add(counts, failure);
  }
  return counts;
}

/** Puts the browsers of these stages on this machine; throws where that cannot be done. */
async function findEngines(chosen) {
  if (chosen.some(({ name }) => name === 'webkit')) {
    installPackages([webkitgtk]);
    install(webkitgtk, cacheDir);
  }
  if (chosen.some(({ name }) => name !== 'webkit')) await findBrowsers();
}

async function main(names) {
  const all = [...stages, ...named];
  const unknown = names.filter((name) => !all.some((stage) => stage.name === name));
  if (unknown.length > 0) {
    throw new Error(`No stage ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`);
  }
  const chosen = names.length === 0 ? stages : all.filter(({ name }) => names.includes(name));
  ensureInstalled();
  ensureBuilt();
  await findEngines(chosen);
  mkdirSync(resultsDir, { recursive: true });
  let total = none;
  const [lines, failures] = [[], []];
  for (const stage of chosen) {
    const startedMs = performance.now();
    const counts = runStage(stage);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    lines.push(`${stage.name.padEnd(18)} ${summaryLine(counts)} (${seconds} s)`);
    total = add(total, counts);
    failures.push(...(counts.failures ?? []));
  }
  console.log(`\n${lines.join('\n')}`);
  return { ...total, failures };
}

const names = process.argv.slice(2);
const isNamed = named.some(({ name }) => name === names.join());
await countRun(isNamed ? names.join() : 'test', () => main(names));
