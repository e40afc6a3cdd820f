// Raw `ws`, as its README broadcasts: one write for each message and socket. What all others are measured against.
// `isJoined` is the floor of that wire: what one turn produced for a socket leaves in one write.

import WebSocket, { WebSocketServer } from 'ws';
import { BareWebSocket, createReader } from '../lib/light.mjs';

export const packages = ['ws'];

export const page = {
  connect(url, _, onMessage) {
    new WebSocket(url).onmessage = ({ data }) => onMessage(JSON.parse(data));
  },
};

const read = createReader();

/** Holds the socket back until the turn is over. */
function cork(socket) {
  if (socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => socket.uncork());
}

function answer(ws, onSend, text) {
  const { number, data } = JSON.parse(text);
  ws.send(JSON.stringify({ number, reply: onSend(data) }));
}

/** With `greeting`, a text that everyone is sent who comes: one frame a line, as Holdfast's are. */
export function serve(server, { onSend, isJoined = false, greeting, welcome }) {
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', (ws, request) => {
    ws.on('message', (text) => answer(ws, onSend, text));
    ws.on('error', () => undefined);
    ws.raw = request.socket;
    if (greeting) ws.send(greeting());
    if (welcome) ws.send(JSON.stringify(welcome.data));
  });
  return {
    publish(_, data) {
      const text = JSON.stringify(data);
      for (const ws of sockets.clients) {
        if (isJoined) cork(ws.raw);
        ws.send(text);
      }
    },
    close: () => sockets.close(),
  };
}

export function connect({ port, onMessage, isLines = false, isBare = false }) {
  const url = `ws://127.0.0.1:${port}/`;
  const ws = isBare ? new BareWebSocket(url) : new WebSocket(url, { perMessageDeflate: false });
  const waiting = new Map();
  let number = 0;
  const take = (text) => {
    const data = read(text);
    if (isLines) return onMessage(data.data);
    const resolve = waiting.get(data.number);
    if (!resolve) return onMessage(data);
    waiting.delete(data.number);
    resolve(data.reply);
  };
  ws.on('message', (message) => {
    const text = String(message);
    if (!isLines) return take(text);
    for (const line of text.split('\n')) if (line !== '') take(line);
  });
  return new Promise((resolve, reject) => {
    ws.once('error', reject);
    ws.once('open', () =>
      resolve({
        send: (data) =>
          new Promise((answered) => {
            waiting.set(++number, answered);
            ws.send(JSON.stringify({ number, data }));
          }),
        close: () => ws.terminate(),
      }),
    );
  });
}
