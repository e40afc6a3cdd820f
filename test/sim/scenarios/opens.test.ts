/** F2, F20 and F21: first connections that begin at different places, topics that change quickly, requests that wait. */
import { describe, expect, test } from 'vitest';
import { createStage } from './stage.ts';

describe('F2', () => {
  /** A long poll began at 0 and brings A 1; a WebSocket began at 1 and brings A 2, which comes first. */
  function race() {
    const stage = createStage();
    const actor = stage.join({ transports: ['websocket', 'long-poll'], eager: true });
    actor.holdNew((transport) => transport === 'websocket', 'up');
    actor.client.subscribe('A');
    stage.pass(100);
    const poll = actor.wire(2);
    expect([actor.told(), actor.active()]).toEqual([['ready A from 0'], '#2 long-poll']);
    poll.hold();
    stage.publish('A');
    stage.pass(1);
    for (const wire of actor.wires) if (wire !== poll) wire.release();
    stage.pass(15);
    stage.publish('A');
    stage.pass(50);
    expect([poll.wrote, actor.wire(1).wrote]).toEqual([
      ['hello', 'A:1'],
      ['hello', 'A:2'],
    ]);
    expect(actor.told()).toEqual([]);
    return { stage, actor, poll };
  }

  test('what the later one brings waits until the earlier one has brought what lies before', () => {
    const { stage, actor, poll } = race();
    poll.release();
    stage.pass(50);
    stage.publish('A');
    stage.pass(50);
    expect([actor.told(), actor.active()]).toEqual([['A 1', 'A 2', 'A 3'], '#1 websocket']);
  });

  test('and when the earlier one is lost, it is asked for from the cursor', () => {
    const { stage, actor, poll } = race();
    poll.cut();
    stage.pass(500);
    stage.publish('A');
    stage.pass(100);
    expect(actor.told()).toEqual(['A 1', 'A 2', 'A 3']);
  });
});

describe('waits', () => {
  test('a connection that dies young again and again is opened ever less often', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.conditions.ageMs = 50;
    actor.client.subscribe('A');
    stage.pass(60_000);
    expect(actor.told()).toEqual(['ready A from 0']);
    expect(actor.opens().length).toBeLessThan(20);
  });
});

describe('F20', () => {
  test('a component tree that subscribes a topic every 50 ms is served while it goes on', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.conditions.latencyMs = 50;
    const ready: number[] = [];
    for (let n = 1; n <= 60; n++) {
      actor.client.subscribe(`T${n}`);
      stage.pass(50);
      ready.push(actor.told().length);
    }
    // Half of them are ready by half of the time, less two opens.
    const halfTime = ready.slice(0, 30).reduce((sum, count) => sum + count, 0);
    expect(halfTime).toBeGreaterThanOrEqual(30 - 2 * 4);
    stage.pass(500);
    expect(ready.reduce((sum, count) => sum + count, 0) + actor.told().length).toBe(60);
    expect(actor.opens().length).toBeLessThan(35);
  });

  test('a candidate whose list is stale is promoted, then one more opens', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.client.subscribe('B');
    stage.pass(5);
    actor.client.subscribe('C');
    stage.pass(200);
    expect(actor.opens()).toEqual([
      '#1 http-stream [A+]',
      '#2 http-stream [A B+] from 0',
      '#3 http-stream [A B C+] from 0',
    ]);
    expect(actor.told()).toEqual(['ready A from 0', 'ready B from 0', 'ready C from 0']);
  });

  test('a late answer to an earlier subscribe does not confirm a later subscription', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    actor.wire(1).hold();
    actor.client.subscribe('A');
    stage.pass(15);
    stage.publish('A');
    actor.client.unsubscribe('A');
    stage.pass(1);
    actor.client.subscribe('A');
    stage.pass(15);
    stage.publish('A');
    stage.pass(50);
    actor.wire(1).release();
    stage.pass(50);
    expect(actor.told()).toEqual(['ready A from 1', 'A 2']);
  });
});

describe('F21', () => {
  test('no two requests have the same URL', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['long-poll'] });
    actor.client.subscribe('A');
    for (let n = 0; n < 10; n++) {
      stage.pass(100);
      stage.publish('A');
      actor.client.send('S', n);
      if (n % 3 === 0) actor.client.subscribe(`T${n}`);
      if (n % 4 === 0) actor.wires.at(-1)?.cut();
    }
    stage.pass(2_000);
    const urls = actor.wires.map((wire) => wire.url).filter((url) => url !== '');
    expect(urls.length).toBeGreaterThan(20);
    expect(new Set(urls).size).toBe(urls.length);
  });

  test('where a second stream waits for the end of the first, the first is ended for it', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    const [first] = actor.wires;
    actor.holdNew((transport) => transport === 'http-stream', 'up');
    actor.client.subscribe('B');
    for (let waited = 0; !first?.isOver && waited < 10_000; waited += 100) stage.pass(100);
    expect(first?.isOver).toBe(true);
    actor.holdNew(() => false);
    actor.wires.at(-1)?.release();
    stage.publish('A');
    stage.pass(200);
    expect(actor.told()).toEqual(['ready A from 0', 'ready B from 1', 'A 1']);
  });
});
