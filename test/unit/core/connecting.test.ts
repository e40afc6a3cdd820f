/** Which transport is tried when: rounds, patience, back-off, upgrades, and what is held against whom. */
import { describe, expect, it } from 'vitest';
import type { Ending } from '../../../src/core/verdict.ts';
import {
  connected,
  createWorld,
  error,
  known,
  longPoll,
  message,
  poll,
  pong,
  stream,
  type World,
  websocket,
} from './harness.ts';

const releasesOf = (world: World): string[] => world.lines().filter((line) => line.includes(' release '));
const opensOf = (world: World): string[] => world.lines().filter((line) => line.includes(' opens '));

describe('the first connection', () => {
  it('is opened when something is wanted, and not before', () => {
    const world = createWorld();
    world.put({ type: 'time' });
    expect(world.lines()).toEqual([]);
    world.put({ type: 'open' });
    expect(world.lines()).toEqual(['#1 opens websocket []@0', 'connecting@0']);
  });

  it('waits for an identity', () => {
    const world = createWorld();
    world.put({ type: 'identity', client: '', key: '' }, { type: 'open' });
    expect(opensOf(world)).toEqual([]);
    world.put({ type: 'identity', client: 'client-1', key: 'key-1' });
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0']);
  });

  it('is tried on each transport in turn, a slow one keeps its chance beside the next', () => {
    const world = createWorld({ kinds: [websocket, stream, longPoll] });
    world.put({ type: 'open' });
    world.at(4_500);
    expect(world.lines()).toEqual([
      '#1 opens websocket []@0',
      'connecting@0',
      '#2 opens http-stream []@1000',
      '#1 ends@2000',
      '#3 opens long-poll [] wait 0@2000',
      '#2 ends@3000',
      '#3 ends@4000',
      '#4 opens websocket []@4000',
    ]);
  });

  it('goes to the next transport at once when one is refused', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.ends(1, { kind: 'refused' });
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0', '#2 opens http-stream []@0']);
  });

  it('leaves out transports that cannot run here', () => {
    const world = createWorld({ kinds: [websocket, stream], available: ['http-stream'] });
    world.put({ type: 'open' });
    expect(opensOf(world)).toEqual(['#1 opens http-stream []@0']);
  });

  it('fails once and for all to see if none can run, until one can', () => {
    const world = createWorld({ available: [] });
    world.put({ type: 'open' });
    world.put({ type: 'time' });
    expect(world.lines()).toEqual(['error NO_TRANSPORT@0', 'connecting@0']);
    world.put({ type: 'available', transports: ['websocket'] });
    expect(world.lines()).toEqual(['#1 opens websocket []@0']);
  });

  it('begins with the transport that worked here before, which is given a second at least', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put(known('http-stream', 100), { type: 'open' });
    world.at(1_000);
    expect(opensOf(world)).toEqual(['#1 opens http-stream []@0', '#2 opens websocket []@1000']);
  });

  it('is given less where nothing is known to work, by what the platform takes a round trip for', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'estimate', rttMs: 50 }, { type: 'open' });
    world.at(250);
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0', '#2 opens http-stream []@250']);
  });

  it('takes a round trip that was measured here for better than any estimate', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put(known('websocket', 400), { type: 'estimate', rttMs: 50 }, { type: 'open' });
    world.at(1_300);
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0', '#2 opens http-stream []@1300']);
  });

  it('ignores a remembered transport that this client does not have', () => {
    const world = createWorld();
    world.put(known('jsonp'), { type: 'open' });
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0']);
  });

  it('is remembered once it works, with its round trip', () => {
    const world = createWorld();
    world.put({ type: 'open' });
    world.at(200);
    world.hello(1);
    expect(world.effects()).toContainEqual({
      type: 'remember',
      known: { transport: 'websocket', rttMs: 100, heartbeatMs: undefined, out: {} },
    });
  });

  it('says when it has opened', () => {
    const world = createWorld();
    world.put({ type: 'open' });
    world.put({ type: 'opened', id: 1 });
    expect(world.traces()).toContain('opened');
  });
});

describe('a network that nobody knows', () => {
  const eager = { kinds: [websocket, stream, longPoll, poll], eager: true };

  it('is explored with two opens: the best, and the best that gets through wherever HTTP does', () => {
    const world = createWorld(eager);
    world.subscribe('A');
    world.at(100);
    world.hello(2);
    world.at(150);
    world.hello(1);
    world.brings(1, pong);
    expect(world.lines()).toEqual([
      '#1 opens websocket [A+]@0',
      '#2 opens long-poll [A+] wait 0@0',
      'connecting@0',
      'ready A@100',
      'open@100',
      '#1 says ping@150',
      '#1 says release 2@150',
    ]);
  });

  it('that is remembered is not explored', () => {
    const world = createWorld(eager);
    world.put(known('websocket', 50), { type: 'open' });
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0']);
  });

  it('is not explored once something has worked', () => {
    const world = connected({ ...eager, available: ['websocket'] }, []);
    world.put({ type: 'available', transports: ['http-stream', 'long-poll'] });
    world.ends(1);
    expect(opensOf(world)).toEqual(['#2 opens http-stream []@0']);
  });

  it('is not explored where the best is the safest', () => {
    const world = createWorld({ kinds: [longPoll, poll], eager: true });
    world.put({ type: 'open' });
    expect(opensOf(world)).toEqual(['#1 opens long-poll [] wait 0@0']);
  });

  it('is not explored where none is safer', () => {
    const world = createWorld({ kinds: [websocket, stream], eager: true });
    world.put({ type: 'open' });
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0']);
  });

  it('is not explored where the application asks for a transport', () => {
    const world = createWorld(eager);
    world.put({ type: 'prefer', transport: 'http-stream' }, { type: 'open' });
    expect(opensOf(world)).toEqual(['#1 opens http-stream []@0']);
  });
});

describe('a server that takes its time', () => {
  it('proves the transport by `wait`: no other is tried', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.brings(1, { type: 'wait' });
    world.brings(1, { type: 'wait' });
    world.at(29_000);
    world.hello(1);
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0']);
  });

  it('may not take for ever', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.brings(1, { type: 'wait' });
    world.at(30_000);
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0', '#2 opens http-stream []@30000']);
  });
});

describe('a lesser transport that was faster', () => {
  it('stays until the better one has caught up and has answered', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.subscribe('A');
    world.at(1_300);
    world.hello(2);
    world.brings(2, message('A', 1));
    world.at(1_400);
    world.hello(1);
    expect(world.lines().slice(2)).toEqual([
      '#2 opens http-stream [A+]@1000',
      'ready A@1300',
      'open@1300',
      'A 1@1300',
      '#1 says ping@1400',
    ]);
    world.brings(1, message('A', 1));
    world.at(1_450);
    expect(releasesOf(world)).toEqual([]);
    world.brings(1, pong);
    expect(world.lines()).toEqual(['#1 says release 2@1450']);
  });

  it('releases those that are no better', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.at(1_300);
    world.hello(1);
    world.put({ type: 'ended', id: 2, ending: { kind: 'aborted' } });
    expect(world.lines().slice(2)).toEqual([
      '#2 opens http-stream []@1000',
      '#1 says ping@1300',
      '#1 says release 2@1300',
      'open@1300',
      '#2 ends@1300',
    ]);
  });

  it('is used while the better one stands back, which is tried again later and later', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.ends(1, { kind: 'refused' });
    world.hello(2);
    world.at(10_000);
    world.brings(2, { type: 'ping', cursor: '' });
    world.ends(3, { kind: 'refused' });
    world.at(19_000);
    world.brings(2, { type: 'ping', cursor: '' });
    world.at(30_000);
    expect(opensOf(world)).toEqual([
      '#1 opens websocket []@0',
      '#2 opens http-stream []@0',
      '#3 opens websocket []@10000',
      '#4 opens websocket []@30000',
    ]);
  });

  it('is left for the best of those that are forgiven already', () => {
    const world = createWorld({ kinds: [websocket, stream, longPoll], available: ['long-poll'] });
    world.put({ type: 'open' });
    world.hello(1);
    world.put({ type: 'available', transports: ['websocket', 'http-stream', 'long-poll'] });
    world.ends(2, { kind: 'refused' });
    expect(opensOf(world)).toEqual([
      '#1 opens long-poll [] wait 0@0',
      '#2 opens websocket []@0',
      '#3 opens http-stream []@0',
    ]);
  });

  it('gives way to a candidate that only says hello if it is doubted', () => {
    const world = connected({ kinds: [websocket, stream] }, ['A']);
    world.put({ type: 'prefer', transport: 'http-stream' });
    world.hello(2);
    world.brings(2, message('A', 1));
    world.signal('online');
    world.lines();
    world.hello(3);
    expect(world.lines()).toEqual(['#4 ends@0', '#3 posts n1: release 2@0']);
  });
});

describe('a transport that the application asks for', () => {
  it('is tried at once beside the present one, and kept', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    world.put({ type: 'prefer', transport: 'http-stream' });
    world.hello(2);
    world.at(9_000);
    expect(world.lines()).toEqual(['#2 opens http-stream []@0', '#1 ends@0']);
  });

  it('that cannot run here is no transport', () => {
    const world = connected({ kinds: [websocket, stream], available: ['websocket'] }, []);
    world.put({ type: 'prefer', transport: 'http-stream' });
    expect(world.lines()).toEqual([]);
  });

  it('that this client does not have is no transport', () => {
    const world = connected({ kinds: [websocket], available: ['websocket', 'jsonp'] }, []);
    world.put({ type: 'prefer', transport: 'jsonp' });
    expect(world.lines()).toEqual([]);
  });

  it('is tried first even if it failed before', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.ends(1, { kind: 'refused' });
    world.hello(2);
    world.lines();
    world.put({ type: 'prefer', transport: 'websocket' });
    expect(opensOf(world)).toEqual(['#3 opens websocket []@0']);
  });

  it('gives way to the best of those listed when it is no longer asked for', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    world.put({ type: 'prefer', transport: 'http-stream' });
    world.hello(2);
    world.lines();
    world.put({ type: 'prefer', transport: undefined });
    expect(opensOf(world)).toEqual(['#3 opens websocket []@0']);
  });

  it('is waited for if it does not work now, while the present one stays', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    world.put({ type: 'prefer', transport: 'http-stream' });
    world.ends(2, { kind: 'refused' });
    world.at(9_999);
    expect(opensOf(world)).toEqual(['#2 opens http-stream []@0']);
    world.at(10_000);
    expect(opensOf(world)).toEqual(['#3 opens http-stream []@10000']);
  });
});

describe('a cut', () => {
  it('is followed at once by another attempt of the same transport', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    world.at(6_000);
    world.ends(1, { kind: 'closed', code: 1006 });
    expect(world.lines()).toEqual(['#1 ends@6000', '#2 opens websocket []@6000', 'reconnecting@6000']);
  });

  it('of a server that restarts tries the same transport three times before others', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    for (let id = 1; id <= 4; id++) world.ends(id);
    expect(opensOf(world)).toEqual([
      '#2 opens websocket []@0',
      '#3 opens websocket []@0',
      '#4 opens websocket []@0',
      '#5 opens http-stream []@0',
    ]);
  });

  it.each<[string, Ending, string[]]>([
    ['that HTTP does not find either is waited out', { kind: 'failed' }, []],
    [
      'that answers HTTP as something else does is asked in all ways',
      { kind: 'status', status: 405 },
      ['#6 opens long-poll [] wait 0@0'],
    ],
  ])('of a server %s', (_, ending, opens) => {
    const world = connected(
      { kinds: [websocket, stream, longPoll], backoff: { baseMs: 9_000, capMs: 9_000 } },
      [],
    );
    for (let id = 1; id <= 4; id++) {
      world.ends(id);
      world.at(world.nextAttemptAt() ?? world.now());
    }
    opensOf(world);
    const from = world.now();
    world.ends(5, ending);
    expect(opensOf(world)).toEqual(opens.map((line) => line.replace('@0', `@${from}`)));
  });

  it('that HTTP does not find either is met again by what worked, alone', () => {
    const world = connected(
      { kinds: [websocket, stream, longPoll], backoff: { baseMs: 9_000, capMs: 9_000 } },
      [],
    );
    for (let id = 1; id <= 5; id++) {
      world.ends(id);
      world.at(world.nextAttemptAt() ?? world.now());
    }
    expect(opensOf(world).slice(-1)).toEqual([`#6 opens websocket []@${world.now()}`]);
    world.hello(6);
    expect(opensOf(world)).toEqual([]);
  });

  it('is waited out longer each time, up to the cap', () => {
    const world = connected({ backoff: { baseMs: 1_000, capMs: 8_000 } }, []);
    const waits: number[] = [];
    for (let id = 1; id <= 8; id++) {
      world.ends(id);
      waits.push((world.nextAttemptAt() ?? world.now()) - world.now());
      world.at(world.nextAttemptAt() ?? world.now());
    }
    const bounds = [0, 1_000, 4_000, 8_000, 8_000, 8_000, 8_000, 8_000];
    expect(waits.filter((wait, i) => wait > (bounds[i] as number))).toEqual([]);
    expect(Math.max(...waits)).toBeGreaterThan(4_000);
  });

  it('after a connection that lasted is no reason to wait', () => {
    const world = connected({ backoff: { baseMs: 1_000, capMs: 4_000 } }, []);
    world.ends(1);
    world.at(1);
    world.ends(2);
    world.at(1_001);
    world.hello(3);
    world.at(7_000);
    world.ends(3);
    expect(opensOf(world).slice(-1)).toEqual(['#4 opens websocket []@7000']);
  });

  it('told to wait by status 503 is waited out even the first time', () => {
    const world = connected({ backoff: { baseMs: 1_000, capMs: 4_000 }, kinds: [stream] }, []);
    world.ends(1, { kind: 'status', status: 503 });
    expect(opensOf(world)).toEqual([]);
    expect(world.nextAttemptAt()).toBeGreaterThan(0);
  });

  it('three times in a row soon after the hello makes another transport first', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    for (let id = 1; id <= 3; id++) {
      if (id > 1) world.hello(id);
      world.ends(id);
    }
    expect(opensOf(world).slice(-1)).toEqual(['#4 opens http-stream []@0']);
  });

  it('of the active connection leaves the attempt that is already under way', () => {
    const world = connected({ kinds: [stream] }, []);
    world.subscribe('A');
    world.ends(1);
    expect(opensOf(world)).toEqual(['#2 opens http-stream [A+]@0']);
  });

  it('while a lesser transport is in use does not hold it against the one that needed long to prove itself', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.at(1_300);
    world.hello(2);
    world.at(1_400);
    world.hello(1);
    world.brings(1, pong);
    world.at(7_000);
    world.brings(1, pong);
    world.ends(1, { kind: 'closed', code: 1012 });
    world.at(7_100);
    expect(opensOf(world).slice(2)).toEqual(['#3 opens websocket []@7000']);
  });
});

describe('an error that the server tells in a frame', () => {
  it.each(['AUTH_FAILED', 'TOO_MANY_CONNECTIONS', 'TICKET_UNKNOWN', 'INTERNAL'])(
    '%s is not held against the transport that brought it',
    (code) => {
      const world = createWorld({ kinds: [websocket, stream], auth: true });
      world.put({ type: 'open' });
      world.put({ type: 'token', token: 't1' });
      world.brings(1, error(code));
      if (code === 'AUTH_FAILED') world.put({ type: 'token', token: 't2' });
      const opens = opensOf(world).map((line) => line.replace(/ token.*/, ''));
      expect(opens).toEqual(['#1 opens websocket []', '#2 opens websocket []']);
    },
  );

  it('is the last frame that counts', () => {
    const world = connected({}, ['A']);
    world.brings(1, error('INTERNAL'), message('A', 1));
    expect(world.told()).toEqual([]);
  });

  it('INTERNAL is backed off from', () => {
    const world = createWorld({ backoff: { baseMs: 1_000, capMs: 4_000 } });
    world.put({ type: 'open' });
    world.brings(1, error('INTERNAL'));
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0']);
    world.at(1_000);
    expect(opensOf(world).length).toBe(1);
  });

  it('FORBIDDEN ends the session, its sends and its subscriptions', () => {
    const world = connected({}, ['A']);
    world.send(1);
    world.brings(1, error('FORBIDDEN'), message('A', 1));
    expect(world.lines()).toEqual([
      '#1 says send 1 1@0',
      '#1 ends@0',
      'error FORBIDDEN@0',
      'A ended: FORBIDDEN@0',
      'settled 1: OUTCOME_UNKNOWN@0',
      'closed@0',
    ]);
  });

  it('FORBIDDEN leaves nothing to wait for', () => {
    const world = connected({ kinds: [websocket, stream], available: ['http-stream'] }, ['A']);
    world.put({ type: 'available', transports: ['websocket', 'http-stream'] });
    world.ends(2, { kind: 'refused' });
    world.send(1);
    world.brings(1, error('FORBIDDEN'));
    expect(world.deadline()).toBeUndefined();
  });

  it('KEY_MISMATCH asks for another identity, and nothing is opened without one', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.brings(1, error('KEY_MISMATCH'));
    world.at(100);
    expect(world.lines()).toEqual(['#1 opens websocket []@0', 'connecting@0', '#1 ends@0', 'rekey@0']);
    world.put({ type: 'identity', client: 'client-2', key: 'key-2' });
    expect(world.lines()).toEqual(['#2 opens websocket [] as client-2@100']);
  });

  it('ORIGIN_DENIED leads to the next transport', () => {
    const world = createWorld({ kinds: [websocket, stream] });
    world.put({ type: 'open' });
    world.brings(1, error('ORIGIN_DENIED'));
    expect(opensOf(world)).toEqual(['#1 opens websocket []@0', '#2 opens http-stream []@0']);
  });
});

describe('an answer that makes no sense', () => {
  it.each([
    ['names another attempt', { attempt: 7 }],
    ['has a head that is no cursor', { head: 'nonsense' }],
    ['has an empty place in its head', { head: '' }],
    ['begins in another number of partitions', { cursor: 'aaaaaaaaaaa.0,aaaaaaaaaaa.0' }],
    ['has a start that is no id', { topics: [{ topic: 'A', start: 'x' }] }],
    ['has no start', { topics: [{ topic: 'A' }] }],
    ['starts in a partition that there is not', { topics: [{ topic: 'A', start: '3.1' }] }],
    ['leaves out a new topic', { topics: [] }],
  ])('ends the connection: a hello that %s', (_, wrong) => {
    const world = createWorld();
    world.subscribe('A');
    world.brings(1, { ...world.helloFrame(1), ...wrong });
    expect(world.lines()).toContain('#1 ends@0');
  });

  it('does not count for frames behind it', () => {
    const world = createWorld();
    world.subscribe('A');
    world.brings(1, { ...world.helloFrame(1), attempt: 7 }, message('A', 1));
    expect(world.told()).toEqual([]);
  });
});
