import { defineConfig } from '@playwright/test';
import { chromiumArgs, knownBrowsers } from './scripts/browsers.mjs';

const browsers = knownBrowsers();

/** What `npm run test:more` runs: other people's servers and pages, and the script for old browsers in current ones. */
const more = ['**/servers/*.spec.ts', '**/hosts/*.spec.ts', '**/legacy/*.spec.ts'];

const engines = {
  chromium: {
    browserName: 'chromium',
    launchOptions: { ...browsers.chromium, args: chromiumArgs() },
  },
  firefox: { browserName: 'firefox', launchOptions: browsers.firefox },
} as const;

/** `HOLDFAST_ENGINE=webkit` puts WebKitGTK's pages in the place of Playwright's, see `e2e/webkit`. */
const isWebKit = process.env['HOLDFAST_ENGINE'] === 'webkit';
const webkit = '**/webkit/*.spec.ts';
/** Nothing of these happens in a page, or they need words that only Playwright's own pages have. */
const notInWebKit = ['**/node.spec.ts', '**/playground.spec.ts'];

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results/e2e',
  fullyParallel: true,
  forbidOnly: Boolean(process.env['CI']),
  // On a busy machine a browser now and then misses a time limit. The summary names whatever needed its second try.
  retries: process.env['CI'] ? 1 : 0,
  // Most tests wait for a network: three keep two cores busy.
  workers: 3,
  timeout: 60_000,
  reporter: [['line'], ['json', { outputFile: process.env['E2E_REPORT'] ?? 'test-results/e2e.json' }]],
  // One page after the other in the same tab: to open a new one takes as long as most tests do. Each has an origin of its own.
  use: { headless: true, reuseContext: true },
  projects: isWebKit
    ? [{ name: 'webkit', use: { browserName: 'webkit' }, testIgnore: [...more, ...notInWebKit] }]
    : [
        { name: 'chromium', use: engines.chromium, testIgnore: [...more, webkit] },
        { name: 'firefox', use: engines.firefox, testIgnore: [...more, webkit] },
        { name: 'more-chromium', use: engines.chromium, testMatch: more },
        { name: 'more-firefox', use: engines.firefox, testMatch: more },
      ],
});
