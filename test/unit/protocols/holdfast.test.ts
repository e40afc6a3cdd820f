import { describe, expect, test } from 'vitest';
import type { AdapterFacts } from '../../../src/adapters/adapter.ts';
import { fromBase64 } from '../../../src/core/base64.ts';
import { decodeFrame, encodeFrame } from '../../../src/core/codec.ts';
import {
  type BatchFrame,
  type ClientFrame,
  checkClientFrame,
  type OpenFrame,
  type ServerFrame,
} from '../../../src/core/frames.ts';
import { holdfast } from '../../../src/protocols/holdfast.ts';
import type { Endpoint } from '../../../src/protocols/protocol.ts';

const protocol = holdfast()({ frames() {}, send() {} });

const endpoint: Endpoint = {
  url: 'https://example.com/realtime',
  credentials: 'same-origin',
  headers: { 'x-app': 'yes' },
  origin: 'https://page.example',
  requestNumber: () => 7,
  nonce: 'ab-cd_EF-0123456789abc',
};

const open: OpenFrame = {
  type: 'open',
  protocol: 'holdfast.v1',
  client: 'pZ0-client',
  key: 'secret-key',
  attempt: 4,
  token: 'secret-token',
  topics: ['chat', { topic: 'prices', new: true, last: 1 }, { topic: 'Ωrders/42', at: 'q83vASNFZ4k.180' }],
};

const batch: BatchFrame = { type: 'batch', client: 'pZ0-client', key: 'secret-key', sends: 'Jk2' };

const duplex: AdapterFacts = {
  roundTrips: 2,
  duplex: true,
  streaming: true,
  binary: true,
  fresh: true,
  held: false,
};
const oneWay: AdapterFacts = { ...duplex, duplex: false, binary: false, fresh: false };

const bytes = Uint8Array.of(0, 10, 255, 13, 10, 128);

/** Every frame that a server may write. */
const serverFrames: readonly ServerFrame[] = [
  { topic: 'chat', id: '7', data: { text: 'grün 😀' } },
  { topic: 'chat', id: '0.8', data: null },
  { topic: 'chat', ephemeral: 'o.1', data: [1] },
  { topic: 'chat', id: '9', data: bytes },
  {
    type: 'hello',
    attempt: 4,
    head: 'q83vASNFZ4k.200',
    cursor: 'q83vASNFZ4k.120',
    topics: [
      { topic: 'prices', start: '200', last: [{ topic: 'prices', id: '187', data: { eur: 1.07 } }] },
      { topic: 'admin', error: { code: 'TOPIC_DENIED', message: 'no' } },
      { topic: 'slow', retryMs: 5 },
    ],
    heartbeatMs: 10_000,
    holdMs: 25_000,
    sends: 'Jk2',
    keepMs: 120_000,
    limits: { frameBytes: 1, topics: 1, window: 1, batchBytes: 1 },
    expiresInMs: 5,
    identity: 'me',
  },
  { type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '0' }] },
  { type: 'ack', seq: 1, reply: { ok: true } },
  { type: 'ack', seq: 2, reply: bytes },
  { type: 'ack', seq: 3, error: { code: 'BUSY', message: 'later', applied: false }, consumed: false },
  { type: 'gap', topic: 'a', to: '9', reason: 'trimmed' },
  { type: 'ping', cursor: 'q83vASNFZ4k.1', time: 1.5 },
  { type: 'pong', cursor: 'q83vASNFZ4k.1' },
  { type: 'wait' },
  { type: 'bye', reason: 'restart', afterMs: 1, spreadMs: 2 },
  { type: 'error', code: 'FORBIDDEN', message: 'no', scope: 'session' },
];

const clientFrames: readonly ClientFrame[] = [
  open,
  { type: 'subscribe', request: 1, topics: [{ topic: 'a', new: true }] },
  { type: 'unsubscribe', topics: ['a'] },
  { type: 'send', seq: 1, topic: 'a', data: { text: 'ü' } },
  { type: 'send', topic: 'a', data: 'volatile' },
  { type: 'send', seq: 2, topic: 'a', data: bytes },
  batch,
  { type: 'release', attempts: [1, 2] },
  { type: 'ping' },
  { type: 'pong' },
];

function encodeServer(frame: ServerFrame): string {
  return encodeFrame(frame, frame.type === 'ack' ? 'reply' : 'data');
}

/** A frame with bytes as the hub puts it into a binary message. */
function binaryMessage(head: object, payload: Uint8Array): Uint8Array {
  return Uint8Array.from([...new TextEncoder().encode(`${JSON.stringify(head)}\n`), ...payload]);
}

describe('open', () => {
  test('a WebSocket brings it as a subprotocol', () => {
    const request = protocol.open(1, 'websocket', open, endpoint);
    expect(request.url).toBe('https://example.com/realtime?client=pZ0-client&n=7');
    expect(request.protocols?.[0]).toBe('holdfast.v1');
    const encoded = request.protocols?.[1] ?? '';
    expect(encoded).toMatch(/^open\.[A-Za-z0-9_-]+$/);
    const text = new TextDecoder().decode(fromBase64(encoded.slice(5)));
    expect(JSON.parse(text)).toEqual(open);
    expect(request.first).toBeUndefined();
  });

  test('the subprotocol has at most 4,096 characters, a longer open is the first frame', () => {
    const sized = (length: number): OpenFrame => ({ ...open, token: 'x'.repeat(length) });
    const overhead = JSON.stringify(sized(0)).length + 1; // One character of a topic takes two bytes.
    const longest = sized(3072 - overhead);
    expect(protocol.open(1, 'websocket', longest, endpoint).protocols?.[1]).toHaveLength(
      4096 + 'open.'.length,
    );
    const longer = sized(3072 - overhead + 1);
    const request = protocol.open(1, 'websocket', longer, endpoint);
    expect(request.protocols).toEqual(['holdfast.v1']);
    expect(request.first).toEqual([JSON.stringify(longer)]);
  });

  test.each(['http-stream', 'long-poll', 'poll'] as const)(
    '%s brings it in the body of a POST',
    (transport) => {
      const request = protocol.open(1, transport, { ...open, wait: 0 }, endpoint);
      expect(request.method).toBe('POST');
      expect(request.headers).toEqual({
        'x-app': 'yes',
        accept: 'application/x-ndjson',
        'content-type': 'text/plain;charset=UTF-8',
      });
      expect(request.body).toBe(`${JSON.stringify({ ...open, wait: 0 })}\n`);
    },
  );

  test('EventSource names a ticket, and the open with that ticket goes beside it', () => {
    const request = protocol.open(1, 'eventsource', open, endpoint);
    expect(request.method).toBe('GET');
    expect(request.url).toBe(
      'https://example.com/realtime?client=pZ0-client&n=7&ticket=ab-cd_EF-0123456789abc',
    );
    expect(request.body).toBeUndefined();
    expect(request.beside?.method).toBe('POST');
    expect(JSON.parse(request.beside?.body ?? '')).toEqual({ ...open, ticket: endpoint.nonce });
  });

  test('an iframe brings it in a form, with a nonce of letters and digits', () => {
    const request = protocol.open(1, 'iframe', open, endpoint);
    expect(request.method).toBe('POST');
    expect(JSON.parse(request.fields?.['open'] ?? '')).toEqual(open);
    expect(request.fields?.['origin']).toBe('https://page.example');
    expect(request.mark).toMatch(/^[A-Za-z0-9]{22}$/);
    expect(request.fields?.['nonce']).toBe(request.mark);
  });

  test.each(['websocket', 'http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'] as const)(
    '%s keeps key and token out of the URL, and the query that was there in it',
    (transport) => {
      const url = 'https://example.com/realtime?room=1#part';
      const request = protocol.open(1, transport, open, { ...endpoint, url });
      expect(request.url).toMatch(/^https:\/\/example\.com\/realtime\?room=1&client=pZ0-client&n=7(&|$)/);
      expect(request.url).not.toMatch(/secret|#/);
    },
  );
});

describe('transmit', () => {
  const messages = (frames: readonly ClientFrame[], facts = duplex): readonly (string | Uint8Array)[] => {
    const outgoing = protocol.transmit(1, facts, frames, batch, endpoint, false);
    return outgoing && 'messages' in outgoing ? outgoing.messages : [];
  };

  test('on a duplex connection frames go in one message, those with bytes in one each, in order', () => {
    const [a, b, c] = [1, 2, 3].map((seq) => ({ type: 'send', seq, topic: 'a', data: seq }) as const);
    const binary: ClientFrame = { type: 'send', seq: 4, topic: 'ü', data: bytes };
    const made = messages([a, b, binary, c] as ClientFrame[]);
    expect(made).toEqual([
      `${JSON.stringify(a)}\n${JSON.stringify(b)}`,
      binaryMessage({ type: 'send', seq: 4, topic: 'ü' }, bytes),
      JSON.stringify(c),
    ]);
  });

  test('a duplex connection that cannot carry bytes takes base64', () => {
    const [message] = messages([{ type: 'send', seq: 1, topic: 'a', data: bytes }], {
      ...duplex,
      binary: false,
    });
    expect(checkClientFrame(decodeFrame(String(message)))).toMatchObject({ data: bytes });
  });

  test.each([true, false])('else they follow a batch line in a POST (keepalive: %s)', (keepalive) => {
    const outgoing = protocol.transmit(1, oneWay, clientFrames, batch, endpoint, keepalive);
    const request = outgoing && 'request' in outgoing ? outgoing.request : undefined;
    expect(request?.keepalive === true).toBe(keepalive);
    expect(request?.url).toBe('https://example.com/realtime?client=pZ0-client&n=7');
    expect(request?.body?.endsWith('\n')).toBe(true);
    const frames = (request?.body ?? '').split('\n').filter(Boolean).map(decodeFrame);
    expect(frames.map(checkClientFrame)).toMatchObject([batch, ...clientFrames]);
  });
});

describe('decode', () => {
  test.each(serverFrames.map((frame) => [frame.type ?? 'message', frame] as const))(
    'a %s comes back as it was, alone, among others, with and without a last LF',
    (_type, frame) => {
      const line = encodeServer(frame);
      const all = serverFrames.map(encodeServer).join('\n');
      expect(protocol.decode(1, { text: line })).toMatchObject([frame]);
      expect(protocol.decode(1, { text: `${line}\n` })).toMatchObject([frame]);
      expect(protocol.decode(1, { text: `${all}\n${line}\n` })).toMatchObject([...serverFrames, frame]);
    },
  );

  test('a binary message is one frame and its bytes', () => {
    expect(protocol.decode(1, { bytes: binaryMessage({ topic: 'grün', id: '7' }, bytes) })).toEqual([
      { topic: 'grün', id: '7', data: bytes },
    ]);
    expect(protocol.decode(1, { bytes: binaryMessage({ type: 'ack', seq: 1 }, new Uint8Array(0)) })).toEqual([
      { type: 'ack', seq: 1, reply: new Uint8Array(0) },
    ]);
    expect(protocol.decode(1, { bytes: binaryMessage({ type: 'later' }, bytes) })).toEqual([]);
  });

  test('a line means the same alone and after a message of its topic, whatever it is', () => {
    const data = ['1', '{"a":{"b":"}"}}', '"\\"}"', 'null', '1}', '1,"base64":"AQI="', '1,"id":"9"', '', '{'];
    const heads = ['{"topic":"a","id":"5","data":', '{"topic":"a\\"","id":"5","data":'].concat(
      [
        '{"topic":"b","id":"5","data":',
        '{"topic":"a","id":"\\u0035","data":',
        '{"id":"5","topic":"a","data":',
      ],
      [
        '{"topic":"a","id":"5","data" :',
        '{"topic":"a","id":"5","date":',
        '{"topic":"a","ephemeral":"x.1","data":',
      ],
    );
    const first = '{"topic":"a","id":"4","data":{}}';
    heads.forEach((head) => {
      data.forEach((one) => {
        ['}', ']', '} ', ',"more":1}', '}\r', ''].forEach((end) => {
          const line = head + one + end;
          const alone = protocol.decode(1, { text: line });
          const after = protocol.decode(1, { text: `${first}\n${line}` });
          expect(after?.slice(1), line).toEqual(alone);
          expect(protocol.decode(1, { text: `${line}\n${line}` }), line).toEqual(alone?.concat(alone));
        });
      });
    });
  });

  test('SSE: unnamed events and those named holdfast; others are for other readers', () => {
    const text = '{"topic":"a","id":"1","data":1}';
    const frames = [{ topic: 'a', id: '1', data: 1 }];
    expect(protocol.decode(1, { text, event: 'message', id: 'q83vASNFZ4k.1' })).toEqual(frames);
    expect(protocol.decode(1, { text, event: 'holdfast' })).toEqual(frames);
    expect(protocol.decode(1, { text: 'tick', event: 'clock' })).toEqual([]);
  });

  test('types of a later version are left out, the rest counts', () => {
    const text = '{"type":"later","x":1}\n{"type":"wait"}\n{"type":"constructor"}\n';
    expect(protocol.decode(1, { text })).toEqual([{ type: 'wait' }]);
  });

  test.each([
    'x',
    '{"type":"wait"}\n{"type":"wait"',
    '{"type":"wait"}\nnull',
    '{"topic":"a"}',
    '{"topic":"a","id":"1","base64":"*"}',
    '{"type":"hello"}',
    '[]',
    '7',
  ])('one malformed frame makes the unit undefined: %s', (text) => {
    expect(protocol.decode(1, { text })).toBeUndefined();
  });

  test('a unit of nothing is undefined, an empty one is empty', () => {
    expect(protocol.decode(1, {})).toBeUndefined();
    expect(protocol.decode(1, { text: '' })).toEqual([]);
    expect(protocol.decode(1, { bytes: new Uint8Array(0) })).toBeUndefined();
    expect(protocol.decode(1, { bytes: Uint8Array.of(0xc3, 0x28, 10) })).toBeUndefined();
    expect(protocol.decode(1, { bytes: Uint8Array.of(0x37, 10) })).toBeUndefined();
  });

  test('nothing that was cut, at any byte, and nothing with a byte changed throws', () => {
    for (const frame of serverFrames) {
      const line = encodeServer(frame);
      const binary = binaryMessage({ ...frame, data: undefined, reply: undefined }, bytes);
      for (let at = 0; at <= line.length; at++) {
        const cut = protocol.decode(1, { text: line.slice(0, at) });
        if (at > 0 && at < line.length) expect(cut).toBeUndefined();
        for (const odd of ['"', '{', '}', '\\', '0', '\0', 'é']) {
          protocol.decode(1, { text: line.slice(0, at) + odd + line.slice(at + 1) });
        }
      }
      for (let at = 0; at <= binary.length; at++) {
        protocol.decode(1, { bytes: binary.slice(0, at) });
        for (const odd of [0, 10, 34, 125, 195, 255]) {
          protocol.decode(1, { bytes: binary.map((byte, i) => (i === at ? odd : byte)) });
        }
      }
    }
  });
});
