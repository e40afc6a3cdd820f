/**
 * An echo over WebSocket on the same port as an Express application, as JSON: `{ kind, text }` comes back with the time
 * at which it was heard. Who has no WebSocket may POST the same thing and is answered the same.
 */
import { createServer } from 'node:http';
import express from 'express';
import { WebSocketServer } from 'ws';

const answerTo = ({ kind, text }) => ({ kind, text, heard: new Date().toLocaleTimeString('en-GB') });

export function createEchoWithExpress() {
  const app = express();
  app.use((_request, response, next) => {
    response.set({ 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'Content-Type' });
    next();
  });
  app.options('/echo', (_request, response) => response.sendStatus(204));
  app.post('/echo', express.json(), (request, response) => response.json(answerTo(request.body)));

  const server = createServer(app);
  new WebSocketServer({ server, path: '/echo' }).on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      try {
        socket.send(JSON.stringify(answerTo(JSON.parse(data))));
      } catch {
        socket.close(1003, 'That was no JSON.');
      }
    });
  });
  return server;
}
