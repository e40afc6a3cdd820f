/** The hub's node binding, asked by hand over real sockets: whatever comes, a clear answer, and nobody else is harmed. */
import { connect as connectTcp } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { idOf } from '../server/support/core-world.ts';
import { connect, type LiveHub, openFrame, type Socket, startHub } from '../server/support/live-hub.ts';
import { clientFrame, cursor, lineLike } from './arbitraries.ts';

// Thousands of runs take their time on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const answerMs = 10_000;
const others = { client: idOf('bystander'), key: idOf('secret') };

let live: LiveHub;
let bystander: Socket;

beforeAll(async () => {
  // Held answers come soon, so that every answer does.
  live = await startHub({ holdMs: 20, onSend: () => 'applied', limits: { batchBytes: 10_000, bodyMs: 500 } });
  bystander = await connect(`${live.url}?n=1`, openFrame([{ topic: 'a', new: true }], others));
  await bystander.until((text) => text.includes('"hello"'));
});

afterAll(async () => {
  const id = await live.hub.publish('a', 'still here');
  await bystander.until((text) => text.includes(`"id":"${id}"`));
  await live.close();
});

/** Writes the bytes and reads until the answer is whole enough to judge, or the other side ends it. */
function exchange(bytes: Uint8Array, isEnough: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(live.port, '127.0.0.1');
    const timer = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`silence after ${JSON.stringify(Buffer.from(bytes).toString('latin1').slice(0, 300))}`),
      );
    }, answerMs);
    let text = '';
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (isEnough(text)) finish();
    });
    socket.on('error', finish).on('close', finish);
    socket.write(bytes);
  });
}

function requestOf(method: string, query: string, headers: readonly string[], body: Uint8Array): Uint8Array {
  const head = [
    `${method} /realtime${query} HTTP/1.1`,
    'Host: hub.example',
    ...headers,
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n`), body]);
}

const encoder = new TextEncoder();
const lines = fc
  .array(lineLike(clientFrame), { maxLength: 3 })
  .map((list) => list.map((line) => `${line}\n`).join(''));
const form = fc
  .record(
    {
      open: lineLike(clientFrame),
      origin: fc.constantFrom('http://hub.example', 'https://evil.example', 'javascript:1', ''),
      nonce: fc.constantFrom('m4rk', '</script>', ''),
    },
    { requiredKeys: [] },
  )
  .map((fields) => new URLSearchParams(fields as Record<string, string>).toString());
const body = fc.oneof(
  { weight: 4, arbitrary: lines.map((text) => encoder.encode(text)) },
  { weight: 2, arbitrary: form.map((text) => encoder.encode(text)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  { weight: 1, arbitrary: fc.constant(new Uint8Array(10_001).fill(120)) },
);
const header = fc.constantFrom(
  'Content-Type: text/plain',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Type: application/json',
  'Content-Type: ;;',
  'Accept: text/event-stream',
  'Last-Event-ID: aaaaaaaaaaa.5',
  'Last-Event-ID: nonsense',
  'Origin: http://hub.example',
  'Origin: https://evil.example',
  'Origin: null',
  'Cookie: a=b',
);
const headers = fc.uniqueArray(header, { maxLength: 3, selector: (line) => line.split(':')[0] });
const parameter = fc.oneof(
  fc.constantFrom(
    'topic=a',
    'topic=',
    'topic=%24direct',
    'last=3',
    'last=-1',
    'last=x',
    'n=1',
    'n=x',
    '%zz',
    'ticket=',
  ),
  fc.constantFrom(
    `client=${'c'.repeat(22)}`,
    'client=x',
    'topic=%00',
    `topic=${'x'.repeat(300)}`,
    'cursor=nonsense',
  ),
  cursor.map((text) => `cursor=${text}`),
  fc.string({ maxLength: 8 }).map((text) => `topic=${encodeURIComponent(text)}`),
);
const query = fc
  .array(parameter, { maxLength: 3 })
  .map((list) => (list.length > 0 ? `?${list.join('&')}` : ''));
const method = fc.oneof(
  { weight: 5, arbitrary: fc.constant('POST') },
  { weight: 3, arbitrary: fc.constant('GET') },
  { weight: 2, arbitrary: fc.constantFrom('OPTIONS', 'HEAD', 'PUT', 'DELETE', 'PATCH') },
);

/** Status, and what has come of the body. */
function parse(text: string): { status: number; body: string } {
  const end = text.indexOf('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), body: text.slice(end + 4) };
}

/** The head, and as much of the body as there must be. */
function isAnswer(text: string): boolean {
  const { status, body: rest } = parse(text);
  return text.includes('\r\n\r\n') && (status === 204 || rest.includes('\n'));
}

describe('a request', () => {
  it('is answered by a status of ours, and a refusal by an error frame', async () => {
    await fc.assert(
      fc.asyncProperty(method, query, headers, body, async (verb, search, list, bytes) => {
        const { status, body: said } = parse(await exchange(requestOf(verb, search, list, bytes), isAnswer));
        expect([200, 204, 400, 403, 405, 413]).toContain(status);
        if (status < 400 || verb === 'HEAD') return;
        const frame = JSON.parse(said) as Record<string, unknown>;
        expect(frame).toMatchObject({ type: 'error', code: expect.stringMatching(/^[A-Z_]+$/) });
        expect(String(frame['message']).length).toBeGreaterThan(10);
      }),
      { numRuns: 120 },
    );
  });

  it('that holds no UTF-8 is refused, even where it would be a frame otherwise', async () => {
    const broken = fc.constantFrom([0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf8, 0x88]);
    const [before, after] = [
      `{"type":"batch","client":"${others.client}","key":"`,
      '","sends":""}\n{"type":"ping"}\n',
    ];
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme-ascii', maxLength: 5 }), broken, async (text, bad) => {
        const inside = encoder.encode(JSON.stringify(text).slice(1, -1));
        const bytes = Uint8Array.from([
          ...encoder.encode(before),
          ...inside,
          ...bad,
          ...encoder.encode(after),
        ]);
        const answer = parse(await exchange(requestOf('POST', '', [], bytes), isAnswer));
        expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { code: 'BAD_FRAME' }]);
      }),
      { numRuns: 30 },
    );
  });

  it('that is broken off leaves nothing behind', async () => {
    const before = live.hub.stats();
    await fc.assert(
      fc.asyncProperty(lines, fc.nat(), async (text, at) => {
        const whole = requestOf('POST', '', ['Content-Type: text/plain'], encoder.encode(`${text}{}`));
        const socket = connectTcp(live.port, '127.0.0.1');
        await new Promise((resolve) =>
          socket.write(whole.subarray(0, 1 + (at % (whole.length - 1))), resolve),
        );
        await new Promise((resolve) => socket.on('close', resolve).destroy());
      }),
      { numRuns: 40 },
    );
    await expect.poll(() => live.hub.stats().connections).toBeLessThanOrEqual(before.connections);
    expect(live.hub.stats().uplinks).toBe(0);
  });

  it('whose body does not come is answered by 408', async () => {
    const endless = Buffer.from(
      'POST /realtime HTTP/1.1\r\nHost: hub.example\r\nContent-Length: 100\r\n\r\n{"type"',
    );
    const answer = parse(await exchange(endless, isAnswer));
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([408, { code: 'BODY_TIMEOUT' }]);
  });
});

describe('a WebSocket', () => {
  let cases = 0;

  /** What one client has released stays so: each case is a client of its own. */
  function ofItsOwn(open: Uint8Array): Uint8Array {
    const text = Buffer.from(open).toString('latin1');
    const own = text.replace(/"client":"[^"]{22}"/, `"client":"${idOf(`case${++cases}`)}"`);
    return Buffer.from(own, 'latin1');
  }

  /** Opens one with this as its open, says all that, and waits for a pong or for its end. */
  function talk(carried: Uint8Array, messages: readonly (string | Uint8Array)[]) {
    return new Promise<{ text: string; code: number | undefined }>((resolve, reject) => {
      const protocols = ['holdfast.v1', `open.${Buffer.from(carried).toString('base64url')}`];
      const socket = new WebSocket(`${live.url.replace('http', 'ws')}?n=1`, protocols);
      let text = '';
      const timer = setTimeout(
        () => reject(new Error(`silence after ${messages.length} messages: ${text}`)),
        answerMs,
      );
      const finish = (code: number | undefined): void => {
        clearTimeout(timer);
        socket.terminate();
        resolve({ text, code });
      };
      socket.on('open', () => {
        for (const message of messages) socket.send(message);
        socket.send('{"type":"ping"}');
      });
      socket.on('message', (data, isBinary) => {
        if (!isBinary) text += `${data}\n`;
        if (text.includes('"type":"pong"')) finish(undefined);
      });
      socket.on('close', (code) => finish(code));
      socket.on('error', reject);
    });
  }

  it('goes on, or ends by an error frame that says why', async () => {
    const carried = lineLike(clientFrame)
      .filter((line) => line !== '')
      .map((line) => encoder.encode(line));
    const opened = fc.constant(encoder.encode(JSON.stringify(openFrame([{ topic: 'a', new: true }]))));
    const message = fc.oneof(lineLike(clientFrame), fc.uint8Array({ maxLength: 40 }));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(opened, carried),
        fc.array(message, { maxLength: 4 }),
        async (open, messages) => {
          const { text, code } = await talk(ofItsOwn(open), messages);
          // 1000: a frame has released this very connection.
          if (code === undefined || (code === 1000 && messages.length > 0)) return;
          expect(code).toBe(4000);
          const last = JSON.parse(text.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
          expect(last).toMatchObject({ type: 'error', code: expect.stringMatching(/^[A-Z_]+$/) });
        },
      ),
      { numRuns: 80 },
    );
  });

  it('that offers nothing sensible is refused in the handshake or in band', async () => {
    const offer = fc.constantFrom(
      'holdfast.v1, open.!',
      'open.e30',
      'chat',
      'holdfast.v9, open.e30',
      ',',
      'holdfast.v1',
    );
    await fc.assert(
      fc.asyncProperty(
        offer,
        fc.constantFrom('GET', 'POST'),
        fc.constantFrom('13', '99', ''),
        async (protocol, verb, version) => {
          const head = [
            `${verb} /realtime HTTP/1.1`,
            'Host: hub.example',
            'Connection: Upgrade',
            'Upgrade: websocket',
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
            `Sec-WebSocket-Version: ${version}`,
            `Sec-WebSocket-Protocol: ${protocol}`,
          ];
          const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n`);
          const { status } = parse(await exchange(bytes, (text) => text.includes('\r\n\r\n')));
          expect([101, 400, 405, 426]).toContain(status);
        },
      ),
      { numRuns: 40 },
    );
  });
});
