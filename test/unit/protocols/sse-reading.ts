/** Streams of any kind, read by our parser from beginning to end: what the tests of it compare. */
import fc from 'fast-check';
import { createSseParser, type SseEvent } from '../../../src/protocols/sse.ts';

export interface Reading {
  readonly events: readonly SseEvent[];
  readonly retries: readonly number[];
  readonly comments: number;
  readonly lastEventId: string;
}

export function read(pieces: readonly string[], lastEventId = ''): Reading {
  const events: SseEvent[] = [];
  const retries: number[] = [];
  let comments = 0;
  const parser = createSseParser(
    {
      event: (event) => events.push(event),
      retry: (ms) => retries.push(ms),
      comment() {
        comments++;
      },
    },
    lastEventId,
  );
  for (const piece of pieces) {
    if (!parser.add(piece)) throw new Error('the parser gave up');
  }
  return { events, retries, comments, lastEventId: parser.lastEventId() };
}

/** Bytes in pieces as text in pieces; a BOM is left to the parser, which knows how many to take. */
export function decoded(pieces: readonly Uint8Array[]): string[] {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return [...pieces.map((piece) => decoder.decode(piece, { stream: true })), decoder.decode()];
}

const line = fc.oneof(
  fc.constantFrom('data', 'data:', 'data: x', 'id:7', 'id:\0', 'id', 'event:tick', 'retry:5', ':c', '', ''),
  fc.string({ unit: fc.constantFrom(...'data:id \0\uFEFF😀x', '\n', '\r'), maxLength: 8 }),
);
/** Fields, fragments of fields and line ends in any order: much of it means something, and nothing is sure to. */
export const eventStream = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\n\r', '')), { maxLength: 12 })
  .map((lines) => lines.flat().join(''));
