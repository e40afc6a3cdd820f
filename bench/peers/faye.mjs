// Faye, over WebSocket where it finds that by itself.

import faye from 'faye';

export const packages = ['faye'];

export const page = {
  script: 'bench/node_modules/faye/client/faye-browser-min.js',
  connect(url, topic, onMessage) {
    new globalThis.Faye.Client(`${url}/faye`).subscribe(`/${topic}`, onMessage);
  },
};

const mount = '/faye';

export function serve(server, { welcome }) {
  const adapter = new faye.NodeAdapter({ mount, timeout: 45 });
  adapter.attach(server);
  const own = adapter.getClient();
  // Its handshake with itself is over then: what is published before it would come out of order.
  own.connect();
  if (welcome) adapter.on('subscribe', (_, channel) => own.publish(channel, welcome.data));
  return { publish: (topic, data) => own.publish(`/${topic}`, data), close: () => own.disconnect() };
}

export async function connect({ port, topic, onMessage }) {
  const client = new faye.Client(`http://127.0.0.1:${port}${mount}`);
  await client.subscribe(`/${topic}`, onMessage);
  return { close: () => client.disconnect() };
}
