/** From one connection to the next: promotion, release, another log, moves that the server or a token asks for. */
import { describe, expect, it } from 'vitest';
import {
  ack,
  bye,
  connected,
  createWorld,
  error,
  gap,
  known,
  longPoll,
  mark,
  message,
  poll,
  pong,
  stream,
  websocket,
} from './harness.ts';

const better = { kinds: [websocket, stream], available: ['http-stream'] };
const upgrade = { type: 'available', transports: ['websocket', 'http-stream'] } as const;

describe('a replaced connection', () => {
  it('is released over the one that took its place, and ends when the server ends it', () => {
    const world = connected({ kinds: [stream] }, []);
    world.signal('network-changed');
    world.hello(2);
    world.posted(2);
    world.ends(1, { kind: 'closed' });
    world.at(5_000);
    expect(world.lines()).toEqual(['#2 opens http-stream []@0', '#2 posts n1: release 1@0', '#1 ends@0']);
  });

  it('is ended after two seconds if the server does not', () => {
    const world = connected({ kinds: [stream] }, []);
    world.signal('network-changed');
    world.hello(2);
    world.posted(2);
    world.at(2_000);
    expect(world.lines().slice(-1)).toEqual(['#1 ends@2000']);
  });

  it('that polls ends with its answer', () => {
    const world = connected({ kinds: [longPoll] }, []);
    world.answered(1);
    world.signal('network-changed');
    world.hello(2);
    world.answered(2);
    world.answered(1);
    expect(world.lines().slice(1)).toEqual([
      '#2 opens long-poll [] wait 0@0',
      '#2 posts n1: release 1@0',
      '#2 polls [] wait 10000@0',
      '#1 ends@0',
    ]);
  });

  it('that polls and asks nothing at the moment ends at once', () => {
    const world = connected({ kinds: [poll] }, []);
    world.answered(1);
    world.signal('network-changed');
    world.hello(2);
    expect(world.lines()).toEqual(['#2 opens poll [] wait 0@0', '#1 ends@0']);
  });

  it('may still answer sends', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    world.signal('network-changed');
    world.hello(2);
    world.brings(1, ack(1, 'late'));
    world.posted(1);
    expect(world.lines()).toContain('settled 1: "late"@0');
    expect(world.lines()).toEqual([]);
  });

  it('whose server says bye just ends', () => {
    const world = connected({ kinds: [stream] }, []);
    world.signal('network-changed');
    world.hello(2);
    world.posted(2);
    world.brings(1, bye(1_000));
    world.brings(1, error('INTERNAL'));
    world.at(3_000);
    expect(world.lines().slice(2)).toEqual(['#1 ends@0']);
  });
});

describe('D9: another log', () => {
  it('refuses an upgrade into another epoch while all is well, and stands it back', () => {
    const world = connected(better, ['A'], { head: 'a.5' });
    world.put(upgrade);
    world.hello(2, { head: 'b.0' });
    world.brings(1, message('A', 6));
    world.at(9_999);
    expect(world.lines()).toEqual(['#2 opens websocket [A] from a.5@0', '#2 ends@0', 'A 6@0']);
    world.at(10_000);
    expect(world.lines()).toEqual(['#3 opens websocket [A] from a.6@10000']);
  });

  it('refuses an upgrade to another memory of sends', () => {
    const world = connected(better, ['A']);
    world.put(upgrade);
    world.hello(2, { sends: 'n2' });
    expect(world.lines()).toEqual(['#2 opens websocket [A] from a.0@0', '#2 ends@0']);
  });

  it('refuses an upgrade with another number of partitions', () => {
    const world = connected(better, ['A']);
    world.put(upgrade);
    world.hello(2, { head: 'a.0,b.0', cursor: 'a.0,b.0', topics: { A: { start: '0.0' } } });
    expect(world.lines().slice(1)).toEqual(['#2 ends@0']);
  });

  it('takes it if the active connection is doubted, and tells each topic once', () => {
    const world = connected(better, ['A', 'B'], { head: 'a.5' });
    world.put(upgrade);
    world.signal('online');
    world.hello(2, { head: 'b.3', sends: 'n2' }, message('B', 4));
    expect(world.lines()).toEqual([
      '#2 opens websocket [A B] from a.5@0',
      '#1 ends@0',
      'gap A 5-3 epoch@0',
      'gap B 5-3 epoch@0',
      '#2 says ping@0',
      'B 4 (after a gap)@0',
      '#2 says release 1@0',
    ]);
  });

  it('a topic that the new log puts off is told once, and begins anew', () => {
    const world = connected({}, ['A', 'B'], { head: 'a.5' });
    world.ends(1);
    world.hello(2, { head: 'b.0', topics: { A: { retryMs: 1_000 } } });
    world.at(1_000);
    world.brings(
      2,
      { type: 'subscribed', request: 1, topics: [{ topic: 'A', start: '7' }] },
      message('A', 8),
    );
    expect(world.lines()).toEqual([
      '#1 ends@0',
      '#2 opens websocket [A B] from a.5@0',
      'reconnecting@0',
      'gap A 5-5 epoch@0',
      'gap B 5-0 epoch@0',
      'open@0',
      '#2 says subscribe [A+]@1000',
      'ready A@1000',
      'A 8 (after a gap)@1000',
    ]);
  });

  it('a poll that comes to another log goes on there', () => {
    const world = connected({ kinds: [longPoll] }, ['A'], { head: 'a.5' });
    world.answered(1);
    world.hello(1, { head: 'b.0', sends: 'n2' }, message('A', 1));
    expect(world.told()).toEqual(['gap A 5-0 epoch@0', 'A 1 (after a gap)@0']);
  });

  it('subscriptions that were never confirmed begin there without a gap', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.brings(2, world.helloFrame(2, { head: 'b.9' }), message('B', 10));
    expect(world.told()).toEqual(['gap A 5-9 epoch@0', 'ready B@0', 'B 10@0']);
  });
});

describe('D21: break before make', () => {
  it('a one-way connection is ended if its replacement cannot get through beside it', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.subscribe('B');
    world.at(1_000);
    expect(world.lines()).toEqual([
      '#2 opens http-stream [A B+] from a.0@0',
      '#1 ends@1000',
      'reconnecting@1000',
    ]);
    world.hello(2, { head: 'a.1' }, message('A', 1));
    expect(world.lines()).toEqual(['ready B@1000', 'A 1@1000', 'open@1000']);
  });

  it('and the next attempt follows if it does not come even then', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.subscribe('B');
    world.at(2_000);
    expect(world.lines().slice(2)).toEqual([
      'reconnecting@1000',
      '#2 ends@2000',
      '#3 opens http-stream [A B+] from a.0@2000',
    ]);
  });

  it('a websocket is not ended for its replacement', () => {
    const world = connected({}, []);
    world.brings(1, bye());
    world.at(1_000);
    expect(world.lines()).toEqual(['#2 opens websocket []@0', '#2 ends@1000', '#3 opens websocket []@1000']);
  });

  it('an upgrade that does not come through leaves the active connection alone', () => {
    const world = connected(better, []);
    world.put(upgrade);
    world.put({ type: 'opened', id: 2 });
    world.at(5_000);
    expect(world.lines()).toEqual(['#2 opens websocket []@0', '#2 ends@5000']);
  });

  it('a websocket that is not even open as an upgrade is ended sooner, as others wait for it', () => {
    const world = connected(better, []);
    world.put(upgrade);
    world.at(5_000);
    expect(world.lines()).toEqual(['#2 opens websocket []@0', '#2 ends@2000']);
  });

  it('an upgrade far away is given twice what it may take', () => {
    const world = createWorld(better);
    world.put(known('http-stream', 2_000), { type: 'open' });
    world.at(1_000);
    world.brings(1, { type: 'wait' });
    world.hello(1);
    world.lines();
    world.put(upgrade);
    world.put({ type: 'opened', id: 2 });
    world.at(14_000);
    expect(world.lines()).toEqual(['#2 opens websocket []@1000', '#2 ends@13200']);
  });
});

describe('bye', () => {
  it('makes a new connection before the old one is let go', () => {
    const world = connected({}, ['A']);
    world.brings(1, bye());
    world.hello(2);
    expect(world.lines()).toEqual(['#2 opens websocket [A] from a.0@0', '#1 ends@0']);
  });

  it('is followed no sooner than the server said, within the span that it gave', () => {
    const world = connected({}, []);
    world.brings(1, bye(1_000, 500));
    world.at(999);
    expect(world.lines()).toEqual([]);
    world.at(1_500);
    expect(world.lines()).toEqual([expect.stringMatching(/^#2 opens websocket \[\]@1[0-4]\d\d$/)]);
  });

  it('is followed no sooner even if the connection ends meanwhile', () => {
    const world = connected({}, []);
    world.brings(1, bye(1_000));
    world.ends(1, { kind: 'closed', code: 1012 });
    world.at(2_000);
    expect(world.lines()).toEqual(['#1 ends@0', 'reconnecting@0', '#2 opens websocket []@1000']);
  });

  it('to a first candidate is followed no sooner either', () => {
    const world = createWorld();
    world.put({ type: 'open' });
    world.brings(1, bye(1_000));
    world.at(1_000);
    expect(world.lines()).toEqual([
      '#1 opens websocket []@0',
      'connecting@0',
      '#1 ends@0',
      '#2 opens websocket []@1000',
    ]);
  });

  it('to a replacement is followed no sooner either', () => {
    const world = connected({ kinds: [stream] }, []);
    world.signal('network-changed');
    world.brings(2, bye(1_000));
    expect(world.lines()).toEqual(['#2 opens http-stream []@0', '#2 ends@0']);
    world.at(1_000);
    expect(world.lines()).toEqual(['#3 opens http-stream []@1000']);
  });

  it('to an upgrade is followed no sooner either', () => {
    const world = connected(better, []);
    world.put(upgrade);
    world.brings(2, bye(1_000));
    world.at(999);
    expect(world.lines()).toEqual(['#2 opens websocket []@0', '#2 ends@0']);
  });

  it('in the answer of a poll is followed no sooner either: nothing more is asked', () => {
    const world = connected({ kinds: [longPoll] }, ['A']);
    world.lines();
    world.brings(1, bye(600));
    world.answered(1);
    world.at(599);
    expect(world.lines()).toEqual([]);
    world.at(600);
    expect(world.lines()).toEqual(['#2 opens long-poll [A] from a.0 wait 0@600']);
  });

  it('without times is followed at once', () => {
    const world = connected({}, []);
    world.brings(1, { type: 'bye', reason: 'drain' });
    expect(world.lines()).toEqual(['#2 opens websocket []@0']);
  });

  it('is followed by another transport if its own cannot run any more', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    world.put({ type: 'available', transports: ['http-stream'] });
    world.brings(1, bye());
    expect(world.lines()).toEqual(['#2 opens http-stream []@0']);
  });

  it('is followed by its own transport if none is said to run', () => {
    const world = connected({}, []);
    world.put({ type: 'available', transports: [] });
    world.brings(1, bye());
    expect(world.lines()).toEqual(['#2 opens websocket []@0']);
  });
});

describe('a replacement that fails', () => {
  it('is tried again later and later beside the working connection', () => {
    const world = connected({ kinds: [stream], backoff: { baseMs: 1_000, capMs: 8_000 } }, []);
    world.subscribe('A');
    world.ends(2);
    world.ends(3);
    expect(world.lines()).toEqual(['#2 opens http-stream [A+]@0', '#2 ends@0']);
    world.at(1_000);
    expect(world.lines()).toEqual([expect.stringMatching(/^#3 opens http-stream/)]);
  });

  it('with a word to hold off is not tried again at once', () => {
    const world = connected({ kinds: [stream], backoff: { baseMs: 1_000, capMs: 8_000 } }, []);
    world.subscribe('A');
    world.brings(2, error('TOO_MANY_CONNECTIONS'));
    expect(world.lines()).toEqual(['#2 opens http-stream [A+]@0', '#2 ends@0']);
    world.after(3_999);
    expect(world.lines()[0]).toMatch(/^#3 opens http-stream/);
  });
});

describe('what a candidate must reach', () => {
  it('is all that had been seen when it said hello', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.brings(1, message('A', 6));
    world.hello(2, { head: 'a.6' });
    world.brings(1, message('A', 7));
    world.posted(2);
    world.lines();
    world.brings(2, mark('a.6'));
    expect(world.lines()).toEqual(['#2 posts n1: release 1@0']);
  });

  it('is asked for, once, as a stream that has nothing to bring says nothing for long', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.brings(1, message('A', 6));
    world.hello(2, { head: 'a.6' });
    world.brings(1, message('A', 7));
    world.brings(2, message('A', 6));
    world.brings(2, pong);
    world.posted(2);
    expect(world.lines()).toEqual([
      '#2 opens http-stream [A B+] from a.5@0',
      'A 6@0',
      'ready B@0',
      '#2 posts n1: ping 2@0',
      'A 7@0',
      '#2 posts n1: release 1@0',
    ]);
  });

  it('is not asked of a poll between two answers', () => {
    const world = connected({ kinds: [longPoll] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } });
    expect(world.lines()).toEqual(['#2 opens long-poll [A B+] from a.5 wait 0@0', 'ready B@0']);
  });

  it('includes every topic that is held back', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } }, mark('a.8'));
    world.posted(1);
    expect(world.lines()).toEqual([
      '#2 opens http-stream [A B+] from a.5@0',
      'ready B@0',
      '#1 posts n1: ping 1@0',
    ]);
    world.brings(1, message('A', 6), message('A', 7));
    expect(world.lines()).toEqual(['A 6@0', 'A 7@0', '#2 posts n1: release 1@0']);
  });

  it('no longer includes a topic that nobody wants', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } }, mark('a.8'));
    world.posted(2);
    world.lines();
    world.unsubscribe('A');
    expect(world.lines()).toContain('#2 posts n1: release 1@0');
  });

  it('a short poll that waited for it asks once, not twice', () => {
    const world = connected({ kinds: [poll] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '7' } } });
    world.answered(2);
    world.brings(1, message('A', 6), message('A', 7));
    world.at(4_000);
    const polls = world.lines().filter((line) => line.startsWith('#2 polls'));
    expect(polls).toEqual(['#2 polls [A B@a.8] from a.7 wait 0@0']);
  });

  it('a gap that another connection bridges meanwhile is never told', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.5' });
    world.subscribe('B');
    world.hello(2, { head: 'a.8', topics: { A: { start: '6' } } }, gap('A', 7), message('A', 8));
    world.brings(1, message('A', 6), message('A', 7));
    expect(world.told()).toEqual(['ready B@0', 'A 6@0', 'A 7@0', 'A 8@0']);
  });
});

describe('tokens', () => {
  it('are asked for before the first open, which carries one', () => {
    const world = createWorld({ auth: true });
    world.put({ type: 'open' });
    world.put({ type: 'token', token: 't1' });
    expect(world.lines()).toEqual(['ask-token@0', 'connecting@0', '#1 opens websocket [] token t1@0']);
  });

  it('are renewed before they run out, by a new connection', () => {
    const world = createWorld({ auth: true });
    world.put({ type: 'open' }, { type: 'token', token: 't1' });
    world.hello(1, { expiresInMs: 10_000, heartbeatMs: 60_000 });
    world.lines();
    world.at(8_000);
    world.put({ type: 'token', token: 't2' });
    world.hello(2);
    expect(world.lines()).toEqual(['ask-token@8000', '#2 opens websocket [] token t2@8000', '#1 ends@8000']);
  });

  it('travel with every POST', () => {
    const world = createWorld({ auth: true, kinds: [stream] });
    world.put({ type: 'open' }, { type: 'token', token: 't1' });
    world.hello(1);
    world.send(1);
    const posted = world.effects().filter((effect) => effect.type === 'transmit');
    expect(posted.map((effect) => effect.batch)).toEqual([
      { type: 'batch', client: 'client-1', key: 'key-1', sends: 'n1', token: 't1' },
    ]);
  });

  it('that are refused are asked for anew, at once and then slowly, with an error', () => {
    const world = createWorld({ auth: true, backoff: { baseMs: 1_000, capMs: 20_000 } });
    world.put({ type: 'open' }, { type: 'token', token: 't1' });
    world.brings(1, error('AUTH_FAILED'));
    world.put({ type: 'token', token: 't2' });
    world.at(1_000);
    world.lines();
    world.brings(2, error('AUTH_FAILED'));
    expect(world.lines()).toEqual(['#2 ends@1000', 'error AUTH_FAILED@1000']);
    world.at(2_999);
    expect(world.lines()).toEqual([]);
    world.at(9_000);
    expect(world.lines()).toEqual([expect.stringMatching(/^ask-token@/)]);
  });

  it('that `auth` cannot give are asked for again slowly, with an error', () => {
    const world = createWorld({ auth: true, backoff: { baseMs: 1_000, capMs: 20_000 } });
    world.put({ type: 'open' });
    world.put({ type: 'token-failed', cause: new Error('no network') });
    expect(world.lines()).toEqual(['ask-token@0', 'connecting@0', 'error AUTH_UNAVAILABLE@0']);
    world.at(4_000);
    expect(world.lines()).toEqual([expect.stringMatching(/^ask-token@[23]\d\d\d$/)]);
  });

  it('that fail after the client was closed concern nobody', () => {
    const world = createWorld({ auth: true });
    world.put({ type: 'open' });
    world.put({ type: 'close' });
    world.put({ type: 'token-failed', cause: undefined });
    expect(world.lines()).toEqual(['ask-token@0', 'connecting@0', 'closed@0']);
  });

  it('are asked for once, however much happens meanwhile', () => {
    const world = createWorld({ auth: true });
    world.subscribe('A');
    world.subscribe('B');
    expect(world.lines()).toEqual(['ask-token@0', 'connecting@0']);
  });

  it('are not asked for after a connection that needs none has said when it expires', () => {
    const world = connected({}, [], { expiresInMs: 1_000, heartbeatMs: 60_000 });
    world.at(1_000);
    expect(world.lines()).toEqual([]);
  });

  it('another user is moved to by a new connection', () => {
    const world = createWorld({ auth: true });
    world.put({ type: 'open' }, { type: 'token', token: 't1' });
    world.hello(1, { identity: 'anna' });
    world.lines();
    world.put({ type: 'reauthenticate' });
    world.put({ type: 'token', token: 't2' });
    expect(world.lines()).toEqual(['ask-token@0', '#2 opens websocket [] token t2@0']);
  });
});

describe('another identity', () => {
  it('does not get what was queued for the former one', () => {
    const world = connected({}, [], { identity: 'anna' });
    world.ends(1);
    world.send(1);
    world.lines();
    world.hello(2, { identity: 'ben' });
    world.send(2);
    expect(world.lines()).toEqual(['settled 1: IDENTITY_CHANGED@0', 'open@0', '#2 says send 1 2@0']);
  });

  it('does not get what was transmitted for the former one either: it goes as void', () => {
    const world = connected({}, [], { identity: 'anna' });
    world.send(1);
    world.ends(1);
    world.lines();
    world.hello(2, { identity: 'ben' });
    expect(world.lines()).toEqual(['settled 1: OUTCOME_UNKNOWN@0', '#2 says void 1@0', 'open@0']);
  });

  it('is none if the same one comes back', () => {
    const world = connected({}, [], { identity: 'anna' });
    world.ends(1);
    world.send(1);
    world.lines();
    world.hello(2, { identity: 'anna' });
    expect(world.lines()).toEqual(['#2 says send 1 1@0', 'open@0']);
  });

  it('nobody at all is another identity too', () => {
    const world = connected({}, [], { identity: 'anna' });
    world.ends(1);
    world.send(1);
    world.lines();
    world.hello(2);
    expect(world.lines()).toEqual(['settled 1: IDENTITY_CHANGED@0', 'open@0']);
  });
});
