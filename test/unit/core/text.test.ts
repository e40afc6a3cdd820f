/** Text and bytes: base64, UTF-8, cursors and ids, frames as lines. */
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fromBase64, toBase64, toBase64Url, utf8 } from '../../../src/core/base64.ts';
import { decodeFrame, encodeFrame } from '../../../src/core/codec.ts';
import { formatCursor, formatId, parseCursor, parseId, parseOffset } from '../../../src/core/cursor.ts';
import {
  checkClientFrame,
  checkServerFrame,
  isBytes,
  isTopic,
  isTopicRequest,
} from '../../../src/core/frames.ts';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));

describe('base64', () => {
  it('is what other implementations write, in both alphabets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
      }),
    );
  });

  it('comes back as the same bytes, from either alphabet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
        expect(fromBase64(toBase64Url(bytes))).toEqual(bytes);
      }),
    );
  });

  it('of much is written in pieces, and whole', () => {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 7) & 255);
    expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
  });

  it('never yields bytes for a text with any other character', () => {
    const strange = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => !/^[\w+/-]*=*$/.test(text));
    fc.assert(
      fc.property(strange, (text) => {
        expect(fromBase64(`AAAA${text}AAAA`)).toBeUndefined();
      }),
    );
  });

  it.each([
    'A',
    'AAAAA',
    'A===',
    '====',
    'AA=A',
    'é',
    'A A=',
    '{{{{',
    'AA@A',
    'AA[A',
    'AA:A',
    'AA.A',
    'AA`A',
  ])('does not read %j', (text) => {
    expect(fromBase64(text)).toBeUndefined();
  });

  it('reads nothing as no bytes', () => {
    expect(fromBase64('')).toEqual(new Uint8Array(0));
  });
});

describe('UTF-8', () => {
  it('is what the platform writes, lone surrogates included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        expect([...utf8(text)]).toEqual([...bytesOf(text)]);
      }),
    );
    expect([...utf8('a\uD800b\uDC00\u{1F600}')]).toEqual([...bytesOf('a\uFFFDb\uFFFD\u{1F600}')]);
  }, 30_000);
});

const epoch = fc.stringMatching(/^[A-Za-z0-9_-]{11,22}$/);
const offset = fc.maxSafeNat();
const cursor = fc.array(fc.option(fc.record({ epoch, offset }), { nil: undefined }), {
  minLength: 1,
  maxLength: 6,
});

describe('a cursor', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(cursor, (places) => {
        expect(parseCursor(formatCursor(places))).toEqual(places);
      }),
    );
  });

  it('is written in one way only', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const places = parseCursor(text);
        if (places) expect(formatCursor(places)).toBe(text);
      }),
    );
  });

  it.each([
    'aaaaaaaaaaa',
    'aaaaaaaaaaa.',
    'aaaaaaaaaaa.01',
    'aaaaaaaaaaa.-1',
    'aaaaaaaaaaa.9007199254740992',
    'aaaaaaaaaa.1',
    'aaaaaaaaaaaaaaaaaaaaaaa.1',
    'aaaaaaaaaa!.1',
    'aaaaaaaaaaa.1,x',
    '.1',
    ','.repeat(1024),
    ' '.repeat(50_000),
  ])('is not %j', (text) => {
    expect(parseCursor(text)).toBeUndefined();
  });

  it('of a hub with as many partitions as are allowed is read', () => {
    expect(parseCursor(','.repeat(1023))?.length).toBe(1024);
  });
});

describe('an id', () => {
  it('comes back as it was, with its partition only where there are several', () => {
    fc.assert(
      fc.property(fc.nat(1023), offset, fc.boolean(), (partition, at, isOnly) => {
        const where = isOnly ? 0 : partition;
        expect(parseId(formatId(where, at, isOnly ? 1 : 1024))).toEqual({ partition: where, offset: at });
      }),
    );
  });

  it.each(['', 'x', '1.', '.1', '1.2.3', '1024.1', '01', '1.01', '-1', '9007199254740992'])(
    'is not %j',
    (text) => {
      expect(parseId(text)).toBeUndefined();
    },
  );

  it('has an offset of at most 2^53 - 1', () => {
    expect([parseOffset('9007199254740991'), parseOffset('9999999999999999')]).toEqual([
      9007199254740991,
      undefined,
    ]);
  });
});

describe('a frame as a line', () => {
  const message = fc.record({ topic: fc.string(), id: fc.string(), data: fc.jsonValue() });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(message, (frame) => {
        expect(decodeFrame(encodeFrame(frame))).toEqual(JSON.parse(JSON.stringify(frame)));
      }),
    );
  });

  it('brings bytes back, in messages and in replies', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeFrame(encodeFrame({ topic: 'A', id: '1', data: bytes }))).toMatchObject({ data: bytes });
        expect(decodeFrame(encodeFrame({ type: 'ack', seq: 1, reply: bytes }, 'reply'))).toMatchObject({
          reply: bytes,
        });
      }),
    );
  });

  it('brings back bytes that a hello retains', () => {
    const data = new Uint8Array([1, 2, 3]);
    const hello = {
      type: 'hello',
      topics: [{ topic: 'A', start: '1', last: [{ topic: 'A', id: '1', data }] }],
    };
    expect(decodeFrame(encodeFrame(hello))).toMatchObject(hello);
  });

  it('takes the JSON that was made when the send was called', () => {
    const frame = { type: 'send', seq: 1, topic: 'A', data: { later: true }, json: '{"then":1}' };
    expect(encodeFrame(frame)).toBe('{"type":"send","seq":1,"topic":"A","data":{"then":1}}');
  });

  it('reads base64 in the answers of a topic', () => {
    const line =
      '{"type":"subscribed","request":1,"topics":[{"topic":"A","last":[{"topic":"A","base64":"AQ=="}, null]},null]}';
    expect(decodeFrame(line)).toMatchObject({
      topics: [{ last: [{ data: new Uint8Array([1]) }, null] }, null],
    });
  });

  it.each([
    ['no JSON', '{'],
    ['bad base64', '{"topic":"A","base64":"A"}'],
    ['a hello without a list of topics', '{"type":"hello"}'],
    ['bad base64 among retained messages', '{"type":"hello","topics":[{"last":[{"base64":"!"}]}]}'],
  ])('with %s is none', (_, line) => {
    expect(decodeFrame(line)).toBeUndefined();
  });

  it('may be any JSON at all, for others to judge', () => {
    expect([decodeFrame('null'), decodeFrame('7'), decodeFrame('[1]')]).toEqual([null, 7, [1]]);
  });
});

const limits = { frameBytes: 1, topics: 1, window: 1, batchBytes: 1 };
const hello = {
  type: 'hello',
  attempt: 1,
  head: 'h',
  cursor: 'c',
  topics: [
    { topic: 'A', start: '1', last: [{ topic: 'A', id: '1', data: null }], retryMs: 1, error: { code: 'X' } },
  ],
  heartbeatMs: 1,
  holdMs: 1,
  sends: 'n',
  keepMs: 1,
  limits,
  expiresInMs: 1,
  identity: 'i',
};

describe('a frame from the server', () => {
  it.each<object>([
    { topic: 'A', id: '1', data: 1 },
    { topic: 'A', ephemeral: 'h.1', data: undefined },
    hello,
    { type: 'subscribed', request: 1, topics: [] },
    { type: 'ack', seq: 1 },
    { type: 'ack', seq: 1, consumed: false, error: { code: 'BUSY' } },
    { type: 'ack', seq: 1, consumed: true },
    { type: 'gap', topic: 'A', to: '1', reason: 'trimmed' },
    { type: 'ping', cursor: 'c' },
    { type: 'ping', cursor: 'c', time: 1.5 },
    { type: 'pong' },
    { type: 'pong', cursor: 'c' },
    { type: 'wait' },
    { type: 'bye', reason: 'drain' },
    { type: 'bye', reason: 'drain', afterMs: 1, spreadMs: 1 },
    { type: 'error', code: 'INTERNAL', message: '' },
  ])('is understood: %j', (frame) => {
    expect(checkServerFrame(frame)).toBe(frame);
  });

  it.each<unknown>([
    null,
    7,
    'text',
    [],
    {},
    { type: 7 },
    { type: null },
    { topic: 'A', id: '1' },
    { topic: 'A', data: 1 },
    { topic: 1, id: '1', data: 1 },
    ...Object.keys(hello)
      .filter((name) => name !== 'type')
      .map((name) => ({ ...hello, [name]: {} })),
    ...Object.keys(limits).map((name) => ({ ...hello, limits: { ...limits, [name]: -1 } })),
    { ...hello, attempt: 1.5 },
    { ...hello, attempt: 2 ** 53 },
    { ...hello, topics: [7] },
    { ...hello, topics: [{ topic: 7 }] },
    { ...hello, topics: [{ topic: 'A', start: 7 }] },
    { ...hello, topics: [{ topic: 'A', last: [{}] }] },
    { ...hello, topics: [{ topic: 'A', last: {} }] },
    { ...hello, topics: [{ topic: 'A', error: {} }] },
    { ...hello, topics: [{ topic: 'A', error: 'X' }] },
    { ...hello, topics: [{ topic: 'A', retryMs: -1 }] },
    { type: 'subscribed', request: 'x', topics: [] },
    { type: 'subscribed', request: 1 },
    { type: 'ack', seq: '1' },
    { type: 'ack', seq: 0 },
    { type: 'ack', seq: 1, error: { code: 1 } },
    { type: 'ack', seq: 1, error: 'X' },
    { type: 'ack', seq: 1, consumed: 'no' },
    { type: 'gap', topic: 'A', to: '1' },
    { type: 'gap', topic: 'A', reason: 'trimmed' },
    { type: 'gap', to: '1', reason: 'trimmed' },
    { type: 'ping' },
    { type: 'ping', cursor: 'c', time: 'x' },
    { type: 'pong', cursor: 1 },
    { type: 'bye' },
    { type: 'bye', reason: 'drain', afterMs: -1 },
    { type: 'bye', reason: 'drain', spreadMs: -1 },
    { type: 'error', code: 'X' },
    { type: 'error', message: 'x' },
  ])('is none: %j', (frame) => {
    expect(checkServerFrame(frame)).toBeUndefined();
  });

  it.each(['weather', 'toString', '__proto__'])('of a type that is not known, %s, is ignored', (type) => {
    expect(checkServerFrame({ type })).toBe('ignored');
  });
});

const open = { type: 'open', protocol: 'p', client: 'c', key: 'k', attempt: 1, topics: ['A'] };
const openMore = { ...open, cursor: 'c', token: 't', wait: 1, max: 1, skip: true, ticket: 't' };

describe('a frame from a client', () => {
  it.each<object>([
    open,
    openMore,
    {
      ...open,
      topics: [
        { topic: 'A', at: 'c' },
        { topic: 'B', new: true },
        { topic: 'C', new: true, last: 1 },
      ],
    },
    { type: 'subscribe', request: 1, topics: [] },
    { type: 'unsubscribe', topics: ['A'] },
    { type: 'send', topic: 'A', data: null },
    { type: 'send', topic: 'A', data: null, seq: 1 },
    { type: 'batch', client: 'c', key: 'k', sends: 'n' },
    { type: 'batch', client: 'c', key: 'k', sends: 'n', token: 't' },
    { type: 'release', attempts: [1] },
    { type: 'ping' },
    { type: 'pong' },
  ])('is understood: %j', (frame) => {
    expect(checkClientFrame(frame)).toBe(frame);
  });

  it.each<unknown>([
    null,
    {},
    { type: 7 },
    { type: 'weather' },
    { type: 'toString' },
    ...Object.keys(openMore)
      .filter((name) => name !== 'type')
      .map((name) => ({ ...openMore, [name]: {} })),
    { type: 'subscribe', request: -1, topics: [] },
    { type: 'subscribe', request: 1, topics: [{ topic: 'A' }] },
    { type: 'unsubscribe', topics: [''] },
    { type: 'send', topic: 'A' },
    { type: 'send', topic: '', data: 1 },
    { type: 'send', topic: 'A', data: 1, seq: 0 },
    { type: 'send', topic: 'A', data: 1, seq: 'x' },
    { type: 'batch', key: 'k', sends: 'n' },
    { type: 'batch', client: 'c', sends: 'n' },
    { type: 'batch', client: 'c', key: 'k' },
    { type: 'batch', client: 'c', key: 'k', sends: 'n', token: 1 },
    { type: 'release', attempts: ['1'] },
    { type: 'release' },
  ])('is none: %j', (frame) => {
    expect(checkClientFrame(frame)).toBeUndefined();
  });
});

describe('a topic', () => {
  it('has 1 to 256 code units and no control characters', () => {
    const names = ['', 'A', 'x'.repeat(256), 'x'.repeat(257), 'a\nb', 'a\u007f', '$direct', 7];
    expect(names.map(isTopic)).toEqual([false, true, true, false, false, false, true, false]);
  });

  it('is asked for by name, at a place, or as new', () => {
    const requests = [
      'A',
      '',
      { topic: 'A', at: 'c' },
      { topic: '', at: 'c' },
      { topic: 'A', new: true, last: -1 },
      7,
    ];
    expect(requests.map(isTopicRequest)).toEqual([true, false, true, false, false, false]);
  });
});

describe('an engine without typed arrays', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('has no bytes', () => {
    vi.stubGlobal('Uint8Array', undefined);
    expect(isBytes({})).toBe(false);
  });
});
