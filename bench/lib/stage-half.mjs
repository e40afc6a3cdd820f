// What the halves of the suites share: a server for a peer, messages of a known size, and the line by which the clients'
// process tells the server's how far it has come. The line is no part of what is measured: it says a few numbers a second.

import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

export const topic = 'prices';
/** Bytes of a message's JSON. */
const messageBytes = 100;

/** Resolves to the port. */
export async function listen(server, port = 0) {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

/** Bytes written to all sockets of a server so far, also to those that have gone. */
function watchBytes(server) {
  const sockets = new Set();
  let gone = 0;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      gone += socket.bytesWritten;
    });
  });
  const written = () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, gone);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return { written, cut };
}

/** A peer's server on a port of its own. `cut` ends it as a crash does. */
export async function openServer(peer, options, { onSend = () => undefined, port } = {}) {
  const server = http.createServer();
  server.keepAliveTimeout = 60_000;
  const service = peer.serve(server, { onSend, ...options });
  const { written, cut } = watchBytes(server);
  return {
    server,
    service,
    written,
    port: await listen(server, port),
    async cut() {
      server.close();
      cut();
      await service.close();
    },
  };
}

/** The server's end of the line. `onTaken(run)` is called with each number that the clients tell. */
export async function openLine() {
  let listener = () => undefined;
  const server = net.createServer((socket) => {
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (text) => {
      const numbers = (rest + text).split('\n');
      rest = numbers.pop();
      for (const number of numbers) listener(Number(number));
    });
  });
  return {
    port: await listen(server),
    onTaken(run) {
      listener = run;
    },
  };
}

/** The clients' end. */
export async function joinLine(port) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return { tell: (number) => socket.write(`${number}\n`), close: () => socket.destroy() };
}

/** Microseconds by a clock that all processes of a machine share. */
export function sharedUs() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.round(nanoseconds / 1e3);
}

/** Milliseconds since 1970 by a clock that does not jump; pages of this machine have it, too. */
export function wallMs() {
  return performance.timeOrigin + performance.now();
}

/** Makes messages of exactly `messageBytes`: a number that counts from 1, when it was published, and padding. */
export function createMessages() {
  const head = 1_000_000;
  const madeAt = sharedUs();
  const bare = JSON.stringify({ n: head, at: madeAt, pad: '' }).length;
  const pad = 'x'.repeat(messageBytes - bare);
  return { make: (n, at = madeAt) => ({ n: head + n, at, pad }), number: ({ n }) => n - head };
}

/** Seconds of processor time and of wall time since it was called. */
export function stopwatch() {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - startedAt) / 1e3 };
  };
}

/** Calls `make` for each number below `count`, at most `atOnce` at a time; the results in their order. */
export async function inParallel(count, atOnce, make) {
  const results = [];
  let next = 0;
  const work = async () => {
    while (next < count) {
      const index = next++;
      results[index] = await make(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, work));
  return results;
}

/** Says what is wrong when numbers do not come as 1, 2, 3 … */
export function createCounter() {
  let last = 0;
  let fault;
  return {
    take(number) {
      if (number !== last + 1) fault ??= `message ${number} came after ${last}`;
      last = number;
    },
    get last() {
      return last;
    },
    get fault() {
      return fault;
    },
  };
}
