// Pages of Chromium in which a peer's published script connects to another origin.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
// biome-ignore lint/correctness/useImportExtensions: the rule takes the declarations beside the script for the script
import { chromiumArgs, findBrowsers } from '../../scripts/browsers.mjs';
import { root } from '../../scripts/ensure.mjs';
import { listen } from './stage-half.mjs';

const html = '<!doctype html><link rel="icon" href="data:,"><script src="/peer.js"></script>';

async function serveScript(script) {
  const code = script ? readFileSync(join(root, script)) : '';
  const server = http.createServer(({ url }, response) => {
    const isCode = url === '/peer.js';
    response.setHeader('Content-Type', isCode ? 'text/javascript' : 'text/html');
    response.end(isCode ? code : html);
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

async function launch() {
  const { chromium } = await import('playwright');
  const { chromium: found } = await findBrowsers();
  return chromium.launch({ ...found, args: chromiumArgs() });
}

/** Sent to a page that was just loaded: it is busy with itself for a while. */
function rest() {
  return new Promise((resolve) => setTimeout(() => requestIdleCallback(resolve), 1_000));
}

/** Sent to the page, with the peer's `connect` beside it. */
function begin(connect, url, topic) {
  const wallMs = () => performance.timeOrigin + performance.now();
  globalThis.heard = [];
  const at = wallMs();
  connect(url, topic, ({ n }) => globalThis.heard.push([n, wallMs()]));
  return at;
}

/** What is needed for pages is there when the first is opened. */
export async function createPages({ script, connect } = {}) {
  const origin = await serveScript(script);
  let browser;
  return {
    origin,
    /** A cold page: nothing of its context has been used before. */
    async open() {
      browser ??= await launch();
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(origin);
      await page.evaluate(rest);
      return {
        begin: ({ port, topic }) =>
          page.evaluate(`(${begin})(({ ${connect} }).connect, 'http://127.0.0.1:${port}', '${topic}')`),
        waitFor: ({ after, limitMs }) =>
          page
            .waitForFunction((least) => globalThis.heard.some(([n]) => n > least), after, {
              timeout: limitMs,
            })
            .then(
              () => true,
              () => false,
            ),
        heard: () => page.evaluate('heard'),
        leave: () => context.close(),
      };
    },
  };
}
