/** An echo over WebSocket with a port to itself: what comes goes back, text as text and bytes as bytes. */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

export function createEcho() {
  const server = createServer((_request, response) => {
    response.writeHead(426, { Upgrade: 'websocket' }).end('This port speaks WebSocket.\n');
  });

  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });

  return server;
}
