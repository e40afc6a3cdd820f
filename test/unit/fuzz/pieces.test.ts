/**
 * What adapters read, in whatever pieces it comes: whole, byte by byte, cut anywhere, always the same frames; and what is
 * none of theirs is left aside or ends the connection, never more.
 */
import eventSourcePolyfill from 'event-source-polyfill';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { AdapterFactory, AdapterRequest, Closed, Unit } from '../../../src/adapters/adapter.ts';
import { eventSource } from '../../../src/adapters/eventsource.ts';
import { httpStream } from '../../../src/adapters/http-stream.ts';
import { iframe } from '../../../src/adapters/iframe.ts';
import { longPoll } from '../../../src/adapters/long-poll.ts';
import { webSocket } from '../../../src/adapters/websocket.ts';
import { decodeFrame } from '../../../src/core/codec.ts';
import { checkServerFrame, type ServerFrame } from '../../../src/core/frames.ts';
import { holdfast } from '../../../src/protocols/holdfast.ts';
import type { EventSourceConstructor, Platform, WebSocketConstructor } from '../../../src/runtime/runtime.ts';
import { cut, lineLike, places, serverFrame } from './arbitraries.ts';

// Thousands of runs take their time on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const protocol = holdfast()({ frames() {}, send() {} });
const request: AdapterRequest = {
  url: 'https://hub.example/realtime?n=1',
  method: 'POST',
  headers: { accept: 'application/x-ndjson' },
  credentials: 'same-origin',
  fields: {},
  mark: 'm4rk',
};
const sseRequest: AdapterRequest = { ...request, method: 'GET', headers: { accept: 'text/event-stream' } };

/** A platform whose every answer is this body, in these pieces. */
function answering(type: string, chunks: readonly Uint8Array[]): Platform {
  const body = (): ReadableStream<Uint8Array> => {
    const rest = chunks.slice();
    return new ReadableStream({
      pull(controller) {
        const chunk = rest.shift();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    });
  };
  const fetch = async (): Promise<Response> => new Response(body(), { headers: { 'content-type': type } });
  return { fetch: fetch as typeof globalThis.fetch, AbortController, TextDecoder };
}

/** All that a connection tells until it ends, or its answer does. */
function told(factory: AdapterFactory<Platform>, platform: Platform, asked: AdapterRequest) {
  return new Promise<{ units: Unit[]; end: Closed | 'answered' }>((resolve) => {
    const units: Unit[] = [];
    factory(platform).open(asked, {
      opened() {},
      received: (unit) => units.push(unit),
      answered: () => resolve({ units, end: 'answered' }),
      posted() {},
      closed: (end) => resolve({ units, end }),
    });
  });
}

/** The frames up to the first unit that is not understood, and whether there was one. */
function framesOf(units: readonly Unit[]): { frames: ServerFrame[]; isBroken: boolean } {
  const frames: ServerFrame[] = [];
  for (const unit of units) {
    const decoded = protocol.decode(1, unit);
    if (!decoded) return { frames, isBroken: true };
    frames.push(...decoded);
  }
  return { frames, isBroken: false };
}

/** The same, read line by line by nothing but the checks of a frame. */
function expectedOf(lines: readonly string[]): { frames: ServerFrame[]; isBroken: boolean } {
  const frames: ServerFrame[] = [];
  for (const line of lines.filter((one) => one !== '')) {
    const frame = checkServerFrame(decodeFrame(line));
    if (frame === undefined) return { frames, isBroken: true };
    if (frame !== 'ignored') frames.push(frame);
  }
  return { frames, isBroken: false };
}

const encoder = new TextEncoder();
/** As it is once it has been bytes: what is no character has become U+FFFD. */
const overTheWire = (text: string): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(encoder.encode(text));
const goodLines = fc.array(
  serverFrame.map((frame) => JSON.stringify(frame)),
  { maxLength: 5 },
);
const anyLines = fc.array(lineLike(serverFrame), { maxLength: 5 });
const runs = { numRuns: 150 };

describe.each([
  ['a stream', httpStream(), { kind: 'closed' }],
  ['an answer to a poll', longPoll(), 'answered'],
])('lines of %s', (_, factory, orderly) => {
  it('are the same frames in whatever pieces they come', async () => {
    await fc.assert(
      fc.asyncProperty(goodLines, places, async (lines, at) => {
        const body = encoder.encode(lines.map((line) => `${line}\n`).join(''));
        const { units, end } = await told(factory, answering('application/x-ndjson', cut(body, at)), request);
        expect(framesOf(units)).toEqual(expectedOf(lines));
        expect(end).toEqual(orderly);
      }),
      runs,
    );
  });

  it('count only whole, and a body that ends within one was cut', async () => {
    await fc.assert(
      fc.asyncProperty(goodLines, fc.nat(), places, async (lines, length, at) => {
        const whole = encoder.encode(lines.map((line) => `${line}\n`).join(''));
        const body = whole.subarray(0, length % (whole.length + 1));
        const complete = new TextDecoder().decode(body).split('\n').slice(0, -1);
        const { units, end } = await told(factory, answering('application/x-ndjson', cut(body, at)), request);
        expect(framesOf(units)).toEqual(expectedOf(complete));
        const isCut = body.length > 0 && body.at(-1) !== 10;
        expect(end).toEqual(isCut ? { kind: 'failed', detail: 'cut in a line' } : orderly);
      }),
      runs,
    );
  });

  it('that are no frames are never silent: nothing after the first of them counts', async () => {
    await fc.assert(
      fc.asyncProperty(anyLines, places, async (lines, at) => {
        const text = overTheWire(lines.map((line) => `${line}\n`).join(''));
        const wanted = expectedOf(text.split('\n'));
        const { units } = await told(
          factory,
          answering('application/x-ndjson', cut(encoder.encode(text), at)),
          request,
        );
        const { frames, isBroken } = framesOf(units);
        expect(isBroken).toBe(wanted.isBroken);
        // Frames that came in one piece with the broken one go with it.
        expect(frames).toEqual(wanted.frames.slice(0, isBroken ? frames.length : undefined));
      }),
      runs,
    );
  });
});

describe('events of a stream', () => {
  const factory = eventSource({
    EventSource: eventSourcePolyfill.EventSourcePolyfill as unknown as EventSourceConstructor,
  });
  /** One event, in one of the many ways in which SSE lets it be written. */
  const event = fc
    .tuple(
      serverFrame,
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.constantFrom('', ': comment', 'id: aaaaaaaaaaa.1', 'x: y'),
      fc.boolean(),
    )
    .map(([frame, end, extra, hasSpace]) => {
      const json = JSON.stringify(frame);
      const name = (frame as { type?: string }).type === undefined ? [] : ['event: holdfast'];
      const fields = [...name, ...(extra === '' ? [] : [extra]), `data:${hasSpace ? ' ' : ''}${json}`];
      return { json, text: fields.map((field) => field + end).join('') + end };
    });

  it('are the same frames in whatever pieces they come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 4 }), places, async (events, at) => {
        const body = encoder.encode(events.map(({ text }) => text).join(''));
        const { units } = await told(factory, answering('text/event-stream', cut(body, at)), sseRequest);
        expect(framesOf(units)).toEqual(expectedOf(events.map(({ json }) => json)));
      }),
      { numRuns: 150 },
    );
  });

  it('may be anything at all', async () => {
    const piece = fc.oneof(
      fc.constantFrom('\n', '\r', '\n\n', 'data', ':', ' ', 'event: holdfast', 'id:', 'retry: 1'),
      lineLike(serverFrame),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), places, async (pieces, at) => {
        const body = encoder.encode(pieces.join(''));
        const { units, end } = await told(factory, answering('text/event-stream', cut(body, at)), sseRequest);
        for (const unit of units) expect(protocol.decode(1, unit) ?? []).toBeInstanceOf(Array);
        expect(end).not.toBe('answered');
      }),
      { numRuns: 150 },
    );
  });
});

describe('messages of a WebSocket', () => {
  it('are told as they came, text and bytes, and understood or not', () => {
    const message = fc.oneof(lineLike(serverFrame), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const socket = Object.assign(new EventTarget(), {
          binaryType: '',
          readyState: 1,
          close() {},
          send() {},
        });
        const WebSocket = function () {
          return socket;
        } as unknown as WebSocketConstructor;
        const units: Unit[] = [];
        webSocket()({ WebSocket }).open(request, {
          opened() {},
          received: (unit) => units.push(unit),
          answered() {},
          posted() {},
          closed() {},
        });
        for (const one of messages) {
          const data = typeof one === 'string' ? one : one.slice().buffer;
          socket.dispatchEvent(new MessageEvent('message', { data }));
        }
        expect(units.map((unit) => unit.text ?? unit.bytes)).toEqual(messages);
        for (const unit of units) expect(protocol.decode(1, unit) ?? []).toBeInstanceOf(Array);
      }),
      runs,
    );
  });
});

describe('messages to the page of an iframe', () => {
  /** As much of a document as the adapter touches. */
  function createDocument() {
    const frames: object[] = [];
    const parent = { appendChild() {}, removeChild() {} };
    const createElement = (name: string): object => {
      const node = { contentWindow: {}, style: {}, parentNode: parent, appendChild() {}, submit() {} };
      const element = Object.assign(new EventTarget(), node);
      if (name === 'iframe') frames.push(element);
      return element;
    };
    return { document: { createElement, body: parent } as unknown as Document, frames };
  }

  it('count only from its own frame, of the right origin and with its mark', () => {
    const origin = fc.constantFrom('https://hub.example', 'https://evil.example', 'null');
    const data = fc.oneof(
      lineLike(serverFrame).map((line) => `m4rk\n${line}`),
      lineLike(serverFrame),
      fc.constantFrom('m4rk', 'm4rk\n'),
      fc.jsonValue(),
      fc.uint8Array({ maxLength: 5 }),
    );
    const message = fc.record({ data, origin, isOwn: fc.boolean() });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), (messages) => {
        const window = Object.assign(new EventTarget(), { postMessage() {} });
        const { document, frames } = createDocument();
        const units: Unit[] = [];
        const platform = { document, window: window as unknown as Window };
        const connection = iframe()(platform).open(request, {
          opened() {},
          received: (unit) => units.push(unit),
          answered() {},
          posted() {},
          closed() {},
        });
        const source = (frames[0] as { contentWindow: object }).contentWindow;
        for (const one of messages) {
          const event = Object.assign(new Event('message'), { ...one, source: one.isOwn ? source : {} });
          window.dispatchEvent(event);
        }
        connection.close();
        const wanted = messages.filter(
          ({ data, origin, isOwn }) =>
            isOwn &&
            origin === 'https://hub.example' &&
            typeof data === 'string' &&
            data.startsWith('m4rk\n'),
        );
        expect(units).toEqual(wanted.map(({ data }) => ({ text: String(data).slice(5) })));
        for (const unit of units) expect(protocol.decode(1, unit) ?? []).toBeInstanceOf(Array);
      }),
      runs,
    );
  });
});
