// SockJS. `transports` are its own names.

import sockjs from 'sockjs';
import SockJS from 'sockjs-client';

export const packages = ['sockjs', 'sockjs-client'];

export const page = {
  script: 'bench/node_modules/sockjs-client/dist/sockjs.min.js',
  connect(url, _, onMessage) {
    new globalThis.SockJS(`${url}/sockjs`).onmessage = ({ data }) => onMessage(JSON.parse(data));
  },
};

const prefix = '/sockjs';

export function serve(server, { welcome }) {
  const connections = new Set();
  const service = sockjs.createServer({ prefix, log: () => undefined });
  service.on('connection', (connection) => {
    connections.add(connection);
    if (welcome) connection.write(JSON.stringify(welcome.data));
    connection.on('close', () => connections.delete(connection));
  });
  service.installHandlers(server);
  return {
    publish(_, data) {
      const text = JSON.stringify(data);
      for (const connection of connections) connection.write(text);
    },
    close: () => undefined,
  };
}

export function connect({ port, onMessage, transports = ['websocket'] }) {
  const socket = new SockJS(`http://127.0.0.1:${port}${prefix}`, null, transports && { transports });
  socket.onmessage = ({ data }) => onMessage(JSON.parse(data));
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve({ close: () => socket.close() });
    socket.onclose = () => reject(new Error('SockJS did not connect'));
  });
}
