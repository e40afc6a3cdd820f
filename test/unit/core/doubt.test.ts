/** After something died in silence: the platform's pooled connections may be dead, too, and what goes over them waits in vain. */
import { describe, expect, it } from 'vitest';
import {
  ack,
  answerMs,
  connected,
  createWorld,
  error,
  type HelloOptions,
  longPoll,
  mark,
  stream,
  type World,
  type WorldOptions,
  websocket,
} from './harness.ts';

const pooled = { ...stream, twoPools: true };
const pooledPoll = { ...longPoll, twoPools: true };
const renewing = { kinds: [pooled], mayRenew: true };
const silentAt = 12_000;

const movesOf = (world: World): string[] => world.lines().filter((line) => / (opens|ends)/.test(line));

/** A stream fell silent; the timeline begins with that. */
function silent(options: WorldOptions, hello: HelloOptions = {}): World {
  const world = connected(options, ['A'], hello);
  world.at(silentAt);
  return world;
}

describe('after a silent death', () => {
  it('the same is opened beside it on a connection of its own, in the other credentials mode', () => {
    const world = silent(renewing);
    expect(world.lines()).toEqual([
      '#1 ends@12000',
      '#2 opens http-stream [A] from a.0@12000',
      '#3 opens afresh http-stream [A] from a.0@12000',
      'reconnecting@12000',
    ]);
  });

  it.each<[string, WorldOptions, readonly string[]]>([
    ['has but one pool', { kinds: [stream, websocket] }, ['http-stream', 'websocket']],
    ['has two, and cookies are wanted', { kinds: [pooled, websocket] }, ['http-stream', 'websocket']],
    ['has two', { ...renewing, kinds: [pooled, websocket] }, ['http-stream', 'afresh http-stream']],
    ['has but one, and none is fresh', { kinds: [stream, longPoll] }, ['http-stream']],
    [
      'has but one, and the fresh one cannot run',
      { kinds: [stream, websocket], available: ['http-stream'] },
      ['http-stream'],
    ],
  ])('of a kind that %s, what is opened is', (_, options, expected) => {
    const world = silent(options);
    const opened = movesOf(world).filter((line) => line.includes(' opens '));
    expect(opened.map((line) => line.replace(/^#\d+ opens | \[.*/g, ''))).toEqual(expected);
  });

  it('the first is given up early and made again, five times, as each may take a dead one along', () => {
    const world = silent({ kinds: [stream] });
    world.at(silentAt + 5_000);
    const times = movesOf(world)
      .filter((line) => line.includes(' opens '))
      .map((line) => Number(line.split('@')[1]) - silentAt);
    expect(times.slice(0, 7)).toEqual([0, 300, 600, 900, 1_200, 1_500, 3_500]);
  });

  it('the fresh one is not given up early', () => {
    const world = silent(renewing);
    world.at(silentAt + 1_200);
    const ended = movesOf(world).filter((line) => line.includes(' ends'));
    expect(ended.filter((line) => line.startsWith('#3 '))).toEqual([]);
    expect(ended).toContain('#2 ends@12300');
  });

  it('far away each is given its time', () => {
    const world = createWorld({ kinds: [stream] });
    world.subscribe('A');
    world.at(800);
    world.hello(1);
    world.lines();
    world.at(800 + silentAt);
    world.after(1_299);
    expect(movesOf(world)).toEqual(['#1 ends@12800', '#2 opens http-stream [A] from a.0@12800']);
    world.after(1);
    expect(movesOf(world)).toEqual(['#2 ends@14100', '#3 opens http-stream [A] from a.0@14100']);
  });

  it('the fresh one carries on if it is first, and the doubt is over', () => {
    const world = silent(renewing);
    world.lines();
    world.hello(3);
    world.posted(3);
    expect(world.lines()).toEqual(['#3 posts n1: release 2@12000', 'open@12000']);
    world.subscribe('B');
    expect(world.lines()).toEqual(['#4 opens http-stream [A B+] from a.0@12000']);
  });

  it('the other one carries on if that is first', () => {
    const world = silent(renewing);
    world.lines();
    world.hello(2);
    expect(world.lines()).toEqual(['#2 posts n1: release 3@12000', 'open@12000']);
  });

  it.each([
    ['anna', 'anna', true],
    ['anna', undefined, false],
    [undefined, 'anna', false],
    [undefined, undefined, true],
  ])('the fresh one of somebody who was %s and is %s is taken: %s', (before, after, isTaken) => {
    const world = silent(renewing, before === undefined ? {} : { identity: before });
    world.lines();
    world.hello(3, after === undefined ? {} : { identity: after });
    expect(world.lines().includes('open@12000')).toBe(isTaken);
    if (isTaken) return;
    world.hello(2, before === undefined ? {} : { identity: before });
    expect(world.lines()).toEqual(['#2 posts n1: release 3@12000', 'open@12000']);
  });

  it.each(['FORBIDDEN', 'AUTH_FAILED', 'KEY_MISMATCH'])(
    'the fresh one that is refused with %s, as it came without its cookies, ends alone',
    (code) => {
      const world = silent(renewing);
      world.lines();
      world.brings(3, error(code));
      expect(world.lines()).toEqual(['#3 ends@12000']);
      world.hello(2);
      expect(world.lines()).toEqual(['open@12000']);
    },
  );

  it('one that is not fresh may be somebody else', () => {
    const world = silent(renewing, { identity: 'anna' });
    world.lines();
    world.hello(2, { identity: 'ben' });
    expect(world.lines()).toContain('open@12000');
  });

  it('a websocket is always fresh: it is opened alone', () => {
    const world = connected({}, []);
    world.signal('visible');
    world.at(answerMs);
    expect(movesOf(world)).toEqual([`#1 ends@${answerMs}`, `#2 opens websocket []@${answerMs}`]);
  });

  it('each transport of a round has its fresh one', () => {
    const world = silent({ kinds: [pooled, pooledPoll], mayRenew: true });
    world.put({ type: 'available', transports: ['long-poll'] });
    world.lines();
    world.ends(2);
    world.ends(3);
    const opened = movesOf(world).filter((line) => line.includes(' opens '));
    expect(opened.map((line) => line.replace(/ \[.*/, ''))).toEqual([
      '#4 opens long-poll',
      '#5 opens afresh long-poll',
    ]);
  });
});

describe('a freshest transport', () => {
  const beside = { kinds: [websocket, stream], available: ['http-stream'] };
  const all = { type: 'available', transports: ['websocket', 'http-stream'] } as const;

  it('is none that stands back', () => {
    const world = connected(beside, []);
    world.at(silentAt - 1);
    world.put(all);
    world.ends(2, { kind: 'refused' });
    world.lines();
    world.signal('online');
    expect(movesOf(world)).toEqual(['#3 opens http-stream []@11999']);
  });

  it('is not opened twice', () => {
    const world = connected(beside, []);
    world.put(all);
    world.put({ type: 'opened', id: 2 });
    world.at(4_000);
    world.lines();
    world.signal('online');
    expect(movesOf(world)).toEqual(['#3 opens http-stream []@4000']);
  });

  it('takes the place of the one that is doubted', () => {
    const world = connected({ kinds: [websocket, stream] }, []);
    world.put({ type: 'prefer', transport: 'http-stream' });
    world.hello(2);
    world.posted(2);
    world.lines();
    world.signal('online');
    world.hello(4);
    expect(world.lines()).toEqual([
      '#3 opens http-stream []@0',
      '#4 opens websocket []@0',
      '#4 says ping@0',
      '#4 says release 2@0',
    ]);
  });
});

describe('doubt of what is open', () => {
  it.each<[string, (world: World) => void]>([
    ['the machine slept', (world) => world.sleep(60_000)],
    ['the platform says it is online', (world) => world.signal('online')],
    ['the network is another', (world) => world.signal('network-changed')],
  ])('comes when %s, for a one-way stream', (_, happens) => {
    const world = connected(renewing, []);
    happens(world);
    world.put({ type: 'time' });
    expect(movesOf(world)).toEqual(['#2 opens http-stream []@0', '#3 opens afresh http-stream []@0']);
  });

  it('comes for polls, too, but not when the page is only looked at again', () => {
    const world = connected({ kinds: [pooledPoll], mayRenew: true }, []);
    world.signal('visible');
    expect(movesOf(world)).toEqual(['#2 opens long-poll [] wait 0@0']);
    const other = connected({ kinds: [pooledPoll], mayRenew: true }, []);
    other.signal('online');
    expect(movesOf(other)).toEqual([
      '#2 opens long-poll [] wait 0@0',
      '#3 opens afresh long-poll [] wait 0@0',
    ]);
  });

  it('comes with a POST that nobody answers', () => {
    const world = connected(renewing, []);
    world.send(1, 0);
    world.at(answerMs);
    expect(movesOf(world)).toEqual([
      `#2 opens http-stream []@${answerMs}`,
      `#3 opens afresh http-stream []@${answerMs}`,
    ]);
  });

  it('makes replacements go over one connection after another, while the doubted one still delivers', () => {
    const world = connected({ kinds: [stream] }, ['A']);
    world.signal('online');
    world.at(700);
    expect(movesOf(world)).toEqual([
      '#2 opens http-stream [A] from a.0@0',
      '#2 ends@300',
      '#3 opens http-stream [A] from a.0@300',
      '#3 ends@600',
      '#4 opens http-stream [A] from a.0@600',
    ]);
    world.brings(1, { topic: 'A', id: '1', data: 1 });
    world.hello(4, { head: 'a.1' }, mark('a.1'));
    expect(world.told()).toEqual(['A 1@700']);
  });

  it('does not concern upgrades', () => {
    const world = connected({ kinds: [websocket, stream, longPoll], available: ['http-stream'] }, []);
    world.signal('online');
    world.put({ type: 'available', transports: ['websocket', 'http-stream'] });
    world.hello(2);
    expect(world.traces().filter((line) => line.includes('once more'))).toEqual([]);
  });

  it('does not last: what is lost with a word is no silent death', () => {
    const world = connected(renewing, []);
    world.ends(1, { kind: 'closed' });
    expect(movesOf(world)).toEqual(['#1 ends@0', '#2 opens http-stream []@0']);
    world.brings(2, error('INTERNAL'));
    world.hello(3);
    world.brings(3, ack(7));
    expect(movesOf(world)).toEqual(['#2 ends@0', '#3 opens http-stream []@0']);
  });
});
