/** Whether a connection still brings what it should: silence, POSTs that nobody answers, heartbeats that come late. */
import { describe, expect, it } from 'vitest';
import {
  ack,
  answerMs,
  connected,
  createWorld,
  type HelloOptions,
  known,
  longPoll,
  mark,
  message,
  pong,
  stream,
  type World,
  type WorldOptions,
  websocket,
} from './harness.ts';

const linesOf = (world: World, id: number): string[] =>
  world.lines().filter((line) => line.startsWith(`#${id} `));

/** Brings a heartbeat every `paceMs` for so long. */
function beats(world: World, paceMs: number, forMs: number): void {
  for (let i = 0; i < forMs / paceMs; i++) {
    world.after(paceMs);
    world.brings(1, mark('a.0'));
  }
  world.lines();
}

/** A connected world whose round trip is known, and the clock at 0 when it said hello. */
function far(rttMs: number, options: WorldOptions, hello: HelloOptions = {}): World {
  const world = createWorld(options);
  const { transport } = options.kinds?.[0] ?? websocket;
  world.put(known(transport, rttMs), { type: 'open' });
  world.brings(1, { type: 'wait' });
  world.hello(1, hello);
  world.lines();
  return world;
}

describe('silence on a stream', () => {
  it.each<[string, number, number, number]>([
    ['the announced heartbeat and two seconds', 0, 10_000, 12_000],
    ['and two round trips if those are longer', 1_500, 10_000, 13_000],
    ['the heartbeat is what the hello says', 0, 1_000, 3_000],
  ])('is borne for %s', (_, rttMs, heartbeatMs, at) => {
    const world = far(rttMs, { kinds: [stream] }, { heartbeatMs });
    world.at(at - 1);
    expect(world.lines()).toEqual([]);
    world.at(at);
    expect(world.lines()[0]).toBe(`#1 ends@${at}`);
  });

  it('is borne anew from whatever comes', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.at(11_999);
    world.brings(1, message('A', 1));
    world.at(23_998);
    expect(world.lines()).toEqual(['A 1@11999']);
    world.at(23_999);
    expect(world.lines()[0]).toBe('#1 ends@23999');
  });

  it('is not broken by answers to POSTs', () => {
    const world = connected({ kinds: [stream] }, []);
    world.at(11_000);
    world.send(1);
    world.brings(1, ack(1));
    world.brings(1, pong);
    world.at(12_000);
    expect(world.lines()).toContain('#1 ends@12000');
  });
});

describe('a steady stream', () => {
  it.each<[string, number, number, number]>([
    ['a second', 100, 0, 1_000],
    ['four of its pauses', 400, 0, 1_600],
    ['and a round trip', 100, 250, 1_250],
  ])('that falls silent is asked after %s', (_, paceMs, rttMs, afterMs) => {
    const world = far(rttMs, { kinds: [stream] });
    beats(world, paceMs, 12_000);
    const from = world.now();
    world.at(from + afterMs - 1);
    expect(world.lines()).toEqual([]);
    world.at(from + afterMs);
    expect(world.lines()).toEqual([`#1 posts n1: ping 1@${from + afterMs}`]);
  });

  it('on a websocket is asked there', () => {
    const world = connected({}, []);
    beats(world, 100, 6_000);
    world.at(7_000);
    expect(world.lines()).toEqual(['#1 says ping@7000']);
  });

  it('that answers is borne as long as any', () => {
    const world = connected({ kinds: [stream] }, []);
    beats(world, 100, 6_000);
    world.at(7_100);
    world.brings(1, mark('a.0'));
    world.brings(1, pong);
    world.posted(1);
    world.at(19_099);
    expect(world.lines()).toEqual(['#1 posts n1: ping 1@7000']);
  });

  it('that does not answer on its way down is given up, whatever the POST says', () => {
    const world = connected({ kinds: [stream] }, []);
    beats(world, 100, 6_000);
    world.at(7_100);
    world.brings(1, pong);
    world.posted(1);
    world.at(9_000);
    expect(linesOf(world, 1)).toEqual(['#1 posts n1: ping 1@7000', `#1 ends@${7_000 + answerMs}`]);
  });

  it('is none before its longer pauses are forgotten, nor with one of half a second', () => {
    const young = connected({ kinds: [stream] }, []);
    beats(young, 100, 2_000);
    young.at(10_000);
    expect(young.lines()).toEqual([]);
    const slow = connected({ kinds: [stream] }, []);
    beats(slow, 501, 12_000);
    slow.after(9_000);
    expect(slow.lines()).toEqual([]);
  });

  it('is none any more after a longer pause, until that is forgotten', () => {
    const world = connected({ kinds: [stream] }, []);
    beats(world, 100, 6_000);
    world.at(6_900);
    world.brings(1, mark('a.0'));
    world.at(12_000);
    expect(world.lines()).toEqual([]);
  });

  it('is none that came so slowly from the first', () => {
    const world = createWorld({ kinds: [stream] });
    world.put({ type: 'open' });
    world.at(900);
    world.hello(1);
    beats(world, 100, 6_000);
    const from = world.now();
    world.after(2_000);
    expect(world.lines()[0]).toBe(`#1 posts n1: ping 1@${from + 1_450}`);
  });

  it('polls are none', () => {
    const world = connected({ kinds: [longPoll] }, []);
    for (let i = 0; i < 100; i++) {
      world.answered(1);
      world.after(50);
      world.hello(1);
    }
    world.answered(1);
    world.lines();
    world.after(12_000);
    expect(world.lines()).toEqual([]);
  });

  it('whose question waits behind a POST is asked when that is over', () => {
    const world = connected({ kinds: [stream] }, []);
    beats(world, 100, 6_000);
    world.send(1);
    world.at(7_500);
    world.brings(1, ack(1));
    world.posted(1);
    expect(linesOf(world, 1)).toEqual(['#1 posts n1: send 1 1@6000', '#1 posts n1: ping 1@7500']);
  });

  it('whose question waited behind a POST that failed is asked all the same', () => {
    const world = connected({ kinds: [stream] }, []);
    beats(world, 100, 6_000);
    world.volatile(1);
    world.at(7_500);
    world.posted(1, 0);
    world.at(12_000);
    expect(linesOf(world, 1)).toEqual([
      '#1 posts n1: volatile 1@6000',
      '#1 posts n1: ping 1@7500',
      `#1 ends@${7_500 + answerMs}`,
    ]);
  });
});

describe('sends on a websocket', () => {
  it('carry a question if nothing was heard for a second, and none while one is under way', () => {
    const world = connected({}, []);
    world.at(999);
    world.send(1);
    world.at(1_000);
    world.send(2);
    world.send(3);
    expect(world.lines()).toEqual([
      '#1 says send 1 1@999',
      '#1 says ping, send 2 2@1000',
      '#1 says send 3 3@1000',
    ]);
  });

  it('carry none behind a large one that is on its way: the answer would have to wait for it', () => {
    const large = { frameBytes: 100_000, batchBytes: 100_000 };
    const world = connected({ outbox: { sends: 100, bytes: 100_000 } }, [], { limits: large });
    world.send(1, 16_384);
    world.at(1_000);
    world.send(2, 1);
    world.brings(1, pong);
    world.at(2_000);
    world.send(3, 1);
    world.at(11_000);
    expect(linesOf(world, 1)).toEqual([
      '#1 says send 1 1@0',
      '#1 says ping, send 2 2@1000',
      '#1 says send 3 3@2000',
    ]);
  });

  it('that nobody answers end it', () => {
    const world = connected({}, []);
    world.at(1_000);
    world.send(1);
    const end = 1_000 + answerMs;
    world.at(end);
    expect(world.lines()).toEqual([
      '#1 says ping, send 1 1@1000',
      `#1 ends@${end}`,
      `#2 opens websocket []@${end}`,
      `reconnecting@${end}`,
    ]);
  });

  it('that are answered do not', () => {
    const world = connected({}, []);
    world.at(1_000);
    world.send(1);
    world.at(1_000 + answerMs - 1);
    world.brings(1, ack(1));
    world.at(12_000);
    expect(world.lines()).toEqual(['#1 says ping, send 1 1@1000', expect.stringMatching(/^settled 1/)]);
  });

  it('carry none when the page is put to sleep', () => {
    const world = connected({}, []);
    world.at(1_000);
    world.brings(1, mark('a.0'));
    world.put({ type: 'time' });
    world.lines();
    world.after(5_000);
    world.put(
      { type: 'send', request: { ref: 1, topic: 'S', data: 1, json: '1', bytes: 1 }, timeoutMs: 9_000 },
      { type: 'signal', signal: 'suspended' },
    );
    expect(world.lines()[0]).toBe('#1 says send 1 1 (keepalive)@6000');
  });
});

describe('the answer of a poll', () => {
  const graceMs = 3_000;

  it('must end soon after it has said hello', () => {
    const world = connected({ kinds: [longPoll] }, ['A']);
    world.at(graceMs - 1);
    expect(linesOf(world, 1)).toEqual([]);
    world.at(graceMs);
    expect(linesOf(world, 1)).toEqual([`#1 ends@${graceMs}`]);
  });

  it('is not late while it goes on, however long it is', () => {
    const world = connected({ kinds: [longPoll] }, ['A']);
    for (let offset = 1; offset <= 5; offset++) {
      world.after(graceMs - 1);
      world.brings(1, message('A', offset));
    }
    expect(linesOf(world, 1).filter((line) => line.includes('ends'))).toEqual([]);
    const from = world.now();
    world.after(graceMs);
    expect(linesOf(world, 1)).toEqual([`#1 ends@${from + graceMs}`]);
  });
});

describe('a POST that nobody answers', () => {
  const twoKinds = { kinds: [websocket, stream], available: ['http-stream'] };

  it('makes its connection doubtful when its time is over, and it is replaced while it lasts', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1, 0);
    world.at(answerMs);
    world.hello(2);
    expect(world.lines()).toEqual([
      '#1 posts n1: send 1 1@0',
      `#2 opens http-stream []@${answerMs}`,
      `#2 posts n1: release 1, send 1 1@${answerMs}`,
    ]);
  });

  it.each<[string, number, number, number]>([
    ['a round trip more', 400, 10, 400.5],
    ['what its bytes take on the slowest way', 0, 8_000, 400],
  ])('is given %s', (_, rttMs, bytes, moreMs) => {
    const at = answerMs + moreMs;
    const world = far(rttMs, { kinds: [stream] }, { limits: { frameBytes: 10_000, batchBytes: 100_000 } });
    world.send(1, bytes);
    world.at(at - 1);
    expect(linesOf(world, 2)).toEqual([]);
    world.at(at);
    expect(linesOf(world, 2)).toHaveLength(1);
  });

  it('is given twice as long the next time, up to a minute, as a handler may be slow', () => {
    const world = connected({ kinds: [stream] }, []);
    const waits: number[] = [];
    world.send(1, 0);
    for (let id = 1; id <= 7; id++) {
      const from = world.now();
      const isOpened = () => world.lines().some((line) => line.startsWith(`#${id + 1} opens`));
      for (let waited = 0; waited < 70_000 && !isOpened(); waited += 600) {
        world.brings(id, mark('a.0'));
        world.after(600);
      }
      waits.push(world.now() - from);
      world.hello(id + 1);
    }
    const doubled = [1, 2, 4, 8, 16, 32].map((times) => times * answerMs);
    expect(waits).toEqual([...doubled, 60_000]);
  });

  it('is given less again once sends are soon answered', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1, 0);
    world.at(answerMs);
    world.hello(2);
    world.brings(2, ack(1));
    world.posted(2);
    world.send(2, 0);
    world.lines();
    world.at(2 * answerMs);
    expect(linesOf(world, 3)).toHaveLength(1);
  });

  it.each<[string, (world: World) => void]>([
    ['its end', (world) => world.posted(1)],
    ['its failure, after which another is due', (world) => world.posted(1, 502)],
  ])('is one no more with %s', (_, answer) => {
    const world = connected({ kinds: [stream], backoff: { baseMs: 1e9, capMs: 1e9 } }, []);
    world.volatile(1);
    world.at(answerMs - 1);
    answer(world);
    world.at(11_999);
    expect(linesOf(world, 2)).toEqual([]);
  });

  it('must have an end where all that it asked was answered, for the next one waits for that', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1, 0);
    world.at(answerMs - 1);
    world.brings(1, ack(1));
    world.at(2 * answerMs - 2);
    expect(linesOf(world, 2)).toEqual([]);
    world.at(2 * answerMs - 1);
    expect(linesOf(world, 2)).toHaveLength(1);
  });

  it('is given a minute for the next answer once one has come, for that handler may be slow', () => {
    const world = connected({ kinds: [stream] }, []);
    const send = (ref: number) =>
      ({
        type: 'send',
        request: { ref, topic: 'S', data: 1, json: '1', bytes: 0 },
        timeoutMs: 1e6,
      }) as const;
    world.put(send(1), send(2));
    world.at(1_000);
    world.brings(1, ack(1));
    for (let at = 6_000; at < 61_000; at += 5_000) {
      world.at(at);
      world.brings(1, mark('a.0'));
    }
    world.at(60_999);
    expect(linesOf(world, 2)).toEqual([]);
    world.at(61_000);
    expect(linesOf(world, 2)).toHaveLength(1);
  });

  it('is none of a connection that is let go', () => {
    const world = connected(twoKinds, []);
    world.send(1);
    world.put({ type: 'close' });
    world.at(1_000);
    world.put({ type: 'open' });
    world.hello(2);
    world.at(2_500);
    expect(world.lines().filter((line) => line.startsWith('#3'))).toEqual([]);
  });
});

describe('a stream that is late', () => {
  /** The server's clock is ahead of ours, by nothing that means anything. */
  const ahead = 5_000_000;
  const kinds = [websocket, stream, longPoll];
  const lated = (options: WorldOptions = { kinds, available: ['http-stream', 'long-poll'] }): World => {
    const world = connected(options, [], { time: ahead });
    world.lines();
    return world;
  };
  /** A heartbeat that was written at `written` comes at `at`. */
  const beat = (world: World, written: number, at: number): void => {
    world.at(at);
    world.brings(1, mark('a.0', ahead + written));
  };
  const opensOf = (world: World): string[] => world.lines().filter((line) => line.includes(' opens '));

  it('by two heartbeats in a row is left for one that shares no fate with it', () => {
    const world = lated();
    beat(world, 1_000, 2_001);
    expect(opensOf(world)).toEqual([]);
    beat(world, 2_000, 3_001);
    expect(opensOf(world)).toEqual(['#2 opens long-poll [] wait 0@3001']);
    expect(world.traces()).toContain('attempt: it is late');
  });

  it('is blamed with all that share its fate', () => {
    const others = [{ ...stream, transport: 'eventsource' }, stream, longPoll];
    const world = lated({ kinds: others, available: ['http-stream', 'long-poll'] });
    beat(world, 1_000, 3_000);
    beat(world, 2_000, 4_000);
    world.hello(2);
    world.put({ type: 'available', transports: ['eventsource', 'http-stream', 'long-poll'] });
    expect(opensOf(world)).toEqual(['#2 opens long-poll [] wait 0@4000']);
  });

  it.each([
    [3_000, 0],
    [3_001, 1],
  ])('by %d ms just once is left %d times', (late, times) => {
    const world = lated();
    beat(world, 1_000, 1_000 + late);
    expect(opensOf(world)).toHaveLength(times);
  });

  it('on a websocket is left, too, and shares no fate with others', () => {
    const world = lated({ kinds, available: ['websocket', 'http-stream', 'long-poll'] });
    beat(world, 1_000, 3_000);
    beat(world, 2_000, 4_000);
    expect(opensOf(world)).toEqual(['#2 opens http-stream []@4000']);
  });

  it('is told once', () => {
    const world = lated();
    for (let i = 1; i < 5; i++) beat(world, i * 400, i * 400 + 1_500);
    world.hello(2);
    expect(opensOf(world)).toHaveLength(1);
    expect(world.remembered().at(-1)?.out['http-stream']?.failures).toBe(1);
  });

  it.each<[string, readonly (readonly [written: number, at: number])[]]>([
    [
      'once, then on time',
      [
        [1_000, 2_500],
        [2_000, 2_600],
        [3_000, 4_500],
        [4_000, 4_600],
      ],
    ],
    [
      'by a second, no more',
      [
        [1_000, 2_000],
        [2_000, 3_000],
        [3_000, 4_000],
      ],
    ],
    [
      'not at all',
      [
        [1_000, 1_000],
        [2_000, 2_010],
        [3_000, 3_005],
      ],
    ],
  ])('%s stays', (_, heartbeats) => {
    const world = lated();
    for (const [written, at] of heartbeats) beat(world, written, at);
    expect(opensOf(world)).toEqual([]);
  });

  it('far away may be late by two round trips', () => {
    const world = far(1_000, { kinds: [stream, longPoll] }, { time: ahead });
    beat(world, 1_000, 3_000);
    beat(world, 2_000, 4_000);
    expect(opensOf(world)).toEqual([]);
    beat(world, 3_000, 5_001);
    beat(world, 4_000, 6_001);
    expect(opensOf(world)).toHaveLength(1);
  });

  it('is not judged while nobody looks', () => {
    const world = lated();
    world.signal('hidden');
    for (let i = 1; i < 4; i++) beat(world, i * 1_000, i * 1_000 + 1_500);
    expect(opensOf(world)).toEqual([]);
  });

  it('is measured by the fastest frame, from whenever that was', () => {
    const world = lated();
    beat(world, 3_000, 2_500);
    beat(world, 4_000, 4_501);
    beat(world, 5_000, 5_501);
    expect(opensOf(world)).toHaveLength(1);
  });

  it('by clocks that drift apart as good ones may is not', () => {
    const world = lated();
    for (let i = 1; i <= 2_000; i++) beat(world, i * 9_999.2, i * 10_000);
    expect(opensOf(world)).toEqual([]);
  });

  it('is not judged by the clock of another server', () => {
    const world = connected({ kinds: [stream, longPoll] }, [], { time: ahead });
    world.ends(1);
    world.hello(2, { sends: 'n2', time: 7 });
    world.lines();
    world.at(1_000);
    world.brings(2, mark('a.0', 1_007));
    world.at(2_000);
    world.brings(2, mark('a.0', 2_007));
    expect(opensOf(world)).toEqual([]);
  });

  it('is not judged where no hello told the time: the first heartbeat is the measure', () => {
    const world = connected({ kinds: [stream, longPoll] }, []);
    beat(world, 1_000, 5_000);
    beat(world, 2_000, 6_000);
    beat(world, 3_000, 7_000);
    expect(opensOf(world)).toEqual([]);
    beat(world, 4_000, 9_001);
    beat(world, 5_000, 10_001);
    expect(opensOf(world)).toHaveLength(1);
  });

  it('is measured anew by each hello, which is no older than its connection', () => {
    const world = connected({ kinds: [stream, longPoll] }, ['A'], { time: ahead });
    world.at(60_000 - 50_000);
    world.brings(1, mark('a.0', ahead + 10_000));
    // The server's clock was set back by a minute.
    world.subscribe('B');
    world.hello(2, { time: ahead - 50_000 });
    world.posted(2);
    world.lines();
    world.at(11_000);
    world.brings(2, mark('a.0', ahead - 49_000));
    world.at(12_000);
    world.brings(2, mark('a.0', ahead - 48_000));
    expect(opensOf(world)).toEqual([]);
  });

  it('is no other than the active one', () => {
    const world = connected({ kinds: [stream, longPoll] }, ['A'], { head: 'a.5', time: ahead });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } }, time: ahead });
    world.posted(1);
    world.lines();
    world.at(2_500);
    world.brings(2, mark('a.8', ahead + 1_000), mark('a.8', ahead + 1_000));
    expect(world.traces()).not.toContain('attempt: it is late');
  });
});
