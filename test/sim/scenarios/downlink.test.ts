/** F1, F3, F4 and F10: one cursor over connections that differ, replay beside live, candidates, polls. */
import { describe, expect, test } from 'vitest';
import { createStage } from './stage.ts';

describe('F1', () => {
  /** A is on #1, which is draining; #2 carries A and B, and what it brings after its hello waits. */
  function overlapping() {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    stage.publish('A');
    stage.publish('A');
    stage.pass(100);
    actor.client.subscribe('B');
    // The order to end #1 waits, so that it goes on beside #2.
    actor.posts.hold();
    stage.pass(100);
    actor.wire(2).hold();
    stage.publish('B');
    stage.publish('A');
    stage.pass(100);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'A 2', 'ready B from 2', 'A 4']);
    return { stage, actor };
  }

  test('progress on a connection that never carried a topic does not cover its messages', () => {
    const { stage, actor } = overlapping();
    actor.wire(2).release();
    stage.pass(100);
    expect(actor.told()).toEqual(['B 3']);
  });

  test('and when the connection that carried it dies first, the next open begins before them', () => {
    const { stage, actor } = overlapping();
    actor.opens();
    actor.wire(2).cut();
    stage.pass(100);
    expect([actor.opens(), actor.told()]).toEqual([['#3 http-stream [A@4 B] from 2'], ['B 3']]);
  });

  test('the old poll’s answer, after the new list’s, covers nothing of the new topic', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['long-poll'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.posts.hold();
    actor.client.subscribe('B');
    stage.pass(50);
    actor.wire(1).hold();
    actor.wire(2).hold();
    stage.publish('B');
    stage.pass(5);
    stage.publish('A');
    stage.pass(50);
    expect([actor.wire(2).wrote, actor.wire(1).wrote]).toEqual([
      ['hello', 'B:1'],
      ['hello', 'A:2'],
    ]);
    actor.wire(1).release();
    stage.pass(50);
    expect(actor.told()).toEqual(['ready A from 0', 'ready B from 0', 'A 2']);
    actor.wire(2).release();
    stage.pass(50);
    expect(actor.told()).toEqual(['B 1']);
  });

  test('a topic that was given up and is wanted again begins anew, whatever the old connection brings', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    actor.client.subscribe('B');
    stage.pass(100);
    actor.posts.hold();
    actor.client.unsubscribe('B');
    stage.pass(50);
    stage.publish('B');
    stage.publish('A');
    actor.client.subscribe('B');
    stage.pass(100);
    stage.publish('B');
    stage.pass(100);
    expect(actor.told()).toEqual(['ready A from 0', 'ready B from 0', 'A 2', 'ready B from 2', 'B 3']);
  });

  test('the end of one topic’s gap covers nothing of another’s', () => {
    const stage = createStage({ hub: { core: { history: { messages: 2 } } } });
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    actor.client.subscribe('B');
    stage.pass(100);
    actor.client.signal('suspended');
    stage.pass(50);
    for (const topic of ['A', 'A', 'B', 'A', 'A']) stage.publish(topic);
    actor.client.signal('resumed');
    stage.pass(100);
    expect(actor.told()).toEqual([
      'ready A from 0',
      'ready B from 0',
      'gap A 0-2 trimmed',
      'B 3',
      'A 4 (after a gap)',
      'A 5',
    ]);
  });
});

describe('F3', () => {
  /** Messages of about a hundred bytes, read from the log two or three at a time. */
  const small = { limits: { chunkBytes: 250, bufferBytes: 600 }, heartbeatMs: 50 };

  test('a heartbeat and live messages beside a replay cover nothing of what is still to be read', () => {
    const stage = createStage({ hub: { core: small, socketBytes: 300 } });
    const actor = stage.join({ transports: ['websocket'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.client.signal('suspended');
    stage.pass(50);
    for (let n = 1; n <= 30; n++) stage.publish('A', 'x'.repeat(60));
    actor.client.signal('resumed');
    for (let n = 1; n <= 40; n++) {
      stage.pass(60);
      stage.publish('A', 'x'.repeat(60));
    }
    // Cut in the middle, and gone on from what the marks have said.
    actor.wire(2).cut();
    stage.pass(20_000);
    expect(actor.told()).toEqual(['ready A from 0', ...Array.from({ length: 70 }, (_, i) => `A ${i + 1}`)]);
  });

  test('a heartbeat between two pieces of a replay covers nothing of what is still to be read', () => {
    const slow = { limits: { chunkBytes: 250, replayBytesPerSecond: 500 }, heartbeatMs: 50 };
    const stage = createStage({ hub: { core: slow } });
    const actor = stage.join();
    actor.client.subscribe('A');
    stage.pass(100);
    actor.client.signal('suspended');
    stage.pass(50);
    for (let n = 1; n <= 30; n++) stage.publish('A', 'x'.repeat(60));
    actor.client.signal('resumed');
    stage.pass(1_000);
    const before = actor.told();
    expect(before.length).toBeLessThan(30);
    actor.wire(2).cut();
    stage.pass(20_000);
    const all = ['ready A from 0', ...Array.from({ length: 30 }, (_, i) => `A ${i + 1}`)];
    expect([...before, ...actor.told()]).toEqual(all);
  });

  test('an ack that waits for a full socket stays when the messages behind it are dropped', () => {
    const stage = createStage({ hub: { core: { limits: { bufferBytes: 600 } }, socketBytes: 1 } });
    const actor = stage.join();
    actor.client.subscribe('A');
    stage.pass(1_000);
    actor.client.send('S', 'up');
    stage.pass(9);
    stage.publish('A', 'x'.repeat(700));
    stage.pass(2);
    // The handler has answered, and the socket takes nothing.
    expect([stage.applied(), actor.wire(1).wrote.includes('ack')]).toEqual([['up'], false]);
    stage.publish('A');
    stage.pass(2_000);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'send 1: "up"', 'A 2']);
  });

  test('a socket that is full is given no more, however much is published', () => {
    const core = { limits: { bufferBytes: 600, chunkBytes: 250 } };
    const stage = createStage({ hub: { core, socketBytes: 1 } });
    const actor = stage.join();
    actor.client.subscribe('A');
    stage.pass(1_000);
    const [peer] = [...stage.hub.peers];
    let most = 0;
    for (let n = 1; n <= 200; n++) {
      stage.publish('A', 'x'.repeat(60));
      stage.pass(1);
      most = Math.max(most, peer?.sink.bufferedBytes() ?? 0);
    }
    expect(most).toBeGreaterThan(600);
    expect(most).toBeLessThan(1_000);
    stage.pass(60_000);
    expect(actor.told()).toHaveLength(201);
  });

  test('a slow consumer loses the messages of its buffer, not the ack or the answer between them', () => {
    const stage = createStage({ hub: { core: { limits: { bufferBytes: 600 } }, socketBytes: 1 } });
    const actor = stage.join({ transports: ['websocket'] });
    actor.client.subscribe('A');
    stage.pass(1_000);
    for (let n = 1; n <= 20; n++) stage.publish('A', 'x'.repeat(60));
    actor.client.send('S', 'up');
    actor.client.subscribe('B');
    for (let n = 1; n <= 20; n++) {
      stage.pass(1);
      stage.publish('A', 'x'.repeat(60));
    }
    stage.pass(20_000);
    const told = actor.told();
    expect(told.filter((line) => line.startsWith('A '))).toEqual(
      Array.from({ length: 40 }, (_, i) => `A ${i + 1}`),
    );
    expect(told.filter((line) => !line.startsWith('A '))).toEqual([
      'ready A from 0',
      expect.stringMatching(/^send 1: "up"$|^ready B/),
      expect.stringMatching(/^send 1: "up"$|^ready B/),
    ]);
  });
});

describe('F4', () => {
  test('what a candidate brings before it is promoted counts', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.wire(1).hold();
    stage.publish('A');
    actor.client.subscribe('B');
    stage.pass(100);
    stage.publish('A');
    stage.pass(100);
    expect([actor.told(), actor.active()]).toEqual([
      ['ready A from 0', 'ready B from 1', 'A 1', 'A 2'],
      '#2 http-stream',
    ]);
  });

  test('behind a proxy that lets the hello through and then holds, the old connection goes on', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.client.subscribe('B');
    actor.holdNew(() => true);
    stage.pass(15);
    // Of #2 the proxy has the hello, then A 1, which #1 brings first.
    stage.publish('A');
    stage.pass(20);
    actor.wire(2).release(1);
    stage.pass(20);
    expect([actor.told(), actor.active()]).toEqual([
      ['ready A from 0', 'A 1', 'ready B from 0'],
      '#1 http-stream',
    ]);
    stage.publish('A');
    stage.pass(50);
    expect([actor.told(), actor.active()]).toEqual([['A 2'], '#1 http-stream']);
    actor.wire(2).release();
    stage.pass(20);
    expect([actor.told(), actor.active()]).toEqual([[], '#2 http-stream']);
  });
});

describe('F10', () => {
  test('what a lost answer brought comes with the next poll', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['long-poll'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.wire(1).hold();
    for (let n = 0; n < 3; n++) stage.publish('A');
    stage.pass(50);
    expect(actor.wire(1).wrote).toContain('A:3');
    actor.wire(1).cut();
    stage.pass(50);
    stage.publish('A');
    stage.pass(100);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'A 2', 'A 3', 'A 4']);
  });

  test('a copy of a poll that the browser makes takes nothing away', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['long-poll'] });
    actor.client.subscribe('A');
    stage.pass(100);
    const poll = actor.wire(1);
    for (let n = 1; n <= 5; n++) {
      actor.wire(1).repeat();
      stage.publish('A');
      poll.repeat();
      stage.pass(100);
    }
    // A poll that was answered at once with nothing is asked again after a while only.
    stage.pass(1_000);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'A 2', 'A 3', 'A 4', 'A 5']);
  });
});
