/** Kinds of connections whose server knows nothing of us: it is asked nothing, told nothing, judged by nothing it never said. */
import { describe, expect, it } from 'vitest';
import type { Kind } from '../../../src/core/policy.ts';
import { connected, createWorld, error, longPoll, message, poll, stream, websocket } from './harness.ts';

const plain = (kind: Kind, more: Partial<Kind> = {}): Kind => ({
  ...kind,
  plain: true,
  inPlace: true,
  ...more,
});
const socket = plain(websocket);
const events = plain(stream);
const held = plain(longPoll, { presumed: true });
const asked = plain(poll);

const saysIn = (lines: readonly string[]): string[] => lines.filter((line) => / says | posts /.test(line));

describe('a plain connection', () => {
  it('is asked nothing when it is opened, looked at, or silent', () => {
    const world = connected({ kinds: [socket, asked] }, []);
    world.signal('visible');
    world.at(60_000);
    expect(saysIn(world.lines())).toEqual([]);
  });

  it('is left alone when somebody looks, and replaced where it may be dead', () => {
    const world = connected({ kinds: [events] }, []);
    world.signal('visible');
    expect(world.lines()).toEqual([]);
    world.signal('online');
    expect(world.lines()).toEqual(['#2 opens http-stream []@0']);
  });

  it('ends here and now when another took its place: there is nobody to tell', () => {
    const world = connected({ kinds: [events] }, []);
    world.signal('online');
    world.hello(2);
    expect(world.lines()).toContain('#1 ends@0');
    expect(saysIn(world.lines())).toEqual([]);
  });

  it('is given up where it said how long it may be silent', () => {
    const world = connected({ kinds: [events] }, [], { heartbeatMs: 5_000 });
    world.at(7_000);
    expect(world.lines()).toContain('#1 ends@7000');
    expect(saysIn(world.lines())).toEqual([]);
  });

  it('changes topics in place, also over one way', () => {
    const world = connected({ kinds: [events] }, ['a']);
    world.put({ type: 'subscribe', topic: 'b', last: 0, since: undefined });
    const lines = world.lines();
    expect(lines.filter((line) => line.includes(' opens '))).toEqual([]);
    expect(saysIn(lines)).toHaveLength(1);
  });

  it('stands in for another without having brought what that one has: its ids will tell', () => {
    const world = connected({ kinds: [socket, events], available: ['http-stream'] }, ['a']);
    world.put({ type: 'available', transports: ['websocket', 'http-stream'] });
    world.brings(1, message('a', 5));
    world.hello(2);
    expect(world.lines()).toContain('#1 ends@0');
  });
});

describe('a kind that shows no beginning', () => {
  it('is presumed open when it was not refused in its time', () => {
    const world = createWorld({ kinds: [held] });
    world.put({ type: 'open' });
    world.at(5_000);
    expect(world.effects().filter(({ type }) => type === 'presume')).toHaveLength(1);
  });
});

describe('a wrong endpoint', () => {
  it('is told once, and the next is taken', () => {
    const world = createWorld({ kinds: [events, asked] });
    world.put({ type: 'open' });
    world.brings(1, error('WRONG_TYPE'));
    const lines = world.lines().join();
    expect(lines).toContain('WRONG_TYPE');
    expect(lines).toContain('#2 opens poll');
  });
});

describe('a server that dies young again and again', () => {
  it('gives way to another address before anything is waited for', () => {
    const world = createWorld({ kinds: [events, asked], backoff: { baseMs: 10_000, capMs: 20_000 } });
    world.put({ type: 'open' });
    world.hello(1);
    world.ends(1);
    world.hello(2);
    world.ends(2);
    expect(world.lines().filter((line) => line.includes(' opens '))).toEqual([
      '#1 opens http-stream []@0',
      '#2 opens http-stream []@0',
      expect.stringMatching(/^#3 opens poll .*@0$/),
    ]);
  });
});

describe('a POST that nobody answers', () => {
  it('holds nothing up for longer than a minute: another connection takes the next', () => {
    const world = connected({ kinds: [events] }, [], { heartbeatMs: 1_000_000 });
    world.send(1);
    world.at(59_000);
    expect(world.lines().filter((line) => line.includes(' opens '))).toEqual([]);
    world.at(61_000);
    const [first] = world.lines().filter((line) => line.includes(' opens '));
    expect(first).toMatch(/^#2 opens http-stream \[\]@60\d{3}(\.\d+)?$/);
  });
});
