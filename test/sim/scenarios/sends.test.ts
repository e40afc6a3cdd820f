/** F5, F6, F12 (within one hub) and F23: sends that arrive twice, late, or while their handler runs. */
import { describe, expect, test } from 'vitest';
import { createStage } from './stage.ts';

describe('F5', () => {
  test('a POST that the browser repeats while its handler runs is applied once', () => {
    const stage = createStage({ slow: true });
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.open();
    stage.pass(100);
    actor.client.send('S', 'one');
    stage.pass(50);
    const post = actor.wires.find((wire) => wire.body !== undefined);
    post?.repeat();
    post?.cut();
    actor.wire(1).cut();
    stage.pass(200);
    // The client has transmitted it again, on #2, and the handler still runs.
    expect(actor.wires.filter((wire) => wire.body?.includes('"one"'))).toHaveLength(2);
    expect(stage.applied()).toEqual(['one']);
    stage.jobs[0]?.done('reply');
    post?.repeat();
    stage.pass(100);
    expect([stage.applied(), actor.told()]).toEqual([['one'], ['send 1: "reply"']]);
  });

  test('a WebSocket that takes over transmits it again, and it is applied once', () => {
    const stage = createStage({ slow: true });
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    actor.client.send('S', 'one');
    stage.pass(50);
    actor.wire(1).cut();
    stage.pass(100);
    expect(actor.active()).toBe('#2 websocket');
    stage.jobs[0]?.done('reply');
    stage.pass(100);
    expect([stage.applied(), actor.told()]).toEqual([['one'], ['send 1: "reply"']]);
  });

  test('the same bytes at a restarted hub are refused: the outcome is unknown, and what follows goes on', () => {
    const stage = createStage({ slow: true });
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.open();
    stage.pass(100);
    actor.client.send('S', 'one');
    stage.pass(50);
    expect(stage.applied()).toEqual(['one']);
    const post = actor.wires.find((wire) => wire.body !== undefined);
    stage.restart();
    post?.repeat();
    post?.cut();
    actor.wire(1).cut();
    stage.pass(5_000);
    post?.repeat();
    actor.client.send('S', 'two');
    stage.pass(50);
    stage.jobs[1]?.done();
    stage.pass(100);
    expect([stage.applied(), actor.told()]).toEqual([
      ['one', 'two'],
      ['send 1: OUTCOME_UNKNOWN', 'send 2: null'],
    ]);
  });

  test('when the hub’s memory of a client has expired, what it had applied is not applied again', () => {
    const stage = createStage({ hub: { core: { keepMs: 1_000 } } });
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.open();
    stage.pass(100);
    actor.holdNew(() => true);
    actor.client.send('S', 'one');
    stage.pass(50);
    expect(stage.applied()).toEqual(['one']);
    const post = actor.wires.find((wire) => wire.body !== undefined);
    actor.conditions.down = true;
    for (const wire of actor.wires) wire.cut();
    stage.pass(10_000);
    actor.conditions.down = false;
    actor.holdNew(() => false);
    post?.repeat();
    stage.pass(30_000);
    post?.repeat();
    stage.pass(100);
    expect([stage.applied(), actor.told()]).toEqual([['one'], ['send 1: OUTCOME_UNKNOWN']]);
  });
});

describe('F6', () => {
  test('one that timed out and arrives late is told as unknown, and does not hold up the next', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.open();
    stage.pass(100);
    actor.posts.hold();
    actor.client.send('S', 'one', 1_000);
    stage.pass(1_200);
    expect([stage.applied(), actor.told()]).toEqual([[], ['send 1: OUTCOME_UNKNOWN']]);
    actor.client.send('S', 'two');
    stage.pass(50);
    actor.posts.release();
    stage.pass(1_000);
    expect([stage.applied(), actor.told()]).toEqual([['one', 'two'], ['send 2: "two"']]);
  });

  test('one that was given up and never arrived uses its number up without being applied', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    actor.wire(1).hold('up');
    const ref = actor.client.send('S', 'one');
    stage.pass(50);
    actor.client.abort(ref);
    actor.client.send('S', 'two');
    stage.pass(50);
    actor.wire(1).cut();
    stage.pass(200);
    expect([stage.applied(), actor.told()]).toEqual([['two'], ['send 1: OUTCOME_UNKNOWN', 'send 2: "two"']]);
  });

  test('one that timed out and never arrived uses its number up, too', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    actor.wire(1).hold('up');
    actor.client.send('S', 'one', 500);
    stage.pass(600);
    actor.client.send('S', 'two');
    stage.pass(50);
    actor.wire(1).cut();
    stage.pass(200);
    expect([stage.applied(), actor.told()]).toEqual([['two'], ['send 1: OUTCOME_UNKNOWN', 'send 2: "two"']]);
  });

  test('one that was never transmitted is certain', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.conditions.down = true;
    const ref = actor.client.send('S', 'one');
    stage.pass(500);
    actor.client.abort(ref);
    actor.client.send('S', 'two');
    actor.conditions.down = false;
    stage.pass(20_000);
    expect([stage.applied(), actor.told()]).toEqual([['two'], ['send 1: NOT_SENT', 'send 2: "two"']]);
  });
});

describe('F12', () => {
  test('the next send waits for the handler of the one before, over a change of connection', () => {
    const stage = createStage({ slow: true });
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    actor.client.send('S', 7);
    stage.pass(50);
    actor.client.send('S', 8);
    stage.pass(50);
    actor.wire(1).cut();
    stage.pass(200);
    expect(stage.applied()).toEqual([7]);
    stage.jobs[0]?.done();
    stage.pass(50);
    expect(stage.applied()).toEqual([7, 8]);
    stage.jobs[1]?.done();
    stage.pass(50);
    expect(actor.told()).toEqual(['send 1: null', 'send 2: null']);
  });

  test('a handler that failed is not run again for a copy, which gets the same answer', () => {
    const stage = createStage({ slow: true });
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    actor.client.send('S', 'one');
    stage.pass(50);
    actor.wire(1).hold();
    stage.jobs[0]?.fail('SOLD_OUT');
    stage.pass(50);
    actor.wire(1).cut();
    stage.pass(200);
    expect([stage.applied(), actor.told()]).toEqual([['one'], ['send 1: SOLD_OUT']]);
  });

  test('a handler that takes too long is unknown, the next one starts, its late answer is nothing', () => {
    const stage = createStage({ slow: true, hub: { core: { handlerMs: 1_000 } } });
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    actor.client.send('S', 'one');
    actor.client.send('S', 'two');
    stage.pass(1_200);
    expect([stage.applied(), actor.told()]).toEqual([['one', 'two'], ['send 1: HANDLER_TIMEOUT']]);
    stage.jobs[0]?.done('late');
    stage.jobs[1]?.done('in time');
    stage.pass(50);
    expect(actor.told()).toEqual(['send 2: "in time"']);
  });
});

describe('F22', () => {
  test.each(['http-stream', 'websocket'] as const)(
    'by %s, sends over the rate of the hub go at about that rate',
    (transport) => {
      const stage = createStage({ hub: { core: { limits: { sendsPerSecond: 10 } } } });
      const actor = stage.join({ transports: [transport] });
      const refs = Array.from({ length: 60 }, (_, i) => i + 1);
      for (const ref of refs) actor.client.send('S', ref);
      stage.pass(12_000);
      expect(stage.applied()).toEqual(refs);
      expect(actor.told()).toEqual(refs.map((ref) => `send ${ref}: ${ref}`));
    },
  );
});

describe('F23', () => {
  test('acks come in the answer of the POST itself, and a topic change is an open', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.client.send('S', 'one');
    stage.pass(50);
    actor.client.subscribe('B');
    stage.pass(100);
    const posts = actor.wires.filter((wire) => wire.body !== undefined);
    expect(posts[0]?.wrote).toEqual(['ack']);
    expect(actor.wire(1).wrote).not.toContain('ack');
    expect(actor.opens()).toEqual(['#1 http-stream [A+]', '#2 http-stream [A B+] from 0']);
    for (const { body } of posts) expect(body).not.toContain('subscribe');
  });
});
