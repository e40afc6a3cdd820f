/**
 * Serves the page and the built package, presses the switches, and passes the iframe's stream on, which has to come from the
 * page's own origin. Knows nothing of what the servers say.
 */
import { get } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express from 'express';

const here = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);

/**
 * @param {{
 *   servers: Record<string, { url: string, switch: ReturnType<typeof import('./switches.mjs').createSwitch> }>,
 *   streamUrl: string,
 * }} parts `servers`: as the page is to reach them; `streamUrl`: where the iframe's stream really lives.
 */
export function createPageServer({ servers, streamUrl }) {
  const app = express();
  const told = () =>
    Object.fromEntries(
      Object.entries(servers).map(([name, one]) => [name, { url: one.url, on: one.switch.isOn() }]),
    );

  app.use(answerHereOnly);
  app.use('/dist', express.static(join(here, '../../dist')));
  app.use('/modules/mitt', express.static(dirname(require.resolve('mitt'))));
  app.use(express.static(join(here, 'page')));

  app.get('/iframe/clock', (_request, response) => passOn(streamUrl, response));
  app.get('/servers', (_request, response) => response.set('Cache-Control', 'no-store').json(told()));
  app.post('/servers', express.json(), (request, response) => {
    const { name, on } = request.body ?? {};
    if (!Object.hasOwn(servers, name)) return response.status(400).send('There is no such server.\n');
    servers[name].switch.turn(on === true);
    response.json(told());
  });
  return app;
}

/** A foreign name that resolves to this machine (DNS rebinding) is not this page; nor may a foreign page press switches. */
function answerHereOnly(request, response, next) {
  const { host, origin } = request.headers;
  const isHere = /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host ?? '');
  if (isHere && (origin === undefined || origin === `http://${host}`)) return next();
  response.status(403).send('This server answers to its own page only.\n');
}

/** What a reverse proxy does: an answer that is cut there is cut here. */
function passOn(url, response) {
  const request = get(url, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  request.on('error', () => {
    if (!response.headersSent) response.status(502).send('The server of the stream is away.\n');
  });
  response.on('close', () => request.destroy());
}
