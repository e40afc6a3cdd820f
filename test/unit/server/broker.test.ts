/** What a broker keeps for the hub that takes the place of another. */
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient, httpStream, longPoll, webSocket } from '../../../src/index.node.ts';
import { memoryBroker } from '../../../src/server/brokers/memory.ts';
import type { CoreOptions } from '../../../src/server/core/config.ts';
import type { AuthAnswer, SendAnswer } from '../../../src/server/core/types.ts';
import { createHub, relay } from '../../../src/server/index.ts';
import {
  brief,
  type Callbacks,
  CoreWorld,
  FakeSink,
  type Frame,
  idOf,
  noMeta,
} from './support/core-world.ts';
import { listen } from './support/live-hub.ts';

const fresh = [{ topic: 'a', new: true }] as const;

/** A hub, and what puts another in its place. */
function succession(options: CoreOptions = {}, callbacks: Callbacks = {}) {
  const broker = memoryBroker();
  const start = (other: CoreOptions = options): CoreWorld => new CoreWorld(other, callbacks, broker);
  return { former: start(), start };
}

function close(world: CoreWorld): void {
  world.core.close(0, () => undefined);
}

function send(seq: number) {
  return { type: 'send', seq, topic: 'chat', data: seq } as const;
}

function nonceOf(world: CoreWorld): string {
  return String(world.poll([], { attempt: 90 })[0]?.['sends']);
}

describe('a broker', () => {
  test('serves one hub at a time, and is free when that one has closed', () => {
    const { former, start } = succession();
    expect(() => start()).toThrow(expect.objectContaining({ code: 'BROKER_IN_USE' }));
    let isClosed = false;
    former.connect(fresh);
    former.core.close(5_000, () => {
      isClosed = true;
    });
    expect(() => start()).toThrow(/BROKER_IN_USE/);
    former.pass(5_000);
    expect(isClosed).toBe(true);
    start();
    former.core.close(0, () => undefined);
    expect(() => start()).toThrow(/BROKER_IN_USE/);
  });

  test('has the partitions of its first hub, and the history of the one that it serves', () => {
    const { former, start } = succession();
    for (let n = 0; n < 3; n++) former.core.publish('a', n);
    close(former);
    expect(() => start({ partitions: 2 })).toThrow(/MISUSE/);
    const next = start({ history: { totalBytes: 0 } });
    expect(next.core.stats()).toMatchObject({ topics: 1, messages: 0 });
    expect(next.poll(['a'], { cursor: next.at(1) }).map(brief)).toEqual([
      'hello',
      'gap a<=3 trimmed',
      'ping@3',
    ]);
  });

  test('goes on ageing the log of a hub that publishes nothing', () => {
    const { former, start } = succession({ history: { ageMs: 10_000 } });
    former.core.publish('a', 1);
    close(former);
    const next = start();
    next.pass(9_000);
    expect(next.core.stats().messages).toBe(1);
    next.pass(2_000);
    expect(next.core.stats().messages).toBe(0);
  });
});

describe('a client', () => {
  test('resumes without a gap, and ids go on', () => {
    const { former, start } = succession();
    const { sink } = former.connect(fresh);
    former.core.publish('a', 1);
    former.core.publish('a', 2);
    close(former);
    expect(sink.told()).toEqual(['hello', 'bye', 'a:1', 'a:2']);
    const next = start();
    expect(next.core.publish('a', 3)).toBe('3');
    expect(next.core.cursor()).toBe(next.at(3));
    expect(next.poll(['a'], { cursor: former.at(1) }).map(brief)).toEqual(['hello', 'a:2', 'a:3', 'ping@3']);
  });

  test('is bound to its key, and what was revoked stays revoked (F14, F17f)', () => {
    const { former, start } = succession();
    former.poll(fresh);
    former.core.revoke(idOf('client'), 'a');
    former.core.publish('a', 'while forbidden');
    close(former);
    const next = start();
    expect(next.poll(fresh, { key: idOf('forged') }).map(brief)).toEqual(['error KEY_MISMATCH']);
    const told = next.poll(['a'], { cursor: next.at(0) }).map(brief);
    expect(told).toEqual(['hello', 'gap a<=1 revoked', 'ping@1']);
  });

  test('is asked anew who it is, and what the former hub still hears of it changes nothing', () => {
    const answers: ((answer: AuthAnswer) => void)[] = [];
    const { former, start } = succession(
      {},
      { authenticate: (_, done) => void answers.push(done), authorize: (_, done) => done({ type: 'ok' }) },
    );
    former.connect(fresh);
    close(former);
    const next = start();
    const { sink } = next.connect(fresh);
    answers[0]?.({ type: 'ok', identity: 'former', expiresInMs: undefined });
    next.turn();
    expect(sink.told()).toEqual(['wait']);
    answers[1]?.({ type: 'ok', identity: 'next', expiresInMs: undefined });
    next.turn();
    expect(sink.told()).toEqual(['hello']);
    expect(next.core.clients()).toEqual([{ id: idOf('client'), identity: 'next', connections: 1 }]);
    expect(former.core.clients()).toEqual([]);
  });

  test('is remembered for as long as if it had just left, then forgotten', () => {
    const { former, start } = succession({ idleKeepMs: 5_000 });
    former.connect(fresh);
    close(former);
    const next = start();
    expect(next.core.stats()).toMatchObject({ records: 1, clients: 0, connections: 0 });
    next.pass(4_999);
    expect(next.core.stats().records).toBe(1);
    next.pass(1);
    expect(next.core.stats().records).toBe(0);
  });

  test('whose ticket met the former hub is served by the next, once', () => {
    const { former, start } = succession();
    const ticket = idOf('ticket');
    expect(former.core.offer(former.openFrame(fresh, { ticket, attempt: 3 }), noMeta)).toBe(true);
    close(former);
    const next = start();
    const present = (): Frame['type'][] => {
      const { sink } = next.connect([], { attempt: 80 }, 'http-stream');
      next.turn();
      sink.take();
      const peer = next.core.connect({ transport: 'http-stream', sink, meta: noMeta });
      next.core.present(peer, ticket, idOf('client'));
      next.turn();
      return sink.take().map(({ type }) => type);
    };
    expect(present()).toEqual(['hello']);
    expect(present()).toEqual(['error']);
    next.pass(10_000);
    expect(next.core.stats().tickets).toBe(0);
  });

  test('is not served by the next what the former hub has served, whichever half is repeated', () => {
    const { former, start } = succession();
    const ticket = idOf('ticket');
    const both = (world: CoreWorld): Frame['type'][] => {
      const sink = new FakeSink();
      expect(world.core.offer(world.openFrame(fresh, { ticket, attempt: 3 }), noMeta)).toBe(true);
      const peer = world.core.connect({ transport: 'http-stream', sink, meta: noMeta });
      world.core.present(peer, ticket, idOf('client'));
      world.turn();
      return sink.take().map(({ type }) => type);
    };
    expect(both(former)).toEqual(['hello']);
    close(former);
    const next = start();
    expect(both(next)).toEqual(['error']);
    expect(next.core.stats().tickets).toBe(0);
  });
});

describe('sends', () => {
  function slowly() {
    const calls: { data: unknown; answer: (answer: SendAnswer) => void }[] = [];
    return { calls, ...succession({}, { handle: ({ data }, answer) => void calls.push({ data, answer }) }) };
  }

  test('keep their numbers and their answers, also one that came after the hub had closed', () => {
    const { calls, former, start } = slowly();
    const sends = nonceOf(former);
    former.batch({ sends }, send(1));
    former.batch({ sends }, send(2));
    calls[0]?.answer({ type: 'ok', reply: 'one' });
    close(former);
    calls[1]?.answer({ type: 'ok', reply: 'two' });
    const next = start();
    expect(nonceOf(next)).toBe(sends);
    const copies = next.batch({ sends }, send(1), send(2), send(3));
    calls[2]?.answer({ type: 'ok', reply: 'three' });
    expect(calls.map(({ data }) => data)).toEqual([1, 2, 3]);
    next.turn();
    expect(copies.take()).toMatchObject([
      { seq: 1, reply: 'one' },
      { seq: 2, reply: 'two' },
      { seq: 3, reply: 'three' },
    ]);
  });

  test('what ran is unknown and not run again; what waited, or was refused, is run by the next hub', () => {
    const { calls, former, start } = slowly();
    const sends = nonceOf(former);
    const first = former.batch({ sends }, send(1), send(2), {
      type: 'send',
      topic: 'chat',
      data: 'volatile',
    });
    close(former);
    const next = start();
    // Too late: the next hub has told otherwise, or would have to take it back.
    calls[0]?.answer({ type: 'ok', reply: 'one' });
    expect(first.take()).toEqual([]);
    const copies = next.batch({ sends }, send(1), send(2));
    calls[1]?.answer({ type: 'ok', reply: 'two' });
    next.turn();
    expect(calls.map(({ data }) => data)).toEqual([1, 2]);
    expect(copies.take()).toMatchObject([
      { seq: 1, error: { code: 'OUTCOME_UNKNOWN', applied: 'unknown' } },
      { seq: 2, reply: 'two' },
    ]);
    expect([former, next].map(({ core }) => core.stats().records)).toEqual([0, 1]);
  });

  test('a batch that still reaches the former hub is refused whole', () => {
    const { calls, former, start } = slowly();
    const sends = nonceOf(former);
    close(former);
    const next = start();
    const sink = former.batch({ sends }, send(1));
    former.turn();
    expect(sink.take()).toMatchObject([{ seq: 1, consumed: false, error: { code: 'NONCE_UNKNOWN' } }]);
    next.batch({ sends }, send(1));
    expect(calls).toHaveLength(1);
  });
});

describe('a hub on Node', () => {
  const undo: (() => unknown)[] = [];

  afterEach(async () => {
    for (const each of undo.splice(0).reverse()) await each();
  });

  test.each([
    { name: 'websocket', adapter: webSocket },
    { name: 'http-stream', adapter: httpStream },
    { name: 'long-poll', adapter: longPoll },
  ])(
    'gives its place to another on the same server, and its clients see no gap ($name)',
    async ({ adapter }) => {
      const broker = memoryBroker();
      const server = createServer();
      let hub = createHub({ broker, onSend: relay() });
      hub.attach(server, { path: '/realtime' });
      undo.push(async () => {
        await hub.close({ drainMs: 0 });
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      });
      const client = createClient(`http://127.0.0.1:${await listen(server)}/realtime`, {
        adapters: [adapter()],
        backoff: { baseMs: 10, capMs: 100 },
      });
      undo.push(() => client.close());
      const told: unknown[] = [];
      let onMessage = (): void => undefined;
      const came = (count: number): Promise<void> =>
        new Promise((resolve) => {
          onMessage = (): void => {
            if (told.length === count) resolve();
          };
          onMessage();
        });
      client.on('gap', (gap) => told.push(gap));
      const subscription = client.subscribe('a', ({ data }) => {
        told.push(data);
        onMessage();
      });
      await subscription.ready;
      await hub.publish('a', 'one');
      await came(1);
      await hub.publish('a', 'in the last turn');
      await hub.close({ drainMs: 0 });
      hub = createHub({ broker, onSend: relay() });
      hub.attach(server, { path: '/realtime' });
      await hub.publish('a', 'before anybody is back');
      await client.send('a', 'sent');
      await came(4);
      expect(told).toEqual(['one', 'in the last turn', 'before anybody is back', 'sent']);
      expect(() => createHub({ broker })).toThrow(/BROKER_IN_USE/);
    },
  );
});
