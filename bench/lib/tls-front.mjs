// What ends TLS in front of a hub: HTTP/1.1 alone, or HTTP/2 as well. Its certificate is made for the run, by openssl,
// and signed by nobody: clients are told not to mind.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { request as ask } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import { connect } from 'node:net';

const command = 'openssl';
const args = [
  ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'.split(' '),
  ...'-addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout - -out -'.split(' '),
];

let made;
/** Key and certificate in one text, each of which TLS finds by itself. */
function identity() {
  made ??= execFileSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  return { key: made, cert: made };
}

/** Headers that concern one connection only have no place on the next, those of HTTP/2 itself none in HTTP/1.1. */
function onward(headers) {
  const dropped = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'host'];
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith(':') && !dropped.includes(name));
  return Object.fromEntries(kept);
}

function forward(port, request, response) {
  const { method, url: path, headers } = request;
  const host = headers[':authority'] ?? headers.host;
  const options = { host: '127.0.0.1', port, method, path, headers: { ...onward(headers), host } };
  const asked = ask(options, (answer) => {
    response.writeHead(answer.statusCode, onward(answer.headers));
    response.flushHeaders?.();
    answer.pipe(response);
  });
  asked.on('error', () => response.destroy());
  response.on('close', () => asked.destroy());
  request.pipe(asked);
}

function tunnel(port, request, socket, first) {
  const upstream = connect({ host: '127.0.0.1', port, noDelay: true });
  const lines = request.rawHeaders.flatMap((name, at, all) => (at % 2 ? [] : [`${name}: ${all[at + 1]}`]));
  upstream.write(`${[`GET ${request.url} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`);
  upstream.write(first);
  socket.pipe(upstream).pipe(socket);
  socket.on('error', () => upstream.destroy());
  upstream.on('error', () => socket.destroy());
}

export async function startTlsFront(hubPort, isHttp2) {
  const server = isHttp2 ? createSecureServer({ ...identity(), allowHTTP1: true }) : createServer(identity());
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => forward(hubPort, request, response));
  server.on('upgrade', (request, socket, first) => tunnel(hubPort, request, socket, first));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
