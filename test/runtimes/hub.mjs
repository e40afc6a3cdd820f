/** The hub of a scenario, on the `node:http` of this runtime. It echoes what is sent. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createHub } from 'holdfast/server';
import { listen } from './words.mjs';

const applied = [];
const hub = createHub({
  onSend({ topic, data }) {
    if (topic === 'count') applied.push(data);
    return data;
  },
});
const server = createServer((_, response) => {
  response.writeHead(404).end();
});
hub.attach(server, { path: '/realtime' });

listen({
  async start() {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server.address().port;
  },
  async publish(topic, from, to) {
    for (let n = from; n <= to; n++) await hub.publish(topic, n);
  },
  applied: () => applied,
  connections: () => hub.stats().connections,
  async close() {
    await hub.close({ drainMs: 0 });
    server.close();
    server.closeAllConnections();
  },
});
