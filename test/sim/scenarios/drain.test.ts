/** F24: a hub that goes away, with a handler running and clients to be moved. */
import { describe, expect, test } from 'vitest';
import { createStage } from './stage.ts';

describe('F24', () => {
  test('the ack of a handler that runs while the hub drains still comes', () => {
    const stage = createStage({ slow: true });
    const actor = stage.join();
    actor.client.subscribe('A');
    stage.pass(100);
    actor.client.send('S', 'one');
    stage.pass(50);
    let isDone = false;
    stage.hub.drain(10_000, () => {
      isDone = true;
    });
    stage.pass(500);
    stage.jobs[0]?.done('reply');
    stage.pass(500);
    expect(actor.told()).toEqual(['ready A from 0', 'send 1: "reply"']);
    stage.pass(15_000);
    expect(isDone).toBe(true);
  });

  test('a send that a draining hub does not take is refused, and goes to the one that comes or is told', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.client.subscribe('A');
    stage.pass(100);
    stage.hub.drain(3_000, () => stage.restart());
    stage.pass(20);
    actor.client.send('S', 'one');
    stage.pass(2_000);
    expect([stage.applied(), actor.told()]).toEqual([[], ['ready A from 0']]);
    stage.pass(10_000);
    actor.client.send('S', 'two');
    stage.pass(100);
    const isTaken = stage.applied()[0] === 'one';
    expect(stage.applied()).toEqual(isTaken ? ['one', 'two'] : ['two']);
    expect(actor.told()).toEqual([
      'gap A 0-0 epoch',
      isTaken ? 'send 1: "one"' : expect.stringMatching(/^send 1: (OUTCOME_UNKNOWN|NOT_SENT)$/),
      'send 2: "two"',
    ]);
  });

  test('clients come back spread over the time that the hub gives, all of them', () => {
    const stage = createStage();
    const next = stage.startHub();
    let isMoved = false;
    const actors = Array.from({ length: 20 }, () =>
      stage.join({ balance: () => (isMoved ? next : stage.hub) }),
    );
    for (const { client } of actors) client.subscribe('A');
    stage.pass(200);
    isMoved = true;
    stage.hub.drain(10_000, () => undefined);
    const moved: number[] = [];
    for (let second = 0; second < 12; second++) {
      stage.pass(1_000);
      moved.push(actors.filter((actor) => actor.active().startsWith('#2')).length);
    }
    expect(moved.at(-1)).toBe(20);
    const perSecond = moved.map((count, i) => count - (moved[i - 1] ?? 0));
    expect(Math.max(...perSecond)).toBeLessThan(10);
  });
});
