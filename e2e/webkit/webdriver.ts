/**
 * A WebKit of today, driven by the W3C's WebDriver: WebKitGTK's own browser and driver on a display that nobody sees. Playwright
 * drives only builds of its own. Owns the processes and the requests; must not know what a test does with a page.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { miniBrowser, webkitDriver } from '../legacy/engines.mjs';

const startMsMax = 15_000;

/** One command of a session: `POST url`, say, with its parameters. */
export type Command = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<unknown>;

/** A browser of its own, with nothing remembered. */
export interface Browser {
  readonly command: Command;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function request(url: string, method: string, body?: object): Promise<unknown> {
  const response = await fetch(url, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
  const { value } = (await response.json()) as { value: { error?: string; message?: string } };
  if (!response.ok) throw new Error(`WebDriver: ${value.error}: ${value.message}`);
  return value;
}

async function untilReady(url: string): Promise<void> {
  const endsAt = performance.now() + startMsMax;
  for (;;) {
    try {
      await request(`${url}/status`, 'GET');
      return;
    } catch (error) {
      if (performance.now() > endsAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Starts a driver that holds one browser, in a group of processes that ends as one. */
async function startDriver(display: string) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-webkit-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(webkitDriver.binary, [`--port=${new URL(url).port}`, '--host=127.0.0.1'], {
    env: {
      ...process.env,
      DISPLAY: display,
      XDG_RUNTIME_DIR: folder,
      XDG_DATA_HOME: folder,
      XDG_CACHE_HOME: folder,
      XDG_CONFIG_HOME: folder,
    },
    stdio: 'ignore',
    detached: true,
  });
  const ended = once(child, 'exit');
  const kill = () => {
    if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', kill);
  return {
    url,
    async stop() {
      process.off('exit', kill);
      kill();
      await ended;
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function openSession(url: string): Promise<string> {
  await untilReady(url);
  const session = (await request(`${url}/session`, 'POST', {
    capabilities: {
      alwaysMatch: {
        // Tests look at pages that do not finish loading.
        pageLoadStrategy: 'none',
        'webkitgtk:browserOptions': { binary: miniBrowser(), args: ['--automation'] },
      },
    },
  })) as { sessionId: string };
  return `${url}/session/${session.sessionId}`;
}

/** Opens a browser on a display. Now and then driver and browser do not find each other, and wait for good: one more try. */
export async function openBrowser(display: string, triesLeft = 1): Promise<Browser> {
  const driver = await startDriver(display);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, startMsMax, undefined);
  });
  const opening = openSession(driver.url);
  // Ends by an error when a driver that is late is stopped.
  opening.catch(() => {});
  const session = await Promise.race([opening, late]);
  clearTimeout(timer);
  if (session === undefined) {
    await driver.stop();
    if (triesLeft === 0) throw new Error(`WebKitGTK did not start within ${startMsMax} ms`);
    return openBrowser(display, triesLeft - 1);
  }
  return {
    command: (method, path, body) => request(session + path, method, body),
    async close() {
      await request(session, 'DELETE');
      await driver.stop();
    },
  };
}
