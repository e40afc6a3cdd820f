// Holdfast: the hub as it is published, and the real client. `adapters` are names of its makers; default: all of them.

import { createHub } from '../../dist/server.js';

export const packages = [];

export const page = {
  script: 'dist/holdfast.umd.min.js',
  connect(url, topic, onMessage) {
    const client = globalThis.Holdfast.createClient(`${url}/realtime`);
    client.subscribe(topic, { last: 1, message: ({ data }) => onMessage(data) });
  },
};

export const path = '/realtime';

export function serve(server, { onSend, welcome, origins }) {
  const hub = createHub({ onSend: ({ data }) => onSend(data), ...(origins && { origins }) });
  hub.attach(server, { path });
  if (welcome) void hub.publish(welcome.topic, welcome.data);
  return {
    publish: (topic, data) => void hub.publish(topic, data),
    count: (topic) => hub.count(topic),
    close: () => hub.close({ drainMs: 0 }),
  };
}

const holdfast = await import('../../dist/index.node.js');

/** `last`: how many of the messages before it is to be sent. */
export async function connect({ port, topic, onMessage, onBack, adapters, last }) {
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
  const message = ({ data }) => onMessage(data);
  await client.subscribe(topic, { message, ...(last && { last }) }).ready;
  return { send: (data) => client.send(topic, data), close: () => client.close() };
}
