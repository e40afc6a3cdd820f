/**
 * Every fault of the fault proxy, proved against a tiny HTTP and WebSocket server that the test scripts by hand.
 * Absence is proved by what comes after it in order (an end, a later byte, a counter), never by waiting a while.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type WebSocket as ServerWebSocket, WebSocket, WebSocketServer } from 'ws';
import { createDelayLine } from '../../e2e/fault-proxy/delay-line.mjs';
import { createRequestReader, createResponseReader } from '../../e2e/fault-proxy/http-framing.mjs';
import { createPace } from '../../e2e/fault-proxy/pace.mjs';
import { createRules } from '../../e2e/fault-proxy/rules.mjs';
import { createThrottle } from '../../e2e/fault-proxy/throttle.mjs';
import { createFaultProxy } from '../../e2e/fault-proxy.mjs';

type Proxy = Awaited<ReturnType<typeof createFaultProxy>>;
type Upstream = Awaited<ReturnType<typeof startUpstream>>;
type RawClient = ReturnType<typeof openRaw>;

let upstream: Upstream;
let proxy: Proxy;
let clients: { destroy(): void }[];

beforeEach(async () => {
  clients = [];
  upstream = await startUpstream();
  proxy = await createFaultProxy({ target: { host: '127.0.0.1', port: upstream.port } });
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await proxy.close();
  await upstream.close();
});

describe('without rules', () => {
  it('passes requests of one connection and tells what came by', async () => {
    const client = open();
    client.send(get('/hello?attempt=1'));
    await client.until('hello');
    client.send(post('/echo', 'some body'));
    await client.until('some body');
    const stats = proxy.stats();
    expect(stats.connections).toEqual({ opened: 1, open: 1, refused: 0 });
    expect(stats.requests).toMatchObject({
      total: 2,
      open: 0,
      byMethod: { GET: 1, POST: 1 },
      byPath: { '/hello': 1, '/echo': 1 },
      byKind: { http: 2, websocket: 0 },
      byStatus: { 200: 2 },
    });
    expect(stats.timelines[1]?.map((entry) => entry.type)).toEqual([
      'connection',
      'request',
      'response',
      'complete',
      'request',
      'response',
      'complete',
    ]);
    expect(stats.bytes.down).toBe(client.received().length);
  });

  it('answers pipelined requests in their order', async () => {
    const client = open();
    client.send(get('/hello') + post('/echo', 'second') + get('/hello'));
    await client.until(/hello[\s\S]*second[\s\S]*hello/);
    expect(proxy.stats().requests.total).toBe(3);
  });

  it('passes frames of a WebSocket both ways, unchanged', async () => {
    const socket = await openWebSocket();
    const sent = Buffer.alloc(1024 * 1024, 'abc');
    socket.send(sent);
    const [echoed] = await once(socket, 'message');
    expect(sent.equals(echoed as Buffer)).toBe(true);
    expect(proxy.stats()).toMatchObject({ upgrades: 1, openUpgrades: 1, requests: { open: 0 } });
  });

  it('counts a held answer as an open request until it is complete', async () => {
    const client = open();
    client.send(get('/held'));
    const { response } = await upstream.request('/held');
    expect(proxy.stats().requests.open).toBe(1);
    response.end('at last');
    await client.until('at last');
    expect(proxy.stats().requests.open).toBe(0);
  });

  it('passes on a request whose head comes byte by byte', async () => {
    const client = open();
    for (const byte of get('/hello')) client.send(byte);
    await client.until('hello');
  });

  it('passes on what is not HTTP', async () => {
    const client = open();
    client.send('\x16\x03\x01 not http at all\r\n\r\n');
    await client.until('400 Bad Request');
  });

  it("forwards a server's end after its last bytes, and a client's end to the server", async () => {
    const client = open();
    client.send(get('/held'));
    const { response, request } = await upstream.request('/held');
    const aborted = new Promise((resolve) => void request.once('close', resolve));
    client.socket.end();
    await aborted;
    response.destroy();
    expect(await client.ended).toBe('fin');

    const other = open();
    other.send('GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await other.ended).toBe('fin');
    expect(other.text()).toContain('hello');
  });

  it("forwards a client's reset, and resets a client whose server is not there", async () => {
    const client = open();
    client.send(get('/held'));
    const { request } = await upstream.request('/held');
    const aborted = new Promise((resolve) => void request.once('close', resolve));
    client.socket.resetAndDestroy();
    await aborted;

    await upstream.close();
    const other = open();
    other.send(get('/hello'));
    expect(await other.ended).toBe('rst');
  });

  it('brings a large answer whole to a client that reads late', async () => {
    const client = open();
    client.socket.pause();
    client.send(get('/held'));
    const { response } = await upstream.request('/held');
    response.end(Buffer.alloc(24 * 1024 * 1024, 'x'));
    client.socket.resume();
    await vi.waitFor(() => expect(client.byteCount()).toBeGreaterThan(24 * 1024 * 1024), { timeout: 20_000 });
    expect(proxy.stats().requests.open).toBe(0);
  });

  it('keeps a bounded log', async () => {
    const client = open();
    client.send(get('/hello').repeat(900));
    await vi.waitFor(() => expect(proxy.stats().requests.byStatus[200]).toBe(900), { timeout: 20_000 });
    expect(proxy.stats().log.length).toBe(2_000);
  });

  it('leaves no socket after close', async () => {
    const client = open();
    client.send(get('/held'));
    await upstream.request('/held');
    proxy.set({ latencyMs: 10_000, cutIdleMs: 60_000 });
    client.send('more');
    await proxy.close();
    await client.ended;
    await vi.waitFor(() => expect(upstream.socketCount()).toBe(0));
    expect(proxy.stats().connections.open).toBe(0);
  });
});

describe('rules', () => {
  it('refuses what does not exist or makes no sense, and then changes nothing', () => {
    expect(() => proxy.set({ status: 503, latency: 5 } as never)).toThrow(/no rule "latency"/);
    expect(() => proxy.set({ latencyMs: -1 })).toThrow(/cannot be -1/);
    expect(() => proxy.set({ refuseUpgrade: 200 })).toThrow(TypeError);
    expect(() => proxy.set({ stalls: { everyMs: 10, forMs: 10 } })).toThrow(TypeError);
    expect(() => proxy.set({ latencyMs: { value: 5, times: 1 } })).toThrow(/times/);
    expect(() => proxy.set({ status: { value: 503, how: 'fin' } })).toThrow(/how/);
    expect(proxy.rules).toEqual({});
  });

  it('are told, taken away one by one, and all together', () => {
    proxy.set({ latencyMs: 5, status: { value: 503, match: { path: '/x' } } });
    proxy.set({ latencyMs: null });
    expect(proxy.rules).toEqual({ status: { value: 503, match: { path: '/x' } } });
    proxy.reset();
    expect(proxy.rules).toEqual({});
  });

  it('hold for what matches, the first that holds is taken, and are spent after their times', async () => {
    proxy.set({
      status: [
        { value: 503, match: { method: 'POST' }, times: 1 },
        { value: 404, match: { path: /attempt=2/g } },
        { value: 500, match: { accept: 'text/event-stream' } },
        { value: 429, match: { connection: 6 } },
      ],
    });
    expect(await statusOf(post('/echo', 'x'))).toBe(503);
    expect(await statusOf(post('/echo', 'x'))).toBe(200);
    expect(await statusOf(get('/hello?attempt=2'))).toBe(404);
    expect(await statusOf(get('/hello?attempt=2'))).toBe(404);
    expect(await statusOf(get('/hello', 'Accept: text/event-stream\r\n'))).toBe(500);
    expect(await statusOf(get('/hello'))).toBe(429);
    expect(await statusOf(get('/hello'))).toBe(200);
  });
});

describe('time', () => {
  it('adds its latency each way', async () => {
    proxy.set({ latencyMs: 40 });
    const tookMs = await timeOf(get('/hello'));
    expect(tookMs).toBeGreaterThanOrEqual(79);
    expect(tookMs).toBeLessThan(1_000);
  });

  it('charges the handshake as one round trip to a cold connection, and nothing to a warm one', async () => {
    proxy.set({ latencyMs: 40, chargeHandshake: true });
    const client = open();
    await once(client.socket, 'connect');
    const coldMs = await timeOf(get('/hello'), client);
    expect(coldMs).toBeGreaterThanOrEqual(155);
    expect(coldMs).toBeLessThan(1_500);
    const entry = proxy.stats().log.find((one) => one.type === 'request');
    const accepted = proxy.stats().log.find((one) => one.type === 'connection');
    expect((entry?.at ?? 0) - (accepted?.at ?? 0)).toBeGreaterThanOrEqual(119);
    client.send(get('/hello'));
    const sentAt = performance.now();
    await once(client.socket, 'data');
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(79);
  });

  it('lets an answer of its own cost a round trip like any other', async () => {
    proxy.set({ latencyMs: 40, status: 503 });
    expect(await timeOf(get('/hello'))).toBeGreaterThanOrEqual(79);
  });

  it('keeps the order under jitter', async () => {
    proxy.set({ latencyMs: 2, jitterMs: 15 });
    const socket = await openWebSocket();
    const received: string[] = [];
    socket.on('message', (data) => received.push(String(data)));
    const sent = Array.from({ length: 200 }, (_, index) => String(index));
    for (const text of sent) socket.send(text);
    await vi.waitFor(() => expect(received.length).toBe(sent.length), { timeout: 10_000 });
    expect(received).toEqual(sent);
  });

  it('changes the latency of an open connection', async () => {
    const client = open();
    await timeOf(get('/hello'), client);
    proxy.set({ latencyMs: 40 });
    const sentAt = performance.now();
    client.send(post('/echo', 'late'));
    await client.until('late');
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(79);
  });
});

describe('upgrades', () => {
  it.each([400, 403, 404, 426, 502])('refuses one with %i and lets HTTP pass', async (status) => {
    proxy.set({ refuseUpgrade: status });
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`);
    const [error] = await once(socket, 'error');
    expect((error as Error).message).toContain(String(status));
    expect(upstream.upgradeCount()).toBe(0);
    expect(await statusOf(get('/hello'))).toBe(200);
  });

  it('reads on as HTTP after the server has refused one', async () => {
    const client = open();
    client.send(upgrade('/no-such-path'));
    await client.until('404');
    client.send(get('/hello'));
    await client.until('hello');
    expect(proxy.stats()).toMatchObject({ upgrades: 0, requests: { total: 2 } });
  });

  it('swallows one: no answer, and the server never hears of it', async () => {
    proxy.set({ swallowUpgrade: true });
    const client = open();
    const seen = nextEvent('request');
    client.send(upgrade('/ws'));
    expect(await seen).toMatchObject({ kind: 'websocket', fate: 'swallowed' });
    expect(proxy.stats().requests.open).toBe(1);
    client.socket.end();
    expect(await client.ended).toBe('fin');
    expect(client.text()).toBe('');
    expect(upstream.upgradeCount()).toBe(0);
  });

  it('mutes one: the 101 passes, and no frame, either way', async () => {
    proxy.set({ muteAfterUpgrade: true });
    const { client, peer } = await openRawWebSocket();
    peer.send('never seen');
    client.send(maskedText('nor this'));
    await droppedBytes(1);
    // The ends come after the frames in each direction, so nothing can still be under way.
    peer.terminate();
    await client.ended;
    expect(client.text()).not.toContain('never seen');
    expect(upstream.messages()).toEqual([]);
  });

  it('lets frames pass up only', async () => {
    proxy.set({ oneWay: { value: 'up', match: { kind: 'websocket' } } });
    const { client, peer } = await openRawWebSocket();
    client.send(maskedText('passes'));
    await once(peer, 'message');
    await droppedBytes('passes'.length);
    expect(client.text()).not.toContain('passes');
    expect(upstream.messages()).toEqual(['passes']);
  });

  it('lets frames pass down only', async () => {
    proxy.set({ oneWay: 'down' });
    const { client, peer } = await openRawWebSocket();
    client.send(maskedText('does not pass'));
    peer.send('passes');
    await client.until('passes');
    await droppedBytes('does not pass'.length);
    expect(upstream.messages()).toEqual([]);
  });

  it('never resumes in the middle of a stream that has lost frames', async () => {
    proxy.set({ oneWay: 'down' });
    const { client, peer } = await openRawWebSocket();
    client.send(maskedText('lost'));
    await droppedBytes('lost'.length);
    proxy.reset();
    client.send(maskedText('after the hole'));
    const ended = once(peer, 'close');
    client.socket.end();
    await ended;
    expect(upstream.messages()).toEqual([]);
  });
});

describe('responses', () => {
  it('holds a body until it is complete', async () => {
    proxy.set({ bufferResponses: 'body' });
    const { client, response } = await openStream();
    await client.until('200 OK');
    response.write('first');
    await upstreamFlushed(response);
    expect(client.text()).not.toContain('first');
    response.end('last');
    await client.until('last');
    expect(client.text()).toContain('first');
  });

  it('holds head and body until the response is complete', async () => {
    proxy.set({ bufferResponses: 'all' });
    const { client, response } = await openStream();
    const head = nextEvent('response');
    response.write('first');
    await head;
    expect(client.text()).toBe('');
    response.end('last');
    await client.until('last');
    expect(client.text()).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*first[\s\S]*last/);
  });

  it('gives out what it holds when the rule is taken away', async () => {
    proxy.set({ bufferResponses: 'all' });
    const { client, response } = await openStream();
    const head = nextEvent('response');
    response.write('held');
    await head;
    proxy.reset();
    await client.until('held');
  });

  it('flushes a stream late, at multiples of a time', async () => {
    proxy.set({ flushEveryMs: 120 });
    const { client, response } = await openStream();
    await client.until('200 OK');
    const headAt = proxy.stats().log.find((entry) => entry.type === 'response')?.at ?? 0;
    response.write('one');
    await client.until('one');
    expect(performance.now() - headAt).toBeGreaterThanOrEqual(118);
    response.end('the end flushes');
    await client.until('the end flushes');
  });

  it('flushes a stream late, when enough has come together', async () => {
    proxy.set({ flushEveryBytes: 100 });
    const { client, response } = await openStream();
    await client.until('200 OK');
    response.write('few');
    await upstreamFlushed(response);
    expect(client.text()).not.toContain('few');
    response.write('x'.repeat(100));
    await client.until('xxx');
    expect(client.text()).toContain('few');
  });

  it('lets no byte of a body pass when bytes only pass up', async () => {
    proxy.set({ oneWay: 'up' });
    const { client, response } = await openStream();
    const serverSocket = response.socket;
    response.end('never seen');
    await droppedBytes('never seen'.length);
    await client.until('200 OK');
    serverSocket?.destroy();
    await client.ended;
    expect(client.text()).not.toContain('never seen');
  });
});

describe('cuts', () => {
  it('cuts a WebSocket so long after each open, by reset', async () => {
    proxy.set({ cutAfterMs: { value: 80, match: { kind: 'websocket' } } });
    const { client, peer } = await openRawWebSocket();
    const openedAt = performance.now();
    const gone = once(peer, 'close');
    expect(await client.ended).toBe('rst');
    expect(performance.now() - openedAt).toBeGreaterThanOrEqual(70);
    await gone;
    expect(proxy.stats().cuts).toEqual({ cutAfterMs: 1 });
  });

  it('cuts a held answer after a time, by an end', async () => {
    proxy.set({ cutAfterMs: { value: 50, how: 'fin' } });
    const client = open();
    client.send(get('/held'));
    expect(await client.ended).toBe('fin');
  });

  it('cuts nothing when the answer was complete in time', async () => {
    proxy.set({ cutAfterMs: 60_000, cutIdleMs: 60_000 });
    const client = open();
    client.send(get('/hello'));
    await client.until('hello');
    const { response, client: streaming } = await openStream();
    proxy.set({ cutAfterMs: 0 });
    await streaming.ended;
    expect(proxy.stats().cuts).toEqual({ cutAfterMs: 1 });
    expect(response.writableEnded).toBe(false);
    expect(client.isOpen()).toBe(true);
  });

  it('cuts after exactly so many bytes of a body', async () => {
    proxy.set({ cutAfterBytes: { value: 1_000, times: 1 } });
    const client = open();
    client.send(get('/held'));
    const { response } = await upstream.request('/held');
    response.writeHead(200, { 'content-length': 5_000 });
    response.write('y'.repeat(5_000));
    await client.ended;
    expect(proxy.stats().cuts).toEqual({ cutAfterBytes: 1 });
    expect(client.text().split('\r\n\r\n')[1]).toBe('y'.repeat(1_000));
    expect(await statusOf(post('/echo', 'z'.repeat(2_000)))).toBe(200);
  });

  it('cuts in place of a piece that holds a text, and lets others pass', async () => {
    proxy.set({ cutAtText: 'poison' });
    const client = open();
    client.send(get('/held'));
    const { response } = await upstream.request('/held');
    response.writeHead(200, { 'content-length': 5_000 });
    response.write('fine');
    await client.until('fine');
    response.write('some poison');
    await client.ended;
    expect(proxy.stats().cuts).toEqual({ cutAtText: 1 });
    expect(client.text()).toMatch(/\r\n\r\nfine$/);
  });

  it('cuts a connection on which nothing came by, and leaves a busy one', async () => {
    const idle = await openRawWebSocket();
    const busy = await openWebSocket();
    const beat = setInterval(() => busy.send('beat'), 50);
    proxy.set({ cutIdleMs: 1_000 });
    expect(await idle.client.ended).toBe('rst');
    clearInterval(beat);
    expect(busy.readyState).toBe(WebSocket.OPEN);
  });

  it('cuts what matches, now', async () => {
    const { client } = await openRawWebSocket();
    const other = open();
    other.send(get('/hello'));
    await other.until('hello');
    expect(proxy.cut({ match: { kind: 'websocket' }, how: 'rst' })).toBe(1);
    expect(await client.ended).toBe('rst');
    expect(other.isOpen()).toBe(true);
    expect(proxy.cut({ how: 'fin' })).toBe(1);
    expect(await other.ended).toBe('fin');
  });

  it('loses an answer after the server has acted', async () => {
    proxy.set({ loseResponse: { value: true, match: { method: 'POST' }, times: 1 } });
    const client = open();
    client.send(post('/echo', 'acted on'));
    expect(await client.ended).toBe('rst');
    expect(client.text()).toBe('');
    expect(upstream.bodies()).toEqual(['acted on']);
    expect(await statusOf(post('/echo', 'answered'))).toBe(200);
  });
});

describe('silence', () => {
  it('drops every byte on the open connections, and never answers new ones', async () => {
    const { client, peer } = await openRawWebSocket();
    const already = client.text();
    proxy.set({ blackhole: true });
    client.send(maskedText('lost'));
    await droppedBytes('lost'.length);
    const before = proxy.stats().bytes.dropped;
    peer.send('also lost');
    await droppedBytes(before + 'also lost'.length);
    const fresh = open();
    const seen = nextEvent('request');
    fresh.send(get('/hello'));
    expect(await seen).toMatchObject({ fate: 'dropped' });
    expect(fresh.isOpen() && client.isOpen() && peer.readyState === WebSocket.OPEN).toBe(true);
    expect([client.text(), fresh.text(), upstream.messages()]).toEqual([already, '', []]);
    proxy.reset();
    expect(await statusOf(get('/hello'))).toBe(200);
    // What lost bytes stays silent: a frame behind a hole would be a torn one.
    const lost = proxy.stats().bytes.dropped;
    client.send(maskedText('behind the hole'));
    await droppedBytes(lost + 'behind the hole'.length);
    expect(upstream.messages()).toEqual([]);
  });

  it('hides an end, and lets the other side learn of it when the silence is over', async () => {
    const { client, peer } = await openRawWebSocket();
    proxy.set({ blackhole: true });
    client.send(maskedText('lost'));
    await droppedBytes('lost'.length);
    client.socket.end();
    const gone = once(peer, 'close');
    expect(peer.readyState).toBe(WebSocket.OPEN);
    proxy.reset();
    await gone;
    await client.ended;
  });

  it('keeps only the existing connections silent, also those in a pool', async () => {
    const pooled = open();
    pooled.send(get('/hello'));
    await pooled.until('hello');
    const already = pooled.text();
    proxy.set({ blackholeExisting: true });
    const seen = nextEvent('request');
    pooled.send(get('/hello'));
    expect(await seen).toMatchObject({ fate: 'dropped' });
    expect(await statusOf(get('/hello'))).toBe(200);
    expect(pooled.text()).toBe(already);
    expect(pooled.isOpen()).toBe(true);
  });
});

describe('answers in the server’s place', () => {
  it('resets new connections at once', async () => {
    const before = open();
    before.send(get('/hello'));
    await before.until('hello');
    proxy.set({ refuseConnections: true });
    expect(await open().ended).toBe('rst');
    expect(before.isOpen()).toBe(true);
    expect(proxy.stats().connections.refused).toBe(1);
  });

  it('is a captive portal: a login page for everything, or the way to it', async () => {
    proxy.set({ captivePortal: true });
    const client = open();
    client.send(post('/echo', 'x') + get('/hello'));
    await client.until(/Sign in[\s\S]*Sign in/);
    expect(client.text()).toContain('200 OK');
    expect(client.text()).toContain('text/html');
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`);
    const [error] = await once(socket, 'error');
    expect((error as Error).message).toContain('200');
    proxy.set({ captivePortal: 'redirect' });
    const page = await fetch(`${proxy.url}/hello`);
    expect([page.redirected, page.status, await page.text()]).toEqual([
      true,
      200,
      expect.stringContaining('Sign in'),
    ]);
    expect(upstream.bodies()).toEqual([]);
  });

  it('keeps the order of answers when one of two pipelined requests is its own to answer', async () => {
    proxy.set({ status: { value: 503, match: { path: '/second' } } });
    const client = open();
    client.send(get('/held') + get('/second') + get('/hello'));
    const { response } = await upstream.request('/held');
    response.end('the first');
    await client.until(/the first[\s\S]*503 Service Unavailable[\s\S]*hello/);
  });

  it('sends a POST twice, the second on a connection of its own', async () => {
    proxy.set({ duplicatePost: true });
    const client = open();
    client.send(post('/echo', 'twice'));
    await client.until('twice');
    await vi.waitFor(() => expect(upstream.bodies()).toEqual(['twice', 'twice']));
    await vi.waitFor(() => expect(upstream.socketCount()).toBe(1));
    expect(client.text().split('200 OK').length - 1).toBe(1);
    expect(proxy.stats()).toMatchObject({ duplicates: 1, requests: { total: 1 } });
  });
});

describe('HTTP framing', () => {
  const stream = [
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200\r\n\r\nuntil the end',
  ].join('');

  it.each([1, 2, 3, 7, 64, 10_000])(
    'finds every response in chunks of %i bytes and changes nothing',
    (size) => {
      const { tokens, bytes } = collect();
      const reader = createResponseReader(tokens.push, () => 'GET');
      for (let at = 0; at < stream.length; at += size) reader.push(Buffer.from(stream.slice(at, at + size)));
      expect(tokens.types().filter((type) => type === 'end').length).toBe(4);
      reader.finish();
      expect(tokens.types().filter((type) => type === 'end').length).toBe(5);
      expect(bytes()).toBe(stream);
    },
  );

  it('expects no body after HEAD', () => {
    const { tokens } = collect();
    createResponseReader(tokens.push, () => 'HEAD').push(
      Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'),
    );
    expect(tokens.types()).toEqual(['head', 'end']);
  });

  it('holds what follows an upgrade until it is decided', () => {
    const { tokens } = collect();
    const reader = createRequestReader(tokens.push);
    reader.push(Buffer.from(`${upgrade('/ws')}early frame`));
    expect(tokens.types()).toEqual(['head', 'end']);
    reader.acceptUpgrade();
    expect(tokens.types()).toEqual(['head', 'end', 'raw']);
  });
});

describe('the parts that keep time', () => {
  it('a delay line keeps the order when a later item is due earlier', () => {
    vi.useFakeTimers();
    try {
      let nowMs = 0;
      const out: string[] = [];
      const line = createDelayLine({ now: () => nowMs, batch: (deliver) => deliver() });
      line.push(() => out.push('slow'), 1, 50);
      line.push(() => out.push('quick'), 1, 10);
      nowMs = 49;
      vi.advanceTimersByTime(49);
      expect([out, line.waitingBytes()]).toEqual([[], 2]);
      nowMs = 50;
      vi.advanceTimersByTime(1);
      expect([out, line.waitingBytes(), vi.getTimerCount()]).toEqual([['slow', 'quick'], 0, 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('a stall holds what falls into it until its end', () => {
    const rules = createRules(() => 1);
    rules.set({ stalls: { everyMs: 1_000, forMs: 300 } });
    let nowMs = 5_000;
    const pace = createPace({ rules, now: () => nowMs, random: () => 0, acceptedAt: 5_000 });
    const subject = { connection: 1, request: undefined };
    const dueAfter = (ms: number) => {
      nowMs = 5_000 + ms;
      return [pace.dueUp(subject, 0) - 5_000, pace.dueDown(subject) - 5_000];
    };
    expect(dueAfter(100)).toEqual([100, 100]);
    expect(dueAfter(1_000)).toEqual([1_300, 1_300]);
    expect(dueAfter(1_299)).toEqual([1_300, 1_300]);
    expect(dueAfter(1_300)).toEqual([1_300, 1_300]);
    expect(dueAfter(2_200)).toEqual([2_300, 2_300]);
  });

  it('a narrow line up: each piece waits for those before it, and nothing else does', () => {
    const rules = createRules(() => 1);
    rules.set({ upBytesPerSecond: 1_000, latencyMs: 50 });
    let nowMs = 0;
    const pace = createPace({ rules, now: () => nowMs, random: () => 0, acceptedAt: 0 });
    const subject = { connection: 1, request: undefined };
    expect([pace.dueUp(subject, 500), pace.dueUp(subject, 100)]).toEqual([550, 650]);
    expect(pace.dueDown(subject)).toBe(50);
    nowMs = 2_000;
    expect(pace.dueUp(subject, 100)).toBe(2_150);
  });

  it('a throttle stops reading while too much waits', () => {
    let waiting = 0;
    let isPaused = false;
    const source = {
      isPaused: () => isPaused,
      pause: () => (isPaused = true),
      resume: () => (isPaused = false),
    };
    const check = createThrottle(source as unknown as Socket, () => waiting);
    waiting = 100 * 1024 * 1024;
    check();
    expect(isPaused).toBe(true);
    waiting = 0;
    check();
    expect(isPaused).toBe(false);
  });
});

// ---- the server behind the proxy

async function startUpstream() {
  const bodies: string[] = [];
  const messages: string[] = [];
  const sockets = new Set<Socket>();
  const peers: ServerWebSocket[] = [];
  const waiting: ((peer: ServerWebSocket) => void)[] = [];
  const held: { request: IncomingMessage; response: ServerResponse }[] = [];
  const wantHeld: ((one: { request: IncomingMessage; response: ServerResponse }) => void)[] = [];
  let upgradeCount = 0;

  const server = createServer((request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    if (request.url?.startsWith('/held')) {
      const want = wantHeld.shift();
      if (want) want({ request, response });
      else held.push({ request, response });
    } else if (request.method === 'POST') readBody(request, response);
    else response.end('hello');
  });
  const webSockets = new WebSocketServer({ noServer: true });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/ws') {
      socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      // Back to HTTP on the same connection, as a server does that has no use for an upgrade.
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'));
      return;
    }
    upgradeCount++;
    webSockets.handleUpgrade(request, socket, head, (peer) => {
      peer.on('error', () => {});
      peer.on('message', (data, isBinary) => {
        messages.push(String(data).slice(0, 100));
        peer.send(data, { binary: isBinary });
      });
      const want = waiting.shift();
      if (want) want(peer);
      else peers.push(peer);
    });
  });

  function readBody(request: IncomingMessage, response: ServerResponse) {
    let body = '';
    request.on('data', (bytes) => {
      body += bytes;
    });
    request.on('end', () => {
      bodies.push(body);
      response.end(body);
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    bodies: () => bodies,
    messages: () => messages,
    socketCount: () => sockets.size,
    upgradeCount: () => upgradeCount,
    peer: () => new Promise<ServerWebSocket>((resolve) => void takeOrWait(peers, waiting, resolve)),
    request: (_path: string) =>
      new Promise<{ request: IncomingMessage; response: ServerResponse }>(
        (resolve) => void takeOrWait(held, wantHeld, resolve),
      ),
    async close() {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function takeOrWait<T>(ready: T[], waiting: ((one: T) => void)[], resolve: (one: T) => void) {
  const one = ready.shift();
  if (one) resolve(one);
  else waiting.push(resolve);
}

// ---- clients

/** A reset that comes together with bytes is read as an end by libuv (POLLHUP after a short read), hence as `fin` here. */
function openRaw(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const chunks: Buffer[] = [];
  let endedBy: 'fin' | 'rst' | undefined;
  socket.on('data', (bytes: Buffer) => chunks.push(bytes));
  const ended = new Promise<'fin' | 'rst'>((resolve) => {
    const end = (how: 'fin' | 'rst') => {
      endedBy ??= how;
      resolve(endedBy);
    };
    socket.on('end', () => end('fin'));
    socket.on('error', () => end('rst'));
    socket.on('close', () => end('rst'));
  });
  const received = () => Buffer.concat(chunks);
  const text = () => received().toString('latin1');
  return {
    socket,
    ended,
    received,
    text,
    byteCount: () => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    isOpen: () => endedBy === undefined && !socket.destroyed,
    send: (data: string | Buffer) => void socket.write(data),
    destroy: () => void socket.destroy(),
    async until(wanted: string | RegExp) {
      const has = () => (typeof wanted === 'string' ? text().includes(wanted) : wanted.test(text()));
      while (!has()) {
        const more = await Promise.race([once(socket, 'data'), ended]);
        if (typeof more === 'string' && !has())
          throw new Error(`Ended (${more}) before ${wanted}: ${text()}`);
      }
    },
  };
}

function open(): RawClient {
  const client = openRaw(proxy.port);
  clients.push(client);
  return client;
}

async function openWebSocket(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`);
  socket.on('error', () => {});
  clients.push({ destroy: () => socket.terminate() });
  await once(socket, 'open');
  return socket;
}

async function openRawWebSocket() {
  const client = open();
  client.send(upgrade('/ws'));
  const peer = await upstream.peer();
  await client.until('\r\n\r\n');
  return { client, peer };
}

/** A client whose answer has a head and no body yet. */
async function openStream() {
  const client = open();
  client.send(get('/held'));
  const { response } = await upstream.request('/held');
  response.flushHeaders();
  return { client, response };
}

/** The proxy has read all that the server has written: another exchange through the same event loop came after it. */
async function upstreamFlushed(response: ServerResponse) {
  await new Promise<void>((resolve) => void response.write('.', () => resolve()));
  expect(await statusOf(get('/hello'))).toBe(200);
}

async function statusOf(request: string): Promise<number> {
  const client = open();
  client.send(request);
  await client.until('\r\n\r\n');
  client.socket.end();
  return Number(client.text().split(' ')[1]);
}

async function timeOf(request: string, client = open()): Promise<number> {
  const startedAt = performance.now();
  client.send(request);
  await once(client.socket, 'data');
  return performance.now() - startedAt;
}

function nextEvent(type: 'request' | 'response'): Promise<unknown> {
  return new Promise((resolve) => {
    const off = proxy.on(type, (entry) => {
      off();
      resolve(entry);
    });
  });
}

async function droppedBytes(countMin: number) {
  await vi.waitFor(() => expect(proxy.stats().bytes.dropped).toBeGreaterThanOrEqual(countMin), {
    timeout: 10_000,
  });
}

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
}

function post(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function upgrade(path: string): string {
  const headers = [
    'Connection: keep-alive, Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  return get(path, headers.map((line) => `${line}\r\n`).join(''));
}

/** A short text frame as a client sends it; a mask of zeros keeps it readable. */
function maskedText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

function collect() {
  const seen: { type: string; bytes?: Buffer }[] = [];
  return {
    tokens: {
      push: (token: { type: string; bytes?: Buffer }) => void seen.push(token),
      types: () => seen.map((token) => token.type),
    },
    bytes: () => seen.map((token) => String(token.bytes ?? '')).join(''),
  };
}
