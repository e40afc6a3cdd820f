// Counts: what the runners' JSON reports say, kept in `test-results/` and told as one plain line.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './ensure.mjs';

export const resultsDir = join(root, 'test-results');

export const none = { passed: 0, failed: 0, skipped: 0 };

export function add(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** `N passed, N failed`, and the skipped where there are any. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Counts of a report of Vitest; a file that could not be run is one failure. */
export function countVitest(report) {
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Counts of a report of Playwright; a test that passed only at its second try has passed, and `secondTries` names it. */
export function countPlaywright({ stats, errors }) {
  return {
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected + errors.length,
    skipped: stats.skipped,
  };
}

/** Names of the tests that Playwright had to run twice. */
export function secondTries({ suites }) {
  return suites.flatMap(function namesIn({ title, suites = [], specs = [] }) {
    const own = specs.flatMap(({ title: name, tests }) =>
      tests
        .filter(({ status }) => status === 'flaky')
        .map(({ projectName }) => `${projectName}: ${title}: ${name}`),
    );
    return [...own, ...suites.flatMap(namesIn)];
  });
}

/** Names of the tests that failed in a report of Vitest or of Playwright. */
export function failuresOf({ suites, testResults }) {
  if (testResults) {
    return testResults.flatMap(({ name, status, assertionResults }) => {
      const failed = assertionResults.filter(({ status: one }) => one === 'failed');
      if (status === 'failed' && failed.length === 0) return [name];
      return failed.map(
        ({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]?.split('\n')[0]}`,
      );
    });
  }
  return (suites ?? []).flatMap(function namesIn({ title, suites: inner = [], specs = [] }) {
    const own = specs.flatMap(({ title: name, tests }) =>
      tests
        .filter(({ status }) => status === 'unexpected')
        .map(({ projectName }) => `${projectName}: ${title}: ${name}`),
    );
    return [...own, ...inner.flatMap(namesIn)];
  });
}

/** Counts of a run of the simulator: all its worlds are one test. */
export function countSim({ failed }) {
  return { ...none, passed: failed === 0 ? 1 : 0, failed: failed === 0 ? 0 : 1 };
}

export function readReport(file) {
  return JSON.parse(readFileSync(join(resultsDir, file), 'utf8'));
}

/** Keeps the counts of a whole run, for whoever adds up several. */
function saveSummary(name, counts) {
  mkdirSync(resultsDir, { recursive: true });
  writeFileSync(join(resultsDir, `summary-${name}.json`), JSON.stringify(counts));
}

/**
 * A whole run: keeps what it counted, names what failed where the run knows, says the counts in one last line, and ends the
 * program. One that throws has failed.
 */
export async function countRun(name, run) {
  let counts;
  try {
    counts = await run();
  } catch (error) {
    console.error(`\n${error.stack}`);
    counts = { ...none, failed: 1 };
  }
  saveSummary(name, counts);
  for (const failure of counts.failures ?? []) console.log(`\nFAILED ${failure}`);
  console.log(`\n${summaryLine(counts)}`);
  process.exit(counts.failed === 0 ? 0 : 1);
}
