/**
 * A chat room by Socket.IO: who connects says a name (without one there is a `connect_error`), all are told who is there,
 * `chat` goes to everybody, `whisper` to one, and both are acknowledged.
 */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

export function createChat() {
  const server = createServer();
  const io = new Server(server, { cors: { origin: '*' }, serveClient: false });
  const names = new Map();
  const people = () => [...names].map(([id, name]) => ({ id, name }));

  io.use((socket, next) => {
    socket.data.name = String(socket.handshake.auth.name ?? '').slice(0, 24);
    next(socket.data.name === '' ? new Error('Say a name.') : undefined);
  });

  io.on('connection', (socket) => {
    const { name } = socket.data;
    names.set(socket.id, name);
    io.emit('people', people());
    socket.broadcast.emit('chat', { from: name, text: 'is here' });

    socket.on('chat', ({ text }, answer) => {
      io.emit('chat', { from: name, text });
      answer?.({ to: names.size });
    });
    socket.on('whisper', ({ to, text }, answer) => {
      io.to(to).emit('whisper', { from: name, text });
      answer?.({ to: names.has(to) ? 1 : 0 });
    });
    socket.on('disconnect', () => {
      names.delete(socket.id);
      io.emit('people', people());
    });
  });
  return server;
}
