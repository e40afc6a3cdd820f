/** What one caller, or one slow callback, must not be able to do to the hub: end it, stop it, fill it, or read what is not its own. */
import net from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { decodeFrame } from '../../../src/core/codec.ts';
import type { AuthAnswer } from '../../../src/server/core/types.ts';
import { createHub, type HubOptions } from '../../../src/server/index.ts';
import { createClockwork } from '../../../src/server/node/host.ts';
import { brief, type Callbacks, CoreWorld, FakeSink, idOf, noMeta } from './support/core-world.ts';
import { ask, lines, openFrame, post, query, settled, startHub } from './support/live-hub.ts';

const fresh = [{ topic: 'a', new: true }] as const;
const bodyMs = 1_000;
const limits = { bodyMs };

function reader(world: CoreWorld, last = 0): FakeSink {
  const sink = new FakeSink();
  const peer = world.core.connect({ transport: 'http-stream', sink, meta: noMeta });
  world.core.read(peer, { topics: ['a'], cursor: undefined, last });
  world.turn();
  return sink;
}

describe('what is no frame of a client', () => {
  test('costs nothing by what it says of its length', () => {
    expect(decodeFrame('{"type":"hello","topics":[{"last":{"length":1e15}}]}')).toBeUndefined();
    expect(decodeFrame('{"type":"subscribed","topics":{"length":1e15}}')).toBeUndefined();
  });

  test('may lie in itself as deep as it likes', () => {
    const deep = 100_000;
    const text = '{"type":"hello","topics":[{"last":['.repeat(deep) + ']}]}'.repeat(deep);
    expect(decodeFrame(text)).toBeTypeOf('object');
  });

  test('an origin that no header can hold is refused', async () => {
    const live = await startHub();
    const form = new URLSearchParams({
      open: JSON.stringify(openFrame(fresh)),
      origin: 'http://bücher.example',
      nonce: 'n',
    });
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post(live.url + query(), String(form), { ...type, origin: 'null' })).status).toBe(403);
    await live.close();
  });

  test('a fault at one connection ends that one alone, and is told', () => {
    const world = new CoreWorld();
    const broken = new FakeSink();
    world.connect(fresh, {}, 'websocket', broken);
    const { sink } = world.connect(fresh, { client: idOf('other') });
    world.turn();
    sink.take();
    broken.write = () => {
      throw new Error('broken');
    };
    world.core.publish('a', 1);
    world.turn();
    expect([sink.told(), broken.isAborted]).toEqual([['a:1'], true]);
    expect(world.notes).toContainEqual({ type: 'error', error: new Error('broken') });
  });
});

describe('a callback that never answers', () => {
  test('authenticate: the next open asks again', () => {
    const asked: ((answer: AuthAnswer) => void)[] = [];
    const world = new CoreWorld({ limits }, { authenticate: (_, done) => void asked.push(done) });
    const first = world.connect(fresh, { token: 't' }).sink;
    world.pass(bodyMs);
    expect(first.told().at(-1)).toBe('error INTERNAL');
    const second = world.connect(fresh, { token: 't', attempt: 2 }).sink;
    expect(asked).toHaveLength(2);
    asked[1]?.({ type: 'ok', identity: 'anna', expiresInMs: undefined });
    world.turn();
    expect(second.told()).toContain('hello');
    // What comes too late changes nothing.
    asked[0]?.({ type: 'failed' });
    expect(world.connect(fresh, { token: 't', attempt: 3 }).sink.ended).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  const authorize: Callbacks['authorize'] = ({ topic }, done) => {
    if (topic !== 'hangs') done({ type: 'ok' });
  };

  test('authorize: its topic is asked for again, the others are there', () => {
    const world = new CoreWorld({ limits }, { authorize });
    const { sink } = world.connect([...fresh, { topic: 'hangs', new: true }]);
    world.pass(bodyMs);
    const hello = sink.take().find(({ type }) => type === 'hello');
    expect(hello?.['topics']).toMatchObject([{ topic: 'a' }, { topic: 'hangs', retryMs: 1_000 }]);
    expect(world.notes).toContainEqual({
      type: 'error',
      error: expect.objectContaining({ code: 'INTERNAL', topic: 'hangs' }),
    });
  });

  test('authorize, of a topic that is added in place', () => {
    const world = new CoreWorld({ limits }, { authorize });
    const { peer, sink } = world.connect([]);
    world.turn();
    sink.take();
    world.say(peer, { type: 'subscribe', request: 1, topics: [...fresh, { topic: 'hangs', new: true }] });
    world.pass(bodyMs);
    expect(sink.take()[0]).toMatchObject({
      type: 'subscribed',
      topics: [{ topic: 'a' }, { topic: 'hangs', retryMs: 1_000 }],
    });
  });
});

describe('an answer that makes no sense', () => {
  test.each<[HubOptions, string]>([
    [{ authenticate: () => ({ identity: 42 as never }) }, 'INTERNAL'],
    [{ authenticate: () => ({ identity: 'anna', expiresInMs: Number.NaN }) }, 'INTERNAL'],
    [{ authorize: () => ({ from: Number.NaN }) }, '"retryMs"'],
  ])('(%o) is a failure', async (options, told) => {
    const live = await startHub(options);
    const errors: unknown[] = [];
    live.hub.on('error', (error) => errors.push(error));
    const answer = await post(live.url + query(), lines(openFrame(fresh, { wait: 0 })));
    expect(await answer.ended()).toContain(told);
    expect(errors).toEqual([expect.objectContaining({ code: 'MISUSE' })]);
    await live.close();
  });
});

describe('what is not for everybody', () => {
  test.each(['now', 2] as const)(
    'a reader without a client sees nothing before its view begins (%s)',
    (from) => {
      const world = new CoreWorld({}, { authorize: (_, done) => done({ type: 'ok', from }) });
      for (let i = 0; i < 3; i++) world.core.publish('a', i);
      const sink = reader(world, 10);
      world.core.publish('a', 3);
      world.turn();
      const messages = sink.told().filter((one) => one.startsWith('a:'));
      expect(messages).toEqual(from === 'now' ? ['a:4'] : ['a:3', 'a:4']);
    },
  );

  test('what a client alone was told is for nobody once it is forgotten', () => {
    const world = new CoreWorld({ idleKeepMs: 1_000, keepMs: 1_000, lingerMs: 0 });
    const own = { client: idOf('public'), key: idOf('secret') };
    world.poll(['$direct'], own);
    world.core.direct(own.client, 'for your eyes only');
    const direct = [{ topic: '$direct', new: true, last: 10 }] as const;
    expect(JSON.stringify(world.poll(direct, own))).toContain('eyes only');
    world.pass(10_000);
    expect(world.core.stats().records).toBe(0);
    const other = { client: own.client, key: idOf('guessed') };
    expect(JSON.stringify(world.poll(direct, other))).not.toContain('eyes only');
    const resumed = world.poll(['$direct'], { ...other, cursor: world.at(0) });
    expect(resumed.map(brief)).toEqual(['hello', 'gap $direct<=1 trimmed', 'ping@1']);
  });

  test('a topic is taken from readers without a client, too', () => {
    const world = new CoreWorld(
      {},
      { authenticate: (_, done) => done({ type: 'ok', identity: 'anna', expiresInMs: undefined }) },
    );
    const sink = reader(world);
    world.core.revoke('bob', 'a');
    expect(sink.ended).toBeUndefined();
    world.core.revoke('anna', 'a');
    expect(sink.told()).toContain('bye');
    expect(sink.ended).toBeDefined();
  });

  test("whoever revokes while it is asked gets no question more for what is another one's", () => {
    const asked: string[] = [];
    const world: CoreWorld = new CoreWorld(
      {},
      {
        authorize({ client = '' }, done) {
          asked.push(client);
          world.core.revoke(idOf('other'), 'a');
          done({ type: 'ok' });
        },
      },
    );
    world.connect(fresh);
    world.turn();
    expect(asked).toEqual([idOf('client')]);
    expect(world.core.subscribers('a')).toEqual(asked);
  });

  test('a grant that was asked for before a revocation is asked for again', () => {
    const asked: ((answer: { type: 'ok' } | { type: 'denied' }) => void)[] = [];
    const world = new CoreWorld({}, { authorize: (_, done) => void asked.push(done) });
    const { sink } = world.connect(fresh);
    world.core.revoke(idOf('client'), 'a');
    asked[0]?.({ type: 'ok' });
    expect(asked).toHaveLength(2);
    asked[1]?.({ type: 'denied' });
    world.turn();
    expect(sink.take().find(({ type }) => type === 'hello')?.['topics']).toMatchObject([
      { topic: 'a', error: { code: 'TOPIC_DENIED' } },
    ]);
  });
});

describe('what is held for others', () => {
  test('before the hello: as much as one request may bring', () => {
    const world = new CoreWorld({ limits: { batchBytes: 10_000 } }, { authenticate: () => undefined });
    const { peer, sink } = world.connect(fresh);
    const message = JSON.stringify({ type: 'send', seq: 1, topic: 'a', data: 'x'.repeat(4_000) });
    for (let i = 0; i < 2; i++) world.core.receive(peer, message);
    expect(sink.ended).toBeUndefined();
    world.core.receive(peer, message);
    expect(sink.told()).toContain('error BUSY');
  });

  test('copies of a send that runs: as many as a client can have made', () => {
    const world = new CoreWorld({}, { handle: () => undefined });
    const { peer, sink } = world.connect(fresh);
    world.turn();
    sink.take();
    for (let i = 0; i < 100; i++) world.say(peer, { type: 'send', seq: 1, topic: 'a', data: 1 });
    world.turn();
    const refused = sink.take();
    expect(refused).toHaveLength(36);
    expect(refused[0]).toMatchObject({ type: 'ack', seq: 1, consumed: false, error: { code: 'BUSY' } });
  });

  test('where views begin: of as many topics as a client can have, but for what was revoked', () => {
    const world = new CoreWorld({}, { authorize: (_, done) => done({ type: 'ok', from: 'now' }) });
    const { peer, sink } = world.connect([]);
    world.core.revoke(idOf('client'), 'revoked');
    for (let i = 0; i < 5_000; i++) {
      world.say(peer, { type: 'subscribe', request: i, topics: [{ topic: `t${i}`, new: true }] });
      world.say(peer, { type: 'unsubscribe', topics: [`t${i}`] });
      if (i % 100 === 0) world.turn();
      sink.chunks.length = 0;
    }
    const barriers = peer.record?.barriers;
    expect([barriers?.size, barriers?.has('revoked'), barriers?.has('t0')]).toEqual([4_096, true, false]);
  });

  test('what was pipelined behind a stream goes with its connection', async () => {
    const live = await startHub();
    const socket = net.connect(live.port, '127.0.0.1');
    const get = `GET /realtime?topic=a HTTP/1.1\r\nHost: a\r\n\r\n`;
    socket.on('error', () => undefined);
    socket.write(get.repeat(3));
    while (live.hub.stats().connections < 3) await new Promise(setImmediate);
    socket.destroy();
    await settled(live.hub);
    await live.close();
  });
});

test.each([
  [{ history: { messages: -1 } }, 'messages'],
  [{ heartbeatMs: Number.NaN }, 'heartbeatMs'],
  [{ limits: { window: '5' as never } }, 'window'],
  [{ partitions: 0 }, 'partitions'],
  [{ partitions: 2_000 }, 'partitions'],
])('a hub that is given %o is not made', (options, name) => {
  expect(() => createHub(options)).toThrow(name);
});

test('who has neither token nor cookie is asked about each time: a proxy may say who it is', () => {
  const asked: unknown[] = [];
  const world = new CoreWorld(
    {},
    {
      authenticate({ token, headers }, done) {
        asked.push(token ?? headers['x-user']);
        done({ type: 'ok', identity: String(asked.at(-1)), expiresInMs: undefined });
      },
    },
  );
  for (const token of [undefined, undefined, 't', 't'])
    world.poll(fresh, token === undefined ? {} : { token });
  expect(asked).toEqual([undefined, undefined, 't']);
});

test('a socket that comes when the hub has closed is closed', () => {
  const world = new CoreWorld();
  world.core.close(0, () => undefined);
  const sink = new FakeSink();
  world.core.awaitOpen(world.core.connect({ transport: 'websocket', sink, meta: noMeta }));
  expect(sink.ended?.code).toBe(1012);
});

test('who asks for signs of life gets no more of the log for it than its budget allows', () => {
  const world = new CoreWorld({ limits: { replayBytesPerSecond: 20_000, chunkBytes: 10_000 } });
  for (let i = 0; i < 100; i++) world.core.publish('a', 'x'.repeat(1_000));
  const { peer, sink } = world.connect(['a'], { cursor: world.at(0) });
  world.turn();
  const before = sink.told().filter((one) => one.startsWith('a:')).length;
  for (let i = 0; i < 20; i++) {
    world.say(peer, { type: 'ping' });
    world.turn();
  }
  expect([...new Set(sink.told())]).toHaveLength(1);
  world.pass(10_000);
  expect(before + sink.told().filter((one) => one.startsWith('a:')).length).toBe(100);
});

test('a ticket has a name, not a body', () => {
  const world = new CoreWorld();
  expect(world.core.offer(world.openFrame(fresh, { ticket: 'x'.repeat(10_000) }), noMeta)).toBe(false);
  expect(world.core.offer(world.openFrame(fresh, { ticket: 'x'.repeat(22) }), noMeta)).toBe(true);
});

describe('times', () => {
  afterEach(() => vi.restoreAllMocks());

  test('beyond what a timer knows are waited for in parts', () => {
    const timer = vi.spyOn(globalThis, 'setTimeout');
    const clockwork = createClockwork(() => undefined);
    clockwork.wake(clockwork.now() + 2 ** 40);
    expect(timer).toHaveBeenCalledExactlyOnceWith(expect.any(Function), 2 ** 31 - 1);
    clockwork.stop();
  });
});

test('a hub that others stand before leaves without being in their way', async () => {
  const asked: (string | undefined)[] = [];
  const first = await startHub({}, (request, response) => {
    asked.push(request.url);
    response.end('app');
  });
  const second = createHub();
  second.attach(first.server, { path: '/second' });
  await first.hub.close({ drainMs: 0 });
  const url = `http://127.0.0.1:${first.port}`;
  expect(await (await ask(`${url}/app`)).ended()).toBe('app');
  const poll = await post(`${url}/second${query()}`, lines(openFrame(fresh, { wait: 0 })));
  expect(await poll.ended()).toContain('"hello"');
  expect(asked).toEqual(['/app']);
  await second.close({ drainMs: 0 });
  await first.close();
});
