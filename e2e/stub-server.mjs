/**
 * A scripted server that speaks `holdfast.v1` by hand, from docs/PROTOCOL.md alone: it shares no line with the hub, so
 * that the client is not only tested against its twin. It knows carriers and frames; what is said, and when, is the
 * script's affair. Polls call the `open` script once for each request; a script ends such an answer by `peer.answered()`.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const defaultEpoch = 'c3R1Yi1lcG9j';
const defaultNonce = 'stubnonce000000000000a';

/** One frame, one line. */
const lineOf = (frame) => `${typeof frame === 'string' ? frame : JSON.stringify(frame)}\n`;

function parse(text) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const nameOf = (request) => (typeof request === 'string' ? request : request.topic);

/** How units are written on each carrier: `unit` makes the bytes of some frames that go out together. */
const carriers = {
  ndjson: { type: 'application/x-ndjson', unit: (frames) => frames.map(lineOf).join('') },
  sse: {
    type: 'text/event-stream',
    unit: (frames, { cursor }) =>
      frames
        .map((frame) => {
          const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
          const isMessage = typeof frame === 'object' && frame.type === undefined;
          const head = isMessage ? `id: ${cursor(frame)}\n` : 'event: holdfast\n';
          return `${head}data: ${text}\n\n`;
        })
        .join(''),
  },
  iframe: {
    type: 'text/html; charset=utf-8',
    // WebKit reads nothing of a document before its first 512 bytes are there.
    prelude: `<!doctype html><!--${' '.repeat(1024)}-->\n`,
    unit: (frames, { nonce, origin }) => {
      const script = (value) =>
        JSON.stringify(value).replace(
          /[<\u2028\u2029]/g,
          (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
      const text = `${nonce}\n${frames.map(lineOf).join('')}`;
      return `<script>parent.postMessage(${script(text)},${script(origin)});document.currentScript.remove()</script>\n`;
    },
  },
};

/** The script's handle on one connection, or on one answer of a poll. */
function createPeer(stub, transport, open, wire) {
  let isEnded = false;
  let resolveClosed;
  const closed = new Promise((resolve) => {
    resolveClosed = resolve;
  });
  const peer = {
    transport,
    open,
    attempt: open.attempt,
    isPoll: transport === 'long-poll' || transport === 'poll',
    closed,
    get isClosed() {
      return isEnded;
    },
    get topics() {
      return open.topics.map(nameOf);
    },
    /** Everything given travels in one unit. */
    write(...frames) {
      if (!isEnded) wire.write(frames);
    },
    /** Bytes as they are: half a frame, nonsense. On WebSocket one text message. */
    raw(text) {
      if (!isEnded) wire.raw(text);
    },
    hello(fields = {}) {
      peer.write(peer.makeHello(fields));
    },
    /** The hello that an ordinary hub would give: new topics start at the head, all others where they asked. */
    makeHello(fields = {}) {
      const head = `${stub.epoch}.${stub.head}`;
      const topics = open.topics
        .filter((request) => typeof request === 'object' && request.new)
        .map((request) => ({ topic: request.topic, start: String(stub.head) }));
      return {
        type: 'hello',
        attempt: open.attempt,
        head,
        cursor: open.cursor ?? head,
        topics,
        heartbeatMs: 10_000,
        holdMs: 25_000,
        sends: stub.nonce,
        keepMs: 120_000,
        limits: { frameBytes: 2_097_152, topics: 1_000, window: 256, batchBytes: 4_194_304 },
        ...fields,
      };
    },
    message(topic, offset, data, fields = {}) {
      peer.write({ topic, id: String(offset), data, ...fields });
    },
    ack(seq, fields = {}) {
      peer.write({ type: 'ack', seq, ...fields });
    },
    /** A poll's answer is complete; a stream goes on. */
    answered() {
      if (peer.isPoll) peer.end();
    },
    end(code = 1000) {
      wire.end(code);
    },
    /** The socket is destroyed without a word. */
    cut() {
      wire.cut();
    },
    /** Called by the wire, once. */
    ended() {
      if (isEnded) return;
      isEnded = true;
      stub.note('end', transport, open.attempt, {});
      resolveClosed();
    },
  };
  return peer;
}

/** Where the answers to sends go: the WebSocket itself, or the answer of the POST that brought them. */
function createUplink(write, end, cut, frames) {
  const up = {
    frames,
    isHeld: false,
    write,
    ack: (seq, fields = {}) => write({ type: 'ack', seq, ...fields }),
    /** The script will end this answer itself. */
    hold() {
      up.isHeld = true;
    },
    end,
    cut,
  };
  return up;
}

function readBody(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}

/** Everything that the HTTP carriers need of a stub. */
function createHttpSide(stub) {
  /** EventSource answers and opens that wait for their other half, by ticket. */
  const waitingAnswers = new Map();
  const waitingOpens = new Map();

  function beginAnswer(transport, carrier, request, response, open, extra = {}) {
    response.writeHead(200, {
      'Content-Type': carrier.type,
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
    });
    response.flushHeaders();
    if (carrier.prelude) response.write(carrier.prelude);
    const context = { ...extra, cursor: (frame) => `${stub.epoch}.${frame.id}` };
    const peer = createPeer(stub, transport, open, {
      write: (frames) => response.write(carrier.unit(frames, context)),
      raw: (text) => response.write(text),
      end: () => response.end(),
      cut: () => request.socket.destroy(),
    });
    response.on('close', () => peer.ended());
    stub.opened(peer);
  }

  function takeOpen(request, response, open) {
    if (open.ticket !== undefined) {
      response.writeHead(204).end();
      const waiting = waitingAnswers.get(open.ticket);
      waitingAnswers.delete(open.ticket);
      if (waiting) beginAnswer('eventsource', carriers.sse, waiting.request, waiting.response, open);
      else waitingOpens.set(open.ticket, open);
      return;
    }
    const transport = open.wait === undefined ? 'http-stream' : open.wait > 0 ? 'long-poll' : 'poll';
    beginAnswer(transport, carriers.ndjson, request, response, open);
  }

  function takeBatch(request, response, frames) {
    const [batch] = frames;
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
    const up = createUplink(
      (frame) => response.write(lineOf(frame)),
      () => response.end(),
      () => request.socket.destroy(),
      frames,
    );
    stub.emit('batch', batch, up);
    for (const frame of frames.slice(1)) stub.received('post', undefined, frame, up);
    if (!up.isHeld) response.end();
  }

  async function post(request, response) {
    const body = await readBody(request);
    if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
      const form = new URLSearchParams(body);
      const open = JSON.parse(form.get('open'));
      const extra = { nonce: form.get('nonce'), origin: form.get('origin') };
      beginAnswer('iframe', carriers.iframe, request, response, open, extra);
      return;
    }
    const frames = parse(body);
    if (frames[0]?.type === 'open') takeOpen(request, response, frames[0]);
    else takeBatch(request, response, frames);
  }

  function get(request, response, url) {
    const ticket = url.searchParams.get('ticket');
    const open = waitingOpens.get(ticket);
    waitingOpens.delete(ticket);
    if (open) beginAnswer('eventsource', carriers.sse, request, response, open);
    else waitingAnswers.set(ticket, { request, response });
  }

  return (request, response) => {
    const url = new URL(request.url, 'http://stub');
    stub.requests.push({ method: request.method, url: request.url, headers: request.headers });
    response.setHeader('Access-Control-Allow-Origin', request.headers.origin ?? '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    if (request.method === 'OPTIONS') response.writeHead(204).end();
    else if (request.method === 'GET') get(request, response, url);
    else post(request, response).catch((error) => response.destroy(error));
  };
}

/** WebSocket: the open among the subprotocols, or in the first message. */
function createSocketSide(stub) {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'holdfast.v1' });

  function begin(socket, open) {
    const peer = createPeer(stub, 'websocket', open, {
      write: (frames) => socket.send(frames.map(lineOf).join('')),
      raw: (text) => socket.send(text),
      end: (code) => socket.close(code),
      cut: () => socket.terminate(),
    });
    socket.on('close', () => peer.ended());
    const up = createUplink(
      (frame) => peer.write(frame),
      () => {},
      () => peer.cut(),
      [],
    );
    stub.opened(peer);
    return (frame) => stub.received('websocket', peer, frame, up);
  }

  function connected(socket, request) {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/,\s*/);
    const inProtocol = offered.find((name) => name.startsWith('open.'));
    let take;
    if (inProtocol)
      take = begin(socket, JSON.parse(Buffer.from(inProtocol.slice(5), 'base64url').toString()));
    socket.on('message', (bytes, isBinary) => {
      const text = bytes.toString('utf8');
      const frames = isBinary ? [JSON.parse(text.slice(0, text.indexOf('\n')))] : parse(text);
      for (const frame of frames) {
        if (take) take(frame);
        else take = begin(socket, frame);
      }
    });
    socket.on('error', () => {});
  }

  return (request, socket, head) => {
    stub.requests.push({ method: 'UPGRADE', url: request.url, headers: request.headers });
    sockets.handleUpgrade(request, socket, head, (webSocket) => connected(webSocket, request));
  };
}

/** The part of a stub that scripts see. */
function createStub() {
  const handlers = new Map();
  const stub = {
    url: '',
    epoch: defaultEpoch,
    nonce: defaultNonce,
    /** The offset that new topics start at. */
    head: 0,
    /** Everything that came, oldest first. */
    log: [],
    requests: [],
    peers: [],
    /** Replaces the script of a kind: `open`, `send`, `release`, `subscribe`, `unsubscribe`, `batch`, `frame`. */
    on(kind, handler) {
      handlers.set(kind, handler);
    },
    emit(kind, ...values) {
      const handler = handlers.get(kind);
      handler?.(...values);
      return handler !== undefined;
    },
    note(kind, transport, attempt, frame) {
      stub.log.push({ at: performance.now(), kind, transport, attempt, frame });
    },
    opened(peer) {
      stub.note('open', peer.transport, peer.attempt, peer.open);
      stub.peers.push(peer);
      if (stub.emit('open', peer, peer.open)) return;
      peer.hello();
      if (peer.transport === 'poll') peer.answered();
    },
    received(transport, peer, frame, up) {
      stub.note('frame', transport, peer?.attempt, frame);
      stub.emit('frame', frame, up, peer);
      if (stub.emit(frame.type, frame, up, peer)) return;
      if (frame.type === 'send' && frame.seq !== undefined) up.ack(frame.seq);
      if (frame.type === 'release') stub.release(frame.attempts);
      if (frame.type === 'ping') up.write({ type: 'pong' });
      if (frame.type === 'subscribe') {
        const topics = frame.topics.map((one) => ({ topic: nameOf(one), start: String(stub.head) }));
        up.write({ type: 'subscribed', request: frame.request, topics });
      }
    },
    release(attempts) {
      for (const peer of stub.peers) if (attempts.includes(peer.attempt) && !peer.isClosed) peer.end();
    },
    frames: (type) => stub.log.filter(({ frame }) => frame.type === type).map(({ frame }) => frame),
    get live() {
      return stub.peers.filter((peer) => !peer.isClosed);
    },
  };
  return stub;
}

/** @returns {Promise<import('./stub-types.ts').Stub>} */
export async function startStub() {
  const stub = createStub();
  const server = createServer(createHttpSide(stub));
  const open = new Set();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.on('upgrade', createSocketSide(stub));
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stub.url = `http://127.0.0.1:${server.address().port}/realtime`;
  stub.close = async () => {
    server.close();
    for (const socket of open) socket.destroy();
    if (server.listening) await once(server, 'close');
  };
  return stub;
}
