/** Subscriptions over their connections: in place and by a new open, refused, put off, with a position of their own. */
import { describe, expect, it } from 'vitest';
import type { TopicAnswer } from '../../../src/core/frames.ts';
import {
  bye,
  connected,
  createWorld,
  ephemeral,
  gap,
  longPoll,
  mark,
  message,
  poll,
  spell,
  stream,
  type World,
} from './harness.ts';

const subscribed = (request: number, ...topics: readonly TopicAnswer[]) => {
  return { type: 'subscribed', request, topics } as const;
};
const opensOf = (world: World): string[] => world.lines().filter((line) => line.includes(' opens '));

describe('on a websocket', () => {
  it('topics are added and taken away in place, in one write', () => {
    const world = connected({}, ['A']);
    world.put(
      { type: 'unsubscribe', topic: 'A' },
      { type: 'subscribe', topic: 'B', last: 0, since: undefined },
      { type: 'subscribe', topic: 'C', last: 2, since: undefined },
    );
    world.brings(1, subscribed(1, { topic: 'B', start: '4' }, { topic: 'C', start: '4' }), message('C', 5));
    expect(world.lines()).toEqual([
      '#1 says unsubscribe [A], subscribe [B+ C+2]@0',
      'ready B@0',
      'ready C@0',
      'C 5@0',
    ]);
  });

  it('nothing is asked twice while the answer is on its way', () => {
    const world = connected({}, []);
    world.subscribe('A');
    world.at(5_000);
    expect(world.lines()).toEqual(['#1 says subscribe [A+]@0']);
  });

  it('retained messages come with the answer, before what follows', () => {
    const world = connected({}, []);
    world.put({ type: 'subscribe', topic: 'A', last: 1, since: undefined });
    const last = [{ topic: 'A', id: '3', data: 'old' }];
    world.brings(1, subscribed(1, { topic: 'A', start: '7', last }), message('A', 8));
    expect(world.told()).toEqual(['ready A@0', 'A 3@0', 'A 8@0']);
  });

  it('a candidate that was opened before a topic was added asks for it once it is active', () => {
    const world = createWorld();
    world.put({ type: 'open' });
    world.subscribe('A');
    world.hello(1);
    expect(world.lines()).toEqual([
      '#1 opens websocket []@0',
      'connecting@0',
      '#1 says subscribe [A+]@0',
      'open@0',
    ]);
  });

  it('a topic that was subscribed anew before the hello is asked for anew', () => {
    const world = createWorld();
    world.subscribe('A');
    world.put(
      { type: 'unsubscribe', topic: 'A' },
      { type: 'subscribe', topic: 'A', last: 0, since: undefined },
    );
    world.hello(1, {}, message('A', 1));
    world.brings(1, subscribed(1, { topic: 'A', start: '1' }), message('A', 2));
    expect(world.lines().slice(2)).toEqual([
      '#1 says unsubscribe [A], subscribe [A+]@0',
      'open@0',
      'ready A@0',
      'A 2@0',
    ]);
  });

  it('an answer that leaves out what was asked ends the connection', () => {
    const world = connected({}, []);
    world.subscribe('A');
    world.brings(1, subscribed(1));
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('a topic that was confirmed elsewhere meanwhile goes on from there by a new open', () => {
    const world = connected({}, ['A']);
    world.brings(1, bye());
    world.subscribe('B');
    world.brings(1, subscribed(1, { topic: 'B', start: '3' }));
    world.hello(2, { head: 'a.3' }, mark('a.3'));
    world.hello(3, { head: 'a.5' }, message('B', 4));
    expect(world.lines()).toEqual([
      '#2 opens websocket [A] from a.0@0',
      '#1 says subscribe [B+]@0',
      'ready B@0',
      '#1 ends@0',
      '#2 says pong@0',
      '#3 opens websocket [A B] from a.3@0',
      '#2 ends@0',
      'B 4@0',
    ]);
  });

  it('a topic with a place to go on from is asked for by a new open', () => {
    const world = connected({}, ['A'], { head: 'a.9' });
    world.put({ type: 'subscribe', topic: 'B', last: 0, since: spell('a.5') });
    world.hello(2, { head: 'a.9' }, message('B', 6), message('B', 9));
    expect(world.lines()).toEqual([
      '#2 opens websocket [A B@a.5] from a.9@0',
      'ready B@0',
      'B 6@0',
      'B 9@0',
      '#1 ends@0',
    ]);
  });

  it('a mark of a topic that nobody wants any more ends nothing', () => {
    const world = connected({}, ['A']);
    world.unsubscribe('A');
    world.brings(1, message('A', 1), gap('A', 5), ephemeral('A', 'h1.1'));
    expect(world.lines()).toEqual(['#1 says unsubscribe [A]@0']);
  });
});

describe('on a one-way stream', () => {
  it('a topic that is no longer wanted costs a new open', () => {
    const world = connected({ kinds: [stream] }, ['A', 'B']);
    world.unsubscribe('B');
    expect(opensOf(world)).toEqual(['#2 opens http-stream [A] from a.0@0']);
  });
});

describe('on polls', () => {
  it('a topic that is no longer wanted is left out of the next one', () => {
    const world = connected({ kinds: [poll] }, ['A', 'B']);
    world.answered(1);
    world.unsubscribe('B');
    world.at(750);
    expect(world.lines()).toEqual(['#1 polls [A] from a.0 wait 0@750']);
  });

  it('a new topic does not wait for the answer that is held', () => {
    const world = connected({ kinds: [longPoll] }, ['A']);
    world.answered(1);
    world.subscribe('B');
    expect(opensOf(world)).toEqual(['#2 opens long-poll [A B+] from a.0 wait 0@0']);
  });
});

describe('D17: a topic that is refused', () => {
  it('ends alone, the others go on', () => {
    const world = createWorld();
    world.subscribe('A', 'B');
    world.hello(1, { topics: { A: { error: { code: 'TOPIC_DENIED', message: 'no' } } } }, message('B', 1));
    expect(world.told()).toEqual(['A ended: TOPIC_DENIED@0', 'ready B@0', 'B 1@0']);
  });

  it('in place ends alone too', () => {
    const world = connected({}, ['A']);
    world.subscribe('B');
    world.brings(
      1,
      subscribed(1, { topic: 'B', error: { code: 'BAD_TOPIC', message: 'no' } }),
      message('A', 1),
    );
    expect(world.told()).toEqual(['B ended: BAD_TOPIC@0', 'A 1@0']);
  });

  it('costs no other open', () => {
    const world = createWorld({ kinds: [stream] });
    world.subscribe('A', 'B');
    world.hello(1, { topics: { A: { error: { code: 'TOPIC_DENIED', message: 'no' } } } });
    expect(opensOf(world)).toEqual(['#1 opens http-stream [A+ B+]@0']);
  });

  it('may be asked for again', () => {
    const world = createWorld();
    world.subscribe('A');
    world.hello(1, { topics: { A: { error: { code: 'TOPIC_DENIED', message: 'no' } } } });
    world.lines();
    world.subscribe('A');
    expect(world.lines().join()).toContain('subscribe [A+]');
  });
});

describe('D17: a topic that is put off', () => {
  it('is asked for again in place when it is time', () => {
    const world = createWorld();
    world.subscribe('A', 'B');
    world.hello(1, { topics: { A: { retryMs: 1_000 } } });
    world.lines();
    world.at(999);
    expect(world.lines()).toEqual([]);
    world.at(1_000);
    world.brings(1, subscribed(1, { topic: 'A', start: '3' }));
    expect(world.lines()).toEqual(['#1 says subscribe [A+]@1000', 'ready A@1000']);
  });

  it('again and again waits each time', () => {
    const world = connected({}, []);
    world.subscribe('A', 'B');
    world.brings(1, subscribed(1, { topic: 'A', retryMs: 1_000 }, { topic: 'B', retryMs: 2_000 }));
    world.at(1_000);
    world.brings(1, subscribed(2, { topic: 'A', retryMs: 3_000 }));
    world.at(4_000);
    expect(world.lines()).toEqual([
      '#1 says subscribe [A+ B+]@0',
      '#1 says subscribe [A+]@1000',
      '#1 says subscribe [B+]@2000',
      '#1 says subscribe [A+]@4000',
    ]);
  });

  it('on a one-way stream is asked for by a new open when it is time', () => {
    const world = createWorld({ kinds: [stream] });
    world.subscribe('A', 'B');
    world.hello(1, { topics: { A: { retryMs: 1_000 } } });
    world.lines();
    world.at(1_000);
    expect(world.lines()).toEqual(['#2 opens http-stream [A+ B] from a.0@1000']);
  });

  it('although it had come some way is asked for again from there', () => {
    const world = connected({}, ['A', 'B']);
    world.brings(1, message('A', 4));
    world.ends(1);
    world.hello(2, { head: 'a.6', topics: { A: { retryMs: 1_000 } } });
    world.lines();
    world.at(1_000);
    const lines = world.lines();
    expect(lines).toEqual([expect.stringMatching(/^#3 opens websocket .*A/)]);
    world.hello(3, { head: 'a.6' }, message('A', 5));
    expect(world.told()).toEqual(['A 5@1000']);
  });

  it('brings nothing meanwhile', () => {
    const world = createWorld();
    world.subscribe('A');
    world.hello(1, { topics: { A: { retryMs: 1_000 } } }, message('A', 1), gap('A', 2));
    expect(world.told()).toEqual([]);
  });

  it('and given up meanwhile is not asked for', () => {
    const world = createWorld();
    world.subscribe('A');
    world.hello(1, { topics: { A: { retryMs: 1_000 } } });
    world.unsubscribe('A');
    world.lines();
    world.at(2_000);
    expect(world.lines()).toEqual([]);
  });
});

describe('a subscription that goes on from a place', () => {
  it('of the same log misses nothing', () => {
    const world = createWorld();
    world.put({ type: 'subscribe', topic: 'A', last: 0, since: spell('a.5') });
    world.hello(1, { head: 'a.9' }, message('A', 6));
    expect(world.lines()).toEqual([
      '#1 opens websocket [A@a.5]@0',
      'connecting@0',
      'ready A@0',
      'A 6@0',
      'open@0',
    ]);
  });

  it('of another log is told a gap before the first message', () => {
    const world = createWorld();
    world.put({ type: 'subscribe', topic: 'A', last: 0, since: spell('b.5') });
    world.hello(1, { head: 'a.9' }, message('A', 10));
    expect(world.told()).toEqual(['gap A 5-9 epoch@0', 'ready A@0', 'A 10 (after a gap)@0']);
  });

  it('of a partition that it does not name is told a gap', () => {
    const world = createWorld();
    world.put({ type: 'subscribe', topic: 'A', last: 0, since: `,${spell('b.5')}` });
    world.brings(1, {
      ...connectedHello,
      topics: [{ topic: 'A', start: '0.9' }],
    });
    expect(world.told()).toEqual(['gap A 0.0-0.9 epoch@0', 'ready A@0']);
  });
});

const connectedHello = {
  type: 'hello',
  attempt: 1,
  head: spell('a.9,b.20'),
  cursor: spell('a.9,b.20'),
  heartbeatMs: 10_000,
  holdMs: 25_000,
  sends: 'n1',
  keepMs: 1,
  limits: { frameBytes: 1000, topics: 10, window: 10, batchBytes: 1000 },
  topics: [],
} as const;

describe('a log of several partitions', () => {
  const spread = (): World => {
    const world = createWorld();
    world.subscribe('A', 'B', 'C');
    world.brings(1, {
      ...connectedHello,
      topics: [
        { topic: 'A', start: '0.9' },
        { topic: 'B', start: '1.20' },
        { topic: 'C', start: '1.20' },
      ],
    });
    world.lines();
    return world;
  };

  it('gives each topic its own place, and an open the least of each partition', () => {
    const world = spread();
    world.brings(1, message('A', '0.11'), message('B', '1.25'), mark('a.12,b.30'));
    world.ends(1);
    expect(world.lines()).toContain('#2 opens websocket [A B C] from a.12,b.30@0');
  });

  it('a message that names another partition than its topic makes no sense', () => {
    const world = spread();
    world.brings(1, message('A', '1.21'));
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('a gap that names another partition than its topic makes no sense', () => {
    const world = spread();
    world.brings(1, gap('A', '1.30'));
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('of which one has failed over tells a gap to its topics alone', () => {
    const world = spread();
    world.ends(1);
    const head = spell('a.9,c.3');
    world.brings(
      2,
      {
        ...connectedHello,
        attempt: 2,
        head,
        cursor: head,
        topics: [
          { topic: 'B', start: '1.3' },
          { topic: 'C', start: '1.3' },
        ],
      },
      message('A', '0.10'),
      message('B', '1.4'),
    );
    expect(world.told()).toEqual([
      'gap B 1.20-1.3 epoch@0',
      'gap C 1.20-1.3 epoch@0',
      'A 0.10@0',
      'B 1.4 (after a gap)@0',
    ]);
  });
});

describe('a log of which a connection knows only a part', () => {
  it('a connection that does not say where it begins counts from what it brings', () => {
    const world = createWorld();
    world.subscribe('A');
    world.brings(1, { ...world.helloFrame(1), cursor: '' });
    world.ends(1);
    world.brings(2, { ...world.helloFrame(2, { head: 'a.2' }), cursor: '' }, message('A', 1));
    expect(world.told()).toEqual(['ready A@0', 'A 1@0']);
  });

  it('a candidate that does not say where it begins is not promoted before it has brought something', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.brings(2, { ...world.helloFrame(2, { head: 'a.5' }), cursor: '' });
    world.posted(2);
    expect(world.lines()).toEqual([
      '#2 opens http-stream [A B+] from a.5@0',
      'ready B@0',
      '#2 posts n1: ping 2@0',
    ]);
    world.brings(2, mark('a.5'));
    expect(world.lines()).toEqual(['#2 posts n1: release 1@0']);
  });

  it('a candidate that does not say where it begins is promoted when it has come far enough', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.brings(2, { ...world.helloFrame(2, { head: 'a.5', topics: { A: { start: '6' } } }), cursor: '' });
    world.brings(2, message('A', 7));
    world.posted(2);
    world.lines();
    world.brings(1, message('A', 6));
    expect(world.lines()).toEqual(['A 6@0', 'A 7@0', '#2 posts n1: release 1@0']);
  });

  it('an open names only the partitions of its topics, and a candidate need only reach those', () => {
    const world = createWorld({ kinds: [stream] });
    world.subscribe('B');
    world.brings(1, { ...connectedHello, topics: [{ topic: 'B', start: '1.20' }] });
    world.lines();
    world.subscribe('C');
    const cursor = spell(',b.20');
    world.brings(2, { ...connectedHello, attempt: 2, cursor, topics: [{ topic: 'C', start: '1.20' }] });
    expect(world.lines()).toEqual([
      '#2 opens http-stream [B C+] from ,b.20@0',
      'ready C@0',
      '#2 posts n1: release 1@0',
    ]);
  });
});

describe('what is held back', () => {
  const held = (): World => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } });
    world.lines();
    return world;
  };

  it.each([
    ['a message', message('A', 'x')],
    ['a gap', gap('A', 'x')],
    ['a message of another partition', message('A', '1.9')],
    ['a gap of another partition', gap('A', '1.9')],
  ])('and makes no sense ends its connection: %s', (_, frame) => {
    const world = held();
    world.brings(2, frame);
    expect(world.lines()).toContain('#2 ends@0');
  });
});

describe('what comes for a topic', () => {
  it('at or below what was seen is a duplicate', () => {
    const world = connected({}, ['A'], { head: 'a.5' });
    world.brings(1, message('A', 5), message('A', 6), message('A', 6));
    expect(world.told()).toEqual(['A 6@0']);
  });

  it('with an id that is none makes no sense', () => {
    const world = connected({}, ['A']);
    world.brings(1, message('A', 'x'));
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('as a gap with a place that is none makes no sense', () => {
    const world = connected({}, ['A']);
    world.brings(1, gap('A', 'x'));
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('as a gap of what was seen is not told', () => {
    const world = connected({}, ['A'], { head: 'a.5' });
    world.brings(1, gap('A', 5));
    expect(world.told()).toEqual([]);
  });

  it('on the active connection that starts too late is asked for by another', () => {
    const world = connected({}, ['A'], { head: 'a.5' });
    world.ends(1);
    world.hello(2, { head: 'a.9', topics: { A: { start: '8' } } }, message('A', 9));
    world.hello(3, { head: 'a.9' }, message('A', 6), message('A', 9));
    expect(world.lines()).toEqual([
      '#1 ends@0',
      '#2 opens websocket [A] from a.5@0',
      'reconnecting@0',
      '#3 opens websocket [A] from a.5@0',
      'open@0',
      '#2 ends@0',
      'A 6@0',
      'A 9@0',
    ]);
  });

  it('and was held too long makes its connection be opened anew', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } });
    world.posted(1);
    world.lines();
    world.brings(2, ...Array.from({ length: 10_001 }, (_, i) => message('A', 8 + i)));
    expect(world.lines()).toEqual(['#3 opens http-stream [A B@a.8] from a.5@0', '#1 posts n1: release 2@0']);
  });
});
