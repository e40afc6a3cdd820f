/** Answers that stay open, as the hub's sinks: what they do when their reader is slow, and what each of them keeps. */
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { createStreamSink } from '../../../src/server/node/sinks.ts';
import { lines, openFrame, query, settled, startHub } from './support/live-hub.ts';

describe('a stream', () => {
  test('is listened to for its drain while it is blocked, once however often it is asked, and not before or after', () => {
    let drains = 0;
    const response = Object.assign(new EventEmitter(), { writableNeedDrain: false });
    const sink = createStreamSink(
      response as unknown as ServerResponse,
      {},
      (text) => Buffer.from(text),
      () => drains++,
    );
    expect([sink.blocked(), response.listenerCount('drain')]).toEqual([false, 0]);
    for (const rounds of [1, 2]) {
      response.writableNeedDrain = true;
      expect([sink.blocked(), sink.blocked(), response.listenerCount('drain')]).toEqual([true, true, 1]);
      response.writableNeedDrain = false;
      response.emit('drain');
      expect([drains, response.listenerCount('drain')]).toEqual([rounds, 0]);
    }
  });

  test('writes a chunk at once and whole, not at the end of the turn', async () => {
    const seen: unknown[] = [];
    const server = createServer((_, response) => {
      const sink = createStreamSink(
        response,
        {},
        (text) => Buffer.from(text),
        () => undefined,
      );
      const write = (text: string): void => {
        sink.write(text);
        seen.push(response.socket?.writableCorked);
      };
      write('one');
      write('two');
      sink.end(1000, '');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(await answer.text()).toBe('onetwo');
    expect(seen).toEqual([0, 0]);
    server.close();
  });

  test('shares what it does with all others', () => {
    const make = () =>
      createStreamSink(
        {} as ServerResponse,
        {},
        (text) => Buffer.from(text),
        () => undefined,
      );
    expect(make().write).toBe(make().write);
    expect(Object.values(make()).filter((value) => typeof value === 'function')).toHaveLength(2);
  });

  test('whose reader takes nothing holds a bounded amount, and has everything when that goes on', async () => {
    const live = await startHub({ limits: { bufferBytes: 256 * 1024 } });
    const headers = { 'content-type': 'text/plain' };
    const asked = request(live.url + query(), { method: 'POST', headers, agent: false });
    asked.end(lines(openFrame([{ topic: 'a', new: true }])));
    const answer = await new Promise<IncomingMessage>((resolve) => asked.on('response', resolve));
    const told = createInterface(answer)[Symbol.asyncIterator]();
    expect((await told.next()).value).toContain('"hello"');
    answer.pause();
    const { arrayBuffers } = process.memoryUsage();
    const data = 'x'.repeat(16 * 1024);
    const count = 1_000;
    for (let i = 0; i < count; i++) {
      void live.hub.publish('a', data);
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan((count * data.length) / 4);
    answer.resume();
    const ids: number[] = [];
    while (ids.at(-1) !== count) {
      const frame = JSON.parse((await told.next()).value);
      if (frame.id !== undefined) ids.push(Number(frame.id));
    }
    expect(ids).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    answer.on('error', () => undefined);
    asked.destroy();
    await settled(live.hub);
    await live.close();
  });
});
