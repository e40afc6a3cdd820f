/** F22: frames that kill whatever carries them, on the way down and on the way up. */
import { describe, expect, test } from 'vitest';
import type { TransportName } from '../../../src/adapters/adapter.ts';
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

  const poisonous = (way: string, text: string): 'cut' | undefined =>
    way === 'down' && text.includes('poison') ? 'cut' : undefined;
  const every: TransportName[] = ['websocket', 'http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'];

  test.each<{ transports: TransportName[] }>([
    ...every.map((transport) => ({ transports: [transport] })),
    { transports: ['websocket', 'long-poll'] },
    { transports: every },
  ])(
    'a message that every proxy kills is told as a gap, and all others come: $transports',
    ({ transports }) => {
      const stage = createStage();
      const actor = stage.join({ transports });
      actor.client.subscribe('A');
      actor.client.subscribe('B');
      stage.pass(100);
      actor.inspect(poisonous);
      for (const data of ['before', 'poison', 'after']) stage.publish('A', data);
      stage.publish('B', 'other');
      stage.pass(600_000);
      stage.publish('A', 'later');
      stage.pass(20_000);
      expect(actor.told().slice(2)).toEqual([
        'A 1',
        'gap A 1-2 undeliverable',
        'A 3 (after a gap)',
        'B 4',
        'A 5',
      ]);
    },
  );

  test('a message that one way out of six lets through is not passed over', () => {
    const stage = createStage();
    const actor = stage.join({ transports: every });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.inspect((way, text, wire) => (wire.transport === 'poll' ? undefined : poisonous(way, text)));
    stage.publish('A', 'poison');
    stage.pass(600_000);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1']);
  });

  test('a message that was killed now and then is not passed over', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['websocket'] });
    actor.client.subscribe('A');
    stage.pass(100);
    let killed = 0;
    actor.inspect((way, text) => (poisonous(way, text) && ++killed <= 6 ? 'cut' : undefined));
    stage.publish('A', 'poison');
    stage.pass(60_000);
    killed = 0;
    stage.publish('A', 'more poison');
    stage.pass(60_000);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1', 'A 2']);
  });

  test('a connection that is cut with nothing to bring passes nothing over', () => {
    const stage = createStage();
    const actor = stage.join({ transports: ['websocket'] });
    actor.client.subscribe('A');
    stage.pass(100);
    for (let i = 0; i < 20; i++) {
      actor.wires.at(-1)?.cut();
      stage.pass(30_000);
    }
    actor.wires.at(-1)?.cut();
    stage.publish('A', 'healthy');
    stage.pass(30_000);
    expect(actor.told()).toEqual(['ready A from 0', 'A 1']);
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
