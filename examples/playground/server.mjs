/**
 * The playground: a page, a hub, and between them a proxy that hurts on request.
 *
 *   page server (the one address that you open)      browser -> fault proxy -> hub
 *
 * The realtime traffic has a port of its own, so that a fault reaches it alone: connections that hang in the proxy do
 * not use up those over which the buttons are pressed.
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { createFaultProxy } from '../../e2e/fault-proxy.mjs';
import { createFaults } from './faults.mjs';
import { createPageServer } from './page-server.mjs';
import { createWorld, realtimePath } from './world.mjs';

const usualPort = 8787;
const portsTried = 20;

/**
 * Brings everything up on this machine's loopback.
 * @param {{ port?: number, quiet?: boolean }} [options]  `port`: 0 for any that is free; 8787 or one of the next by default.
 */
export async function main({ port, quiet = false } = {}) {
  let world;
  let proxy;
  const faults = createFaults({
    proxy: { set: (rules) => proxy.set(rules), reset: () => proxy.reset(), cut: (what) => proxy.cut(what) },
    restartHub: () => world.restart(),
  });
  const server = createPageServer({
    realtimeUrl: () => `http://127.0.0.1:${proxy.port}${realtimePath}`,
    faults,
  });
  const pagePort = await listen(server, port);
  const address = `http://127.0.0.1:${pagePort}`;
  world = await createWorld({ origins: [address, `http://localhost:${pagePort}`] });
  proxy = await createFaultProxy({ target: { host: '127.0.0.1', port: world.port } });
  if (!quiet) console.log(`\n  Holdfast playground\n\n  ${address}\n\n  Open it twice. Ctrl+C ends it.\n`);

  return {
    address,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await proxy.close();
      await world.close();
    },
  };
}

/** Listens on the port that was asked for, else on the usual one, the next free one, or any. */
async function listen(server, port) {
  const usual = Array.from({ length: portsTried }, (_, index) => usualPort + index);
  const ports = port === undefined ? [...usual, 0] : [port];
  for (const candidate of ports) {
    const found = await listenOn(server, candidate, ports.length > 1);
    if (found !== undefined) return found;
  }
  throw new Error('No free port.');
}

/** @returns {Promise<number | undefined>} the port, or nothing if it is taken and there are others to try */
function listenOn(server, port, hasOthers) {
  return new Promise((resolve, reject) => {
    const onError = (error) => {
      if (error.code === 'EADDRINUSE' && hasOthers) resolve(undefined);
      else reject(error);
    };
    server.once('error', onError);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', onError);
      resolve(server.address().port);
    });
  });
}

if (argv[1] === fileURLToPath(import.meta.url)) await main();
