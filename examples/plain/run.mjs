/** Seven servers that know nothing of Holdfast, each on a port of its own, and one page on which the same client uses them all. */
import { createServer } from 'node:http';
import { createPageServer } from './page-server.mjs';
import { createChat } from './servers/chat.mjs';
import { createEcho } from './servers/echo.mjs';
import { createEchoWithExpress } from './servers/echo-with-express.mjs';
import { createEventSourceClock } from './servers/eventsource-clock.mjs';
import { createIframeClock } from './servers/iframe-clock.mjs';
import { createLongPollClock } from './servers/long-poll-clock.mjs';
import { createPollClock } from './servers/poll-clock.mjs';
import { Ticks } from './servers/ticks.mjs';
import { createSwitch } from './switches.mjs';

/**
 * Brings everything up on this machine's loopback, on ports that are free.
 * @param {{ tickMs?: number }} [options] `tickMs`: between two ticks of the clocks, default 1,000.
 */
export async function main({ tickMs = 1_000 } = {}) {
  const ticks = new Ticks(tickMs);
  const servers = {
    eventsource: await start(createEventSourceClock(ticks), '/clock'),
    iframe: await start(createIframeClock(ticks), '/clock'),
    'long-poll': await start(createLongPollClock(ticks), '/clock'),
    poll: await start(createPollClock(ticks), '/clock'),
    echo: await start(createEcho(), '/'),
    'echo-with-express': await start(createEchoWithExpress(), '/echo'),
    chat: await start(createChat(), '/'),
  };
  const seenByPage = { ...servers, iframe: { ...servers.iframe, url: '/iframe/clock' } };
  const page = await start(
    createServer(createPageServer({ servers: seenByPage, streamUrl: servers.iframe.url })),
    '/',
  );

  return {
    address: page.url,
    servers,
    async close() {
      ticks.stop();
      await page.switch.close();
      for (const server of Object.values(servers)) await server.switch.close();
    },
  };
}

async function start(server, path) {
  const control = createSwitch(server);
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return { url: `http://127.0.0.1:${server.address().port}${path}`, switch: control };
}
