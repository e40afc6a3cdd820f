/** The page in Chromium in which lanes run, and the server that it comes from. What lanes tell comes back in batches. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { chromium } from 'playwright';
// biome-ignore lint/correctness/useImportExtensions: the rule takes the declarations beside the script for the script
import { chromiumArgs, findBrowsers } from '../../scripts/browsers.mjs';
import { root } from '../../scripts/ensure.mjs';

const files = {
  '/holdfast.js': 'dist/holdfast.umd.min.js',
  '/lane.js': 'test/chaos/lane.js',
  '/random.js': 'test/chaos/random.js',
};

const html = `<!doctype html><title>chaos</title><link rel=icon href="data:,"><script src="/holdfast.js"></script>
<script type="module">
  import { createLane } from '/lane.js';
  const lanes = {};
  let heard = [];
  const flush = () => {
    if (heard.length > 0) window.hear(heard);
    heard = [];
  };
  setInterval(flush, 50);
  window.put = (given) => {
    lanes[given.name] = createLane(Holdfast, given, (event) => heard.push([given.name, event]));
  };
  window.order = (name, order) => lanes[name][order]();
  window.isReady = true;
</script>`;

export async function startSite() {
  const server = createServer(async (request, response) => {
    const file = files[request.url];
    response.setHeader('Content-Type', file ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(file ? await readFile(join(root, file)) : html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {string} origin
 * @param {{ hear: (lane: string, event: object) => void, failed: (what: string) => void }} on
 */
export async function openPage(origin, on) {
  const { chromium: found } = await findBrowsers();
  const browser = await chromium.launch({ ...found, args: chromiumArgs() });
  const page = await browser.newPage();
  page.on('pageerror', (error) => on.failed(`an error in the page: ${error.message}`));
  page.on('crash', () => on.failed('the page crashed'));
  await page.exposeFunction('hear', (batch) => {
    for (const [lane, event] of batch) on.hear(lane, event);
  });
  await page.goto(origin);
  await page.waitForFunction(() => window.isReady === true);
  return {
    /** The same words as those of a lane. */
    async createLane(given) {
      await page.evaluate((one) => window.put(one), given);
      const order = (name) => () =>
        page.evaluate(([lane, word]) => window.order(lane, word), [given.name, name]);
      return { start: order('start'), calm: order('calm'), close: order('close') };
    },
    close: () => browser.close(),
  };
}
