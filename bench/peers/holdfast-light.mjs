// A client that knows just enough of docs/PROTOCOL.md to be faithful on the wire, so that thousands of them do not measure
// themselves: it opens, checks, answers heartbeats, sends, and goes on from its cursor. The server is the real hub.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import WebSocket from 'ws';
import { BareWebSocket, createReader } from '../lib/light.mjs';
import { path, serve } from './holdfast.mjs';

export { serve };
export const packages = ['ws'];

const protocolMax = 4_096;
const read = createReader();

/** The fields of an open, of a client that is new or goes on from `cursor`. */
function openOf({ identity, attempt, cursor, topics }) {
  const asked = cursor ? topics : topics.map((topic) => ({ topic, new: true }));
  const { client, key } = identity;
  return {
    type: 'open',
    protocol: 'holdfast.v1',
    client,
    key,
    attempt,
    ...(cursor && { cursor }),
    topics: asked,
  };
}

function newIdentity() {
  return { client: randomBytes(16).toString('base64url'), key: randomBytes(16).toString('base64url') };
}

// ---- carriers: each brings lines, and says what to write and how to end ----------------------------------------------

function overWebSocket({ url, open, onLine, isBare }) {
  const text = JSON.stringify(open);
  const coded = `open.${Buffer.from(text).toString('base64url')}`;
  const isCarried = coded.length <= protocolMax;
  const protocols = isCarried ? ['holdfast.v1', coded] : ['holdfast.v1'];
  const target = `${url.replace('http', 'ws')}&n=${open.attempt}`;
  const ws = isBare
    ? new BareWebSocket(target, protocols)
    : new WebSocket(target, protocols, { perMessageDeflate: false });
  if (!isCarried) ws.once('open', () => ws.send(text));
  ws.on('message', (message) => {
    const unit = String(message);
    let from = 0;
    // JSON may end with a line feed, so what comes alone is read as it is.
    let end = unit.indexOf('\n');
    if (end === unit.length - 1) return onLine(unit);
    for (; end >= 0; end = unit.indexOf('\n', from)) {
      onLine(unit.slice(from, end));
      from = end + 1;
    }
    if (from < unit.length) onLine(unit.slice(from));
  });
  return { carrier: ws, write: (line) => ws.send(line), end: () => ws.terminate() };
}

/** Lines of a response that may be cut anywhere. */
function readLines(response, onLine) {
  let rest = '';
  response.setEncoding('utf8');
  response.on('error', () => undefined);
  response.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
}

function post(url, body, onResponse) {
  const headers = { 'Content-Type': 'text/plain' };
  const request = http.request(url, { method: 'POST', agent: false, headers }, onResponse);
  return request.end(body);
}

function overHttpStream({ url, open, onLine }) {
  const request = post(`${url}&n=1`, `${JSON.stringify(open)}\n`, (response) => readLines(response, onLine));
  return { carrier: request, write: () => undefined, end: () => request.destroy() };
}

function overEventSource({ url, open, onLine }) {
  const ticket = randomBytes(16).toString('base64url');
  const headers = { Accept: 'text/event-stream' };
  post(`${url}&n=1`, `${JSON.stringify({ ...open, ticket })}\n`, (response) => response.resume());
  const request = http.get(`${url}&n=2&ticket=${ticket}`, { agent: false, headers }, (response) =>
    readLines(response, (line) => line.startsWith('data: ') && onLine(line.slice(6))),
  );
  return { carrier: request, write: () => undefined, end: () => request.destroy() };
}

const carriers = { websocket: overWebSocket, 'http-stream': overHttpStream, eventsource: overEventSource };

// ---- the client ------------------------------------------------------------------------------------------------------

/** Resolves at the hello. `from` is what `left` of a former client said: it goes on there. */
export function connect(options) {
  const { port, topic, topics = [topic], transport = 'websocket', onMessage, from, isBare = false } = options;
  const state = from ?? { identity: newIdentity(), attempt: 0, cursor: undefined };
  state.attempt++;
  const waiting = new Map();
  let seq = 0;
  return new Promise((resolve, reject) => {
    const controls = {
      hello(frame) {
        state.cursor = frame.cursor;
        resolve(client);
      },
      ping(frame) {
        state.cursor = frame.cursor;
        line.write('{"type":"pong"}');
      },
      pong: () => undefined,
      ack(frame) {
        waiting.get(frame.seq)(frame.reply);
        waiting.delete(frame.seq);
      },
    };
    const onLine = (text) => {
      const frame = read(text);
      if (frame.type === undefined) return onMessage(frame.data, frame);
      const control = controls[frame.type];
      if (control) control(frame);
      else reject(new Error(text));
    };
    const url = `http://127.0.0.1:${port}${path}?client=${state.identity.client}`;
    const open = openOf({ ...state, topics });
    const line = carriers[transport]({ url, open, onLine, isBare });
    const client = {
      left: state,
      send: (data) =>
        new Promise((answered) => {
          waiting.set(++seq, answered);
          line.write(JSON.stringify({ type: 'send', seq, topic, data }));
        }),
      close: () => line.end(),
    };
    line.carrier.on('error', reject);
  });
}
