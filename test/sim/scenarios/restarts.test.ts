/**
 * A hub dies or drains and another takes its place: with a log of its own, or with the one that its broker has kept (F8, F12,
 * F24). What was lost is told once for each topic; what was kept costs nothing.
 */
import { describe, expect, test } from 'vitest';
import type { TransportName } from '../../../src/adapters/adapter.ts';
import { createStage } from './stage.ts';

const transports: readonly TransportName[] = ['websocket', 'http-stream', 'eventsource', 'long-poll', 'poll'];

/** A client that has had a message of two topics. */
function begun(transport: TransportName) {
  const stage = createStage();
  const actor = stage.join({ transports: [transport] });
  for (const topic of ['A', 'B']) actor.client.subscribe(topic);
  stage.pass(5_000);
  for (const topic of ['A', 'B']) stage.publish(topic);
  stage.pass(5_000);
  expect(actor.told()).toEqual(['ready A from 0', 'ready B from 0', 'A 1', 'B 2']);
  const cutAll = (): void => {
    for (const wire of actor.wires) wire.cut();
  };
  return { stage, actor, cutAll };
}

describe('a hub that is killed', () => {
  test.each(transports)(
    'and loses its log: exactly one gap for each topic, then live messages (%s)',
    (transport) => {
      const { stage, actor, cutAll } = begun(transport);
      stage.restart();
      cutAll();
      stage.publish('A');
      stage.pass(10_000);
      for (const topic of ['A', 'B', 'A']) stage.publish(topic);
      stage.pass(10_000);
      expect(actor.told()).toEqual([
        'gap A 2-1 epoch',
        'gap B 2-1 epoch',
        'A 2 (after a gap)',
        'B 3 (after a gap)',
        'A 4',
      ]);
    },
  );

  test.each(transports)(
    'and keeps its log: no gap, however often, and nothing is missing (%s)',
    (transport) => {
      const { stage, actor, cutAll } = begun(transport);
      for (let n = 0; n < 3; n++) {
        stage.publish('A');
        stage.restartWithLog();
        cutAll();
        stage.publish('B');
        stage.pass(10_000);
      }
      expect(actor.told()).toEqual(['A 3', 'B 4', 'A 5', 'B 6', 'A 7', 'B 8']);
    },
  );

  test('and keeps its log: a client that was away meanwhile resumes from before it', () => {
    const { stage, actor } = begun('websocket');
    actor.client.signal('suspended');
    stage.pass(1_000);
    stage.publish('A');
    stage.restartWithLog();
    stage.publish('A');
    actor.client.signal('resumed');
    stage.pass(1_000);
    expect(actor.told()).toEqual(['A 3', 'A 4']);
  });
});

describe('a hub that is killed and keeps its memory of sends', () => {
  test('one that was answered keeps its answer, and no copy of it is applied again', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.open();
    stage.pass(100);
    actor.holdNew(() => true);
    actor.client.send('S', 'one');
    stage.pass(50);
    const post = actor.wires.find((wire) => wire.body !== undefined);
    expect([stage.applied(), actor.told()]).toEqual([['one'], []]);
    stage.restartWithLog();
    actor.holdNew(() => false);
    post?.repeat();
    for (const wire of actor.wires) wire.cut();
    stage.pass(5_000);
    actor.client.send('S', 'two');
    stage.pass(100);
    expect(stage.applied()).toEqual(['one', 'two']);
    expect(actor.told()).toEqual(['send 1: "one"', 'send 2: "two"']);
  });

  test('one whose handler ran is unknown and not run again; those that waited behind it are applied once', () => {
    const stage = createStage({ slow: true });
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    for (const data of ['one', 'two', 'three']) actor.client.send('S', data);
    stage.pass(50);
    expect(stage.applied()).toEqual(['one']);
    stage.restartWithLog();
    stage.jobs[0]?.done('too late');
    actor.wire(1).cut();
    stage.pass(5_000);
    expect(stage.applied()).toEqual(['one', 'two']);
    stage.jobs[1]?.done('yes');
    stage.jobs[2]?.done('yes');
    stage.pass(100);
    expect(stage.applied()).toEqual(['one', 'two', 'three']);
    expect(actor.told()).toEqual(['send 1: OUTCOME_UNKNOWN', 'send 2: "yes"', 'send 3: "yes"']);
  });
});

test('a hub that drains leaves its log and what it refused to the next: no gap, and every send is applied', () => {
  const stage = createStage();
  const actor = stage.join();
  actor.client.subscribe('A');
  stage.pass(100);
  stage.publish('A');
  stage.hub.drain(3_000, () => stage.restartWithLog());
  stage.pass(20);
  actor.client.send('S', 'one');
  stage.publish('A');
  stage.pass(15_000);
  stage.publish('A');
  stage.pass(100);
  expect(stage.applied()).toEqual(['one']);
  expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'A 2', 'send 1: "one"', 'A 3']);
});
