// Socket.IO. `transports` are its own names.

import http from 'node:http';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';

export const packages = ['socket.io', 'socket.io-client'];

export const page = {
  script: 'bench/node_modules/socket.io-client/dist/socket.io.min.js',
  connect(url, topic, onMessage) {
    globalThis.io(url).on(topic, onMessage);
  },
};

export function serve(server, { onSend, welcome, transports = ['websocket'], connectionStateRecovery }) {
  const sockets = new Server(server, {
    transports,
    serveClient: false,
    cors: { origin: '*' },
    ...(connectionStateRecovery && { connectionStateRecovery }),
  });
  sockets.on('connection', (socket) => {
    socket.on('send', (data, answer) => answer(onSend(data)));
    if (welcome) socket.emit(welcome.topic, welcome.data);
  });
  return { publish: (topic, data) => sockets.emit(topic, data), close: () => sockets.engine.close() };
}

export function connect({ port, topic, onMessage, onBack, transports = ['websocket'] }) {
  // Its requests in Node would else each have a connection of their own, which no page's have.
  const agent = transports.includes('polling') ? new http.Agent({ keepAlive: true }) : false;
  const socket = io(`http://127.0.0.1:${port}`, { transports, forceNew: true, agent });
  socket.on(topic, onMessage);
  return new Promise((resolve) => {
    socket.on('connect', () => {
      onBack?.();
      resolve({ send: (data) => socket.emitWithAck('send', data), close: () => socket.disconnect() });
    });
  });
}
