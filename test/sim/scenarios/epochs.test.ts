/** F8: another log. The client moves to it when a connection to it becomes the active one, tells it once, and moves no more. */
import { describe, expect, test } from 'vitest';
import { createStage } from './stage.ts';

describe('F8', () => {
  test('after a restart bytes of the former log change nothing, and the gap is told once', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    stage.publish('A');
    stage.pass(100);
    actor.wire(1).hold();
    stage.publish('A');
    stage.pass(1);
    stage.restart();
    actor.client.signal('network-changed');
    stage.pass(100);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'gap A 1-0 epoch']);
    stage.publish('A');
    stage.pass(100);
    actor.wire(1).release();
    stage.publish('A');
    stage.pass(100);
    expect(actor.told()).toEqual(['A 1 (after a gap)', 'A 2']);
  });

  test('a connection to another log that is not yet the active one leaves the session where it is', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.wire(1).hold();
    stage.publish('A');
    stage.pass(1);
    stage.restart();
    actor.holdNew(() => true);
    actor.client.signal('network-changed');
    stage.pass(100);
    actor.wire(1).release();
    stage.pass(100);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1']);
    actor.wire(2).release();
    stage.pass(100);
    expect(actor.told()).toEqual(['gap A 1-0 epoch']);
  });

  test('two hubs without a common log behind one address do not throw a client to and fro', () => {
    const stage = createStage();
    const other = stage.startHub();
    const actor = stage.join({
      transports: ['websocket', 'long-poll'],
      balance: (transport) => (transport === 'websocket' ? other : stage.hub),
    });
    actor.conditions.refused.push('websocket');
    actor.client.subscribe('A');
    stage.pass(5_000);
    actor.conditions.refused.length = 0;
    for (let minute = 0; minute < 10; minute++) {
      stage.publish('A');
      stage.pass(60_000);
    }
    const ids = Array.from({ length: 10 }, (_, i) => `A ${i + 1}`);
    expect(actor.told()).toEqual(['ready A from 0', ...ids]);
    expect(actor.active()).toMatch(/long-poll$/);
    const upgrades = actor.opens().filter((open) => open.includes('websocket'));
    expect(upgrades.length).toBeGreaterThan(1);
    expect(upgrades.length).toBeLessThan(15);
  });

  test('a cursor of a former log is not taken for one of this, however many messages it has', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.client.subscribe('A');
    stage.pass(100);
    for (let n = 0; n < 3; n++) stage.publish('A');
    stage.pass(100);
    const former = stage.hub.core.cursor();
    stage.restart();
    for (let n = 0; n < 5; n++) stage.publish('A');
    expect(stage.hub.core.cursor().split('.')[0]).not.toBe(former.split('.')[0]);
    actor.wire(1).cut();
    stage.pass(5_000);
    stage.publish('A');
    stage.pass(100);
    expect(actor.told()).toEqual([
      'ready A from 0',
      'A 1',
      'A 2',
      'A 3',
      'gap A 3-5 epoch',
      'A 6 (after a gap)',
    ]);
  });
});
