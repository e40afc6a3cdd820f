// A TCP proxy that only delays: for bytes that the fault proxy cannot read, those of TLS. It charges the TCP handshake as
// the fault proxy does: what a client sends in its first round trip is taken for sent at the end of it.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createDelayLine } from '../../e2e/fault-proxy/delay-line.mjs';

const now = () => performance.now();

function joinSockets(client, upstream, oneWayMs) {
  const openAt = now() + 2 * oneWayMs;
  const forward = (from, to, since) => {
    const line = createDelayLine({ now, batch: (deliver) => deliver() });
    const push = (run, bytes) => line.push(run, bytes, Math.max(now(), since) + oneWayMs);
    from.on('data', (bytes) => push(() => to.writable && to.write(bytes), bytes.length));
    from.on('end', () => push(() => to.end(), 0));
    from.on('error', () => to.destroy());
    to.on('close', () => line.clear());
  };
  forward(client, upstream, openAt);
  forward(upstream, client, 0);
}

export async function createSlowLine({ port, oneWayMs }) {
  const sockets = new Set();
  const keep = (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    joinSockets(keep(client), keep(upstream), oneWayMs);
  });
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
