/**
 * The schedules that broke the naive reading of the protocol, each replayed: nothing is lost, repeated or told without need.
 * The letter and number is that of the finding, as in the other tests of these rules.
 */
import { describe, expect, it } from 'vitest';
import {
  ack,
  connected,
  createWorld,
  ephemeral,
  gap,
  longPoll,
  mark,
  message,
  poll,
  pong,
  stream,
  websocket,
} from './harness.ts';

describe('F1: connections with different topic lists', () => {
  it('a mark on a connection that never carried a topic does not cover its messages', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.2' });
    world.subscribe('B');
    world.hello(2, { head: 'a.2' });
    world.brings(1, mark('a.3'), message('A', 4));
    world.brings(2, message('B', 3), message('A', 4));
    expect(world.lines()).toEqual([
      '#2 opens http-stream [A B+] from a.2@0',
      'ready B@0',
      '#2 posts n1: release 1@0',
      'A 4@0',
      'B 3@0',
    ]);
  });

  it('a connection opened later starts where the topic that lags stands', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.2' });
    world.subscribe('B');
    world.hello(2, { head: 'a.2' });
    world.brings(1, mark('a.3'), message('A', 4));
    world.ends(1);
    world.ends(2);
    world.at(10);
    expect(world.lines().filter((line) => line.startsWith('#3'))).toEqual([
      '#3 opens http-stream [A@a.4 B] from a.2@0',
    ]);
  });

  it('a gap of one topic does not cover the messages of another', () => {
    const world = connected({}, ['A', 'B'], { head: 'a.2' });
    world.brings(1, gap('A', 9), message('B', 5), message('A', 10));
    expect(world.told()).toEqual(['gap A 2-9 trimmed@0', 'B 5@0', 'A 10 (after a gap)@0']);
  });
});

describe('F2: two first connections that start at different places', () => {
  it('what the later one brings is held until the earlier one has brought what lies before', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.subscribe('A');
    world.at(1_300);
    world.hello(2, { head: 'a.0' });
    world.hello(1, { head: 'a.1' });
    world.brings(1, message('A', 2));
    world.brings(2, message('A', 1));
    expect(world.told()).toEqual(['ready A@1300', 'A 1@1300', 'A 2@1300']);
  });

  it('a long poll between two answers still bridges to the websocket', () => {
    const world = createWorld({ kinds: [websocket, longPoll] });
    world.subscribe('A');
    world.at(1_300);
    world.hello(2, { head: 'a.0' });
    world.answered(2);
    world.hello(1, { head: 'a.1' });
    world.brings(1, message('A', 2));
    world.hello(2, { head: 'a.2' }, message('A', 1), message('A', 2), mark('a.2'));
    expect(world.lines()).toEqual([
      '#1 opens websocket [A+]@0',
      'connecting@0',
      '#2 opens long-poll [A+] wait 0@1000',
      'ready A@1300',
      'open@1300',
      '#2 polls [A] from a.0 wait 10000@1300',
      '#2 posts n1: ping 2@1300',
      'A 1@1300',
      'A 2@1300',
      '#1 says ping@1300',
    ]);
    world.brings(1, pong);
    expect(world.lines()).toEqual(['#1 says release 2@1300']);
  });

  it('if the earlier one ends first, the later one is opened anew from the cursor', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.subscribe('A');
    world.at(1_300);
    world.hello(2, { head: 'a.0' });
    world.hello(1, { head: 'a.1' });
    world.brings(1, message('A', 2));
    world.ends(2);
    const open = world.lines().filter((line) => line.startsWith('#3'));
    expect(open).toEqual(['#3 opens http-stream [A] from a.0@1300']);
    world.hello(3, { head: 'a.2' }, message('A', 1), message('A', 2));
    expect(world.told()).toEqual(['A 1@1300', 'A 2@1300']);
  });
});

describe('F4: what a candidate brings', () => {
  it('messages of a candidate count before it is promoted', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.100' });
    world.brings(1, message('A', 101));
    world.signal('network-changed');
    world.hello(2, { head: 'a.103' }, message('A', 102));
    world.brings(2, message('A', 103));
    expect(world.told()).toEqual(['A 101@0', 'A 102@0', 'A 103@0']);
  });

  it('a candidate that says hello and then nothing does not replace a healthy connection', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.100' });
    world.subscribe('B');
    world.brings(1, message('A', 101));
    world.hello(2, { head: 'a.101' });
    world.brings(1, message('A', 102));
    expect(world.lines()).toEqual([
      '#2 opens http-stream [A B+] from a.100@0',
      'A 101@0',
      'ready B@0',
      '#2 posts n1: ping 2@0',
      'A 102@0',
    ]);
    world.posted(2);
    world.brings(2, message('A', 101), message('A', 102));
    expect(world.lines()).toEqual(['#2 posts n1: release 1@0']);
  });
});

describe('F5: a send that may have arrived', () => {
  it('is transmitted again under its number after a cut', () => {
    const world = connected({}, []);
    world.send(1);
    world.ends(1, { kind: 'closed', code: 1006 });
    world.at(1);
    world.hello(2);
    world.brings(2, ack(1, 'done'));
    expect(world.lines()).toEqual([
      '#1 says send 1 1@0',
      '#1 ends@0',
      '#2 opens websocket []@0',
      'reconnecting@0',
      '#2 says send 1 1@1',
      'open@1',
      'settled 1: "done"@1',
    ]);
  });

  it('has an unknown outcome where the server has another memory of sends, and later ones go on from 1', () => {
    const world = connected({}, []);
    world.send(1);
    world.ends(1);
    world.send(2);
    world.at(1);
    world.lines();
    world.hello(2, { sends: 'n2' });
    world.brings(2, ack(1, 'done'));
    expect(world.lines()).toEqual([
      'settled 1: OUTCOME_UNKNOWN@1',
      '#2 says send 1 2@1',
      'open@1',
      'settled 2: "done"@1',
    ]);
  });

  it('every POST names the memory that its numbers belong to', () => {
    const world = connected({ kinds: [stream] }, [], { sends: 'n7' });
    world.send(1);
    expect(world.lines()).toEqual(['#1 posts n7: send 1 1@0']);
  });

  it('an answer of the former memory settles nothing of the new one', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    world.signal('network-changed');
    world.hello(2, { sends: 'n2' });
    world.send(2);
    world.posted(2);
    world.lines();
    world.brings(1, ack(1, 'of the former'));
    expect(world.lines()).toEqual([]);
    world.brings(2, ack(1, 'of the new'));
    expect(world.lines()).toEqual(['settled 2: "of the new"@0']);
  });
});

describe('F6: aborted and timed-out sends', () => {
  it('one that was never transmitted is certain, and takes no number', () => {
    const world = createWorld();
    world.send(1);
    world.send(2);
    world.put({ type: 'abort', ref: 1 });
    world.lines();
    world.hello(1);
    expect(world.lines()).toEqual(['#1 says send 1 2@0', 'open@0']);
    expect(world.effects()).toContainEqual(
      expect.objectContaining({
        ref: 1,
        error: expect.objectContaining({ code: 'NOT_SENT', maybeApplied: false, retryable: true }),
      }),
    );
  });

  it('one that was transmitted keeps its number, and is sent as void after a cut', () => {
    const world = connected({}, []);
    world.send(1, 10, 5_000);
    world.at(5_000);
    world.send(2);
    world.ends(1);
    world.at(5_001);
    world.hello(2);
    world.brings(2, ack(1), ack(2, 'two'));
    expect(world.lines()).toEqual([
      '#1 says send 1 1@0',
      'settled 1: OUTCOME_UNKNOWN@5000',
      '#1 says ping, send 2 2@5000',
      '#1 ends@5000',
      '#2 opens websocket []@5000',
      'reconnecting@5000',
      '#2 says void 1, send 2 2@5001',
      'open@5001',
      'settled 2: "two"@5001',
    ]);
  });

  it('every POST begins with the oldest number in use', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    world.put({ type: 'abort', ref: 1 });
    world.send(2);
    world.posted(1, 0);
    world.at(1);
    expect(world.lines()).toEqual([
      '#1 posts n1: send 1 1@0',
      'settled 1: OUTCOME_UNKNOWN@0',
      '#1 posts n1: void 1, send 2 2@0',
    ]);
  });
});

describe('F7a: a gap of what is still on its way', () => {
  it('is not told if another connection brings it', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.subscribe('B');
    world.hello(2, { head: 'a.2' }, gap('A', 1), message('A', 2));
    world.brings(1, message('A', 1), message('A', 2));
    expect(world.told()).toEqual(['ready B@0', 'A 1@0', 'A 2@0']);
  });

  it('is told once, before what follows it, when nobody can bring it any more', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.subscribe('B');
    world.hello(2, { head: 'a.2' }, gap('A', 1), message('A', 2));
    world.ends(1);
    world.brings(2, gap('A', 1), message('A', 3));
    expect(world.told()).toEqual(['ready B@0', 'gap A 0-1 trimmed@0', 'A 2 (after a gap)@0', 'A 3@0']);
  });

  it('is not told again when both connections tell it', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.subscribe('B');
    world.hello(2, { head: 'a.2' }, gap('A', 1), message('A', 2));
    world.brings(1, gap('A', 1), message('A', 2));
    world.at(3_000);
    expect(world.told()).toEqual(['ready B@0', 'gap A 0-1 trimmed@0', 'A 2 (after a gap)@0']);
  });

  it('is not told while the poll that may bring it is under way', () => {
    const world = connected({ kinds: [websocket, longPoll], available: ['long-poll'] }, ['A']);
    world.answered(1);
    world.put({ type: 'available', transports: ['websocket', 'long-poll'] });
    world.hello(2, { head: 'a.2' }, gap('A', 1), message('A', 2));
    world.hello(1, { head: 'a.2' }, message('A', 1), message('A', 2));
    world.at(3_000);
    expect(world.told()).toEqual(['A 1@0', 'A 2@0']);
  });
});

describe('F8a: bytes of the former log after a restart', () => {
  it('change nothing, and the gap is told once', () => {
    const world = connected({ kinds: [stream] }, ['A'], { head: 'a.499' });
    world.brings(1, message('A', 500));
    world.signal('network-changed');
    world.hello(2, { head: 'b.0', sends: 'n2' }, message('A', 1), message('A', 2));
    world.brings(1, message('A', 501));
    world.brings(2, message('A', 3));
    expect(world.lines()).toEqual([
      'A 500@0',
      '#2 opens http-stream [A] from a.500@0',
      '#1 ends@0',
      'gap A 500-0 epoch@0',
      'A 1 (after a gap)@0',
      'A 2@0',
      '#2 posts n2: release 1@0',
      'A 3@0',
    ]);
  });
});

describe('F10: an answer to a poll that is lost', () => {
  it('is asked for again from the cursor', () => {
    const world = connected({ kinds: [longPoll] }, ['A'], { head: 'a.100' });
    world.brings(1, message('A', 101));
    world.answered(1);
    world.ends(1, { kind: 'status', status: 502 });
    world.at(1);
    world.hello(2, { head: 'a.150' }, message('A', 102));
    world.answered(2);
    expect(world.lines()).toEqual([
      'A 101@0',
      '#1 polls [A] from a.101 wait 10000@0',
      '#1 ends@0',
      '#2 opens long-poll [A] from a.101 wait 0@0',
      'reconnecting@0',
      'A 102@1',
      'open@1',
      '#2 polls [A] from a.102 wait 10000@1',
    ]);
  });

  it('each poll asks from as far as the last answer reached', () => {
    const world = connected({ kinds: [poll] }, ['A'], { head: 'a.100' });
    world.brings(1, mark('a.120'));
    world.answered(1);
    world.at(750);
    expect(world.lines()).toEqual(['#1 polls [A] from a.120 wait 0@750']);
  });
});

describe('F13a: ephemeral messages in an overlap', () => {
  it('come once, from the active connection alone', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.subscribe('B');
    world.brings(1, message('A', 1));
    world.hello(2, { head: 'a.1' });
    world.brings(2, ephemeral('A', 'h1.0'));
    world.brings(1, ephemeral('A', 'h1.1'));
    world.brings(2, message('A', 1));
    world.brings(2, ephemeral('A', 'h1.1'), ephemeral('A', 'h1.2'));
    world.brings(1, ephemeral('A', 'h1.2'), ephemeral('A', 'h1.3'));
    expect(world.told()).toEqual(['A 1@0', 'ready B@0', 'A "~h1.1"@0', 'A "~h1.2"@0']);
  });

  it('of many origins are each counted on their own', () => {
    const world = connected({}, ['A']);
    world.brings(
      1,
      ephemeral('A', 'h1.5'),
      ephemeral('A', 'h2.1'),
      ephemeral('A', 'h1.4'),
      ephemeral('A', 'h2.2'),
    );
    expect(world.told()).toEqual(['A "~h1.5"@0', 'A "~h2.1"@0', 'A "~h2.2"@0']);
  });

  it('without a proper mark are dropped', () => {
    const world = connected({}, ['A']);
    world.brings(1, ephemeral('A', 'h1'), ephemeral('A', '.1'), ephemeral('A', 'h1.x'));
    expect(world.told()).toEqual([]);
  });
});

describe('F20: topics that change faster than a connection opens', () => {
  it('never replace a candidate: it is promoted, then one more opens with all changes', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    for (let i = 0; i < 6; i++) {
      world.at(i * 50);
      if (i === 4) world.hello(2);
      world.subscribe(`T${i}`);
    }
    world.at(300);
    world.hello(3);
    world.at(400);
    world.hello(4);
    expect(world.lines().filter((line) => line.includes('opens'))).toEqual([
      '#2 opens http-stream [A T0+] from a.0@0',
      '#3 opens http-stream [A T0 T1+ T2+ T3+] from a.0@200',
      '#4 opens http-stream [A T0 T1 T2 T3 T4+ T5+] from a.0@300',
    ]);
  });

  it('a burst of one turn costs one open', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.subscribe('B', 'C', 'D');
    expect(world.lines()).toEqual(['#2 opens http-stream [A B+ C+ D+] from a.0@0']);
  });

  it('a late answer to an earlier request does not confirm a later subscription', () => {
    const world = connected({}, []);
    world.subscribe('A');
    world.unsubscribe('A');
    world.subscribe('A');
    world.brings(
      1,
      { type: 'subscribed', request: 1, topics: [{ topic: 'A', start: '0' }] },
      message('A', 1),
    );
    world.brings(
      1,
      { type: 'subscribed', request: 2, topics: [{ topic: 'A', start: '1' }] },
      message('A', 2),
    );
    expect(world.told()).toEqual(['ready A@0', 'A 2@0']);
  });
});

describe('F22: poison', () => {
  it('a frame that cannot be read ends its connection, and it is asked for again', () => {
    const world = connected({}, ['A']);
    world.brings(1, message('A', 1));
    world.put({ type: 'undecodable', id: 1 });
    world.at(1);
    expect(world.lines()).toEqual([
      'A 1@0',
      '#1 ends@0',
      '#2 opens websocket [A] from a.1@0',
      'reconnecting@0',
    ]);
  });

  /** Connections of this transport that end, one after another, at the same frame; returns the number of the next. */
  const poisonThrice = (world: ReturnType<typeof createWorld>, from: number): number => {
    for (let id = from; id < from + 3; id++) {
      if (id > 1) world.hello(id, { head: 'a.5' });
      world.put({ type: 'undecodable', id });
      world.after(1);
    }
    return from + 3;
  };

  it('three connections that die at the same place lead to the next transport', () => {
    const world = connected({ kinds: [websocket, stream] }, ['A'], { head: 'a.5' });
    poisonThrice(world, 1);
    expect(world.lines().filter((line) => line.includes('opens'))).toEqual([
      '#2 opens websocket [A] from a.5@0',
      '#3 opens websocket [A] from a.5@1',
      '#4 opens http-stream [A] from a.5@2',
    ]);
  });

  it('then it is asked for alone, on one way after another, and after seven times more passed over', () => {
    const world = connected({ kinds: [websocket, stream, poll] }, ['A'], { head: 'a.5' });
    world.put({ type: 'undecodable', id: 1 });
    const opens: string[] = [];
    for (let ms = 0; ms < 100_000 && !opens.at(-1)?.includes('skip'); ms += 10) {
      const lines = world.lines().filter((line) => line.includes('opens'));
      opens.push(...lines.map((line) => line.replace(/@.*/, '').replace(' [A] from a.5', '')));
      if (lines.length === 0) {
        world.after(10);
      } else {
        const id = opens.length + 1;
        world.hello(id, { head: 'a.9', cursor: 'a.5' });
        world.put({ type: 'undecodable', id });
      }
    }
    expect(opens).toEqual([
      '#2 opens websocket',
      '#3 opens websocket',
      '#4 opens http-stream',
      '#5 opens http-stream max 1',
      '#6 opens poll wait 0 max 0',
      '#7 opens websocket max 1',
      '#8 opens http-stream max 1',
      '#9 opens poll wait 0 max 0',
      '#10 opens poll wait 0 max 0',
      '#11 opens websocket max 1',
      '#12 opens http-stream max 1 skip',
    ]);
  });

  it('what brought something was not killed by what comes next, and is asked first again', () => {
    const world = connected({ kinds: [websocket, stream] }, ['A'], { head: 'a.5' });
    for (let id = 1; id <= 4; id++) {
      world.put({ type: 'undecodable', id });
      world.after(1);
    }
    const opens = (): string[] => world.lines().filter((line) => line.includes('opens'));
    let open = '';
    while (!/websocket.* max 1/.test(open)) {
      world.after(10);
      open = opens().at(-1) ?? '';
    }
    const id = Number(/\d+/.exec(open)?.[0]);
    world.hello(id, { head: 'a.9', cursor: 'a.5' });
    world.brings(id, message('A', 6));
    world.after(3_000);
    opens();
    world.put({ type: 'undecodable', id });
    world.after(1_000);
    expect(opens()[0]).toMatch(/websocket \[A\] from a\.6@/);
  });

  it('a send that is too large for the server never gets a number', () => {
    const world = connected({}, [], { limits: { frameBytes: 20 } });
    world.send(1, 21);
    world.send(2);
    expect(world.lines()).toEqual(['settled 1: SEND_TOO_LARGE@0', '#1 says send 1 2@0']);
  });

  it('a send that ended three connections is given up, and those behind it go on', () => {
    const world = connected({}, []);
    world.send(1);
    world.send(2);
    for (let id = 1; id <= 3; id++) {
      if (id > 1) world.hello(id);
      world.ends(id, { kind: 'closed', code: 1009 });
      world.after(1);
    }
    world.hello(4);
    const lines = world.lines();
    expect(lines.filter((line) => line.startsWith('settled'))).toEqual(['settled 1: OUTCOME_UNKNOWN@2']);
    expect(lines).toContain('#4 says void 1, send 2 2@3');
  });

  it('a send whose POST was too large three times is given up', () => {
    const world = connected({ kinds: [stream] }, []);
    world.send(1);
    for (let i = 0; i < 3; i++) {
      world.posted(1, 413);
      world.after(1);
    }
    expect(world.lines().filter((line) => line.startsWith('settled'))).toEqual([
      'settled 1: OUTCOME_UNKNOWN@2',
    ]);
  });
});

describe('F5: a memory of sends that the client has left', () => {
  it('is not gone back to: that connection ends, and the next open names the one that the client stands in', () => {
    const world = connected({}, []);
    world.ends(1);
    world.hello(2, { sends: 'n2' });
    world.ends(2);
    world.lines();
    world.hello(3, { sends: 'n1' });
    expect(world.lines()[0]).toMatch(/^#3 ends@/);
    world.hello(4, { sends: 'n3' });
    expect(world.lines()).toContainEqual(expect.stringMatching(/^open@/));
  });
});
