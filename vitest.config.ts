import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromiumArgs, knownBrowsers } from './scripts/browsers.mjs';

const browsers = knownBrowsers();

/** The contract suite starts its hub in Node; the tests learn its address by `inject`. */
const contract = {
  include: ['test/contract/**/*.test.ts'],
  globalSetup: ['test/contract/global-setup.ts'],
  testTimeout: 20_000,
  hookTimeout: 20_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], setupFiles: ['test/unit/seed.ts'] },
      },
      { extends: true, test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 180_000 } },
      {
        extends: true,
        test: {
          name: 'tidy',
          include: ['test/tidy/**/*.test.ts', 'test/mutants/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      { extends: true, test: { ...contract, name: 'contract-node' } },
      {
        extends: true,
        optimizeDeps: { include: ['mitt', 'event-source-polyfill'] },
        test: {
          ...contract,
          name: 'contract-browser',
          // As end to end: on a busy machine a browser now and then loses its breath.
          retry: process.env['CI'] ? 1 : 0,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            instances: [
              {
                browser: 'chromium',
                name: 'contract-chromium',
                provider: playwright({ launchOptions: { ...browsers.chromium, args: chromiumArgs() } }),
              },
              {
                browser: 'firefox',
                name: 'contract-firefox',
                provider: playwright({ launchOptions: browsers.firefox }),
              },
            ],
          },
        },
      },
    ],
    // `npm run coverage` switches this on. What is left out of the core says why beside the hint.
    coverage: {
      provider: 'v8',
      include: ['src/core/**/*.ts'],
      reporter: ['text', 'json-summary'],
      reportsDirectory: 'coverage',
      thresholds: { branches: 100 },
    },
  },
});
