// Where clients run: a process of Node, Chromium, Firefox. Each engine opens places that speak the words of `clients.mjs`.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
// biome-ignore lint/correctness/useImportExtensions: the rule takes the declarations beside the script for the script
import { chromiumArgs, findBrowsers } from '../../scripts/browsers.mjs';
import { createClients } from './clients.mjs';

/** One process for all clients in Node. */
async function startNode(certificate) {
  const script = fileURLToPath(new URL('node-clients.mjs', import.meta.url));
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate };
  const child = fork(script, { env });
  const waiting = new Map();
  let lastId = 0;
  child.on('message', ({ id, answer, error }) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error === undefined) resolve?.(answer);
    else reject?.(new Error(error));
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the process of the clients has ended'));
  });
  await once(child, 'message');
  const call = (word, ...args) =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      child.send({ id, word, args });
    });
  return {
    place: async () => ({ call, close: async () => {} }),
    async close() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

/** A fresh context for each place, so that nothing is remembered and no pool is warm. */
async function startBrowser(kind) {
  const playwright = await import('playwright');
  const found = await findBrowsers();
  const args = kind === 'chromium' ? chromiumArgs() : [];
  const browser = await playwright[kind].launch({ ...found[kind], args });
  return {
    async place({ pageUrl, proxy }) {
      const context = await browser.newContext({
        ignoreHTTPSErrors: true,
        // Browsers leave loopback addresses out unless told otherwise.
        ...(proxy && { proxy: { server: proxy, bypass: '<-loopback>' } }),
      });
      const page = await context.newPage();
      await page.goto(pageUrl, { waitUntil: 'load' });
      await page.evaluate(`window.clients = (${createClients})(Holdfast); undefined`);
      return {
        call: (word, ...given) =>
          page.evaluate(([name, values]) => window.clients[name](...values), [word, given]),
        close: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}

/** The engines asked for, by name. */
export async function startEngines(names, certificate) {
  const engines = {};
  for (const name of names) {
    engines[name] = await (name === 'node' ? startNode(certificate) : startBrowser(name));
  }
  return engines;
}
