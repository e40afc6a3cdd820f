// Node, Chromium and Firefox as places where a client can be watched. Each place is cold: its own process-wide pools apart,
// nothing of it has been used before, and a page in it has come to rest.

import { createWatch } from './watch.mjs';

/** Chromium warms a spare process up right after a navigation, so that a page is given a moment. */
const restMs = 1_000;

async function nodePlace(holdfast, WebSocket) {
  const watch = createWatch(holdfast);
  return {
    run: async (word, given = {}) => watch[word](given),
    call: (measure, given) => measure({ holdfast, WebSocket }, given),
    async fetch(url) {
      await (await fetch(url)).arrayBuffer();
      // The pool has the connection back a turn later.
      await new Promise((resolve) => setImmediate(resolve));
    },
    close: async () => watch.close(),
  };
}

/** `isBusy`: it is not waited for that the page has come to rest, for it will not. */
async function pagePlace(browser, pageUrl, isBusy) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(pageUrl, { waitUntil: isBusy ? 'domcontentloaded' : 'load' });
  await page.evaluate(
    ([ms, skips]) =>
      new Promise((resolve) => {
        const wait = () => setTimeout(resolve, ms);
        if (skips) wait();
        else requestIdleCallback(wait);
      }),
    [restMs, isBusy],
  );
  await page.evaluate(`globalThis.watch = (${createWatch})(Holdfast)`);
  return {
    run: (word, given = {}) => page.evaluate(`watch.${word}(${JSON.stringify(given)})`),
    call: (measure, given) =>
      page.evaluate(`(${measure})({ holdfast: Holdfast, WebSocket }, ${JSON.stringify(given)})`),
    fetch: (url) =>
      page.evaluate(
        (one) =>
          fetch(one)
            .then((answer) => answer.text())
            .then(() => {}),
        url,
      ),
    close: () => context.close(),
  };
}

/** The engines asked for: what each is, and how a place in it is had. */
export async function startEngines(names, origin) {
  // biome-ignore lint/correctness/useImportExtensions: the rule takes the declarations beside the script for the script
  const { chromiumArgs, findBrowsers } = await import('../../scripts/browsers.mjs');
  const engines = [];
  const closers = [];
  if (names.includes('node')) {
    const holdfast = await import('../../dist/index.node.js');
    const { WebSocket } = await import('ws');
    engines.push({ name: 'node', version: process.version, place: () => nodePlace(holdfast, WebSocket) });
  }
  const others = names.filter((name) => name !== 'node');
  const playwright = others.length > 0 ? await import('playwright') : undefined;
  const found = others.length > 0 ? await findBrowsers() : {};
  for (const name of others) {
    // Told by the context alone, Chromium shakes hands once more after each certificate that it does not know.
    const args = name === 'chromium' ? [...chromiumArgs(), '--ignore-certificate-errors'] : [];
    const browser = await playwright[name].launch({ ...found[name], args });
    closers.push(() => browser.close());
    engines.push({
      name,
      version: browser.version(),
      place: ({ pageUrl = origin, isBusy = false } = {}) => pagePlace(browser, pageUrl, isBusy),
    });
  }
  return { engines, close: () => Promise.all(closers.map((close) => close())) };
}
