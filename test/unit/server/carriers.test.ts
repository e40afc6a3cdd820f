/** Every carrier of `docs/PROTOCOL.md` section 5 over real sockets, by raw requests. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { relay } from '../../../src/server/index.ts';
import type { Frame } from './support/core-world.ts';
import {
  ask,
  client,
  connect,
  key,
  type LiveHub,
  lines,
  openFrame,
  post,
  query,
  settled,
  startHub,
} from './support/live-hub.ts';

let live: LiveHub;

beforeEach(async () => {
  live = await startHub({ onSend: ({ data }) => ({ got: data }) });
});
afterEach(() => live.close());

const fresh = [{ topic: 'a', new: true, last: 1 }];
const origin = (): string => `http://127.0.0.1:${live.port}`;

describe('websocket', () => {
  test('carries the open as a subprotocol, and the hello comes with the handshake', async () => {
    await live.hub.publish('a', { n: 1 });
    const socket = await connect(live.url + query(), openFrame(fresh));
    expect(socket.ws.protocol).toBe('holdfast.v1');
    await socket.until((text) => text.includes('"hello"'));
    expect(socket.frames()[0]).toMatchObject({
      type: 'hello',
      topics: [{ topic: 'a', last: [{ data: { n: 1 } }] }],
    });
    socket.ws.close();
    await settled(live.hub);
  });

  test('carries a long open as its first frame, joins a turn in one message, and brings bytes as they are', async () => {
    const socket = await connect(live.url + query());
    socket.ws.send(JSON.stringify(openFrame(fresh)));
    await socket.until((text) => text.includes('"hello"'));
    socket.messages.length = 0;
    const bytes = new Uint8Array(1024 * 1024).map((_, i) => i);
    void live.hub.publish('a', 1);
    void live.hub.publish('a', 2);
    void live.hub.publish('a', bytes);
    await socket.until((text) => text.includes('"id":"3"'));
    expect(socket.messages).toHaveLength(2);
    expect((socket.messages[0] as string).trim().split('\n')).toHaveLength(2);
    const binary = Buffer.from(socket.messages[1] as Uint8Array);
    const end = binary.indexOf(10);
    expect(JSON.parse(binary.subarray(0, end).toString())).toEqual({ topic: 'a', id: '3' });
    expect(binary.subarray(end + 1).equals(bytes)).toBe(true);
    socket.ws.close();
  });

  test('carries sends up, bytes too, and answers on the same connection', async () => {
    const socket = await connect(live.url + query(), openFrame([]));
    await socket.until((text) => text.includes('"hello"'));
    socket.ws.send('{"type":"send","seq":1,"topic":"a","data":{"x":1}}\n{"type":"ping"}');
    socket.ws.send(
      Buffer.concat([Buffer.from('{"type":"send","seq":2,"topic":"a"}\n'), Buffer.from([0, 255])]),
    );
    await socket.until((text) => text.includes('"seq":2'));
    const frames = socket.frames();
    expect(frames.find((frame) => frame['seq'] === 1)).toEqual({
      type: 'ack',
      seq: 1,
      reply: { got: { x: 1 } },
    });
    expect(frames.some((frame) => frame.type === 'pong' && frame.cursor === live.hub.cursor())).toBe(true);
    socket.ws.close(1000);
    await settled(live.hub);
  });
});

describe('http-stream', () => {
  test('is a POST whose answer does not end, in lines', async () => {
    const answer = await post(live.url + query(), lines(openFrame(fresh)));
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-ndjson; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    await answer.until((text) => text.includes('"hello"'));
    await live.hub.publish('a', 'one');
    await live.hub.publish('a', new Uint8Array([1, 2, 3]));
    await answer.until((text) => text.includes('"id":"2"'));
    expect(answer.frames().slice(1)).toEqual([
      { topic: 'a', id: '1', data: 'one' },
      { topic: 'a', id: '2', base64: 'AQID' },
    ]);
    expect(live.hub.stats().byTransport['http-stream']).toBe(1);
    answer.abort();
    await settled(live.hub);
  });

  test('ends when it is released, so that its connection can be used again', async () => {
    const answer = await post(live.url + query(), lines(openFrame(fresh)));
    await answer.until((text) => text.includes('"hello"'));
    const batch = { type: 'batch', client, key, sends: '' };
    const released = await post(live.url + query(), lines(batch, { type: 'release', attempts: [1] }));
    expect(released.status).toBe(200);
    expect(await answer.ended()).toMatch(/\n$/);
  });
});

describe('eventsource', () => {
  const headers = { accept: 'text/event-stream' };

  test('is a GET with a ticket; its open goes by a POST beside it', async () => {
    const ticket = 'T'.repeat(22);
    const [answer, opened] = await Promise.all([
      ask(live.url + query(`&ticket=${ticket}`), { headers }),
      post(live.url + query(), lines(openFrame(fresh, { ticket }))),
    ]);
    expect(opened.status).toBe(204);
    expect(answer.headers['content-type']).toMatch('text/event-stream');
    await answer.until((text) => text.includes('"hello"'));
    await live.hub.publish('a', { n: 1 });
    const text = await answer.until((all) => all.includes('"n":1'));
    expect(text).toContain(`id: ${live.hub.cursor()}\ndata: {"topic":"a","id":"1","data":{"n":1}}\n\n`);
    expect(text).toMatch(/event: holdfast\nid: [\w-]+\.0\ndata: \{"type":"hello"/);
    answer.abort();
  });

  test('without a client it is any EventSource, and the header wins over the query when it resumes', async () => {
    for (const n of [1, 2, 3]) await live.hub.publish('a', n);
    await live.hub.publish('b', 4);
    const cursorAt = (n: number): string => live.hub.cursor().replace(/\d+$/, String(n));
    const resuming = { ...headers, 'last-event-id': cursorAt(2) };
    const answer = await ask(`${live.url}?topic=a&topic=b&cursor=${cursorAt(0)}`, { headers: resuming });
    const text = await answer.until((all) => all.includes('"id":"4"'));
    expect(text.match(/^data: \{"topic.*$/gm)).toEqual([
      'data: {"topic":"a","id":"3","data":3}',
      'data: {"topic":"b","id":"4","data":4}',
    ]);
    answer.abort();
  });
});

describe('curl', () => {
  test('reads lines, with retained messages if it asks for them', async () => {
    for (const n of [1, 2, 3]) await live.hub.publish('a', n);
    const answer = await ask(`${live.url}?topic=a&last=2`, { headers: { accept: '*/*' } });
    await answer.until((text) => text.includes('"id":"3"'));
    const messages = answer.frames().filter((frame) => frame.type === undefined);
    expect(messages.map(({ data }) => data)).toEqual([2, 3]);
    expect(live.hub.count('a')).toBe(1);
    answer.abort();
    await settled(live.hub);
  });

  test('cannot see what is meant for one client', async () => {
    const answer = await ask(`${live.url}?topic=$direct`);
    await answer.until((text) => text.includes('"hello"'));
    expect(answer.frames()[0]).toMatchObject({
      topics: [{ topic: '$direct', error: { code: 'BAD_TOPIC' } }],
    });
    answer.abort();
  });
});

describe('iframe', () => {
  function form(fields: Record<string, string>): Promise<Awaited<ReturnType<typeof ask>>> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: origin() };
    return ask(live.url + query(), { method: 'POST', headers, body: new URLSearchParams(fields).toString() });
  }

  /** What the scripts of a document post to their parent. */
  function posted(html: string): string[] {
    const calls = html.match(/m\("(?:[^"\\]|\\.)*"\)/g) ?? [];
    return calls.map((call) => JSON.parse(call.slice(2, -1)) as string);
  }

  test('is a document whose scripts post units, allowed by a nonce and escaped', async () => {
    const answer = await form({ open: JSON.stringify(openFrame(fresh)), origin: origin(), nonce: 'Mark1' });
    const evil = '</script><!--\u2028\u2029"\\';
    await answer.until((text) => text.includes('hello'));
    await live.hub.publish('a', evil);
    const html = await answer.until((text) => text.includes('\\"id\\"'));
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    const csp = String(answer.headers['content-security-policy']);
    const nonce = /'nonce-([\w-]+)'/.exec(csp)?.[1] ?? 'none';
    expect(csp).toContain(`frame-ancestors ${origin()}`);
    expect(html.match(/<script nonce="/g)).toHaveLength(html.split(`<script nonce="${nonce}">`).length - 1);
    expect(html.match(/<\/script>/g)).toHaveLength(html.match(/<script /g)?.length ?? 0);
    expect(html).not.toMatch(/[\u2028\u2029]/);
    expect(html).toContain(`parent.postMessage(t,"${origin()}")`);
    const units = posted(html).map((unit) => unit.split('\n'));
    expect(units.every(([mark]) => mark === 'Mark1')).toBe(true);
    expect(JSON.parse(units[1]?.[1] ?? '')).toEqual({ topic: 'a', id: '1', data: evil });
    answer.abort();
  });

  test('is refused for an origin that is not allowed, or a mark that could leave its string', async () => {
    const open = JSON.stringify(openFrame(fresh));
    expect((await form({ open, origin: 'https://evil.example', nonce: 'a' })).status).toBe(403);
    expect((await form({ open, origin: origin(), nonce: '")//' })).status).toBe(400);
    expect((await form({ open: 'x', origin: origin(), nonce: 'a' })).status).toBe(400);
  });

  test('of a page that forbids referrers is judged by its field', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: 'null' };
    const send = (named: string) => {
      const fields = { open: JSON.stringify(openFrame(fresh)), origin: named, nonce: 'a' };
      return ask(live.url + query(), {
        method: 'POST',
        headers,
        body: new URLSearchParams(fields).toString(),
      });
    };
    expect((await send('https://evil.example')).status).toBe(403);
    const answer = await send(origin());
    expect(answer.status).toBe(200);
    answer.abort();
  });
});

describe('polls', () => {
  test('are whole answers with their length', async () => {
    await live.hub.publish('a', 1);
    const answer = await post(live.url + query(), lines(openFrame(fresh, { wait: 0 })));
    const text = await answer.ended();
    expect(answer.headers['content-length']).toBe(String(text.length));
    expect(answer.frames().map(({ type }) => type)).toEqual(['hello', 'ping']);
  });

  test('are held, and answered by what is published', async () => {
    const opened = lines(openFrame(['a'], { wait: 20_000, cursor: live.hub.cursor() }));
    const answering = post(live.url + query(), opened);
    while (live.hub.stats().byTransport['long-poll'] === 0) await new Promise((next) => setImmediate(next));
    await live.hub.publish('a', 'now');
    const answer = await answering;
    await answer.ended();
    expect(answer.frames().map((frame) => frame.type ?? frame.data)).toEqual(['hello', 'now', 'ping']);
  });
});

describe('the way up', () => {
  test('is a POST that answers with its acks', async () => {
    const hello = (await poll())[0] as Frame;
    const batch = { type: 'batch', client, key, sends: hello['sends'] };
    const up = lines(batch, { type: 'send', seq: 1, topic: 'a', data: 7 }, { type: 'ping' });
    const answer = await post(live.url + query(), up);
    await answer.ended();
    expect(answer.frames()).toEqual(
      expect.arrayContaining([{ type: 'ack', seq: 1, reply: { got: 7 } }, { type: 'pong' }]),
    );
  });

  test('a last line without a line feed does not count', async () => {
    const hello = (await poll())[0] as Frame;
    const batch = { type: 'batch', client, key, sends: hello['sends'] };
    const whole = lines(
      batch,
      { type: 'send', seq: 1, topic: 'a', data: 7 },
      { type: 'send', seq: 2, topic: 'a', data: 8 },
    );
    const answer = await post(live.url + query(), whole.slice(0, -1));
    await answer.ended();
    expect(answer.frames().map((frame) => frame['seq'])).toEqual([1]);
  });

  async function poll(): Promise<Frame[]> {
    const answer = await post(live.url + query(), lines(openFrame([], { wait: 0 })));
    await answer.ended();
    return answer.frames();
  }
});

test('relay() publishes what is sent to everyone, the sender included', async () => {
  const relaying = await startHub({ onSend: relay() });
  const socket = await connect(relaying.url + query(), openFrame(fresh));
  await socket.until((text) => text.includes('"hello"'));
  socket.ws.send('{"type":"send","seq":1,"topic":"a","data":"hi"}');
  await socket.until((text) => text.includes('"id":"1"') && text.includes('"ack"'));
  await relaying.close();
});
