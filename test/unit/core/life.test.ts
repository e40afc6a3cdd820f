/** What keeps a session alive or puts it to sleep: heartbeats, silence, polls, and what the page tells. */
import { describe, expect, it } from 'vitest';
import { createSession } from '../../../src/core/model.ts';
import { step } from '../../../src/core/session.ts';
import {
  ack,
  answerMs,
  connected,
  createWorld,
  error,
  known,
  longPoll,
  mark,
  message,
  poll,
  pong,
  stream,
  websocket,
} from './harness.ts';

describe('a websocket', () => {
  it('answers a ping', () => {
    const world = connected({}, []);
    world.brings(1, mark('a.0'));
    expect(world.lines()).toEqual(['#1 says pong@0']);
  });

  it('answers a ping that comes before the hello', () => {
    const world = createWorld();
    world.put({ type: 'open' });
    world.brings(1, mark('a.0'));
    expect(world.lines()).toContain('#1 says pong@0');
  });

  it('is asked when the network changes, and given its time and what a round trip is taken for', () => {
    const world = connected({}, []);
    world.signal('network-changed');
    world.at(answerMs + 300);
    expect(world.lines().slice(0, 2)).toEqual(['#1 says ping@0', `#1 ends@${answerMs + 300}`]);
  });

  it('that falls silent is asked, and given up when it does not answer', () => {
    const world = connected({}, []);
    world.at(5_000);
    world.brings(1, { type: 'pong' });
    const end = 17_000 + answerMs;
    world.at(end);
    expect(world.lines()).toEqual([
      '#1 says ping@17000',
      `#1 ends@${end}`,
      `#2 opens websocket []@${end}`,
      `reconnecting@${end}`,
    ]);
  });

  it('that answers goes on', () => {
    const world = connected({}, ['A']);
    world.at(12_000);
    world.brings(1, { type: 'pong', cursor: 'aaaaaaaaaaa.4' });
    world.at(23_999);
    expect(world.lines()).toEqual(['#1 says ping@12000']);
  });

  it('whose mark is no cursor is given up', () => {
    const world = connected({}, []);
    world.brings(1, { type: 'pong', cursor: 'nonsense' });
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('far away is given more time', () => {
    const world = createWorld();
    world.put({ type: 'open' });
    world.at(1_200);
    world.brings(1, { type: 'wait' });
    world.put(known('websocket', 2_000));
    world.hello(1);
    world.lines();
    const end = 1_200 + 14_000 + 2_000 + answerMs;
    world.at(end);
    expect(world.lines().slice(0, 2)).toEqual(['#1 says ping@15200', `#1 ends@${end}`]);
  });
});

describe('a one-way stream', () => {
  it('that falls silent is given up', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.at(9_000);
    world.brings(1, mark('a.3'));
    world.at(21_000);
    expect(world.lines()).toEqual([
      '#1 ends@21000',
      '#2 opens http-stream [A] from a.3@21000',
      'reconnecting@21000',
    ]);
  });
});

describe('polls', () => {
  it('held by the server follow each other', () => {
    const world = connected({ kinds: [longPoll] }, ['A']);
    world.answered(1);
    world.hello(1, { head: 'a.1' }, message('A', 1));
    world.answered(1);
    expect(world.lines()).toEqual([
      '#1 polls [A] from a.0 wait 10000@0',
      'A 1@0',
      '#1 polls [A] from a.1 wait 10000@0',
    ]);
  });

  it.each<[string, boolean, number, number]>([
    ['ten seconds at most', false, 25_000, 10_000],
    ['longer while the page is hidden', true, 60_000, 25_000],
    ['no longer than the server may', false, 4_000, 4_000],
    ['nor then while the page is hidden', true, 4_000, 4_000],
  ])('are held for %s', (_, isHidden, holdMs, waitMs) => {
    const world = connected({ kinds: [longPoll] }, [], { holdMs });
    if (isHidden) world.signal('hidden');
    world.answered(1);
    expect(world.lines()).toEqual([`#1 polls [] wait ${waitMs}@0`]);
  });

  it('not held come quickly while there is news, and slowly when there is none', () => {
    const world = connected({ kinds: [poll] }, ['A']);
    for (let i = 1; i <= 12; i++) {
      world.answered(1);
      world.at(world.deadline() ?? 0);
      world.hello(1, { head: 'a.9' }, ...(i === 9 ? [message('A', i)] : []));
    }
    const times = world
      .lines()
      .filter((line) => line.includes('polls'))
      .map((line) => Number(line.split('@')[1]));
    const waits = times.map((time, i) => time - (times[i - 1] ?? 0));
    expect(waits.map(Math.round)).toEqual([
      750, 1125, 1688, 2531, 3797, 5695, 8543, 10000, 10000, 500, 750, 1125,
    ]);
  });

  it('that are not answered in time are lost', () => {
    const world = connected({ kinds: [longPoll] }, ['A']);
    world.answered(1);
    world.lines();
    world.at(13_000);
    expect(world.lines()).toEqual([
      '#1 ends@13000',
      '#2 opens long-poll [A] from a.0 wait 0@13000',
      'reconnecting@13000',
    ]);
  });

  it('far away are given two round trips more', () => {
    const world = createWorld({ kinds: [longPoll] });
    world.put(known('long-poll', 500), { type: 'open' });
    world.brings(1, { type: 'wait' });
    world.hello(1);
    world.answered(1);
    world.lines();
    world.at(14_000);
    expect(world.lines()[0]).toBe('#1 ends@14000');
  });

  it('whose answer has no hello are lost', () => {
    const world = createWorld({ kinds: [longPoll] });
    world.put({ type: 'open' });
    world.answered(1);
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('of a candidate are not held', () => {
    const world = connected({ kinds: [longPoll] }, ['A'], { head: 'a.5' });
    world.answered(1);
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } });
    world.answered(2);
    expect(world.lines().filter((line) => line.startsWith('#2'))).toEqual([
      '#2 opens long-poll [A B+] from a.5 wait 0@0',
      '#2 polls [A B@a.8] from a.5 wait 0@0',
    ]);
  });
});

describe('a page that wakes up', () => {
  it('after a sleep that only the wall clock saw checks its websocket', () => {
    const world = connected({}, []);
    world.sleep(60_000);
    world.put({ type: 'time' });
    world.at(answerMs);
    expect(world.lines()).toEqual([
      '#1 says ping@0',
      `#1 ends@${answerMs}`,
      `#2 opens websocket []@${answerMs}`,
      `reconnecting@${answerMs}`,
    ]);
    expect(world.traces()).toContain('wake: slept 60 s');
  });

  it('after a sleep replaces a one-way connection that cannot be asked', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.sleep(60_000);
    world.put({ type: 'time' });
    world.hello(2);
    expect(world.lines()).toEqual(['#2 opens http-stream [A] from a.0@0', '#2 posts n1: release 1@0']);
  });

  it('late, as timers of a throttled page are, has slept no time', () => {
    const world = connected({}, []);
    world.freeze(11_000);
    world.put({ type: 'time' });
    expect(world.traces().filter((line) => line.startsWith('wake'))).toEqual([]);
  });

  it('visible again asks its stream whether it lives, a one-way one by a POST', () => {
    const world = connected({}, []);
    world.signal('hidden');
    world.signal('visible');
    expect(world.lines()).toEqual(['#1 says ping@0']);
    const other = connected({ kinds: [stream] }, []);
    other.signal('visible');
    expect(other.lines()).toEqual(['#1 posts n1: ping 1@0']);
  });

  it('visible again leaves a stream in peace that answers', () => {
    const world = connected({ kinds: [stream] }, []);
    world.signal('visible');
    world.brings(1, mark('a.0'));
    world.brings(1, pong);
    world.posted(1);
    world.at(11_000);
    expect(world.lines()).toEqual(['#1 posts n1: ping 1@0']);
  });

  it('visible again gives a stream up that brings nothing, whatever the POST brings', () => {
    const world = connected({ kinds: [stream] }, []);
    world.signal('visible');
    world.at(100);
    world.brings(1, pong);
    world.posted(1);
    world.at(answerMs);
    expect(world.lines()).toEqual([
      '#1 posts n1: ping 1@0',
      `#1 ends@${answerMs}`,
      `#2 opens http-stream []@${answerMs}`,
      `reconnecting@${answerMs}`,
    ]);
  });

  it('visible again asks a stream once the POST that is under way is over', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    world.signal('visible');
    world.at(1_700);
    world.brings(1, ack(1));
    world.posted(1);
    world.at(2_500);
    world.brings(1, mark('a.0'));
    world.posted(1);
    world.at(11_000);
    expect(world.lines()).toEqual([
      '#1 posts n1: send 1 1@0',
      'settled 1: null@1700',
      '#1 posts n1: ping 1@1700',
    ]);
  });

  it('visible again replaces polls, over the connections that there are', () => {
    const world = connected({ kinds: [websocket, longPoll], available: ['long-poll'] }, []);
    world.answered(1);
    world.lines();
    world.signal('visible');
    expect(world.lines()).toEqual(['#2 opens long-poll [] wait 0@0']);
  });

  it('does not wait out the present back-off', () => {
    const world = connected({ backoff: { baseMs: 10_000, capMs: 10_000 } }, []);
    world.ends(1);
    world.ends(2);
    world.lines();
    world.signal('visible');
    expect(world.lines()).toEqual(['#3 opens websocket []@0']);
  });

  it('whose clock goes backwards has slept no time', () => {
    const world = connected({}, []);
    world.sleep(-60_000);
    world.put({ type: 'time' });
    expect(world.lines()).toEqual([]);
  });
});

describe('the monotonic clock', () => {
  it.each([4, Number.NaN])('stays where it was when it is told as %s', (mono) => {
    const backoff = { baseMs: 500, capMs: 20_000 };
    const session = createSession({
      kinds: [websocket],
      auth: false,
      eager: true,
      backoff,
      outbox: { sends: 1, bytes: 1 },
      seed: 1,
    });
    step(session, { type: 'time' }, { wall: 100, mono: 5 });
    step(session, { type: 'time' }, { wall: 101, mono });
    expect(session.now).toEqual({ wall: 101, mono: 5 });
  });
});

describe('suspended', () => {
  it('sends what waits with what outlives the page, and lets everything go', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    world.send(2);
    world.lines();
    world.signal('suspended');
    expect(world.lines()).toEqual([
      '#1 posts n1: send 1 1, send 2 2 (keepalive)@0',
      '#1 posts n1: release 1 (keepalive)@0',
      '#1 ends@0',
      'suspended@0',
    ]);
  });

  it('opens nothing until it is resumed, and then goes on from the cursor', () => {
    const world = connected({}, ['A']);
    world.brings(1, message('A', 1));
    world.signal('suspended');
    world.brings(1, message('A', 2));
    world.send(1);
    world.at(20_000);
    world.signal('resumed');
    world.hello(2, { head: 'a.2' }, message('A', 2));
    expect(world.lines()).toEqual([
      'A 1@0',
      '#1 ends@0',
      'suspended@0',
      '#2 opens websocket [A] from a.1@20000',
      'reconnecting@20000',
      'A 2@20000',
      '#2 says send 1 1@20000',
      'open@20000',
    ]);
  });

  it('with sends unanswered transmits them again when it is resumed', () => {
    const world = connected({}, []);
    world.send(1);
    world.signal('suspended');
    world.signal('resumed');
    world.hello(2);
    expect(world.lines().slice(-2)).toEqual(['#2 says send 1 1@0', 'open@0']);
  });

  it('without a connection is quiet', () => {
    const world = createWorld({ kinds: [stream] });
    world.put({ type: 'open' });
    world.lines();
    world.signal('suspended');
    expect(world.lines()).toEqual(['#1 ends@0', 'suspended@0']);
  });

  it('means nothing to a session that wants nothing, nor `resumed` to one that was not suspended', () => {
    const world = createWorld();
    world.signal('suspended');
    world.signal('resumed');
    world.signal('online');
    expect(world.lines()).toEqual([]);
  });

  it('can be closed', () => {
    const world = connected({}, []);
    world.signal('suspended');
    world.send(1);
    world.put({ type: 'close' });
    expect(world.lines().slice(-2)).toEqual(['settled 1: CLOSED@0', 'closed@0']);
  });
});

describe('offline', () => {
  it('is said when an attempt fails, not because the browser says so', () => {
    const world = createWorld();
    world.signal('offline');
    world.put({ type: 'open' });
    world.ends(1, { kind: 'refused' });
    expect(world.lines()).toEqual([
      '#1 opens websocket []@0',
      'connecting@0',
      '#1 ends@0',
      'offline@0',
      '#2 opens websocket []@0',
    ]);
  });

  it('does not end a connection that works', () => {
    const world = connected({}, []);
    world.signal('offline');
    expect(world.lines()).toEqual([]);
  });

  it('is over with `online`: what waits is tried at once', () => {
    const world = connected({ backoff: { baseMs: 10_000, capMs: 10_000 } }, []);
    world.signal('offline');
    world.ends(1);
    world.ends(2);
    world.lines();
    world.signal('online');
    expect(world.lines()).toEqual(['#3 opens websocket []@0', 'reconnecting@0']);
  });

  it('another network forgets what was held against transports', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.ends(1, { kind: 'refused' });
    world.hello(2);
    world.lines();
    world.signal('network-changed');
    expect(world.lines()).toEqual(['#3 opens http-stream []@0', '#4 opens websocket []@0']);
  });
});

describe('prerendering', () => {
  it('opens nothing until the page is shown', () => {
    const world = createWorld();
    world.signal('prerendering');
    world.subscribe('A');
    world.send(1);
    world.at(5_000);
    expect(world.lines()).toEqual(['connecting@0']);
    world.signal('activated');
    expect(world.lines()).toEqual(['#1 opens websocket [A+]@5000']);
  });

  it('does not keep a send beyond its time', () => {
    const world = createWorld();
    world.signal('prerendering');
    world.send(1, 10, 1_000);
    world.at(5_000);
    expect(world.lines()).toContain('settled 1: NOT_SENT@1000');
  });
});

describe('close', () => {
  it('ends a websocket, settles all sends and keeps subscriptions for the next open', () => {
    const world = connected({}, ['A']);
    world.brings(1, message('A', 1));
    world.send(1);
    world.lines();
    world.put({ type: 'close' });
    world.send(2);
    world.subscribe('B');
    expect(world.lines()).toEqual([
      '#1 ends@0',
      'settled 1: OUTCOME_UNKNOWN@0',
      'closed@0',
      'settled 2: CLOSED@0',
    ]);
    expect(world.deadline()).toBeUndefined();
    world.put({ type: 'open' });
    expect(world.lines()).toEqual(['#2 opens websocket [A B+] from a.1@0', 'connecting@0']);
  });

  it('tells the server to end its answers, and ends them itself when it does not', () => {
    const world = connected({ kinds: [stream] }, []);
    world.put({ type: 'close' });
    world.at(10_000);
    expect(world.lines()).toEqual(['#1 posts n1: release 1@0', 'closed@0', '#1 ends@2000']);
  });

  it('tells it of all one-way connections at once', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    world.put({ type: 'prefer', transport: 'http-stream' });
    world.put({ type: 'close' });
    world.ends(2, { kind: 'closed' });
    expect(world.lines()).toEqual([
      '#2 opens http-stream []@0',
      '#1 says release 2@0',
      '#1 ends@0',
      'closed@0',
      '#2 ends@0',
    ]);
  });

  it('ends a candidate that nobody can tell of', () => {
    const world = createWorld({ kinds: [stream] });
    world.put({ type: 'open' });
    world.put({ type: 'close' });
    expect(world.lines().slice(2)).toEqual(['#1 ends@0', 'closed@0']);
  });

  it('is told over a candidate that is proven if none is active', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8' });
    world.ends(1);
    world.hello(2);
    world.lines();
    world.put({ type: 'close' });
    expect(world.lines()).toEqual(['#2 posts n1: release 2@0', 'closed@0']);
  });

  it('of a short poll between two answers ends it when its last word is out', () => {
    const world = connected({ kinds: [poll] }, []);
    world.answered(1);
    world.put({ type: 'close' });
    expect(world.lines()).toEqual(['#1 posts n1: release 1@0', 'closed@0']);
    world.posted(1);
    expect(world.lines()).toEqual(['#1 ends@0']);
  });

  it('ends a short poll that is idle beside the one that tells the server', () => {
    const world = connected({ kinds: [poll] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } });
    world.answered(2);
    world.lines();
    world.put({ type: 'close' });
    expect(world.lines()).toEqual(['#1 posts n1: release 1 2@0', '#2 ends@0', 'closed@0']);
  });

  it('twice is once, and before anything was wanted is enough', () => {
    const world = createWorld();
    world.put({ type: 'close' });
    world.put({ type: 'close' });
    expect(world.lines()).toEqual(['closed@0']);
  });

  it('and open again at once loses nothing that came between', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.put({ type: 'close' });
    world.brings(1, message('A', 1));
    world.put({ type: 'open' });
    world.brings(1, message('A', 2));
    world.hello(2, { head: 'a.2' }, message('A', 1), message('A', 2));
    expect(world.told()).toEqual(['A 1@0', 'A 2@0']);
  });

  it('and open again leaves no hole in the numbers of sends', () => {
    const world = connected({}, []);
    world.send(1);
    world.put({ type: 'close' });
    world.put({ type: 'open' });
    world.hello(2);
    world.lines();
    world.send(2);
    world.at(10);
    const said = world
      .effects()
      .flatMap((effect) => (effect.type === 'transmit' && effect.id === 2 ? effect.frames : []));
    expect(said).toEqual([
      { type: 'send', seq: 1, topic: 'S', data: null, void: true },
      { type: 'send', seq: 2, topic: 'S', data: 2, json: '2' },
    ]);
  });

  it('while a token is asked for does not stop the next open from asking', () => {
    const world = createWorld({ auth: true });
    world.put({ type: 'open' });
    world.put({ type: 'close' });
    world.lines();
    world.put({ type: 'open' });
    expect(world.lines()).toEqual(['ask-token@0', 'connecting@0']);
  });

  it('after which errors concern nobody', () => {
    const world = connected({ kinds: [stream] }, []);
    world.put({ type: 'close' });
    world.brings(1, error('FORBIDDEN'));
    world.put({ type: 'undecodable', id: 1 });
    world.answered(99);
    expect(world.lines()).toEqual(['#1 posts n1: release 1@0', 'closed@0', '#1 ends@0']);
  });

  it('of the page leaves the answers to what was sent', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    world.brings(1, ack(1, 'yes'));
    world.put({ type: 'close' });
    expect(world.lines()).toContain('settled 1: "yes"@0');
  });
});
