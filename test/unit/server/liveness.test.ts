/** Signs of life: how often a connection is heard of, what it is told of the time, and streams that are asked for one. */
import { describe, expect, test } from 'vitest';
import { CoreWorld, type FakeSink, type Frame, idOf } from './support/core-world.ts';

const fresh = [{ topic: 'a', new: true }] as const;

function helloOf(sink: FakeSink): Frame {
  return sink.take().find(({ type }) => type === 'hello') as Frame;
}

describe('a heartbeat', () => {
  test.each([
    ['the hub’s own where none is wished for', 10_000, undefined, 10_000],
    ['what is wished for', 10_000, 4_000, 4_000],
    ['not less than a second', 10_000, 0, 1_000],
    ['not more than the hub’s own', 10_000, 60_000, 10_000],
    ['the hub’s own even if that is less than a second', 500, 100, 500],
  ])('comes every so often: %s', (_, heartbeatMs, heartbeat, grantedMs) => {
    const world = new CoreWorld({ heartbeatMs });
    const wish = heartbeat === undefined ? {} : { heartbeat };
    const { sink } = world.connect(fresh, wish, 'http-stream');
    world.turn();
    expect(helloOf(sink)['heartbeatMs']).toBe(grantedMs);
    world.pass(grantedMs - 1);
    expect(sink.told()).toEqual([]);
    world.pass(1);
    expect(sink.told()).toEqual(['ping@0']);
    world.pass(3 * grantedMs);
    expect(sink.told()).toEqual(['ping@0', 'ping@0', 'ping@0']);
  });

  test('is a wish of one connection alone', () => {
    const world = new CoreWorld({ heartbeatMs: 10_000 });
    const often = world.connect(fresh, { heartbeat: 1_000 }, 'http-stream').sink;
    const seldom = world.connect(fresh, { attempt: 2 }, 'http-stream').sink;
    world.pass(2_500);
    expect([often.told(), seldom.told()]).toEqual([['hello', 'ping@0', 'ping@0'], ['hello']]);
  });

  test('tells the hub’s clock, as the hello does, so that a late stream can be told from one on time', () => {
    const world = new CoreWorld({ heartbeatMs: 1_000 });
    world.now = 5_000.4;
    const { sink } = world.connect(fresh, {}, 'http-stream');
    world.pass(2_000);
    expect(sink.take().map(({ type, time }) => [type, time])).toEqual([
      ['hello', 5_000],
      ['ping', 6_000],
      ['ping', 7_000],
    ]);
  });

  test('is not written to a socket that takes nothing, and again when it does', () => {
    const world = new CoreWorld({ heartbeatMs: 1_000 });
    const { sink } = world.connect(fresh, {}, 'http-stream');
    world.turn();
    sink.take();
    sink.room = 0;
    world.pass(1_000);
    expect(sink.told()).toEqual([]);
    sink.room = Number.POSITIVE_INFINITY;
    world.pass(1_000);
    expect(sink.told()).toEqual(['ping@0']);
  });

  test('that a websocket client wished for is one that it must answer in time', () => {
    const world = new CoreWorld({ heartbeatMs: 10_000 });
    const { sink } = world.connect(fresh, { heartbeat: 1_000 });
    world.pass(2_500);
    expect(sink.isAborted).toBe(false);
    world.pass(500);
    expect(sink.isAborted).toBe(true);
  });
});

describe('a POST that asks for a sign of life', () => {
  const ping = (attempt?: number) => ({ type: 'ping', ...(attempt !== undefined && { attempt }) }) as const;

  /** Two streams of one client, and what a POST of that client brings forth on them and in its own answer. */
  function ask(attempt: number | undefined, options: { client?: string; key?: string } = {}) {
    const world = new CoreWorld();
    const one = world.connect(fresh, { attempt: 1 }, 'http-stream');
    const two = world.connect(fresh, { attempt: 2 }, 'http-stream');
    world.connect(fresh, { client: idOf('other'), key: idOf('other') }, 'http-stream');
    world.core.publish('a', 1);
    world.turn();
    const sends = String(helloOf(one.sink)['sends']);
    two.sink.take();
    const post = world.batch({ sends, ...options }, ping(attempt));
    world.turn();
    return { one: one.sink.told(), two: two.sink.told(), post };
  }

  test('gets it on that stream, with its position, and a pong for itself', () => {
    const { one, two, post } = ask(2);
    expect([one, two, post.told()]).toEqual([[], ['ping@1'], ['pong@']]);
    expect(post.ended).toBeDefined();
  });

  test.each([
    ['names none', undefined],
    ['names one that there is not', 9],
  ])('and %s gets its pong alone', (_, attempt) => {
    const { one, two, post } = ask(attempt);
    expect([one, two, post.told()]).toEqual([[], [], ['pong@']]);
  });

  test.each([
    ['another client’s', { client: idOf('stranger') }],
    ['this client’s, without its key', { key: idOf('wrong') }],
  ])('gets none of %s', (_, whose) => {
    const { one, two } = ask(1, whose);
    expect([one, two]).toEqual([[], []]);
  });

  test('gets the answer of a poll that is held, with a position mark', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh, { wait: 5_000 }, 'long-poll');
    world.turn();
    const sends = String(helloOf(sink)['sends']);
    const again = world.connect(['a'], { wait: 5_000, cursor: world.at(0) }, 'long-poll').sink;
    world.turn();
    again.take();
    expect(world.batch({ sends }, ping(1)).told()).toEqual(['pong@']);
    world.turn();
    expect(again.told()).toEqual(['hello', 'ping@0']);
  });

  test('gets none of a stream that is over', () => {
    const world = new CoreWorld();
    const { peer, sink } = world.connect(fresh, {}, 'http-stream');
    world.connect(fresh, { attempt: 2 }, 'http-stream');
    world.turn();
    const sends = String(helloOf(sink)['sends']);
    world.core.closed(peer);
    expect(world.batch({ sends }, ping(1)).told()).toEqual(['pong@']);
    world.turn();
    expect(sink.told()).toEqual([]);
  });

  test('gets nothing before the hello of a stream whose topics are still being decided', () => {
    let decide = (): void => {};
    const authorize = (_: unknown, done: (answer: { type: 'granted' }) => void): void => {
      decide = () => done({ type: 'granted' });
    };
    const world = new CoreWorld({}, { authorize: authorize as never });
    const { sink } = world.connect([], { attempt: 1 }, 'http-stream');
    world.turn();
    const sends = String(helloOf(sink)['sends']);
    const second = world.connect(fresh, { attempt: 2 }, 'http-stream').sink;
    world.turn();
    world.batch({ sends }, ping(2));
    world.turn();
    decide();
    world.turn();
    const told = second.told().filter((line) => line !== 'wait');
    expect(told[0]).toBe('hello');
  });
});
