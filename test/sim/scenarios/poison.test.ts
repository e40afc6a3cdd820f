/** F22: frames that kill whatever carries them, on the way down and on the way up. */
import { describe, expect, test } from 'vitest';
import { createStage } from './stage.ts';

describe('F22', () => {
  test('a message that one transport’s proxy kills comes by the next, and nothing is skipped', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['websocket', 'long-poll'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.inspect((way, text, wire) =>
      way === 'down' && wire.transport === 'websocket' && text.includes('poison') ? 'cut' : undefined,
    );
    stage.publish('A', 'poison');
    stage.publish('A', 'more');
    stage.pass(5_000);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'A 2']);
    const attempts = actor.opens().filter((open) => open.endsWith('from 0'));
    expect(attempts.length).toBeLessThan(6);
    expect(attempts.at(-1)).toMatch(/long-poll \[A\] from 0$/);
  });

  test('a send that is larger than the hub says it takes is told so, and those behind it go on', () => {
    const stage = createStage({ hub: { core: { limits: { frameBytes: 100_000 } } } });
    const actor = stage.join();
    actor.client.send('S', 'x'.repeat(100_001));
    actor.client.send('S', 'small');
    stage.pass(500);
    expect([stage.applied(), actor.told()]).toEqual([
      ['small'],
      ['send 1: SEND_TOO_LARGE', 'send 2: "small"'],
    ]);
    expect(actor.opens()).toHaveLength(1);
  });

  test('a send that a proxy answers by closing three times is given up, and those behind it go on', () => {
    const stage = createStage();
    const actor = stage.join();
    actor.client.open();
    stage.pass(100);
    actor.inspect((way, text) => (way === 'up' && text.length > 50_000 ? 1009 : undefined));
    actor.client.send('S', 'x'.repeat(50_000));
    actor.client.send('S', 'small');
    stage.pass(60_000);
    expect([stage.applied(), actor.told()]).toEqual([
      ['small'],
      ['send 1: OUTCOME_UNKNOWN', 'send 2: "small"'],
    ]);
    expect(actor.opens().length).toBeLessThan(6);
  });
});
