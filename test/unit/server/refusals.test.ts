/** What the hub refuses: each by its own code and a readable reason, and others go on unharmed. */
import { createConnection } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { HubOptions } from '../../../src/server/index.ts';
import type { Frame } from './support/core-world.ts';
import {
  ask,
  client,
  connect,
  follow,
  key,
  type LiveHub,
  lines,
  openFrame,
  post,
  query,
  type Socket,
  settled,
  startHub,
} from './support/live-hub.ts';

const fresh = [{ topic: 'a', new: true }];
const other = { client: 'other_________________', key: 'other_________________' };

let live: LiveHub;
let bystander: Socket;

async function start(options: HubOptions = {}): Promise<void> {
  live = await startHub(options);
  bystander = await connect(live.url + query(), openFrame(fresh, other));
  await bystander.until((text) => text.includes('"hello"'));
}

beforeEach(() => start());
/** Whoever was there before still is, and gets what is published. */
afterEach(async () => {
  const id = await live.hub.publish('a', 'still here');
  await bystander.until((text) => text.includes(`"id":"${id}"`));
  await live.close();
});

async function restart(options: HubOptions): Promise<void> {
  await live.close();
  await start(options);
}

async function firstFrame(body: string): Promise<Frame> {
  const answer = await post(live.url + query(), body);
  await answer.ended();
  return answer.frames()[0] as Frame;
}

describe('a foreign origin', () => {
  const evil = { origin: 'https://evil.example' };

  test('is refused by status before anything acts, and the reason names both values', async () => {
    const answer = await post(live.url + query(), lines(openFrame(fresh)), evil);
    await answer.ended();
    expect(answer.status).toBe(403);
    expect(answer.frames()[0]).toMatchObject({ type: 'error', code: 'ORIGIN_DENIED' });
    expect(answer.text).toContain('https://evil.example');
    expect(answer.text).toContain(`127.0.0.1:${live.port}`);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(live.hub.stats().records).toBe(1);
  });

  test('is refused at the upgrade, at a GET and at a preflight', async () => {
    await expect(connect(live.url + query(), openFrame(fresh), evil)).rejects.toThrow('403');
    expect((await ask(`${live.url}?topic=a`, { headers: evil })).status).toBe(403);
    expect((await ask(live.url, { method: 'OPTIONS', headers: evil })).status).toBe(403);
  });

  test('is what a request with cookies and without any may be', async () => {
    const cookie = { cookie: 'session=1' };
    expect((await post(live.url + query(), lines(openFrame(fresh)), cookie)).status).toBe(403);
    const own = { ...cookie, origin: `http://127.0.0.1:${live.port}` };
    expect((await post(live.url + query(), lines(openFrame(fresh, { wait: 0 })), own)).status).toBe(200);
    const hidden = { 'sec-fetch-site': 'cross-site' };
    expect((await ask(`${live.url}?topic=a`, { headers: hidden })).status).toBe(403);
  });

  test('is none if it is listed, or named by a trusted proxy', async () => {
    await restart({ origins: ['https://shop.example'], trustProxy: true });
    const open = lines(openFrame(fresh, { wait: 0 }));
    const listed = await post(live.url + query(), open, { origin: 'https://shop.example' });
    expect(listed.headers).toMatchObject({ 'access-control-allow-origin': 'https://shop.example' });
    const forwarded = { origin: 'https://behind.example', 'x-forwarded-host': 'behind.example' };
    expect((await post(live.url + query(), open, forwarded)).status).toBe(200);
    const preflight = { origin: 'https://shop.example', 'access-control-request-headers': 'x-mine' };
    const allowed = await ask(live.url, { method: 'OPTIONS', headers: preflight });
    expect(allowed.status).toBe(204);
    expect(allowed.headers['access-control-allow-headers']).toBe('x-mine');
  });

  test('is told of X-Forwarded-Host without trustProxy', async () => {
    const forwarded = { origin: 'https://behind.example', 'x-forwarded-host': 'behind.example' };
    const answer = await post(live.url + query(), lines(openFrame(fresh)), forwarded);
    expect(answer.status).toBe(403);
    expect(await answer.ended()).toContain('trustProxy');
  });
});

describe('a malformed frame', () => {
  test('in a body is status 400, and nothing of it is applied', async () => {
    for (const body of [
      'nonsense\n',
      '{"type":"open"}\n',
      '',
      '{"type":"hello"}\n',
      lines(openFrame(fresh), openFrame(fresh)),
    ]) {
      const answer = await post(live.url + query(), body);
      await answer.ended();
      expect([answer.status, (answer.frames()[0] as Frame)['code']]).toEqual([400, 'BAD_FRAME']);
    }
  });

  test('on a WebSocket is told in band and ends it', async () => {
    const socket = await connect(live.url + query(), openFrame(fresh));
    await socket.until((text) => text.includes('"hello"'));
    socket.ws.send('{"type":"launch"}');
    expect(await socket.closed).toBe(4000);
    expect(socket.text).toContain('BAD_FRAME');
  });

  test('as a first message, or as what the subprotocol carries, is no open', async () => {
    const late = await connect(live.url + query());
    late.ws.send('{"type":"ping"}');
    expect(await late.closed).toBe(4000);
    const broken = new WebSocket(live.url.replace('http', 'ws') + query(), ['holdfast.v1', 'open.e30']);
    const socket = await follow(broken);
    expect(await socket.closed).toBe(4000);
    expect(socket.text).toContain('BAD_FRAME');
  });

  test('is not what asks for no topic, but any other method is', async () => {
    expect((await ask(live.url)).status).toBe(200);
    expect((await ask(live.url, { method: 'DELETE' })).status).toBe(405);
  });
});

describe('an oversized frame', () => {
  test('is status 413 as a body, whether it says its length or not', async () => {
    await restart({ limits: { batchBytes: 1_000 } });
    const body = 'x'.repeat(2_000);
    for (const headers of [{ 'content-length': '2000' }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await post(live.url + query(), body, headers as Record<string, string>);
      await answer.ended();
      expect([answer.status, (answer.frames()[0] as Frame)['code']]).toEqual([413, 'FRAME_TOO_LARGE']);
    }
  });

  test('closes a WebSocket with 1009', async () => {
    await restart({ limits: { frameBytes: 100_000 } });
    const socket = await connect(live.url + query(), openFrame(fresh));
    await socket.until((text) => text.includes('"hello"'));
    socket.ws.send('x'.repeat(200_000));
    expect(await socket.closed).toBe(1009);
  });

  test('within a body that is allowed settles the send', async () => {
    await restart({ limits: { frameBytes: 100_000 }, onSend: () => 'applied' });
    const hello = await firstFrame(lines(openFrame([], { wait: 0 })));
    const batch = { type: 'batch', client, key, sends: hello['sends'] };
    const large = { type: 'send', seq: 1, topic: 'a', data: 'x'.repeat(200_000) };
    const ack = await firstFrame(lines(batch, large));
    expect(ack).toMatchObject({ seq: 1, error: { code: 'SEND_TOO_LARGE', applied: false } });
  });

  test('is not published either', async () => {
    await expect(live.hub.publish('a', 'x'.repeat(3_000_000))).rejects.toMatchObject({
      code: 'FRAME_TOO_LARGE',
    });
  });
});

test('too many topics, an unknown protocol version and another key each have their code', async () => {
  const many = Array.from({ length: 1_001 }, (_, i) => `topic-${i}`);
  expect(await firstFrame(lines(openFrame(many)))).toMatchObject({ type: 'error', code: 'TOO_MANY_TOPICS' });
  const next = await firstFrame(lines(openFrame(fresh, { protocol: 'holdfast.v9' })));
  expect(next).toMatchObject({ code: 'UNSUPPORTED_PROTOCOL', scope: 'session' });
  expect(next['message']).toContain('holdfast.v9');
  const forged = await firstFrame(lines(openFrame(fresh, { ...other, key: 'f'.repeat(22) })));
  expect(forged).toMatchObject({ code: 'KEY_MISMATCH', scope: 'session' });
});

test('an unknown subprotocol is told in band, after the handshake', async () => {
  const ws = new WebSocket(live.url.replace('http', 'ws') + query(), ['holdfast.v9']);
  const socket = await follow(ws);
  expect(await socket.closed).toBe(4000);
  expect(socket.text).toContain('UNSUPPORTED_PROTOCOL');
});

test('an unauthorised subscribe is told for its topic, an unauthorised send for its number', async () => {
  await restart({ authorize: ({ topic }) => topic === 'a', onSend: () => 'applied' });
  const hello = await firstFrame(lines(openFrame([...fresh, { topic: 'b', new: true }], { wait: 0 })));
  expect(hello['topics']).toMatchObject([{ topic: 'a' }, { topic: 'b', error: { code: 'TOPIC_DENIED' } }]);
  const batch = { type: 'batch', client, key, sends: hello['sends'] };
  const ack = await firstFrame(lines(batch, { type: 'send', seq: 1, topic: 'b', data: 1 }));
  expect(ack).toMatchObject({ error: { code: 'SEND_DENIED' } });
});

test('a token that is not accepted, and one that is forbidden', async () => {
  const authenticate: HubOptions['authenticate'] = ({ token, client: id }) => {
    if (id === other.client) return true;
    if (token === 'banned') throw Object.assign(new Error('You are banned.'), { code: 'FORBIDDEN' });
    return token === 'good' && { identity: 'anna', expiresInMs: 60_000 };
  };
  await restart({ authenticate });
  const open = (token: string): string => lines(openFrame(fresh, { token, wait: 0 }));
  expect(await firstFrame(open('bad'))).toMatchObject({ code: 'AUTH_FAILED', scope: 'session' });
  expect(await firstFrame(open('banned'))).toMatchObject({ code: 'FORBIDDEN', message: 'You are banned.' });
  expect(await firstFrame(open('good'))).toMatchObject({ type: 'hello', identity: 'anna' });
});

test('a handler that throws is told without its words, unless it chose a code', async () => {
  const errors: unknown[] = [];
  await restart({
    onSend: ({ data }) => {
      if (data === 'code') throw Object.assign(new Error('Sold out.'), { code: 'SOLD_OUT' });
      throw new Error('password=secret');
    },
  });
  live.hub.on('error', (error) => errors.push(error));
  const hello = await firstFrame(lines(openFrame([], { wait: 0 })));
  const batch = { type: 'batch', client, key, sends: hello['sends'] };
  const send = (seq: number, data: string): object => ({ type: 'send', seq, topic: 'a', data });
  const answer = await post(live.url + query(), lines(batch, send(1, 'throw'), send(2, 'code')));
  await answer.ended();
  expect(answer.text).not.toContain('secret');
  expect(answer.frames()).toMatchObject([
    { seq: 1, error: { code: 'HANDLER_FAILED', applied: 'unknown' } },
    { seq: 2, error: { code: 'SOLD_OUT', message: 'Sold out.', applied: false } },
  ]);
  expect(errors).toHaveLength(1);
});

test('a cursor of another epoch is a gap, not an error', async () => {
  await live.hub.publish('a', 1);
  const answer = await post(
    live.url + query(),
    lines(openFrame(['a'], { wait: 0, cursor: 'anotherepoch.5' })),
  );
  await answer.ended();
  expect(answer.frames()[1]).toMatchObject({ type: 'gap', topic: 'a', to: '1', reason: 'epoch' });
});

test('a body that never ends is given up', async () => {
  await restart({ limits: { bodyMs: 50 } });
  const headers = { 'content-type': 'text/plain' };
  const answer = await ask(live.url + query(), {
    method: 'POST',
    headers,
    body: '{"type":',
    isEndless: true,
  });
  await answer.ended();
  expect([answer.status, (answer.frames()[0] as Frame)['code']]).toEqual([408, 'BODY_TIMEOUT']);
});

test('a WebSocket whose open never comes is given up', async () => {
  await restart({ limits: { bodyMs: 50 } });
  const socket = await connect(live.url + query());
  expect(await socket.closed).toBe(4000);
  expect(socket.text).toContain('BODY_TIMEOUT');
});

test('a body that is not text is refused', async () => {
  const answer = await post(live.url + query(), '');
  expect(answer.status).toBe(400);
  const raw = await fetch(live.url + query(), { method: 'POST', body: new Uint8Array([0xff, 0xfe, 10]) });
  expect(raw.status).toBe(400);
});

test('a client that opens and never reads costs a bounded amount of memory, and is ended', async () => {
  await restart({ heartbeatMs: 100, limits: { stallMs: 300, bufferBytes: 200_000 } });
  const body = lines(openFrame(fresh));
  const socket = createConnection(live.port, '127.0.0.1');
  socket.pause();
  const head = `POST /realtime${query()} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n`;
  socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  while (live.hub.stats().byTransport['http-stream'] === 0) await new Promise((next) => setImmediate(next));
  const data = 'x'.repeat(50_000);
  while (live.hub.stats().byTransport['http-stream'] === 1) {
    await live.hub.publish('a', data);
    bystander.text = '';
    // No faster than a bystander in the same process can read.
    await new Promise((next) => setTimeout(next, 1));
  }
  // The bystander read all the while: it alone is still there.
  expect(live.hub.stats().connections).toBe(1);
  socket.destroy();
});

test('a client that goes away in the middle of anything leaves nothing', async () => {
  await restart({ onSend: () => new Promise(() => undefined) });
  const hello = await firstFrame(lines(openFrame([], { wait: 0 })));
  const batch = { type: 'batch', client, key, sends: hello['sends'] };
  const sending = ask(live.url + query(), {
    method: 'POST',
    body: lines(batch, { type: 'send', seq: 1, topic: 'a', data: 1 }),
    headers: { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' },
    isEndless: true,
  });
  sending.catch(() => undefined);
  const stream = await post(live.url + query(), lines(openFrame(fresh, { attempt: 5 })));
  stream.abort();
  while (live.hub.stats().connections > 1) await new Promise((next) => setImmediate(next));
  bystander.ws.close();
  await settled(live.hub);
  bystander = await connect(live.url + query(), openFrame(fresh, { ...other, attempt: 2 }));
  await bystander.until((text) => text.includes('"hello"'));
});
