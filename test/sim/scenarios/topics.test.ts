/** F13: messages outside the log, or not for everybody, over connections that overlap or begin again. */
import { describe, expect, test } from 'vitest';
import { createStage } from './stage.ts';

describe('F13', () => {
  test('an ephemeral message that two connections carry comes once', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.posts.hold();
    actor.client.subscribe('B');
    stage.pass(50);
    // #2 is active, #1 is draining and still fed.
    expect([actor.active(), actor.wire(1).isOver]).toEqual(['#2 http-stream', false]);
    actor.wire(1).hold();
    stage.publish('A', 'x', { ephemeral: true });
    stage.publish('A', 'y', { ephemeral: true });
    stage.pass(50);
    actor.wire(1).release();
    stage.pass(50);
    expect(actor.told()).toEqual(['ready A from 0', 'ready B from 0', 'A "x"', 'A "y"']);
  });

  test('nor twice when the connection that brought it gives way to one that brings it again', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.client.subscribe('B');
    actor.holdNew(() => true);
    stage.pass(15);
    stage.publish('A', 'x', { ephemeral: true });
    stage.pass(15);
    actor.wire(2).release();
    stage.pass(50);
    expect(actor.active()).toBe('#2 http-stream');
    expect(actor.told()).toEqual(['ready A from 0', 'A "x"', 'ready B from 0']);
  });

  test('a sender gets neither its own message nor, when it resumes, the memory of it', () => {
    const stage = createStage();
    const sender = stage.join();
    const reader = stage.join();
    for (const { client } of [sender, reader]) client.subscribe('A');
    stage.pass(100);
    stage.publish('A', 'own words', { except: sender.client.name });
    stage.publish('A', 'others’ words');
    stage.pass(100);
    sender.wire(1).cut();
    stage.publish('A', 'own words', { except: sender.client.name });
    stage.pass(100);
    sender.client.signal('suspended');
    stage.pass(50);
    stage.publish('A', 'own words', { except: sender.client.name });
    sender.client.signal('resumed');
    stage.pass(100);
    expect(sender.told()).toEqual(['ready A from 0', 'A 2']);
    expect(reader.told()).toEqual(['ready A from 0', 'A 1', 'A 2', 'A 3', 'A 4']);
  });

  test('what is told to one client alone outlives its connections, and nobody else gets it', () => {
    const stage = createStage();
    const actor = stage.join();
    const other = stage.join();
    for (const { client } of [actor, other]) client.subscribe('$direct');
    stage.pass(100);
    actor.client.signal('suspended');
    stage.pass(50);
    stage.hub.core.direct(actor.client.name, 'for you');
    actor.client.signal('resumed');
    stage.pass(100);
    stage.hub.core.direct(actor.client.name, 'and this');
    stage.pass(100);
    expect([actor.told(), other.told()]).toEqual([
      ['ready $direct from 0', '$direct 1', '$direct 2'],
      ['ready $direct from 0'],
    ]);
  });
});
