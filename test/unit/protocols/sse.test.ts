/** The parser of event streams against the table, in every way in which a stream can come in pieces. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSseParser, type SseEvent } from '../../../src/protocols/sse.ts';
import { bytesOf, type SseCase, sseCases } from './sse-cases.ts';
import { decoded, eventStream, type Reading, read } from './sse-reading.ts';

const silent = { event() {}, retry() {}, comment() {} };

function expected({ events, lastEventId = '', retries = [], comments = 0 }: SseCase): Reading {
  return { events, retries, comments, lastEventId };
}

function halves<T extends { slice(from: number, to?: number): T }>(whole: T, at: number): T[] {
  return [whole.slice(0, at), whole.slice(at)];
}

/** Code units, so that a pair of surrogates comes apart too. */
const units = (text: string): string[] => text.split('');

describe.each(sseCases)('$name', (one) => {
  const bytes = bytesOf(one);
  const text = decoded([bytes]).join('');
  const wanted = expected(one);

  test('whole', () => {
    expect(read([text])).toEqual(wanted);
  });

  test('in two pieces, wherever it is cut', () => {
    for (let at = 0; at <= text.length; at++) expect(read(halves(text, at)), `cut at ${at}`).toEqual(wanted);
  });

  test('character by character, with nothing in between', () => {
    expect(read(units(text))).toEqual(wanted);
    expect(read(units(text).flatMap((unit) => ['', unit]))).toEqual(wanted);
  });

  test('byte by byte, and with its bytes cut anywhere', () => {
    expect(read(decoded(Array.from(bytes, (byte) => Uint8Array.of(byte))))).toEqual(wanted);
    for (let at = 0; at <= bytes.length; at++) expect(read(decoded(halves(bytes, at)))).toEqual(wanted);
  });
});

test('a stream cut anywhere is the stream', () => {
  fc.assert(
    fc.property(eventStream, fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
      const places = cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b);
      const pieces = [0, ...places].map((from, index) => text.slice(from, places[index]));
      expect(pieces.join('')).toBe(text);
      expect(read(pieces)).toEqual(read([text]));
    }),
    { numRuns: 2_000 },
  );
});

test('what kind of line ends a stream uses makes no difference', () => {
  const lines = fc.array(
    fc.constantFrom('', '', 'data:a', 'data', 'id:1', 'id', 'event:b', ':c', 'retry:9'),
    {
      maxLength: 20,
    },
  );
  fc.assert(
    fc.property(lines, (list) => {
      const ended = (end: string) => read([list.map((one) => one + end).join('')]);
      expect(ended('\r')).toEqual(ended('\n'));
      expect(ended('\r\n')).toEqual(ended('\n'));
    }),
  );
});

describe('the last event ID of the stream before', () => {
  test('is that of the events until the stream says another', () => {
    const { events, lastEventId } = read(['data:one\n\nid:8\ndata:two\n\n'], '7');
    expect(events.map(({ id }) => id)).toEqual(['7', '8']);
    expect(lastEventId).toBe('8');
  });

  test('stays if the stream says none, or says it in a block that was cut', () => {
    expect(read([''], '7').lastEventId).toBe('7');
    expect(read(['id:8\ndata:one\n'], '7').lastEventId).toBe('7');
    expect(read(['id\n\n'], '7').lastEventId).toBe('');
  });
});

describe('told at once', () => {
  test('an event at the end of its empty line, an id from then on', () => {
    const events: SseEvent[] = [];
    const parser = createSseParser({ ...silent, event: (event) => events.push(event) });
    parser.add('id:1\ndata:one\n');
    expect(events).toEqual([]);
    expect(parser.lastEventId()).toBe('');
    // Whether an LF follows does not matter: the CR has ended the line.
    parser.add('\r');
    expect(events).toEqual([{ event: 'message', data: 'one', id: '1' }]);
    expect(parser.lastEventId()).toBe('1');
  });

  test('a listener that throws leaves nothing of its event in the next one', () => {
    const seen: SseEvent[] = [];
    const parser = createSseParser({
      ...silent,
      event(event) {
        seen.push(event);
        if (seen.length === 1) throw new Error('thrown by the listener');
      },
    });
    expect(() => parser.add('event:a\ndata:one\n\n')).toThrow('thrown by the listener');
    expect(parser.add('data:two\n\n')).toBe(true);
    expect(seen[1]).toEqual({ event: 'message', data: 'two', id: '' });
  });

  test('retry may be larger than any wait', () => {
    expect(read([`retry:${'9'.repeat(400)}\n`]).retries).toEqual([Number.POSITIVE_INFINITY]);
  });
});

describe('limits', () => {
  const parserOf = (lengthMax: number) => {
    const events: SseEvent[] = [];
    const parser = createSseParser({ ...silent, event: (event) => events.push(event) }, '', lengthMax);
    return { parser, events };
  };

  test('a line may be as long as that, not longer, however it comes', () => {
    for (const split of [(text: string) => [text], units]) {
      const { parser, events } = parserOf(10);
      for (const piece of split('data:12345\n\n')) expect(parser.add(piece)).toBe(true);
      expect(events).toHaveLength(1);
      const kept = split('data:123456\n\ndata:a\n\n').map((piece) => parser.add(piece));
      expect(kept.at(-1)).toBe(false);
      expect(events).toHaveLength(1);
    }
  });

  test('a line that never ends is given up', () => {
    const { parser } = parserOf(10);
    expect(parser.add(':123456789')).toBe(true);
    expect(parser.add('0')).toBe(false);
  });

  test('so is an event of ever more lines', () => {
    const { parser, events } = parserOf(10);
    let added = 0;
    while (parser.add('data\n') && added < 100) added++;
    expect(added).toBeLessThan(10);
    expect(parser.add('\n')).toBe(false);
    expect(events).toEqual([]);
  });

  test('any number of lines and events within them is none too many', () => {
    const { parser, events } = parserOf(10);
    for (let n = 0; n < 1_000; n++) expect(parser.add('data:1\n:1\n\n')).toBe(true);
    expect(events).toHaveLength(1_000);
  });

  test('once too long, always too long', () => {
    const { parser, events } = parserOf(10);
    expect(parser.add('12345678901')).toBe(false);
    for (const text of ['', '\n', '\n\n', 'data:a\n\n']) expect(parser.add(text)).toBe(false);
    expect(events).toEqual([]);
  });

  test('8 MiB unless told otherwise', () => {
    const parser = createSseParser(silent);
    expect(parser.add('x'.repeat(8 * 1024 * 1024))).toBe(true);
    expect(parser.add('x')).toBe(false);
  });
});

describe('four million characters take no longer than it takes to look at each', () => {
  const length = 4 * 1024 * 1024;
  /** Far more than is needed, and far less than looking at everything once more for each piece or line. */
  const timeMsMax = 10_000;

  const ways: readonly (readonly [string, string, number])[] = [
    ['one line, character by character', 'x', 1],
    ['one line in small pieces', 'x', 100],
    ['lines of LF in one piece', 'data:1\n:1\n\n', length],
    ['lines of CR in one piece', 'data:1\r:1\r\r', length],
    ['empty lines of data, character by character', 'data\n', 1],
  ];

  test.each(ways)(
    '%s',
    (_, repeated, pieceLength) => {
      const text = repeated.repeat(Math.ceil(length / repeated.length)).slice(0, length);
      const parser = createSseParser(silent);
      const startedAt = performance.now();
      for (let from = 0; from < length; from += pieceLength) {
        parser.add(text.slice(from, from + pieceLength));
        if (performance.now() - startedAt > timeMsMax) break;
      }
      expect(performance.now() - startedAt).toBeLessThan(timeMsMax);
    },
    30_000,
  );
});
