/** Frames that the hub writes past `ws`: their heads, and their order beside what `ws` itself writes. */
import { EventEmitter, once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { createSocketSink, makeFrame } from '../../../src/server/node/sinks.ts';
import {
  connect,
  type LiveHub,
  openFrame,
  query,
  type Socket,
  settled,
  startHub,
} from './support/live-hub.ts';

describe('the frame of a text', () => {
  test.each([
    [0, [0x81, 0]],
    [125, [0x81, 125]],
    [126, [0x81, 126, 0, 126]],
    [65_535, [0x81, 126, 0xff, 0xff]],
    [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ])('of %i bytes has its head in front', (length, head) => {
    const text = 'x'.repeat(length);
    expect(makeFrame(text).equals(Buffer.concat([Buffer.from(head), Buffer.from(text)]))).toBe(true);
  });

  test('counts bytes, not characters', () => {
    const text = 'é'.repeat(63);
    expect([...makeFrame(text).subarray(0, 4)]).toEqual([0x81, 126, 0, 126]);
    expect(makeFrame(text).subarray(4).toString()).toBe(text);
  });
});

describe('a socket that is written to past ws', () => {
  let live: LiveHub;
  let socket: Socket;

  beforeEach(async () => {
    live = await startHub({ limits: { bufferBytes: 256 * 1024 } });
    socket = await connect(live.url + query(), openFrame([{ topic: 'a', new: true }]));
    await socket.until((text) => text.includes('"hello"'));
    socket.messages.length = 0;
  });
  afterEach(() => live.close());

  const lastId = (id: number) => (text: string) => text.includes(`"id":"${id}"`);

  function ids(): number[] {
    return socket
      .frames()
      .filter(({ id }) => id !== undefined)
      .map(({ id }) => Number(id));
  }

  test('brings messages of every length of head', async () => {
    for (const length of [40, 80, 81, 82, 83, 125, 126, 65_400, 65_490, 65_491, 65_492, 65_536, 70_000]) {
      const data = 'x'.repeat(length);
      const id = await live.hub.publish('a', data);
      await socket.until(lastId(Number(id)));
      expect(socket.messages.at(-1)).toBe(`{"topic":"a","id":"${id}","data":"${data}"}\n`);
    }
  });

  test('keeps the order of texts and bytes, of one turn and of several', async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    void live.hub.publish('a', 'one');
    void live.hub.publish('a', bytes);
    void live.hub.publish('a', 'three');
    await new Promise(setImmediate);
    void live.hub.publish('a', bytes);
    await new Promise(setImmediate);
    void live.hub.publish('a', 'five');
    await socket.until(lastId(5));
    expect(ids()).toEqual([1, 2, 3, 4, 5]);
    expect(socket.messages.map((message) => typeof message === 'string')).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  test('is closed with its code after all that was written before', async () => {
    const data = 'x'.repeat(1_000);
    for (let i = 0; i < 200; i++) void live.hub.publish('a', data);
    await live.hub.close({ drainMs: 0 });
    expect(await socket.closed).toBe(1012);
    expect(ids()).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });

  test('is written nothing after the close frame of its client was answered', async () => {
    const faults: Error[] = [];
    socket.ws.on('error', (error) => faults.push(error));
    socket.ws.close(3_000, 'enough');
    while (live.hub.stats().connections > 0) {
      void live.hub.publish('a', 'late');
      await new Promise(setImmediate);
    }
    expect(await socket.closed).toBe(3_000);
    expect(faults).toEqual([]);
  });

  test('answers a ping of WebSocket between messages', async () => {
    const answered = once(socket.ws, 'pong');
    for (let i = 0; i < 20; i++) {
      socket.ws.ping('p');
      void live.hub.publish('a', i);
      await new Promise(setImmediate);
    }
    await answered;
    await socket.until(lastId(20));
    expect(ids()).toHaveLength(20);
  });

  test('that takes nothing holds a bounded amount, and has everything when it goes on', async () => {
    const { arrayBuffers } = process.memoryUsage();
    socket.ws.pause();
    const data = 'x'.repeat(16 * 1024);
    const count = 1_000;
    for (let i = 0; i < count; i++) {
      void live.hub.publish('a', data);
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan((count * data.length) / 4);
    socket.ws.resume();
    // To look at all of it each time would take longer than to send it.
    await socket.until(() => socket.messages.slice(-3).some((text) => lastId(count)(String(text))));
    expect(ids()).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    socket.ws.close();
    await settled(live.hub);
  });
});

test('the socket of a runtime that has its own WebSocket server is left alone, and looked at until it has drained', () => {
  vi.useFakeTimers();
  const sent: unknown[] = [];
  const ws = { OPEN: 1, readyState: 1, bufferedAmount: 0, send: (text: unknown) => sent.push(text) };
  const socket = new EventEmitter();
  let drains = 0;
  socket.on('drain', () => drains++);
  const sink = createSocketSink(ws as unknown as WebSocket, socket as Duplex);
  sink.write('text');
  expect(sent).toEqual(['text']);
  expect(sink.blocked()).toBe(false);
  ws.bufferedAmount = 1_000_000;
  expect([sink.blocked(), sink.blocked(), sink.bufferedBytes()]).toEqual([true, true, 1_000_000]);
  vi.advanceTimersByTime(100);
  expect(drains).toBe(0);
  ws.bufferedAmount = 0;
  vi.advanceTimersByTime(100);
  expect([drains, vi.getTimerCount()]).toEqual([1, 0]);
  vi.useRealTimers();
});
