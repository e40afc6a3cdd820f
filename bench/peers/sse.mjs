// Raw server-sent events: Node's `http`, one `write` for each event, and a well-kept parser at the other end.

import http from 'node:http';
import { createParser } from 'eventsource-parser';

export const packages = ['eventsource-parser'];

export const page = {
  connect(url, _, onMessage) {
    new EventSource(url).onmessage = ({ data }) => onMessage(JSON.parse(data));
  },
};

const headers = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  'Access-Control-Allow-Origin': '*',
};

export function serve(server, { welcome }) {
  const responses = new Set();
  let id = 0;
  const eventOf = (data) => `id: ${++id}\ndata: ${JSON.stringify(data)}\n\n`;
  server.on('request', (_, response) => {
    response.writeHead(200, headers);
    response.flushHeaders();
    if (welcome) response.write(eventOf(welcome.data));
    responses.add(response);
    response.on('close', () => responses.delete(response));
  });
  return {
    publish(_, data) {
      const text = eventOf(data);
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
