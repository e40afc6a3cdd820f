/** Answers that stay open, as the hub's sinks: what they do when their reader is slow, and what each of them keeps. */
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import type { Coded } from '../../../src/server/core/forms.ts';
import { createAnswerSink, createStreamSink } from '../../../src/server/node/sinks.ts';
import { lines, openFrame, query, settled, startHub } from './support/live-hub.ts';

/** What comes on the wire for one answer, until that ends its connection. */
async function answered(answer: (response: ServerResponse) => void, version = '1.1'): Promise<string> {
  const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.setEncoding('utf8').write(`GET / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const more of socket) text += more;
  server.close();
  return text;
}

describe('a stream', () => {
  test('is listened to for its drain while it is blocked, once however often it is asked, and not before or after', () => {
    let drains = 0;
    const response = Object.assign(new EventEmitter(), { writableNeedDrain: false });
    const sink = createStreamSink(response as unknown as ServerResponse, {}, () => drains++);
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
    const written: number[] = [];
    const answer = await answered((response) => {
      const sink = createStreamSink(response, {}, () => undefined);
      for (const text of ['one', 'two', 'é\n']) {
        const { bytesWritten } = response.socket as Socket;
        sink.write(text);
        written.push((response.socket as Socket).bytesWritten - bytesWritten);
      }
      sink.end(1000, '');
    });
    expect(answer).toMatch(/\r\n\r\n3\r\none\r\n3\r\ntwo\r\n3\r\né\n\r\n0\r\n\r\n$/);
    // The first one comes behind the head.
    expect(written.slice(1)).toEqual([8, 8]);
  });

  test('makes a chunk once for all who are given the same', async () => {
    const shared: Coded = { bytes: undefined, frame: undefined, chunk: undefined };
    const made: unknown[] = [];
    const answers: string[] = [];
    for (let i = 0; i < 2; i++) {
      const answer = await answered((response) => {
        const sink = createStreamSink(response, {}, () => undefined);
        sink.write('text', shared);
        sink.end(1000, '');
        made.push(shared.chunk);
      });
      answers.push(answer.slice(answer.indexOf('\r\n\r\n') + 4));
    }
    expect(answers).toEqual(['4\r\ntext\r\n0\r\n\r\n', '4\r\ntext\r\n0\r\n\r\n']);
    expect([made[1] === made[0], shared.bytes]).toEqual([true, undefined]);
  });

  test('goes by the answer itself where something has wrapped that, and where there are no chunks', async () => {
    const write = (response: ServerResponse): void => {
      const sink = createStreamSink(response, {}, () => undefined);
      sink.write('text');
      sink.end(1000, '');
    };
    const wrapped = await answered((response) => {
      const { write: own } = response;
      response.write = ((bytes: Uint8Array) => own.call(response, `<${bytes}>`, 'utf8')) as typeof own;
      write(response);
    });
    expect(wrapped).toMatch(/\r\n6\r\n<text>\r\n0\r\n/);
    expect(await answered(write, '1.0')).toMatch(/\r\n\r\ntext$/);
  });

  test('whose socket is full is told when it has drained', async () => {
    const told: unknown[] = [];
    await answered((response) => {
      const sink = createStreamSink(response, {}, function (this: ServerResponse) {
        told.push(this === response, sink.blocked());
        sink.end(1000, '');
      });
      for (let i = 0; i < 1_000 && !sink.blocked(); i++) sink.write('x'.repeat(100_000));
      expect(sink.bufferedBytes()).toBeGreaterThan(0);
    });
    expect(told).toEqual([true, false]);
  });

  test('writes nothing behind an answer that something else has ended', async () => {
    const answer = await answered((response) => {
      const sink = createStreamSink(response, {}, () => undefined);
      sink.write('text');
      response.end();
      sink.write('late');
    });
    expect(answer).toMatch(/\r\n4\r\ntext\r\n0\r\n\r\n$/);
  });

  test('shares what it does with all others', () => {
    const make = () => createStreamSink({} as ServerResponse, {}, () => undefined);
    expect(make().write).toBe(make().write);
    expect(Object.values(make()).filter((value) => typeof value === 'function')).toHaveLength(1);
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

describe('an answer', () => {
  test('that ends in its turn has the length of all its parts', async () => {
    const answer = await answered((response) => {
      const sink = createAnswerSink(response, {}, () => undefined);
      for (const text of ['é', 'two', 'three']) sink.write(text);
      sink.end(1000, '');
    });
    expect(answer).toMatch(/\r\nContent-Length: 10\r\n[\s\S]*\r\n\r\nétwothree$/);
  });

  test('that goes on comes in chunks', async () => {
    const answer = await answered((response) => {
      const sink = createAnswerSink(response, {}, () => undefined);
      sink.write('one');
      setImmediate(() => {
        sink.write('two');
        sink.end(1000, '');
      });
    });
    expect(answer).toMatch(/\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/);
  });
});
