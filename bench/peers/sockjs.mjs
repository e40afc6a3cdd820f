// SockJS. `transports` are its own names.

import sockjs from 'sockjs';
import SockJS from 'sockjs-client';

export const packages = ['sockjs', 'sockjs-client'];

const prefix = '/sockjs';

export function serve(server) {
  const connections = new Set();
  const service = sockjs.createServer({ prefix, log: () => undefined });
  service.on('connection', (connection) => {
    connections.add(connection);
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
  const socket = new SockJS(`http://127.0.0.1:${port}${prefix}`, null, { transports });
  socket.onmessage = ({ data }) => onMessage(JSON.parse(data));
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve({ close: () => socket.close() });
    socket.onclose = () => reject(new Error('SockJS did not connect'));
  });
}
