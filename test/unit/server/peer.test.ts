/** Rule D3 and its company: what is written to one connection, in which order, with which position marks. */
import { describe, expect, test } from 'vitest';
import type { TopicRequest } from '../../../src/core/frames.ts';
import type { Peer } from '../../../src/server/core/types.ts';
import { brief, CoreWorld, FakeSink, type Frame } from './support/core-world.ts';

const fresh = [{ topic: 'a', new: true }] as const;

function publishMany(world: CoreWorld, count: number, topic = 'a'): void {
  for (let i = 0; i < count; i++) world.core.publish(topic, i);
}

describe('a connection that is live', () => {
  test('gets what one turn publishes in one write', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh);
    world.turn();
    expect(sink.told()).toEqual(['hello']);
    publishMany(world, 3);
    expect(sink.chunks).toHaveLength(0);
    world.turn();
    expect(sink.chunks).toHaveLength(1);
    expect(sink.told()).toEqual(['a:1', 'a:2', 'a:3']);
  });

  describe('beside others, where something is published in turn after turn', () => {
    /** Three connections; what each turn that publishes writes to the first of them. */
    function createThree(): { world: CoreWorld; peer: Peer; sink: FakeSink; turn: () => string[] } {
      const world = new CoreWorld();
      const all = [1, 2, 3].map((attempt) => world.connect(fresh, { attempt }));
      world.turn();
      for (const { sink } of all) sink.take();
      const [{ peer, sink }] = all as [(typeof all)[0]];
      const turn = (): string[] => {
        publishMany(world, 1);
        world.oneTurn();
        return sink.told();
      };
      return { world, peer, sink, turn };
    }

    test('gets one write for as many turns as there are writes, and one more', () => {
      const { turn, sink } = createThree();
      const told = Array.from({ length: 9 }, turn);
      expect(told).toEqual([
        ['a:1'],
        [],
        [],
        [],
        ['a:2', 'a:3', 'a:4', 'a:5'],
        [],
        [],
        [],
        ['a:6', 'a:7', 'a:8', 'a:9'],
      ]);
      expect(sink.chunks).toEqual([]);
    });

    test('gets it as soon as a turn brings nothing more', () => {
      const { world, sink, turn } = createThree();
      expect([turn(), turn()]).toEqual([['a:1'], []]);
      world.oneTurn();
      expect(sink.told()).toEqual(['a:2']);
    });

    test('gets it when the millisecond is over', () => {
      const { world, turn } = createThree();
      expect([turn(), turn(), turn()]).toEqual([['a:1'], [], []]);
      world.now++;
      expect(turn()).toEqual(['a:2', 'a:3', 'a:4']);
    });

    test('gets at once what comes in a later millisecond, and what answers it', () => {
      const { world, peer, sink, turn } = createThree();
      expect(turn()).toEqual(['a:1']);
      world.say(peer, { type: 'ping' });
      world.oneTurn();
      expect(sink.told()).toEqual(['pong@1']);
      world.now++;
      expect(turn()).toEqual(['a:2']);
    });
  });

  test('gets by one write what two turns publish, if it is the only one', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh);
    world.turn();
    sink.take();
    const told = Array.from({ length: 5 }, () => {
      publishMany(world, 1);
      world.oneTurn();
      return sink.told();
    });
    expect(told).toEqual([['a:1'], [], ['a:2', 'a:3'], [], ['a:4', 'a:5']]);
  });

  test('shares the very same text with the others', () => {
    const world = new CoreWorld();
    const first = world.connect(fresh).sink;
    const second = world.connect(fresh, { attempt: 2 }).sink;
    world.turn();
    first.take();
    second.take();
    publishMany(world, 2);
    world.turn();
    expect(first.chunks).toEqual(second.chunks);
    expect(first.told()).toEqual(['a:1', 'a:2']);
  });

  test('shares what a text was turned into with all who are told the same, whoever comes between them', () => {
    const world = new CoreWorld();
    const one: TopicRequest[] = [{ topic: 'a', new: true }];
    const both: TopicRequest[] = [...one, { topic: 'b', new: true }];
    const sinks = [one, both, one, both].map((topics, i) => world.connect(topics, { attempt: i + 1 }).sink);
    world.turn();
    for (const sink of sinks) sink.take();
    for (const topic of ['a', 'b']) world.core.publish(topic, 0);
    world.turn();
    const [first, second, third, fourth] = sinks.map(({ shared }) => shared[0]);
    expect([first, second]).toEqual([expect.anything(), expect.anything()]);
    expect([third, fourth]).toEqual([first, second]);
    expect([third === first, fourth === second, second === first]).toEqual([true, true, false]);
  });

  test('gets much in pieces, which it shares, and what else it is told beside them', () => {
    const world = new CoreWorld();
    const first = world.connect(fresh).sink;
    const { peer, sink: second } = world.connect(fresh, { attempt: 2 });
    world.turn();
    for (const sink of [first, second]) sink.take();
    const data = 'x'.repeat(1_000);
    for (let i = 0; i < 100; i++) world.core.publish('a', data);
    world.say(peer, { type: 'ping' });
    world.turn();
    expect(first.chunks).toHaveLength(4);
    for (const { length } of first.chunks) expect(length).toBeLessThan(34 * 1024);
    expect(second.chunks.slice(1)).toEqual(first.chunks);
    for (const [i, shared] of first.shared.entries()) expect(second.shared[i + 1]).toBe(shared);
    expect([second.shared[0], first.shared[0]]).toEqual([undefined, expect.anything()]);
    const ids = Array.from({ length: 100 }, (_, i) => `a:${i + 1}`);
    expect(first.told()).toEqual(ids);
    expect(second.told()).toEqual(['pong@0', ...ids]);
  });

  test('gets only its topics, and those that have other ones get theirs', () => {
    const world = new CoreWorld();
    const one = world.connect([
      { topic: 'a', new: true },
      { topic: 'b', new: true },
    ]).sink;
    const two = world.connect(
      [
        { topic: 'a', new: true },
        { topic: 'c', new: true },
      ],
      { attempt: 2 },
    ).sink;
    world.turn();
    one.take();
    two.take();
    for (const topic of ['a', 'b', 'a']) world.core.publish(topic, 0);
    world.turn();
    expect(one.told()).toEqual(['a:1', 'b:2', 'a:3']);
    expect(two.told()).toEqual(['a:1', 'a:3']);
  });

  test('writes a heartbeat with its position at every interval, whatever else it writes', () => {
    const world = new CoreWorld({ heartbeatMs: 100 });
    const { sink } = world.connect(fresh, {}, 'http-stream');
    world.turn();
    sink.take();
    world.pass(60);
    publishMany(world, 1);
    world.pass(90);
    expect(sink.told()).toEqual(['a:1', 'ping@1']);
    world.core.publish('other', 1);
    world.pass(60);
    expect(sink.told()).toEqual(['ping@2']);
  });
});

describe('a connection that catches up (F3)', () => {
  const small = { limits: { chunkBytes: 200 } };

  test('reads in pieces, ignores what is published meanwhile, and turns live with a mark', () => {
    const world = new CoreWorld(small);
    publishMany(world, 5);
    const { sink } = world.connect(['a'], { cursor: world.at(0) });
    world.oneTurn();
    publishMany(world, 1);
    world.oneTurn();
    const soFar = sink.told();
    expect(soFar.slice(0, 3)).toEqual(['hello', 'a:1', 'a:2']);
    world.turn();
    expect([...soFar, ...sink.told()]).toEqual(['hello', 'a:1', 'a:2', 'a:3', 'a:4', 'a:5', 'a:6', 'ping@6']);
    publishMany(world, 1);
    world.turn();
    expect(sink.told()).toEqual(['a:7']);
  });

  test('never marks a position beyond what it has read', () => {
    const world = new CoreWorld({ ...small, heartbeatMs: 100 });
    publishMany(world, 6);
    const sink = new FakeSink();
    sink.room = 250;
    const { peer } = world.connect(['a'], { cursor: world.at(0) }, 'websocket', sink);
    world.turn();
    const first = sink.take().filter((frame) => frame.id).length;
    expect(first).toBeLessThan(6);
    world.core.receive(peer, '{"type":"ping"}');
    sink.buffered = 0;
    world.core.drained(peer);
    world.turn();
    const frames = sink.take();
    const marked = frames.findIndex((frame) => frame.type === 'pong');
    const before = frames.slice(0, marked).filter((frame) => frame.id).length;
    expect(brief(frames[marked] as Frame)).toBe(`pong@${first + before}`);
  });

  test('skips what lies before the start of a new topic', () => {
    const world = new CoreWorld();
    for (const topic of ['a', 'b', 'a', 'b']) world.core.publish(topic, 0);
    const { sink } = world.connect(['a', { topic: 'b', new: true }], { cursor: world.at(0) });
    world.turn();
    expect(sink.told()).toEqual(['hello', 'a:1', 'a:3', 'ping@4']);
  });

  test('begins at the least place of all, and each topic at its own', () => {
    const world = new CoreWorld();
    for (const topic of ['a', 'b', 'a', 'b']) world.core.publish(topic, 0);
    const { sink } = world.connect(['a', { topic: 'b', at: world.at(3) }], { cursor: world.at(1) });
    world.turn();
    expect(sink.told()).toEqual(['hello', 'a:3', 'b:4', 'ping@4']);
  });

  test('costs the others nothing: the rest waits for the next turn', () => {
    const world = new CoreWorld({ limits: { replayTurnBytes: 1 } });
    publishMany(world, 2);
    const sinks = [1, 2, 3].map((attempt) => world.connect(['a'], { attempt, cursor: world.at(0) }).sink);
    world.oneTurn();
    expect(sinks.filter((sink) => sink.chunks.length > 0)).toHaveLength(1);
    world.turn();
    for (const sink of sinks) expect(sink.told()).toEqual(['hello', 'a:1', 'a:2', 'ping@2']);
  });
});

describe('a connection that does not keep up', () => {
  test('is put back to the last message handed over, and reads on when it drains, without loss or repeat', () => {
    const world = new CoreWorld({ limits: { bufferBytes: 300 } });
    const sink = new FakeSink();
    const { peer } = world.connect(fresh, {}, 'websocket', sink);
    world.turn();
    sink.take();
    sink.room = 300;
    const seen: string[] = [];
    for (let round = 0; round < 20; round++) {
      publishMany(world, 1);
      world.turn();
    }
    seen.push(...sink.told());
    expect(seen.length).toBeLessThan(20);
    expect(peer.pending).toBeUndefined();
    sink.room = Number.POSITIVE_INFINITY;
    sink.buffered = 0;
    world.core.drained(peer);
    world.turn();
    seen.push(...sink.told());
    expect(seen).toEqual([...Array.from({ length: 20 }, (_, i) => `a:${i + 1}`), 'ping@20']);
  });

  test('keeps its acks while messages are dropped', () => {
    const world = new CoreWorld(
      { limits: { bufferBytes: 300 } },
      { handle: (_, done) => done({ type: 'ok', reply: 1 }) },
    );
    const sink = new FakeSink();
    const { peer } = world.connect(fresh, {}, 'websocket', sink);
    world.turn();
    sink.take();
    sink.room = 1;
    sink.buffered = 1_000;
    publishMany(world, 1);
    world.say(peer, { type: 'send', seq: 1, topic: 'a', data: 0 });
    world.turn();
    expect(sink.told()).toEqual([]);
    sink.room = Number.POSITIVE_INFINITY;
    world.core.drained(peer);
    world.turn();
    expect(sink.told()).toEqual(['ack', 'a:1', 'ping@1']);
  });

  test('is ended when too many answers wait', () => {
    const limits = { bufferBytes: 300, frameBytes: 70_000, window: 10_000, sendsPerSecond: 10_000 };
    const world = new CoreWorld(
      { limits },
      { handle: (_, done) => done({ type: 'ok', reply: 'x'.repeat(1_000) }) },
    );
    const sink = new FakeSink();
    const { peer } = world.connect(fresh, {}, 'websocket', sink);
    world.turn();
    sink.room = 1;
    sink.buffered = 1_000;
    for (let seq = 1; seq <= 100; seq++) world.say(peer, { type: 'send', seq, topic: 'a', data: 0 });
    expect(sink.ended?.reason).toBe('SLOW_CONSUMER');
  });

  test('is cut when it takes nothing at all for too long', () => {
    const world = new CoreWorld({ heartbeatMs: 100, limits: { stallMs: 1_000 } });
    const sink = new FakeSink();
    world.connect(fresh, {}, 'http-stream', sink);
    world.turn();
    sink.room = 1;
    sink.buffered = 10;
    world.pass(900);
    expect(sink.isAborted).toBe(false);
    world.pass(400);
    expect(sink.isAborted).toBe(true);
    expect(world.core.stats().connections).toBe(0);
  });

  test('that says nothing over WebSocket is ended; one that answers stays', () => {
    const world = new CoreWorld({ heartbeatMs: 100 });
    const dead = world.connect(fresh);
    const alive = world.connect(fresh, { attempt: 2 });
    for (let i = 0; i < 10; i++) {
      world.pass(50);
      if (alive.sink.told().includes('ping@0')) world.say(alive.peer, { type: 'pong' });
    }
    expect(dead.sink.isAborted).toBe(true);
    expect(alive.sink.isAborted).toBe(false);
  });
});

describe('who has lost connections where it stands (F22)', () => {
  test('is given its hello, the next message and the rest apart from each other', () => {
    const world = new CoreWorld();
    publishMany(world, 4);
    const { sink } = world.connect(['a'], { cursor: world.at(0), max: 1 });
    world.turn();
    expect(sink.told()).toEqual(['hello']);
    world.pass(100);
    expect(sink.told()).toEqual(['a:1']);
    world.pass(99);
    expect(sink.told()).toEqual([]);
    world.pass(1);
    expect(sink.told()).toEqual(['a:2', 'a:3', 'a:4', 'ping@4']);
    publishMany(world, 2);
    world.turn();
    expect(sink.told()).toEqual(['a:5', 'a:6']);
  });

  test('and polls, is first given a hello, then one message', () => {
    const world = new CoreWorld();
    publishMany(world, 2);
    const open = { cursor: world.at(0), wait: 10_000 };
    expect(world.poll(['a'], { ...open, max: 0 }).map(brief)).toEqual(['hello', 'ping@0']);
    expect(world.poll(['a'], { ...open, max: 1 }).map(brief)).toEqual(['hello', 'a:1', 'ping@1']);
  });

  test('may pass over the next message, which is told as a gap of its topic alone', () => {
    const world = new CoreWorld();
    world.core.publish('b', 0);
    publishMany(world, 3);
    const { sink } = world.connect(['a', 'b'], { cursor: world.at(1), max: 1, skip: true });
    world.turn();
    expect(sink.told()).toEqual(['hello', 'gap a<=2 undeliverable', 'ping@2']);
    world.pass(200);
    expect(sink.told()).toEqual(['a:3', 'a:4', 'ping@4']);
  });

  test('and polls, is told so at once', () => {
    const world = new CoreWorld();
    publishMany(world, 1);
    const open = { cursor: world.at(0), wait: 10_000, max: 0, skip: true } as const;
    expect(world.poll(['a'], open).map(brief)).toEqual([
      'hello',
      'gap a<=1 undeliverable',
      'ping@1',
      'ping@1',
    ]);
  });

  test('passes nothing over where nothing is next, or where that was trimmed', () => {
    const world = new CoreWorld({ history: { messages: 2 } });
    const quiet = world.connect(['a'], { cursor: world.at(0), max: 1, skip: true });
    world.turn();
    expect(quiet.sink.told()).toEqual(['hello']);
    publishMany(world, 3);
    const { sink } = world.connect(['a'], { cursor: world.at(0), attempt: 2, max: 1, skip: true });
    world.pass(200);
    expect(sink.told()).toEqual(['hello', 'gap a<=1 trimmed', 'a:2', 'a:3', 'ping@3']);
  });
});

test('a WebSocket on which a long message is coming is not dead, though it answers no ping', () => {
  const world = new CoreWorld({ heartbeatMs: 100 });
  const sink = new FakeSink();
  let bytes = 0;
  sink.readBytes = () => bytes;
  world.connect(fresh, {}, 'websocket', sink);
  for (let i = 0; i < 10; i++) {
    bytes += 1_000;
    world.pass(100);
  }
  expect(sink.isAborted).toBe(false);
  world.pass(400);
  expect(sink.isAborted).toBe(true);
});

describe('gaps (F7)', () => {
  test('are told before the messages beyond them, for their topic alone, and once', () => {
    const world = new CoreWorld({ history: { messages: 2 } });
    world.core.publish('cold', 0);
    publishMany(world, 5);
    const { sink } = world.connect(['cold', 'a'], { cursor: world.at(0) });
    world.turn();
    expect(sink.told()).toEqual(['hello', 'gap a<=4 trimmed', 'cold:1', 'a:5', 'a:6', 'ping@6']);
  });

  test('are told when what was there at the hello is trimmed before it could be read', () => {
    const world = new CoreWorld({ history: { messages: 2 }, limits: { chunkBytes: 1 } });
    publishMany(world, 2);
    const { sink } = world.connect(['a'], { cursor: world.at(0) });
    world.oneTurn();
    expect(sink.told()).toEqual(['hello', 'a:1']);
    publishMany(world, 3);
    world.turn();
    expect(sink.told()).toEqual(['gap a<=3 trimmed', 'a:4', 'a:5', 'ping@5']);
  });

  test('are not told for what the subscription never stood before', () => {
    const world = new CoreWorld({ history: { messages: 1 } });
    publishMany(world, 5);
    const { sink } = world.connect(['a'], { cursor: world.at(4) });
    world.turn();
    expect(sink.told()).toEqual(['hello', 'a:5', 'ping@5']);
  });

  test('a cursor of another epoch is one, and the topic starts at the head', () => {
    const world = new CoreWorld();
    publishMany(world, 3);
    const { sink } = world.connect(['a'], { cursor: 'anotherepoch.7' });
    world.turn();
    const [hello, gap] = sink.take() as [Frame, Frame];
    expect(hello['topics']).toEqual([{ topic: 'a', start: '3' }]);
    expect(brief(gap)).toBe('gap a<=3 epoch');
  });
});

describe('polls (F10)', () => {
  test('are served from the cursor they bring, whatever was sent before', () => {
    const world = new CoreWorld();
    publishMany(world, 3);
    const cursor = world.at(1);
    const expected = ['hello', 'a:2', 'a:3', 'ping@3'];
    expect(world.poll(['a'], { cursor }).map(brief)).toEqual(expected);
    expect(world.poll(['a'], { cursor }).map(brief)).toEqual(expected);
  });

  test('the first one is answered at once, for it brings where to begin', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh, { wait: 10_000 }, 'long-poll');
    expect(sink.ended).toBeDefined();
    expect(sink.chunks).toHaveLength(1);
  });

  test('are held until something is due, then answered whole in one write', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(['a'], { wait: 10_000, cursor: world.at(0) }, 'long-poll');
    world.pass(5_000);
    world.core.publish('other', 0);
    world.turn();
    expect(sink.chunks).toHaveLength(0);
    publishMany(world, 2);
    world.turn();
    expect(sink.chunks).toHaveLength(1);
    expect(sink.told()).toEqual(['hello', 'a:2', 'a:3', 'ping@3']);
    expect(sink.ended).toEqual({ code: 1000, reason: '' });
  });

  test('end after their time with a position that keeps the next one cheap', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(['a'], { wait: 1_000, cursor: world.at(0) }, 'long-poll');
    world.core.publish('other', 0);
    world.pass(1_000);
    expect(sink.told()).toEqual(['hello', 'ping@1']);
  });

  test('bring at most what they ask for, and at most what fits', () => {
    const world = new CoreWorld({ limits: { pollBytes: 210 } });
    publishMany(world, 9);
    expect(world.poll(['a'], { cursor: world.at(0), max: 1 }).map(brief)).toEqual(['hello', 'a:1', 'ping@1']);
    expect(world.poll(['a'], { cursor: world.at(1) }).map(brief)).toEqual([
      'hello',
      'a:2',
      'a:3',
      'a:4',
      'ping@4',
    ]);
  });

  test('a newer one of the same attempt takes the place of one that is held', () => {
    const world = new CoreWorld();
    const more = { wait: 10_000, cursor: world.at(0) };
    const first = world.connect(['a'], more, 'long-poll').sink;
    const second = world.connect(['a'], more, 'long-poll').sink;
    expect(first.ended).toBeDefined();
    expect(second.ended).toBeUndefined();
    expect(world.core.stats().connections).toBe(1);
  });
});

describe('messages with an exception, or outside the log (F13)', () => {
  test('the sender gets neither its own message nor, when it resumes, the memory of it', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh);
    const other = world.connect(fresh, { client: 'other_________________' }).sink;
    world.turn();
    sink.take();
    other.take();
    world.core.publish('a', 1, { except: world.openFrame([]).client });
    world.core.publish('a', 2);
    world.turn();
    expect(sink.told()).toEqual(['a:2']);
    expect(other.told()).toEqual(['a:1', 'a:2']);
    expect(world.poll(['a'], { cursor: world.at(0), attempt: 9 }).map(brief)).toEqual([
      'hello',
      'a:2',
      'ping@2',
    ]);
  });

  test('ephemeral ones rise in number, reach whoever is connected, and are not kept', () => {
    const world = new CoreWorld();
    const { sink } = world.connect(fresh);
    world.turn();
    sink.take();
    world.core.publish('a', 1, { ephemeral: true });
    world.core.publish('a', new Uint8Array([1]), { ephemeral: true });
    world.turn();
    const marks = sink.take().map((frame) => String(frame['ephemeral']).split('.'));
    expect(marks.map(([, counter]) => counter)).toEqual(['1', '2']);
    expect(marks[0]?.[0]).toBe(marks[1]?.[0]);
    expect(world.poll(['a'], { cursor: world.at(0), attempt: 2 }).map(brief)).toEqual(['hello', 'ping@0']);
  });

  test('direct ones are kept for their client alone', () => {
    const world = new CoreWorld();
    const { client } = world.openFrame([]);
    world.poll(['$direct']);
    world.core.direct(client, { for: 'you' });
    const mine = world.poll(['$direct'], { cursor: world.at(0) });
    expect(mine.map(brief)).toEqual(['hello', '$direct:1', 'ping@1']);
    const theirs = world.poll(['$direct'], { cursor: world.at(0), client: 'other_________________' });
    expect(theirs.map(brief)).toEqual(['hello', 'ping@1']);
  });
});

describe('topics in place', () => {
  test('are answered with their request, start and retained messages', () => {
    const world = new CoreWorld();
    publishMany(world, 3);
    const { peer, sink } = world.connect([]);
    world.turn();
    sink.take();
    world.say(peer, { type: 'subscribe', request: 7, topics: [{ topic: 'a', new: true, last: 2 }] });
    publishMany(world, 1);
    world.turn();
    const [answer, message] = sink.take() as [Frame, Frame];
    expect(answer).toMatchObject({ type: 'subscribed', request: 7, topics: [{ topic: 'a', start: '3' }] });
    expect((answer['topics'] as { last: Frame[] }[])[0]?.last.map(({ id }) => id)).toEqual(['2', '3']);
    expect(message.id).toBe('4');
  });

  test('one that was taken back while it was being decided is not followed', () => {
    let decide: () => void = () => undefined;
    const world = new CoreWorld({}, { authorize: (_, done) => (decide = () => done({ type: 'ok' })) });
    const { peer, sink } = world.connect([]);
    world.turn();
    world.say(peer, { type: 'subscribe', request: 1, topics: [{ topic: 'a', new: true }] });
    world.say(peer, { type: 'unsubscribe', topics: ['a'] });
    decide();
    publishMany(world, 1);
    world.turn();
    expect(sink.told()).toEqual(['hello', 'subscribed']);
  });

  test('several partitions make one vector, and each marks only what was read of it', () => {
    const world = new CoreWorld({ partitions: 3 });
    const topics = ['a', 'b', 'c', 'd', 'e'];
    const { sink } = world.connect(
      topics.map((topic) => ({ topic, new: true as const })),
      {},
      'eventsource',
    );
    world.turn();
    sink.chunks.length = 0;
    for (const topic of topics) world.core.publish(topic, 0);
    world.turn();
    const ids = (sink.chunks.join('').match(/^id: .*$/gm) ?? []).map((line) => line.slice(4));
    expect(ids).toHaveLength(5);
    expect(ids.at(-1)).toBe(world.core.cursor());
    expect(new Set(ids).size).toBe(5);
  });
});
