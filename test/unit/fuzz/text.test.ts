/** Everything that turns foreign text and bytes into values: it answers, whatever comes, and never throws. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { fromBase64, textOfUtf8, toBase64, utf8 } from '../../../src/core/base64.ts';
import { decodeFrame, encodeFrame } from '../../../src/core/codec.ts';
import { formatCursor, parseCursor, parseId } from '../../../src/core/cursor.ts';
import { checkClientFrame, checkServerFrame } from '../../../src/core/frames.ts';
import { holdfast } from '../../../src/protocols/holdfast.ts';
import { clientFrame, cursor, lineLike, serverFrame } from './arbitraries.ts';

// Thousands of runs take their time on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const anything = fc.string({ unit: 'binary', maxLength: 60 });
const runs = { numRuns: 1_000 };
const protocol = holdfast()({ frames() {}, send() {} });

describe('base64', () => {
  it('is read as others read it, or not at all', () => {
    const near = fc.string({ unit: fc.constantFrom(...'AQz09+/-_= \n'), maxLength: 12 });
    fc.assert(
      fc.property(fc.oneof(near, anything), (text) => {
        const bytes = fromBase64(text);
        if (bytes) expect([...bytes]).toEqual([...Buffer.from(text, 'base64')]);
        else expect(toBase64(Buffer.from(text, 'base64'))).not.toBe(text);
      }),
      runs,
    );
  });
});

describe('UTF-8', () => {
  it('is read as strictly as the platform reads it', () => {
    const near = fc.array(
      fc.constantFrom(0x41, 0x80, 0xbf, 0xc0, 0xc3, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0xf8),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(fc.oneof(near, fc.array(fc.nat(255), { maxLength: 12 })), (list) => {
        const bytes = Uint8Array.from(list);
        let wanted: string | undefined;
        try {
          wanted = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
        } catch {
          wanted = undefined;
        }
        expect(textOfUtf8(bytes)).toBe(wanted);
      }),
      runs,
    );
  });
});

describe('a cursor', () => {
  it('is what can be written again as it was, whatever is done to it', () => {
    const spoilt = fc
      .tuple(
        fc.array(cursor, { minLength: 1, maxLength: 3 }),
        fc.nat(60),
        fc.oneof(anything, fc.constantFrom('0', '9', '.', ',', '-', ' ')),
      )
      .map(([parts, at, put]) => parts.join(',').slice(0, at) + put + parts.join(',').slice(at));
    fc.assert(
      fc.property(fc.oneof(spoilt, anything), (text) => {
        const places = parseCursor(text);
        if (places) expect(formatCursor(places)).toBe(text);
        const id = parseId(text);
        if (id) expect(text.endsWith(String(id.offset))).toBe(true);
      }),
      runs,
    );
  });
});

/** JSON can write 4e323, which is read as Infinity, which JSON cannot write. */
function isWritable(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(isWritable);
}

describe('a frame', () => {
  it('that is as it should be is understood', () => {
    fc.assert(
      fc.property(serverFrame, clientFrame, (fromServer, fromClient) => {
        expect(checkServerFrame(decodeFrame(JSON.stringify(fromServer)))).toEqual(expect.anything());
        expect(checkClientFrame(decodeFrame(JSON.stringify(fromClient)))).toEqual(expect.anything());
      }),
      runs,
    );
  });

  it('that brings bytes keeps no text of them beside', () => {
    const sent = decodeFrame('{"type":"send","topic":"a","base64":"AA="}') as Record<string, unknown>;
    expect(sent['data']).toEqual(new Uint8Array(1));
    expect(JSON.parse(encodeFrame(sent))).toEqual({ type: 'send', topic: 'a', base64: 'AA==' });
    expect(sent['base64']).toBeUndefined();
  });

  it('that is understood says the same after another journey', () => {
    fc.assert(
      fc.property(lineLike(clientFrame), lineLike(serverFrame), (up, down) => {
        const sent = checkClientFrame(decodeFrame(up));
        if (sent && isWritable(sent)) expect(checkClientFrame(decodeFrame(encodeFrame(sent)))).toEqual(sent);
        const told = checkServerFrame(decodeFrame(down));
        if (told === undefined || told === 'ignored' || !isWritable(told)) return;
        const field = told.type === 'ack' ? 'reply' : 'data';
        // Retained messages with bytes are written by the hub itself, not by `encodeFrame`.
        if (told.type === 'hello' || told.type === 'subscribed') return;
        expect(checkServerFrame(decodeFrame(encodeFrame(told, field)))).toEqual(told);
      }),
      runs,
    );
  });
});

describe('a unit', () => {
  it('of text is the frames of its lines, or none of them', () => {
    fc.assert(
      fc.property(fc.array(lineLike(serverFrame), { maxLength: 4 }), (lines) => {
        const each = lines.flatMap((line) => line.split('\n')).filter((line) => line !== '');
        const frames = each.map((line) => checkServerFrame(decodeFrame(line)));
        const wanted = frames.includes(undefined) ? undefined : frames.filter((frame) => frame !== 'ignored');
        expect(protocol.decode(1, { text: lines.join('\n') })).toEqual(wanted);
      }),
      runs,
    );
  });

  it('of bytes is one frame that brings the bytes behind its line, or none', () => {
    fc.assert(
      fc.property(
        lineLike(serverFrame),
        fc.uint8Array({ maxLength: 20 }),
        fc.boolean(),
        (line, payload, hasEnd) => {
          const head = utf8(hasEnd ? `${line}\n` : line);
          const frames = protocol.decode(1, { bytes: Uint8Array.from([...head, ...payload]) });
          const isWhole = hasEnd || payload.includes(10) || line.includes('\n');
          if (!isWhole) expect(frames).toBeUndefined();
          const [frame] = frames ?? [];
          if (frame?.type !== undefined || !hasEnd || line.includes('\n')) return;
          if (frame) expect([...(frame.data as Uint8Array)]).toEqual([...payload]);
        },
      ),
      runs,
    );
  });
});
