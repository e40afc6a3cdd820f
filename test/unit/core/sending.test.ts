/** When sends travel, over which connection, and what becomes of those that the server puts off. */
import { describe, expect, it } from 'vitest';
import { ack, bye, connected, createWorld, refuse, stream, type World, websocket } from './harness.ts';

const oneWay = { kinds: [stream], backoff: { baseMs: 1_000, capMs: 8_000 } };
const settledOf = (world: World): string[] => world.lines().filter((line) => line.startsWith('settled'));

describe('a websocket', () => {
  it('carries each send at once, and settles it by its number', () => {
    const world = connected({}, []);
    world.send(1);
    world.send(2);
    world.brings(1, ack(2, 'b'), ack(1, 'a'), ack(1, 'again'), ack(9, 'nobody'));
    expect(world.lines()).toEqual([
      '#1 says send 1 1@0',
      '#1 says send 2 2@0',
      'settled 2: "b"@0',
      'settled 1: "a"@0',
    ]);
  });

  it('takes over from another what that one had not settled', () => {
    const world = connected({}, []);
    world.send(1);
    world.brings(1, bye());
    world.hello(2);
    expect(world.lines()).toEqual([
      '#1 says send 1 1@0',
      '#2 opens websocket []@0',
      '#1 ends@0',
      '#2 says send 1 1@0',
    ]);
  });

  it('carries no more than the window at a time', () => {
    const world = connected({}, [], { limits: { window: 2 } });
    for (let i = 1; i <= 3; i++) world.send(i);
    world.brings(1, ack(1));
    expect(world.lines()).toEqual([
      '#1 says send 1 1@0',
      '#1 says send 2 2@0',
      'settled 1: null@0',
      '#1 says send 3 3@0',
    ]);
  });

  it('carries what had waited in batches below the limit of one', () => {
    const world = createWorld();
    for (let i = 1; i <= 3; i++) world.send(i, 300);
    world.lines();
    world.hello(1, { limits: { batchBytes: 1_000 } });
    world.put({ type: 'time' });
    expect(world.lines()).toEqual(['#1 says send 1 1, send 2 2@0', 'open@0', '#1 says send 3 3@0']);
  });

  it('carries bytes as they are', () => {
    const world = connected({}, []);
    const data = new Uint8Array([1, 2]);
    world.put({ type: 'send', request: { ref: 1, topic: 'S', data, bytes: 2 }, timeoutMs: 1_000 });
    world.put({ type: 'volatile', request: { ref: 2, topic: 'S', data, bytes: 2 } });
    const frames = world.effects().flatMap((effect) => (effect.type === 'transmit' ? effect.frames : []));
    expect(frames).toEqual([
      { type: 'send', seq: 1, topic: 'S', data },
      { type: 'send', topic: 'S', data },
    ]);
  });
});

describe('a one-way connection', () => {
  it('has one POST at a time, which carries all that is unanswered', () => {
    const world = connected(oneWay, []);
    world.send(1);
    world.send(2);
    world.brings(1, ack(1));
    world.posted(1);
    expect(world.lines()).toEqual([
      '#1 posts n1: send 1 1@0',
      'settled 1: null@0',
      '#1 posts n1: send 2 2@0',
    ]);
  });

  it('tries a failed POST once more at once, then later', () => {
    const world = connected(oneWay, []);
    world.send(1);
    world.posted(1, 0);
    world.posted(1, 502);
    expect(world.lines()).toEqual(['#1 posts n1: send 1 1@0', '#1 posts n1: send 1 1@0']);
    world.at(1_000);
    expect(world.lines()).toEqual([expect.stringMatching(/^#1 posts n1: send 1 1@/)]);
  });

  it('is given up when three POSTs in a row fail', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    world.posted(1, 0);
    world.posted(1, 0);
    world.posted(1, 0);
    expect(world.lines().slice(3)).toEqual(['#1 ends@0', '#2 opens http-stream []@0', 'reconnecting@0']);
  });

  it('that the server answers by a status is judged by it', () => {
    const world = connected(oneWay, []);
    world.send(1);
    for (let i = 0; i < 3; i++) {
      world.posted(1, 503);
      world.after(1_500);
    }
    const opened = world.lines().find((line) => line.startsWith('#2 opens'));
    expect(Number(opened?.split('@')[1])).toBeGreaterThan(3_000);
  });

  it('takes an answer that settles nothing for none', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    for (let i = 0; i < 3; i++) world.posted(1);
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('is not blamed for POSTs that had nothing to settle', () => {
    const world = connected({ kinds: [stream] }, []);
    for (let i = 1; i <= 4; i++) {
      world.volatile(i);
      world.posted(1);
    }
    expect(world.lines()).not.toContain('#1 ends@0');
  });

  it('is not blamed for volatile POSTs that are answered while sends wait their turn', () => {
    const world = connected({ kinds: [stream], backoff: { baseMs: 100_000, capMs: 100_000 } }, []);
    world.send(1);
    world.posted(1, 0);
    world.posted(1, 0);
    world.lines();
    world.volatile(2);
    world.posted(1);
    expect(world.lines()).not.toContain('#1 ends@0');
  });

  it('counts failures in a row only', () => {
    const world = connected({ kinds: [stream] }, []);
    for (let i = 1; i <= 3; i++) {
      world.send(i);
      world.posted(1, 0);
      world.posted(1, 0);
      world.brings(1, ack(i));
      world.posted(1);
    }
    expect(world.lines()).not.toContain('#1 ends@0');
  });

  it('sends again on a replacement what the former one had not settled', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    world.signal('network-changed');
    world.hello(2);
    world.brings(2, ack(1, 'yes'));
    world.posted(1);
    expect(world.lines()).toEqual([
      '#1 posts n1: send 1 1@0',
      '#2 opens http-stream []@0',
      '#2 posts n1: release 1, send 1 1@0',
      'settled 1: "yes"@0',
    ]);
  });
});

describe('a send that the server puts off', () => {
  it('is transmitted again later, with those behind it', () => {
    const world = connected({ backoff: { baseMs: 1_000, capMs: 8_000 } }, []);
    world.send(1);
    world.send(2);
    world.brings(1, refuse(1, 'BUSY'), refuse(2, 'HOLE'));
    world.send(3);
    expect(settledOf(world)).toEqual([]);
    world.at(2_000);
    expect(world.lines()).toEqual([expect.stringMatching(/^#1 says (ping, )?send 1 1, send 2 2, send 3 3@/)]);
  });

  it('without a reason is put off all the same', () => {
    const world = connected({}, []);
    world.send(1);
    world.brings(1, { type: 'ack', seq: 1, consumed: false });
    expect(world.lines()).toEqual(['#1 says send 1 1@0', '#1 says send 1 1@0']);
  });

  it('now and then is not put off longer and longer', () => {
    const world = connected({ backoff: { baseMs: 1_000, capMs: 64_000 } }, []);
    for (let i = 1; i <= 10; i++) {
      world.send(i);
      world.brings(1, refuse(i, 'RATE_LIMITED'));
      const from = world.now();
      for (
        let waited = 0;
        waited < 2_000 && !world.lines().includes(`#1 says send ${i} ${i}@${world.now()}`);
        waited += 1
      ) {
        world.after(1);
      }
      expect(world.now() - from).toBeLessThanOrEqual(1_000);
      world.brings(1, ack(i));
    }
  });

  it('as its memory is gone moves to a connection that has one, which owes the server no wait', () => {
    const world = connected(oneWay, []);
    world.send(1);
    world.brings(1, refuse(1, 'NONCE_UNKNOWN'));
    world.posted(1);
    world.send(2);
    world.hello(2, { sends: 'n2' });
    expect(world.lines()).toEqual([
      '#1 posts n1: send 1 1@0',
      '#2 opens http-stream []@0',
      'settled 1: OUTCOME_UNKNOWN@0',
      '#2 posts n2: release 1, send 1 2@0',
    ]);
  });
});

describe('a send that a draining server does not take', () => {
  const patient = { backoff: { baseMs: 100_000, capMs: 100_000 } };

  it('is sent as if for the first time where its memory of sends is another', () => {
    const world = connected(patient, []);
    world.send(1);
    world.send(2);
    world.brings(1, refuse(1, 'DRAINING'), refuse(2, 'DRAINING'), bye());
    world.lines();
    world.hello(2, { sends: 'n2' });
    expect(world.lines()).toEqual(['#1 ends@0', '#2 says send 1 1, send 2 2@0']);
  });

  it('goes under its number where the memory is the same', () => {
    const world = connected(patient, []);
    world.send(1);
    world.send(2);
    world.brings(1, ack(1), refuse(2, 'DRAINING'), bye());
    world.lines();
    world.hello(2);
    expect(world.lines()).toEqual(['#1 ends@0', '#2 says send 2 2@0']);
  });

  it('is unknown if it was transmitted again since', () => {
    const world = connected({}, []);
    world.send(1);
    world.brings(1, refuse(1, 'DRAINING'));
    world.after(1);
    world.ends(1);
    world.lines();
    world.hello(2, { sends: 'n2' });
    expect(world.lines()).toEqual(['settled 1: OUTCOME_UNKNOWN@1', 'open@1']);
  });

  it('is gone if nobody waits for it any more', () => {
    const world = connected(patient, []);
    world.send(1);
    world.send(2);
    world.brings(1, refuse(1, 'DRAINING'), refuse(2, 'DRAINING'), bye());
    world.put({ type: 'abort', ref: 1 });
    world.lines();
    world.hello(2, { sends: 'n2' });
    expect(world.lines()).toEqual(['#1 ends@0', '#2 says send 1 2@0']);
  });
});

describe('a send that the server refuses', () => {
  it('is settled with what the server says, and whether it was applied', () => {
    const world = connected({}, []);
    for (let i = 1; i <= 3; i++) world.send(i);
    const refused = (seq: number, applied: boolean | 'unknown') => {
      return { type: 'ack', seq, error: { code: 'HANDLER_FAILED', message: 'no', applied } } as const;
    };
    world.brings(1, refused(1, false), refused(2, true), refused(3, 'unknown'));
    const settled = world.effects().filter((effect) => effect.type === 'settled');
    expect(
      settled.map((effect) => !effect.ok && [effect.ref, effect.error.code, effect.error.maybeApplied]),
    ).toEqual([
      [1, 'HANDLER_FAILED', false],
      [2, 'HANDLER_FAILED', true],
      [3, 'HANDLER_FAILED', true],
    ]);
  });
});

describe('time', () => {
  it('runs out for the earliest first', () => {
    const world = createWorld();
    world.send(1, 10, 3_000);
    world.send(2, 10, 1_000);
    world.at(3_000);
    expect(settledOf(world)).toEqual(['settled 2: NOT_SENT@1000', 'settled 1: NOT_SENT@3000']);
  });

  it('runs out once, and a late answer settles nothing', () => {
    const world = connected({}, []);
    world.send(1, 10, 1_000);
    world.at(1_500);
    world.put({ type: 'abort', ref: 1 });
    world.brings(1, ack(1, 'late'));
    world.at(3_000);
    expect(settledOf(world)).toEqual(['settled 1: OUTCOME_UNKNOWN@1000']);
  });
});

describe('an outbox that is full', () => {
  it('refuses one send more than it may hold', () => {
    const world = createWorld({ outbox: { sends: 1, bytes: 100 } });
    world.send(1);
    world.send(2);
    expect(settledOf(world)).toEqual(['settled 2: OUTBOX_FULL@0']);
  });

  it('refuses more bytes than it may hold, until some are gone', () => {
    const world = connected({ outbox: { sends: 10, bytes: 100 } }, []);
    world.send(1, 60);
    world.send(2, 60);
    world.brings(1, ack(1));
    world.send(3, 60);
    expect(settledOf(world)).toEqual(['settled 2: OUTBOX_FULL@0', 'settled 1: null@0']);
  });
});

describe('a volatile send', () => {
  it('travels now and is never answered', () => {
    const world = connected({}, []);
    world.volatile(1);
    expect(world.lines()).toEqual(['#1 says volatile 1@0', 'settled 1: null@0']);
  });

  it.each<[string, () => World, number]>([
    ['without a connection', () => createWorld(), 10],
    ['too large for the server', () => connected({}, []), 5_000],
    [
      'while a POST is under way',
      () => {
        const world = connected({ kinds: [stream] }, []);
        world.send(9);
        return world;
      },
      10,
    ],
  ])('%s is not sent', (_, worldOf, bytes) => {
    const world = worldOf();
    world.lines();
    world.volatile(1, bytes);
    expect(world.lines()[0]).toBe('settled 1: NOT_SENT@0');
  });
});

describe('an abort', () => {
  it('of what is not there does nothing', () => {
    const world = connected({ kinds: [websocket] }, []);
    world.send(1);
    world.put({ type: 'abort', ref: 7 });
    expect(settledOf(world)).toEqual([]);
  });
});
