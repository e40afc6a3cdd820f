// Raw server-sent events: Node's `http`, one `write` for each event, and a well-kept parser at the other end.

import http from 'node:http';
import { createParser } from 'eventsource-parser';

export const packages = ['eventsource-parser'];

const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' };

export function serve(server) {
  const responses = new Set();
  let id = 0;
  server.on('request', (_, response) => {
    response.writeHead(200, headers);
    response.flushHeaders();
    responses.add(response);
    response.on('close', () => responses.delete(response));
  });
  return {
    publish(_, data) {
      const text = `id: ${++id}\ndata: ${JSON.stringify(data)}\n\n`;
      for (const response of responses) response.write(text);
    },
    close: () => undefined,
  };
}

export function connect({ port, onMessage }) {
  const parser = createParser({ onEvent: ({ data }) => onMessage(JSON.parse(data)) });
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', agent: false }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (text) => parser.feed(text));
      response.on('error', () => undefined);
      resolve({ close: () => request.destroy() });
    });
    request.on('error', reject);
  });
}
