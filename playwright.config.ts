import { defineConfig } from '@playwright/test';
import { chromiumArgs, knownBrowsers } from './scripts/browsers.mjs';

const browsers = knownBrowsers();

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
  reporter: [['line'], ['json', { outputFile: 'test-results/e2e.json' }]],
  use: { headless: true, screenshot: 'only-on-failure' },
  projects: [
    {
      name: 'chromium',
      use: {
        browserName: 'chromium',
        launchOptions: { ...browsers.chromium, args: chromiumArgs() },
      },
    },
    {
      name: 'firefox',
      use: { browserName: 'firefox', launchOptions: browsers.firefox },
    },
  ],
});
