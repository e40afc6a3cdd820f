/** Importing the library does nothing: the promise that makes it safe on servers and at module level. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { createServer } from 'vite';
import { expect, test } from 'vitest';

test('importing and creating a client touches no global and starts nothing, even where there is none', () => {
  // A process that has an open handle, or a promise that rejects, would not end with 0 here.
  const program = `
    for (const name of ['fetch', 'WebSocket', 'EventSource', 'crypto', 'performance', 'setTimeout', 'queueMicrotask', 'localStorage', 'navigator'])
      Object.defineProperty(globalThis, name, { get() { throw new Error('touched ' + name) }, configurable: true });
    const { createClient } = await import(${JSON.stringify(resolve('dist/index.js'))});
    createClient('/realtime').on('status', () => {});
  `;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

test("a bundler's server-side pass loads the source and renders nothing", async () => {
  const server = await createServer({
    configFile: false,
    logLevel: 'error',
    server: { middlewareMode: true, ws: false, hmr: false, watch: null },
    optimizeDeps: { noDiscovery: true },
    appType: 'custom',
  });
  try {
    const module = await server.ssrLoadModule('/src/index.ts');
    const client = module['createClient']('/realtime');
    expect(client.status.state).toBe('idle');
    client.close();
  } finally {
    await server.close();
  }
});
