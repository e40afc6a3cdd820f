/** Who may do what, sends, closing and limits, in the pure core. */
import { describe, expect, test } from 'vitest';
import type { SendAnswer } from '../../../src/server/core/types.ts';
import { brief, CoreWorld, FakeSink, type Frame, idOf, noMeta } from './support/core-world.ts';

const fresh = [{ topic: 'a', new: true }] as const;

function helloOf(world: CoreWorld, more = {}): Frame {
  return world.poll([], more)[0] as Frame;
}

function nonceOf(world: CoreWorld): string {
  return String(helloOf(world)['sends']);
}

function send(seq: number, data: unknown = seq) {
  return { type: 'send', seq, topic: 'chat', data } as const;
}

/** Handlers that are answered by the test. */
function slowly() {
  const calls: { data: unknown; key: string | undefined; answer: (answer: SendAnswer) => void }[] = [];
  const world = new CoreWorld(
    {},
    { handle: ({ data, idempotencyKey }, answer) => void calls.push({ data, key: idempotencyKey, answer }) },
  );
  return { world, calls };
}

describe('sends', () => {
  test('run one after another, and the answer ends with the last ack', () => {
    const { world, calls } = slowly();
    const sink = world.batch({ sends: nonceOf(world) }, send(1), send(2));
    expect(calls.map(({ data }) => data)).toEqual([1]);
    calls[0]?.answer({ type: 'ok', reply: 'one' });
    world.turn();
    expect(sink.take()).toEqual([{ type: 'ack', seq: 1, reply: 'one' }]);
    expect(sink.ended).toBeUndefined();
    calls[1]?.answer({ type: 'ok', reply: undefined });
    expect(sink.take()).toEqual([{ type: 'ack', seq: 2 }]);
    expect(sink.ended).toBeDefined();
    expect(calls[0]?.key).not.toBe(calls[1]?.key);
  });

  test('one that the client had given up uses its number up and is not applied', () => {
    const { world, calls } = slowly();
    const given = { type: 'send', seq: 1, topic: 'chat', data: null, void: true } as const;
    const sink = world.batch({ sends: nonceOf(world) }, given, send(2));
    expect(calls.map(({ data }) => data)).toEqual([2]);
    calls[0]?.answer({ type: 'ok', reply: 'two' });
    expect(sink.take()).toMatchObject([
      { seq: 1, error: { code: 'NOT_SENT', applied: false } },
      { seq: 2, reply: 'two' },
    ]);
  });

  test('a POST that a browser repeats by itself is applied once, and both copies are answered (F5)', () => {
    const { world, calls } = slowly();
    const sends = nonceOf(world);
    const volatile = { type: 'send', topic: 'chat', data: 'volatile' } as const;
    const first = world.batch({ sends, n: 5 }, send(1), volatile);
    const copy = world.batch({ sends, n: 5 }, send(1), volatile);
    calls[0]?.answer({ type: 'ok', reply: 'once' });
    calls[1]?.answer({ type: 'ok', reply: undefined });
    expect(calls.map(({ data }) => data)).toEqual([1, 'volatile']);
    expect(first.take()).toEqual(copy.take());
  });

  test('a nonce that is not held refuses the batch whole, and nothing of it is applied', () => {
    const { world, calls } = slowly();
    nonceOf(world);
    const sink = world.batch({ sends: 'of another hub' }, send(1), { type: 'ping' });
    const [ack, pong] = sink.take() as [Frame, Frame];
    expect(ack).toMatchObject({ seq: 1, consumed: false, error: { code: 'NONCE_UNKNOWN', applied: false } });
    expect(pong).toEqual({ type: 'pong' });
    expect(world.batch({ sends: 'x', client: idOf('stranger') }, send(1)).told()).toEqual(['ack']);
    expect(calls).toHaveLength(0);
  });

  test('a hole is refused, and the number stays free', () => {
    const { world, calls } = slowly();
    const sends = nonceOf(world);
    expect(world.batch({ sends }, send(2)).take()[0]).toMatchObject({
      consumed: false,
      error: { code: 'HOLE' },
    });
    world.batch({ sends }, send(1));
    expect(calls).toHaveLength(1);
  });

  test('another key for a known client is told for the session', () => {
    const { world } = slowly();
    const sends = nonceOf(world);
    const sink = world.batch({ sends, key: idOf('forged') }, send(1));
    expect(sink.take()[0]).toMatchObject({ type: 'error', code: 'KEY_MISMATCH', scope: 'session' });
    expect(world.poll([], { key: idOf('forged') }).map(brief)).toEqual(['error KEY_MISMATCH']);
  });

  test('a handler that takes too long is settled as unknown, the next one runs, and its late answer is nothing', () => {
    const { world, calls } = slowly();
    const sink = world.batch({ sends: nonceOf(world) }, send(1), send(2));
    world.pass(30_000);
    expect(sink.take()[0]).toMatchObject({ seq: 1, error: { code: 'HANDLER_TIMEOUT', applied: 'unknown' } });
    calls[0]?.answer({ type: 'ok', reply: 'late' });
    calls[1]?.answer({ type: 'ok', reply: 'fine' });
    expect(sink.take()).toEqual([{ type: 'ack', seq: 2, reply: 'fine' }]);
  });

  test('a reply larger than a frame is lost, and told as applied', () => {
    const world = new CoreWorld(
      {},
      { handle: (_, done) => done({ type: 'ok', reply: 'x'.repeat(3_000_000) }) },
    );
    const sink = world.batch({ sends: nonceOf(world) }, send(1));
    expect(sink.take()[0]).toMatchObject({ error: { code: 'REPLY_LOST', applied: true } });
  });

  test('bytes come and go', () => {
    const seen: unknown[] = [];
    const handle = ({ data }: { data: unknown }, done: (answer: SendAnswer) => void): void => {
      seen.push(data);
      done({ type: 'ok', reply: new Uint8Array([9, 8]) });
    };
    const world = new CoreWorld({}, { handle });
    const frame = { ...send(1), data: undefined, base64: 'AQID' };
    const sink = world.batch({ sends: nonceOf(world) }, frame);
    expect(seen).toEqual([new Uint8Array([1, 2, 3])]);
    expect(sink.take()[0]).toMatchObject({ seq: 1, reply: new Uint8Array([9, 8]) });
  });

  test('without a handler they are told so, with the remedy', () => {
    const world = new CoreWorld();
    const [ack] = world.batch({ sends: nonceOf(world) }, send(1)).take();
    expect(ack).toMatchObject({ error: { code: 'NO_HANDLER', applied: false } });
  });

  test('beyond the rate nothing is consumed, and later it goes on', () => {
    const world = new CoreWorld(
      { limits: { sendsPerSecond: 2 } },
      { handle: (_, done) => done({ type: 'ok', reply: 0 }) },
    );
    const sends = nonceOf(world);
    const acks = world.batch({ sends }, send(1), send(2), send(3)).take();
    expect(acks.map((ack) => ack['consumed'])).toEqual([undefined, undefined, false]);
    expect(acks[2]).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    world.pass(1_000);
    expect(world.batch({ sends }, send(3)).take()[0]).toMatchObject({ seq: 3, reply: 0 });
  });

  test('the memory lives for a while after the last connection, shorter if nothing was ever sent', () => {
    const world = new CoreWorld({ lingerMs: 1 }, { handle: (_, done) => done({ type: 'ok', reply: 0 }) });
    const quiet = nonceOf(world);
    world.pass(59_000);
    expect(nonceOf(world)).toBe(quiet);
    world.pass(61_000);
    const busy = nonceOf(world);
    expect(busy).not.toBe(quiet);
    world.batch({ sends: busy }, send(1));
    world.pass(119_000);
    expect(nonceOf(world)).toBe(busy);
    world.pass(121_000);
    expect(nonceOf(world)).not.toBe(busy);
  });

  test('at the cap of records new clients are refused, and nobody is forgotten', () => {
    const world = new CoreWorld({ limits: { records: 1 } });
    const nonce = nonceOf(world);
    expect(world.poll([], { client: idOf('second') }).map(brief)).toEqual(['error BUSY']);
    expect(nonceOf(world)).toBe(nonce);
  });
});

describe('authentication', () => {
  test('that takes a moment is announced, and asked for once for both of a race', () => {
    const answers: (() => void)[] = [];
    const ok = { type: 'ok', identity: 'anna', expiresInMs: 5_000 } as const;
    const world = new CoreWorld({}, { authenticate: (_, done) => void answers.push(() => done(ok)) });
    const { sink } = world.connect(fresh, { token: 't' });
    const poll = world.connect(fresh, { token: 't', attempt: 2, wait: 0 }, 'poll').sink;
    world.turn();
    expect(sink.told()).toEqual(['wait']);
    expect(answers).toHaveLength(1);
    answers[0]?.();
    world.turn();
    expect(sink.take()[0]).toMatchObject({ type: 'hello', identity: 'anna', expiresInMs: 5_000 });
    expect(poll.told()).toEqual(['wait', 'hello', 'ping@0']);
  });

  test('that takes a moment lets no send into a memory that was made anew meanwhile', () => {
    const answers: (() => void)[] = [];
    const ok = { type: 'ok', identity: 'anna', expiresInMs: undefined } as const;
    const world = new CoreWorld({}, { authenticate: (_, done) => void answers.push(() => done(ok)) });
    const { sink } = world.connect(fresh, { token: 'a' });
    answers.shift()?.();
    world.turn();
    const sends = String(sink.take().find((frame) => frame['type'] === 'hello')?.['sends']);
    const late = world.batch({ sends }, { type: 'send', seq: 1, topic: 'up', data: 1 });
    world.connect(fresh, { token: 'c', attempt: 2, sends: 'another' });
    for (const answer of answers.splice(0)) answer();
    world.turn();
    const [ack] = late.take();
    expect(ack).toMatchObject({ type: 'ack', seq: 1, consumed: false, error: { code: 'NONCE_UNKNOWN' } });
  });

  test('ends when it expires', () => {
    const ok = { type: 'ok', identity: 'anna', expiresInMs: 5_000 } as const;
    const world = new CoreWorld({}, { authenticate: (_, done) => done(ok) });
    const { sink } = world.connect(fresh);
    world.pass(5_000);
    expect(sink.told()).toEqual(['hello', 'bye']);
    expect(sink.ended?.code).toBe(1000);
  });

  test('refused concerns the session; failed does not', () => {
    const denied = { type: 'denied', code: 'AUTH_FAILED', message: 'no' } as const;
    const refusing = new CoreWorld({}, { authenticate: (_, done) => done(denied) });
    const failing = new CoreWorld({}, { authenticate: (_, done) => done({ type: 'failed' }) });
    expect(refusing.poll([])[0]).toMatchObject({ code: 'AUTH_FAILED', scope: 'session' });
    const [error] = failing.poll([]);
    expect(error).toMatchObject({ code: 'INTERNAL' });
    expect(error).not.toHaveProperty('scope');
  });

  test('that never answers is given up', () => {
    const world = new CoreWorld({}, { authenticate: () => undefined });
    const { sink } = world.connect(fresh);
    world.pass(10_000);
    expect(sink.told()).toEqual(['wait', 'error INTERNAL']);
  });
});

describe('authorization', () => {
  test('is answered for each topic: denied, to be asked again, and the others go on', () => {
    const kinds: Record<string, 'ok' | 'denied' | 'failed'> = { a: 'ok', b: 'denied', c: 'failed' };
    const world = new CoreWorld({}, { authorize: ({ topic }, done) => done({ type: kinds[topic] ?? 'ok' }) });
    const [hello] = world.poll(['a', 'b', 'c', '$system'], { cursor: world.at(0) });
    expect(hello?.['topics']).toEqual([
      { topic: 'b', error: expect.objectContaining({ code: 'TOPIC_DENIED' }) },
      { topic: 'c', retryMs: 1_000 },
      { topic: '$system', error: expect.objectContaining({ code: 'BAD_TOPIC' }) },
    ]);
  });

  test('of sends is judged apart, and refuses them by its own code', () => {
    const world = new CoreWorld(
      {},
      {
        authorize: ({ action }, done) => done({ type: action === 'send' ? 'denied' : 'ok' }),
        handle: (_, done) => done({ type: 'ok', reply: 0 }),
      },
    );
    const [ack] = world.batch({ sends: nonceOf(world) }, send(1)).take();
    expect(ack).toMatchObject({ error: { code: 'SEND_DENIED', applied: false } });
  });

  test('is asked once as long as the answer holds', () => {
    let asked = 0;
    const authorize = (_: object, done: (answer: { type: 'ok' }) => void): void => {
      asked++;
      done({ type: 'ok' });
    };
    const world = new CoreWorld({}, { authorize });
    for (let i = 0; i < 5; i++) world.poll(['a'], { cursor: world.at(0) });
    expect(asked).toBe(1);
    world.pass(60_000);
    world.poll(['a'], { cursor: world.at(0) });
    expect(asked).toBe(2);
  });

  test('can hold back what was before, whatever cursor is claimed, and that is no gap (F16)', () => {
    const world = new CoreWorld({}, { authorize: (_, done) => done({ type: 'ok', from: 2 }) });
    for (let i = 0; i < 4; i++) world.core.publish('a', i);
    expect(world.poll(['a'], { cursor: world.at(0) }).map(brief)).toEqual(['hello', 'a:3', 'a:4', 'ping@4']);
    const hello = world.poll([{ topic: 'a', new: true, last: 9 }], { attempt: 2 })[0] as Frame;
    const [answer] = hello['topics'] as { last: Frame[] }[];
    expect(answer?.last.map(({ id }) => id)).toEqual(['3', '4']);
  });

  test('"from now" means from the first grant, so that a resume loses nothing', () => {
    const world = new CoreWorld({}, { authorize: (_, done) => done({ type: 'ok', from: 'now' }) });
    world.core.publish('a', 0);
    const [hello] = world.poll(fresh);
    expect(hello?.cursor).toBe(world.at(1));
    for (let i = 0; i < 2; i++) world.core.publish('a', i);
    expect(world.poll(['a'], { cursor: world.at(1) }).map(brief)).toEqual(['hello', 'a:2', 'a:3', 'ping@3']);
    expect(world.poll(['a'], { cursor: world.at(0) }).map(brief)).toEqual([
      'hello',
      'gap a<=1 trimmed',
      'a:2',
      'a:3',
      'ping@3',
    ]);
  });

  test('taken away ends the connections; granted again the topic begins anew, with a gap (F17)', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh);
    world.turn();
    world.core.revoke(idOf('client'), 'a');
    expect(sink.told()).toEqual(['hello', 'bye']);
    world.core.publish('a', 'while forbidden');
    const told = world.poll(['a'], { cursor: world.at(0), attempt: 2 }).map(brief);
    expect(told).toEqual(['hello', 'gap a<=1 revoked', 'ping@1']);
    world.core.publish('a', 'allowed again');
    expect(world.poll(['a'], { cursor: world.at(1), attempt: 2 }).map(brief)).toEqual([
      'hello',
      'a:2',
      'ping@2',
    ]);
  });
});

describe('releasing', () => {
  test('ends the answers of these attempts of this client, and no others', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh, { attempt: 1 }, 'http-stream');
    const next = world.connect(fresh, { attempt: 2 });
    const stranger = world.connect(fresh, { attempt: 1, client: idOf('other') }, 'http-stream').sink;
    world.turn();
    world.say(next.peer, { type: 'release', attempts: [1] });
    expect(sink.ended?.code).toBe(1000);
    expect(next.sink.ended).toBeUndefined();
    expect(stranger.ended).toBeUndefined();
  });

  test('goes by POST as well, needs the key, and holds for an open that is still on its way', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh, { attempt: 1 }, 'http-stream');
    world.batch({ sends: 'x', key: idOf('forged') }, { type: 'release', attempts: [1] });
    expect(sink.ended).toBeUndefined();
    const post = world.batch({ sends: 'x' }, { type: 'release', attempts: [1, 2] });
    expect(sink.ended).toBeDefined();
    expect(post.ended).toBeDefined();
    const late = world.connect(fresh, { attempt: 2 }, 'http-stream').sink;
    expect(late.ended?.code).toBe(1000);
    expect(world.core.stats()).toMatchObject({ connections: 0, clients: 0 });
  });
});

describe('tickets', () => {
  const ticket = idOf('ticket');

  function stream(world: CoreWorld, client = idOf('client'), name = ticket) {
    const sink = new FakeSink();
    const peer = world.core.connect({ transport: 'eventsource', sink, meta: noMeta });
    world.core.present(peer, name, client);
    world.turn();
    return { sink, text: () => sink.chunks.splice(0).join('') };
  }

  test('serve in either order, and the half that waits is told to', () => {
    const world = new CoreWorld();
    const open = world.openFrame(fresh, { ticket, attempt: 3 });
    const early = stream(world);
    expect(early.text()).toContain('"wait"');
    expect(world.core.offer(open, noMeta)).toBe(true);
    world.turn();
    expect(early.text()).toContain('"hello"');
    // Served: a second GET finds nothing.
    expect(stream(world).text()).toContain('TICKET_UNKNOWN');
  });

  test('are bound to their client, and die of age', () => {
    const world = new CoreWorld();
    world.core.offer(world.openFrame(fresh, { ticket, attempt: 3 }), noMeta);
    expect(stream(world, idOf('thief')).text()).toContain('TICKET_UNKNOWN');
    world.pass(10_000);
    expect(world.core.stats().tickets).toBe(0);
    const late = stream(world);
    world.pass(10_000);
    expect(late.text()).toContain('TICKET_UNKNOWN');
  });

  /** Both halves, the open first. */
  function serve(world: CoreWorld, name: string, attempt: number, client = idOf('client')) {
    expect(world.core.offer(world.openFrame(fresh, { client, ticket: name, attempt }), noMeta)).toBe(true);
    return stream(world, client, name);
  }

  test('that have served are not served again, whichever half is repeated, in whichever order, and when', () => {
    const world = new CoreWorld();
    const names = [1, 2, 3].map((attempt) => idOf(`ticket-${attempt}`));
    names.forEach((name, i) => {
      expect(serve(world, name, i + 1).text()).toContain('"hello"');
    });
    for (const waitMs of [0, 5_000, 60_000]) {
      world.pass(waitMs);
      names.forEach((name, i) => {
        expect(stream(world, idOf('client'), name).text()).toContain('TICKET_UNKNOWN');
        expect(serve(world, name, i + 1).text()).toContain('TICKET_UNKNOWN');
      });
      // Copies take up no room of those that wait.
      expect(world.core.stats()).toMatchObject({ tickets: 0, connections: names.length });
    }
  });

  test('are counted while they wait for their other half, and no longer', () => {
    const world = new CoreWorld({ limits: { tickets: 1 } });
    for (const name of ['a', 'b', 'c']) {
      expect(serve(world, idOf(name), 1, idOf(name)).text()).toContain('"hello"');
    }
    stream(world, idOf('d'), idOf('d'));
    expect(stream(world, idOf('e'), idOf('e')).text()).toContain('TICKET_UNKNOWN');
    expect(world.core.stats().tickets).toBe(1);
  });

  test('wait equally long each, though one alarm is for all of them', () => {
    const world = new CoreWorld();
    const first = stream(world, idOf('client'), idOf('first'));
    world.pass(3_000);
    expect(serve(world, idOf('served'), 1).text()).toContain('"hello"');
    const second = stream(world, idOf('client'), idOf('second'));
    world.pass(6_999);
    expect([first.text(), second.text()].join()).not.toContain('TICKET_UNKNOWN');
    world.pass(1);
    expect(first.text()).toContain('TICKET_UNKNOWN');
    world.pass(2_999);
    expect([second.text(), world.core.stats().tickets]).toEqual(['', 1]);
    world.pass(1);
    expect(second.text()).toContain('TICKET_UNKNOWN');
    expect(world.core.stats().tickets).toBe(0);
    // And anew for one that comes when there was none.
    const third = stream(world, idOf('client'), idOf('third'));
    world.pass(10_000);
    expect(third.text()).toContain('TICKET_UNKNOWN');
  });
});

describe('limits', () => {
  test('of topics, connections and names have a code each', () => {
    const world = new CoreWorld({ limits: { topics: 2, connections: 1, topicLength: 3 } });
    const many = ['a', 'b', 'c'].map((topic) => ({ topic, new: true as const }));
    expect(world.poll(many).map(brief)).toEqual(['error TOO_MANY_TOPICS']);
    const { peer, sink } = world.connect(many.slice(0, 2));
    expect(world.poll([], { attempt: 2 }).map(brief)).toEqual(['error TOO_MANY_CONNECTIONS']);
    world.say(peer, { type: 'subscribe', request: 1, topics: many.slice(2) });
    expect(sink.told()).toEqual(['hello', 'error TOO_MANY_TOPICS']);
    const [hello] = world.poll([{ topic: 'long', new: true }]);
    expect(hello?.['topics']).toMatchObject([{ topic: 'long', error: { code: 'BAD_TOPIC' } }]);
  });

  test('an unknown protocol and a malformed open are refused', () => {
    const world = new CoreWorld();
    expect(world.poll([], { protocol: 'holdfast.v2' })[0]).toMatchObject({
      code: 'UNSUPPORTED_PROTOCOL',
      scope: 'session',
    });
    expect(world.poll([], { client: 'short' }).map(brief)).toEqual(['error BAD_FRAME']);
    expect(world.poll([], { cursor: '!' }).map(brief)).toEqual(['error BAD_FRAME']);
  });

  test('what is published must fit, and be something', () => {
    const world = new CoreWorld();
    expect(() => world.core.publish('a', 'x'.repeat(3_000_000))).toThrow(/FRAME_TOO_LARGE/);
    expect(() => world.core.publish('a', undefined)).toThrow(/MISUSE/);
    expect(() => world.core.publish('$direct', 1)).toThrow(/BAD_TOPIC/);
  });

  test('publishing costs the same however many topics there are', () => {
    const time = (topics: number): number => {
      const world = new CoreWorld({ history: { messages: 1 } });
      for (let i = 0; i < topics; i++) world.core.publish(`topic-${i}`, 0);
      const began = performance.now();
      for (let i = 0; i < 20_000; i++) world.core.publish(`topic-${i % 10}`, i);
      return performance.now() - began;
    };
    time(10);
    // A cost in proportion to the topics would be thousands of times as much.
    expect(time(50_000)).toBeLessThan(20 * time(10) + 50);
  }, 30_000);
});

describe('presence', () => {
  test('is by client: two connections are one, a poll lingers, a released one does not', () => {
    const world = new CoreWorld({ lingerMs: 1_000 });
    const both = [world.connect(fresh), world.connect(fresh, { attempt: 2 })];
    world.poll(fresh, { client: idOf('poller') });
    expect(world.core.count()).toBe(2);
    expect(world.core.subscribers('a').sort()).toEqual([idOf('client'), idOf('poller')].sort());
    expect(world.core.clients()).toContainEqual({ id: idOf('client'), identity: undefined, connections: 2 });
    world.pass(1_000);
    expect(world.core.subscribers('a')).toEqual([idOf('client')]);
    for (const { peer } of both) world.core.closed(peer);
    expect(world.core.count()).toBe(0);
    const told = world.notes.map((note) =>
      note.type === 'error' ? '' : `${note.type} ${note.client.slice(0, 6)}`,
    );
    expect(told).toEqual(['connect client', 'connect poller', 'disconnect poller', 'disconnect client']);
  });

  test('does not flap between polls', () => {
    const world = new CoreWorld();
    for (let i = 0; i < 3; i++) world.poll(['a'], { cursor: world.at(0) });
    expect(world.notes.map(({ type }) => type)).toEqual(['connect']);
  });
});

describe('closing (F24)', () => {
  test('says bye, takes no new sends, finishes running handlers and writes their acks', () => {
    const { world, calls } = slowly();
    const { peer, sink } = world.connect(fresh);
    world.turn();
    sink.take();
    world.say(peer, send(1));
    let isDone = false;
    world.core.close(5_000, () => {
      isDone = true;
    });
    world.say(peer, send(2));
    world.turn();
    const [bye, refused] = sink.take() as [Frame, Frame];
    expect(bye).toMatchObject({ type: 'bye', spreadMs: 5_000 });
    expect(refused).toMatchObject({ seq: 2, consumed: false, error: { code: 'DRAINING' } });
    calls[0]?.answer({ type: 'ok', reply: 'done' });
    world.turn();
    expect(sink.take()).toEqual([{ type: 'ack', seq: 1, reply: 'done' }]);
    expect(isDone).toBe(false);
    world.core.closed(peer);
    expect(isDone).toBe(true);
  });

  test('waits no longer than it says, and writes what was published in its last turn', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh);
    world.turn();
    world.core.publish('a', 1);
    let isDone = false;
    world.core.close(0, () => {
      isDone = true;
    });
    expect(isDone).toBe(true);
    expect(sink.told()).toEqual(['hello', 'bye', 'a:1']);
    expect(sink.ended?.code).toBe(1012);
    expect(world.core.stats()).toMatchObject({ connections: 0, records: 0 });
    expect(() => world.core.publish('a', 1)).toThrow(/CLOSED/);
  });

  test('a poll that is held, and one that comes while draining, are told', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(['a'], { wait: 10_000, cursor: world.at(0) }, 'long-poll');
    world.connect(fresh, { client: idOf('stays') });
    world.core.close(5_000, () => undefined);
    expect(sink.told()).toEqual(['hello', 'bye']);
    expect(world.poll(['a'], { cursor: world.at(0) }).map(brief)).toEqual(['bye']);
  });
});
