// Socket.IO. `transports` are its own names.

import { Server } from 'socket.io';
import { io } from 'socket.io-client';

export const packages = ['socket.io', 'socket.io-client'];

export function serve(server, { onSend, transports = ['websocket'] }) {
  const sockets = new Server(server, { transports, serveClient: false });
  sockets.on('connection', (socket) => {
    socket.on('send', (data, answer) => answer(onSend(data)));
  });
  return { publish: (topic, data) => sockets.emit(topic, data), close: () => sockets.engine.close() };
}

export function connect({ port, topic, onMessage, onBack, transports = ['websocket'] }) {
  const socket = io(`http://127.0.0.1:${port}`, { transports, forceNew: true });
  socket.on(topic, onMessage);
  return new Promise((resolve) => {
    socket.on('connect', () => {
      onBack?.();
      resolve({ send: (data) => socket.emitWithAck('send', data), close: () => socket.disconnect() });
    });
  });
}
