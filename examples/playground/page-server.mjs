/**
 * Serves the page, the built package and the buttons' requests. What the page may load and reach is said here (CSP).
 * Knows nothing of hubs and proxies but the address that the page is told.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);

/** Folders that are served, by the first part of the path. */
const folders = {
  '/dist/': join(here, '../../dist'),
  '/modules/mitt/': dirname(require.resolve('mitt')),
  '/': join(here, 'page'),
};

const typeOf = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
  '.ts': 'text/plain; charset=utf-8',
};
const bodyCharactersMax = 1_000;

/**
 * @param {{ realtimeUrl(): string, faults: ReturnType<typeof import('./faults.mjs').createFaults> }} parts
 */
export function createPageServer({ realtimeUrl, faults }) {
  return createServer(async (request, response) => {
    try {
      if (!isLocal(request))
        return answer(response, 403, 'This server answers to 127.0.0.1 and localhost only.');
      const { pathname } = new URL(request.url ?? '/', 'http://page');
      if (pathname === '/control') return await control(request, response, faults);
      return await serveFile(response, pathname, realtimeUrl());
    } catch (error) {
      console.error(error);
      if (!response.headersSent) answer(response, 500, 'The server failed.');
    }
  });
}

/** A foreign name that resolves to this machine (DNS rebinding) is not this page. */
function isLocal(request) {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '');
}

async function control(request, response, faults) {
  if (request.method === 'GET') return answerJson(response, faults.state());
  if (request.method !== 'POST') return answer(response, 405, 'GET or POST.');
  if (request.headers.origin !== `http://${request.headers.host}`)
    return answer(response, 403, 'Foreign page.');
  const { press, on } = (await readJson(request)) ?? {};
  if (!faults.press(press, on !== false)) return answer(response, 400, 'There is no such button.');
  answerJson(response, faults.state());
}

async function readJson(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > bodyCharactersMax) return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Answered as what it is: no button.
  }
}

async function serveFile(response, pathname, realtimeUrl) {
  const file = fileOf(pathname === '/' ? '/index.html' : pathname);
  const type = typeOf[extname(file ?? '')];
  const content = file && type && (await readFile(file).catch(() => undefined));
  if (!content) return answer(response, 404, 'There is no such file.');
  const isPage = extname(file) === '.html';
  const body = isPage ? content.toString().replaceAll('{{realtime}}', realtimeUrl) : content;
  response.writeHead(200, {
    'Content-Type': type,
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    ...(isPage && {
      'Content-Security-Policy': contentPolicy(body, realtimeUrl),
      'Referrer-Policy': 'no-referrer',
    }),
  });
  response.end(body);
}

/** The file that a path stands for, if it lies in one of the folders. */
function fileOf(pathname) {
  const [prefix, folder] = Object.entries(folders).find(([start]) => pathname.startsWith(start)) ?? [];
  if (!folder) return undefined;
  // Nothing here has a name that must be encoded.
  const file = normalize(join(folder, pathname.slice(prefix.length)));
  return file.startsWith(folder + sep) ? file : undefined;
}

/** Everything from here, but for the realtime traffic. Import maps can only stand in the page, so its hash is named. */
function contentPolicy(html, realtimeUrl) {
  const { origin, host } = new URL(realtimeUrl);
  const importMap = /<script type="importmap">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(importMap).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${origin} ws://${host}`,
    `frame-src ${origin}`,
    `form-action ${origin}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function answerJson(response, value) {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(value));
}

function answer(response, status, text) {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(`${text}\n`);
}
