/** Playwright's `test` with the pages of WebKitGTK in place of its own: a display for each worker, a browser for each test. */
import { test as base } from '@playwright/test';
import { startDisplay } from '../legacy/display.mjs';
import { pageOver } from './page.ts';
import { openBrowser } from './webdriver.ts';

export const test = base.extend<object, { readonly display: string }>({
  display: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads which fixtures are wanted from this pattern
    async ({}, use) => {
      const display = await startDisplay();
      await use(display.name);
      await display.stop();
    },
    { scope: 'worker' },
  ],
  page: async ({ display }, use) => {
    const browser = await openBrowser(display);
    await use(pageOver(browser.command));
    await browser.close();
  },
});
