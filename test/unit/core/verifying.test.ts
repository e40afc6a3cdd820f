/** What only seems to work: connections that nothing gets up on, and what is opened beside whom on a network that nobody knows. */
import { describe, expect, it } from 'vitest';
import {
  ack,
  connected,
  createWorld,
  known,
  longPoll,
  mark,
  poll,
  pong,
  stream,
  type World,
  websocket,
} from './harness.ts';

const eventSource = { ...stream, transport: 'eventsource' };
const kinds = [websocket, stream, longPoll];
const opensOf = (world: World): string[] => world.lines().filter((line) => line.includes(' opens '));
const outOf = (world: World): string[] => Object.keys(world.remembered().at(-1)?.out ?? {});

/** Two opens at once, none of them answered. */
function exploring(all = [websocket, stream, eventSource, longPoll]): World {
  const world = createWorld({ kinds: all, eager: true });
  world.subscribe('A');
  world.lines();
  return world;
}

describe('the first two opens on an unknown network', () => {
  it('are given three seconds while neither is answered', () => {
    const world = exploring();
    world.at(2_999);
    expect(world.lines()).toEqual([]);
    world.at(3_000);
    expect(opensOf(world)).toEqual(['#3 opens http-stream [A+]@3000', '#4 opens eventsource [A+]@3000']);
  });

  it('are given what they need if that is more', () => {
    const world = createWorld({ kinds: [{ ...websocket, roundTrips: 10 }, longPoll], eager: true });
    world.subscribe('A');
    world.at(4_599);
    expect(opensOf(world)).toEqual(['#1 opens websocket [A+]@0', '#2 opens long-poll [A+] wait 0@0']);
  });

  it('go on as soon as one answers, by the round trip that is known then', () => {
    const world = exploring();
    world.at(200);
    world.hello(2);
    world.at(399);
    expect(opensOf(world)).toEqual([]);
    world.at(400);
    expect(opensOf(world)).toEqual(['#3 opens http-stream [A] from a.0@400']);
  });

  it('leave the slower one its time beside the next, and no third of the same fate', () => {
    const world = exploring();
    world.put({ type: 'opened', id: 1 });
    world.at(200);
    world.hello(2);
    world.answered(2);
    world.lines();
    world.at(5_400);
    const ends = world.lines().filter((line) => / (opens|ends)/.test(line));
    expect(ends).toEqual(['#3 opens http-stream [A] from a.0@400', '#1 ends@5000', '#3 ends@5400']);
    expect(outOf(world)).toEqual(['websocket', 'http-stream', 'eventsource']);
  });

  it('leave one that waits for the server its time', () => {
    const world = exploring([websocket, longPoll]);
    world.at(100);
    world.brings(1, { type: 'wait' });
    world.hello(2);
    world.answered(2);
    world.at(9_000);
    expect(world.lines()).not.toContain('#1 ends@9000');
    world.hello(1);
    world.brings(1, pong);
    expect(world.lines()).toContain('#1 says release 2@9000');
  });

  it('a poll that won asks again only after half a round trip, while a better one may follow', () => {
    const world = exploring();
    world.at(200);
    world.hello(2);
    world.answered(2);
    world.at(249);
    expect(world.lines().filter((line) => line.includes(' polls '))).toEqual([]);
    world.at(250);
    expect(world.lines()).toEqual(['#2 polls [A] from a.0 wait 10000@250']);
  });

  it('a poll that won alone asks again at once', () => {
    const world = exploring([websocket, longPoll]);
    world.ends(1, { kind: 'refused' });
    world.at(200);
    world.hello(2);
    world.answered(2);
    expect(world.lines()).toContain('#2 polls [A] from a.0 wait 10000@200');
  });
});

describe('a websocket on a network where none is known to work', () => {
  it.each<[string, (world: World) => void]>([
    ['a pong', (world) => world.brings(1, pong)],
    ['an ack', (world) => world.brings(1, ack(1))],
    [
      'an answer to a subscription',
      (world) => world.brings(1, { type: 'subscribed', request: 9, topics: [] }),
    ],
  ])('is asked when it is promoted, and believed with %s', (_, answer) => {
    const world = createWorld({ kinds });
    world.put({ type: 'open' });
    world.hello(1);
    expect(world.lines()).toContain('#1 says ping@0');
    answer(world);
    world.at(5_000);
    expect(world.lines()).toEqual([]);
  });

  it.each<[string, () => World]>([
    ['where there is no other', () => createWorld({ kinds: [websocket] })],
    [
      'where it is remembered',
      () => {
        const world = createWorld({ kinds });
        world.put(known('websocket', 50));
        return world;
      },
    ],
  ])('is not asked %s', (_, worldOf) => {
    const world = worldOf();
    world.put({ type: 'open' });
    world.hello(1);
    world.at(5_000);
    expect(world.lines().filter((line) => !line.includes(' opens '))).toEqual(['connecting@0', 'open@0']);
  });

  it('is not asked again once it has worked', () => {
    const world = connected({ kinds }, []);
    world.ends(1);
    world.hello(2);
    world.at(5_000);
    expect(world.lines()).toEqual(['#1 ends@0', '#2 opens websocket []@0', 'reconnecting@0', 'open@0']);
  });

  it.each([
    [0, 300],
    [400, 700],
  ])(
    'with round trips of %d ms is doubted after %d ms, and left for another that works',
    (rttMs, limitMs) => {
      const world = createWorld({ kinds });
      world.put({ type: 'open' });
      world.at(rttMs * 2);
      world.hello(1);
      world.lines();
      world.after(limitMs - 1);
      expect(world.lines()).toEqual([]);
      world.after(1);
      expect(world.lines()).toEqual([expect.stringMatching(/^#2 opens http-stream/)]);
      world.hello(2);
      expect(world.lines()).toEqual([expect.stringMatching(/^#1 ends/)]);
      expect(outOf(world)).toEqual(['websocket']);
    },
  );

  it('takes its sends along to the one that takes its place', () => {
    const world = createWorld({ kinds });
    world.send(1);
    world.hello(1);
    world.at(300);
    world.hello(2);
    world.brings(2, ack(1, 'at last'));
    expect(world.lines()).toContain('settled 1: "at last"@300');
  });

  it('is well again when the answer comes late: what was opened beside it goes', () => {
    const world = createWorld({ kinds });
    world.put({ type: 'open' });
    world.hello(1);
    world.at(400);
    world.lines();
    world.brings(1, pong);
    expect(world.lines()).toEqual(['#1 says release 2@400']);
    world.at(9_000);
    expect(world.lines()).toEqual(['#2 ends@2400']);
    expect(outOf(world)).toEqual([]);
  });

  it('that is doubted for another reason already is so for that', () => {
    const world = connected({ kinds: [websocket, stream], available: ['http-stream'] }, ['A'], {
      head: 'a.5',
    });
    world.put({ type: 'available', transports: ['websocket'] });
    world.ends(1);
    world.put({ type: 'available', transports: ['websocket', 'http-stream'] });
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } });
    world.at(299);
    world.ends(3);
    world.at(301);
    world.ends(4);
    const reasons = world.traces().filter((line) => line.startsWith('attempt'));
    expect(reasons.slice(2)).toEqual(Array(3).fill('attempt: it starts too late'));
  });

  it('each of the others is tried in its turn', () => {
    const world = createWorld({ kinds, backoff: { baseMs: 100, capMs: 100 } });
    world.put({ type: 'open' });
    world.hello(1);
    world.at(5_000);
    const names = opensOf(world).map((line) => line.split(' ')[2]);
    expect(names.slice(0, 3)).toEqual(['websocket', 'http-stream', 'long-poll']);
  });

  it('is kept if nothing else can run', () => {
    const world = createWorld({ kinds, available: ['websocket'] });
    world.put({ type: 'open' });
    world.hello(1);
    world.at(5_000);
    expect(world.lines()).toEqual(['#1 opens websocket []@0', 'connecting@0', '#1 says ping@0', 'open@0']);
  });
});

describe('a websocket beside a stream that works', () => {
  const upgrade = { type: 'available', transports: ['websocket', 'http-stream', 'long-poll'] } as const;
  /** A stream is active, and a websocket beside it has said hello at 0. */
  function beside(available: readonly string[] = ['http-stream', 'long-poll']): World {
    const world = connected({ kinds, available }, ['A']);
    if (available[0] === 'long-poll') world.answered(1);
    world.put(upgrade);
    world.hello(2);
    return world;
  }

  it('is asked before it takes over', () => {
    const world = beside();
    expect(world.lines()).toEqual(['#2 opens websocket [A] from a.0@0', '#2 says ping@0']);
    world.at(200);
    world.brings(2, pong);
    expect(world.lines()).toEqual(['#2 says release 1@200']);
  });

  it('is asked once, whatever it brings', () => {
    const world = beside();
    world.brings(2, mark('a.0'));
    world.brings(2, mark('a.0'));
    expect(world.lines().filter((line) => line.includes(' ping'))).toEqual(['#2 says ping@0']);
  });

  it('is given five seconds and more, then lost and blamed', () => {
    const world = beside();
    world.at(5_000);
    expect(world.lines()).not.toContain('#2 ends@5000');
    world.at(6_000);
    expect(world.lines().filter((line) => line === '#2 ends@5300')).toHaveLength(1);
    expect(outOf(world)).toContain('websocket');
  });

  it('takes over without an answer when the stream is doubted', () => {
    const world = beside();
    world.lines();
    world.signal('online');
    expect(world.lines()).toContain('#2 says release 1@0');
  });

  it('takes over from a poll without an answer if that asks nothing at the moment', () => {
    const world = connected(
      { kinds: [websocket, { ...longPoll, held: false }], available: ['long-poll'] },
      [],
    );
    world.answered(1);
    world.put(upgrade);
    world.hello(2);
    expect(world.lines()).toEqual(['#2 opens websocket []@0', '#1 ends@0', '#2 says ping@0']);
  });

  it('is asked beside a poll that waits for an answer', () => {
    const world = beside(['long-poll']);
    expect(world.lines().slice(1)).toEqual(['#2 opens websocket [A] from a.0@0', '#2 says ping@0']);
  });
});

describe('an upgrade that is overdue', () => {
  const available = ['http-stream', 'eventsource', 'long-poll'];
  const four = [websocket, stream, eventSource, longPoll];

  it('holds up nothing: the stream beside it may be replaced', () => {
    const world = connected({ kinds: [websocket, stream], available: ['http-stream'] }, ['A']);
    world.put({ type: 'available', transports: ['websocket', 'http-stream'] });
    world.at(100);
    world.subscribe('B');
    world.hello(3);
    expect(world.lines()).toEqual([
      '#2 opens websocket [A] from a.0@0',
      '#3 opens http-stream [A B+] from a.0@100',
      'ready B@100',
      '#3 posts n1: release 1@100',
    ]);
    world.hello(2);
    world.brings(2, pong);
    world.posted(3);
    expect(world.lines()).toContain('#2 says release 3@100');
  });

  it('makes room for a replacement of its own kind', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.hello(1);
    world.put({ type: 'prefer', transport: 'http-stream' });
    world.lines();
    world.at(300);
    expect(world.lines()).toEqual(['#2 ends@300', '#3 opens http-stream []@300']);
  });

  it('nor the next better one, but two are enough', () => {
    const kinds = [websocket, stream, longPoll, poll];
    const world = connected({ kinds, available: ['poll'] }, []);
    world.answered(1);
    world.put({ type: 'available', transports: kinds.map(({ transport }) => transport) });
    world.put({ type: 'opened', id: 2 });
    world.at(3_000);
    world.answered(1);
    world.at(4_999);
    expect(opensOf(world)).toEqual(['#2 opens websocket []@0', '#3 opens http-stream []@100']);
    world.at(5_000);
    expect(opensOf(world)).toEqual(['#4 opens long-poll [] wait 0@5000']);
  });

  it('nor one that shares its fate, which would only wait as long', () => {
    const kinds = [stream, eventSource, longPoll, poll];
    const world = connected({ kinds, available: ['poll'] }, []);
    world.put({ type: 'available', transports: kinds.map(({ transport }) => transport) });
    world.at(1_000);
    expect(opensOf(world)).toEqual(['#2 opens http-stream []@0', '#3 opens long-poll [] wait 0@100']);
  });

  it('does not stand in the way of one that is a replacement: that goes first', () => {
    const world = connected({ kinds: four, available: ['http-stream', 'long-poll'] }, ['A']);
    world.subscribe('B');
    world.put({ type: 'available', transports: ['websocket', ...available] });
    expect(opensOf(world)).toEqual(['#2 opens http-stream [A B+] from a.0@0']);
  });

  it('that wins after all is no worse for it', () => {
    const world = connected({ kinds: [websocket, stream], available: ['http-stream'] }, []);
    world.put({ type: 'available', transports: ['websocket', 'http-stream'] });
    world.at(1_900);
    world.hello(2);
    world.brings(2, pong);
    world.at(9_000);
    expect(outOf(world)).toEqual([]);
    expect(opensOf(world)).toEqual(['#2 opens websocket []@0']);
  });
});

describe('a stream that was slow to say hello beside a poll', () => {
  /** Its hello came when it was overdue: perhaps it is all that something on the way ever lets go. */
  function overdue(): World {
    const world = connected({ kinds: [stream, longPoll], available: ['long-poll'] }, ['A']);
    world.answered(1);
    world.put({ type: 'available', transports: ['http-stream', 'long-poll'] });
    world.at(1_000);
    world.lines();
    world.hello(2);
    return world;
  }

  it('is asked for more before it takes over', () => {
    const world = overdue();
    expect(world.lines()).toEqual(['#2 posts n1: ping 2@1000']);
    world.brings(2, mark('a.0', 1));
    world.posted(2);
    expect(world.lines()).toEqual(['#2 posts n1: release 1@1000']);
  });

  it('is asked also beside a poll that asks nothing at the moment', () => {
    const world = connected({ kinds: [stream, poll], available: ['poll'] }, ['A']);
    world.answered(1);
    world.put({ type: 'available', transports: ['http-stream', 'poll'] });
    world.at(450);
    world.lines();
    world.hello(2);
    expect(world.lines()).toEqual(['#2 posts n1: ping 2@450']);
  });

  it.each([
    ['the answer of its POST', pong],
    ['an ack', ack(1)],
  ])('is not believed by %s', (_, answer) => {
    const world = overdue();
    world.brings(2, answer);
    world.posted(2);
    expect(world.lines()).toEqual(['#2 posts n1: ping 2@1000']);
  });

  it('is given up when nothing more comes, with all that share its fate', () => {
    const world = connected({ kinds: [stream, eventSource, longPoll], available: ['long-poll'] }, []);
    world.answered(1);
    world.put({ type: 'available', transports: ['http-stream', 'eventsource', 'long-poll'] });
    world.at(1_000);
    world.hello(2);
    world.at(6_300);
    expect(opensOf(world)).toEqual(['#2 opens http-stream []@0']);
    expect(outOf(world)).toEqual(['http-stream', 'eventsource']);
  });
});

describe('a stream whose hello came after its time', () => {
  it.each([
    [4_999, 'long-poll'],
    [5_000, 'http-stream'],
  ])('and that ended %d ms later is followed by %s', (uptimeMs, next) => {
    const world = createWorld({ kinds: [stream, longPoll] });
    world.put({ type: 'open' });
    world.at(1_100);
    world.hello(1);
    world.posted(1);
    world.after(uptimeMs);
    world.lines();
    world.ends(1);
    expect(opensOf(world)).toEqual([expect.stringContaining(` opens ${next} `)]);
  });
});

describe('a machine that was busy while it waited', () => {
  /** What worked a moment ago is open again, and not yet answered. */
  function again(): World {
    const world = connected({ kinds }, []);
    world.ends(1);
    world.lines();
    return world;
  }

  it('takes what has come for what it is, whatever the clock says by then', () => {
    const world = again();
    world.freeze(1_500);
    world.hello(2);
    expect(opensOf(world)).toEqual([]);
  });

  it('gives what it waits for as much time as it lost itself', () => {
    const world = again();
    world.freeze(1_500);
    world.put({ type: 'time' });
    world.at(1_999);
    expect(opensOf(world)).toEqual([]);
    world.at(2_000);
    expect(opensOf(world)).toEqual(['#3 opens http-stream []@2000']);
  });

  it.each([
    [1_050, 1_050],
    [1_051, 1_102],
    [2_500, 3_500],
    [60_000, 61_000],
  ])('for %d ms tries another after %d', (ms, at) => {
    const world = again();
    world.freeze(ms);
    world.put({ type: 'time' });
    world.at(at);
    expect(opensOf(world)).toEqual([`#3 opens http-stream []@${at}`]);
  });

  it('does so once', () => {
    const world = again();
    world.freeze(1_500);
    world.put({ type: 'time' });
    world.freeze(1_500);
    world.put({ type: 'time' });
    expect(opensOf(world)).toEqual(['#3 opens http-stream []@3000']);
  });

  it('gives an answer to its question more time, too', () => {
    const world = createWorld({ kinds });
    world.subscribe('A');
    world.hello(1);
    expect(world.lines()).toContain('#1 says ping@0');
    world.freeze(1_000);
    world.put({ type: 'time' });
    world.at(1_500);
    world.brings(1, pong);
    expect(opensOf(world)).toEqual([]);
  });
});
