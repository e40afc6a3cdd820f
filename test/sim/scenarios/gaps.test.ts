/** F7: gaps that are told twice, needlessly, or not at all; and what is trimmed between hello and replay. */
import { describe, expect, test } from 'vitest';
import { createStage } from './stage.ts';

describe('F7', () => {
  /** A 1 is on its way on #1, A 2 has trimmed it, and #2 tells so. */
  function crossing() {
    const stage = createStage({ hub: { core: { history: { messages: 1 } } } });
    const actor = stage.join({ transports: ['http-stream'] });
    actor.client.subscribe('A');
    stage.pass(100);
    actor.wire(1).hold();
    stage.publish('A');
    stage.pass(1);
    stage.publish('A');
    actor.client.subscribe('B');
    stage.pass(100);
    expect(actor.wire(2).wrote).toEqual(['hello', 'gap A<=1 trimmed', 'A:2']);
    expect(actor.told()).toEqual(['ready A from 0', 'ready B from 2']);
    return { stage, actor };
  }

  test('a gap is not told while another connection can still bring what is missing', () => {
    const { stage, actor } = crossing();
    actor.wire(1).release();
    stage.pass(100);
    expect(actor.told()).toEqual(['A 1', 'A 2']);
    stage.publish('A');
    stage.pass(100);
    expect([actor.told(), actor.active()]).toEqual([['A 3'], '#2 http-stream']);
  });

  test('it is told, once, when that connection has ended', () => {
    const { stage, actor } = crossing();
    actor.wire(1).cut();
    stage.pass(100);
    expect(actor.told()).toEqual(['gap A 0-1 trimmed', 'A 2 (after a gap)']);
    stage.publish('A');
    stage.pass(100);
    expect(actor.told()).toEqual(['A 3']);
  });

  /** Subscribed to these, away while `happens`, and back. */
  function away(
    history: object,
    topics: readonly string[],
    happens: (stage: ReturnType<typeof createStage>) => void,
  ) {
    const stage = createStage({ hub: { core: { history } } });
    const actor = stage.join();
    for (const topic of topics) actor.client.subscribe(topic);
    stage.pass(100);
    actor.client.signal('suspended');
    stage.pass(50);
    actor.told();
    happens(stage);
    actor.client.signal('resumed');
    stage.pass(100);
    for (const topic of topics) stage.publish(topic);
    stage.pass(100);
    return actor.told();
  }

  test('a busy topic that is trimmed costs a quiet one no gap', () => {
    const told = away({ messages: 10 }, ['A', 'B'], (stage) => {
      stage.publish('B');
      for (let n = 0; n < 12; n++) stage.publish('A');
    });
    expect(told.slice(0, 3)).toEqual(['gap A 0-3 trimmed', 'B 1', 'A 4 (after a gap)']);
    expect(told.slice(-2)).toEqual(['A 14', 'B 15']);
    expect(told.filter((line) => line.includes('gap'))).toHaveLength(2);
  });

  test('a topic all of whose messages have aged out is told as a gap', () => {
    const told = away({ ageMs: 1_000 }, ['A'], (stage) => {
      for (let n = 0; n < 3; n++) stage.publish('A');
      stage.pass(5_000);
    });
    expect(told).toEqual(['gap A 0-3 trimmed', 'A 4 (after a gap)']);
  });

  test('a topic of which the hub remembers nothing at all is told as a gap', () => {
    const told = away({ topics: 2 }, ['A'], (stage) => {
      for (const topic of ['A', 'B', 'C', 'D']) stage.publish(topic);
    });
    expect(told).toEqual(['gap A 0-2 trimmed', 'A 5 (after a gap)']);
  });

  test('what the log keeps of other topics is no hole', () => {
    const told = away({}, ['A'], (stage) => {
      for (const topic of ['A', 'B', 'B', 'A', 'C', 'A']) stage.publish(topic);
    });
    expect(told).toEqual(['A 1', 'A 4', 'A 6', 'A 7']);
  });

  test('what is trimmed between the hello and its reading is told before what follows it', () => {
    const stage = createStage({
      hub: {
        core: { history: { messages: 6 }, limits: { chunkBytes: 250, bufferBytes: 300 } },
        socketBytes: 250,
      },
    });
    const actor = stage.join();
    actor.client.subscribe('A');
    stage.pass(1_000);
    actor.client.signal('suspended');
    stage.pass(50);
    for (let n = 1; n <= 6; n++) stage.publish('A', 'x'.repeat(80));
    actor.client.signal('resumed');
    stage.pass(25);
    for (let n = 7; n <= 12; n++) stage.publish('A', 'x'.repeat(80));
    stage.pass(10_000);
    const told = actor.told();
    const gaps = told.filter((line) => line.startsWith('gap'));
    expect(gaps).toHaveLength(1);
    const [, from, to] = /^gap A (\d+)-(\d+) trimmed$/.exec(gaps[0] as string) ?? [];
    const before = Array.from({ length: Number(from) }, (_, i) => `A ${i + 1}`);
    const after = Array.from({ length: 12 - Number(to) }, (_, i) => `A ${Number(to) + 1 + i}`);
    after[0] += ' (after a gap)';
    expect(told).toEqual(['ready A from 0', ...before, ...gaps, ...after]);
  });
});
