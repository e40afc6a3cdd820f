// Holdfast: the hub as it is published, and the real client. `adapters` are names of its makers; default: all of them.

import { createHub } from '../../dist/server.js';

export const packages = [];

export const path = '/realtime';

export function serve(server, { onSend }) {
  const hub = createHub({ onSend: ({ data }) => onSend(data) });
  hub.attach(server, { path });
  return {
    publish: (topic, data) => void hub.publish(topic, data),
    count: (topic) => hub.count(topic),
    close: () => hub.close({ drainMs: 0 }),
  };
}

const holdfast = await import('../../dist/index.node.js');

export async function connect({ port, topic, onMessage, onBack, adapters }) {
  const client = holdfast.createClient(`http://127.0.0.1:${port}${path}`, {
    memory: false,
    ...(adapters && { adapters: adapters.map((name) => holdfast[name]()) }),
  });
  let isOpen = false;
  // Of each send that waits, too, the status tells: who is not asked need not say it.
  if (onBack) {
    client.on('status', ({ state }) => {
      if (state === 'open' && !isOpen) onBack();
      isOpen = state === 'open';
    });
  }
  await client.subscribe(topic, ({ data }) => onMessage(data)).ready;
  return { send: (data) => client.send(topic, data), close: () => client.close() };
}
