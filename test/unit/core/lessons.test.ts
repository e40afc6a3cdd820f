/** What a session learns of its network, whom it holds what against, and what it tells for the next visit. */
import { describe, expect, it } from 'vitest';
import {
  bye,
  connected,
  createWorld,
  error,
  longPoll,
  poll,
  pong,
  stream,
  type World,
  type WorldOptions,
  websocket,
} from './harness.ts';

const two = { kinds: [websocket, stream] };
const opensOf = (world: World): string[] =>
  world
    .lines()
    .filter((line) => line.includes(' opens '))
    .map((line) => line.replace(/^#\d+ opens /, '').replace(/\[.*\]/, ''));
const failuresOf = (world: World): Record<string, number> =>
  Object.fromEntries(
    Object.entries(world.remembered().at(-1)?.out ?? {}).map(([name, { failures }]) => [name, failures]),
  );

/** A websocket that has just died for the third time, soon after its hello. */
function flapping(options: WorldOptions = two): World {
  const world = connected(options, []);
  for (let id = 1; id <= 3; id++) {
    if (id > 1) world.hello(id);
    world.ends(id);
  }
  world.lines();
  return world;
}

describe('a transport that keeps dying young', () => {
  it('is blamed if another gets through, and tried again when it is forgiven', () => {
    const world = flapping();
    world.hello(4);
    expect(failuresOf(world)).toEqual({ websocket: 1 });
    world.at(9_999);
    expect(opensOf(world)).toEqual([]);
    world.at(10_000);
    expect(opensOf(world)).toEqual(['websocket @10000']);
  });

  it('is not if nothing else gets through: it was the server, which is back', () => {
    const world = flapping();
    world.ends(4, { kind: 'refused' });
    expect(opensOf(world)).toEqual(['websocket @0']);
    world.hello(5);
    expect(failuresOf(world)).toEqual({ 'http-stream': 1 });
  });

  it('needs but one more young death to be blamed then', () => {
    const world = flapping();
    world.ends(4, { kind: 'status', status: 503 });
    world.hello(5);
    world.ends(5);
    expect(opensOf(world)).toEqual(['websocket @0', 'http-stream @0']);
    world.hello(6);
    expect(failuresOf(world)).toEqual({ websocket: 1 });
  });

  it('is forgiven when one lasts half a minute', () => {
    const world = flapping();
    world.ends(4, { kind: 'status', status: 503 });
    world.hello(5, { heartbeatMs: 60_000 });
    world.at(30_000);
    world.lines();
    world.ends(5);
    expect(opensOf(world)).toEqual(['websocket @30000']);
    world.hello(6);
    world.ends(6);
    expect(opensOf(world)).toEqual(['websocket @30000']);
  });

  it('where there is no other is opened again and again', () => {
    const world = flapping({ kinds: [websocket] });
    world.hello(4);
    world.ends(4);
    expect(opensOf(world)).toEqual(['websocket @0']);
  });
});

describe('what worked a moment ago', () => {
  it('and failed while the server came back is not blamed, but tried at once beside the one that got through', () => {
    const world = connected(two, []);
    for (let id = 1; id <= 4; id++) world.ends(id);
    expect(opensOf(world).slice(-1)).toEqual(['http-stream @0']);
    world.hello(5);
    expect(failuresOf(world)).toEqual({});
    expect(opensOf(world)).toEqual(['websocket @0']);
  });

  it('is blamed if it does not get through then either', () => {
    const world = connected(two, []);
    for (let id = 1; id <= 4; id++) world.ends(id);
    world.hello(5);
    world.ends(6, { kind: 'refused' });
    expect(failuresOf(world)).toEqual({ websocket: 1 });
  });

  it('is tried again at once if it failed faster than any answer can come: the connection was dead already', () => {
    const world = createWorld({ kinds: [stream], backoff: { baseMs: 10_000, capMs: 10_000 } });
    world.put({ type: 'open' });
    world.at(200);
    world.hello(1);
    world.ends(1);
    world.after(49);
    world.ends(2);
    expect(opensOf(world)).toEqual(['http-stream @0', 'http-stream @200', 'http-stream @249']);
    world.after(49);
    world.ends(3);
    expect(opensOf(world)).toEqual([]);
    expect(world.nextAttemptAt()).toBeGreaterThan(298);
  });

  it.each<[string, WorldOptions, number]>([
    ['after half a round trip', { kinds: [stream] }, 50],
    ['on a transport that has its own connections', { kinds: [websocket] }, 49],
  ])('is not tried again at once if it failed %s', (_, options, afterMs) => {
    const world = createWorld({ ...options, backoff: { baseMs: 10_000, capMs: 10_000 } });
    world.put({ type: 'open' });
    world.at(200);
    world.hello(1);
    world.ends(1);
    world.after(afterMs);
    world.lines();
    world.ends(2);
    expect(opensOf(world)).toEqual([]);
  });
});

describe('the wait before the next attempt', () => {
  const options = { backoff: { baseMs: 1_000, capMs: 64_000 } };

  it.each([
    [4_999, false],
    [5_000, true],
  ])('is none again after a connection that lasted %d ms: %s', (uptimeMs, isNone) => {
    const world = connected(options, []);
    world.ends(1);
    world.ends(2);
    world.at(1_000);
    const from = world.now();
    world.hello(3);
    world.at(from + uptimeMs);
    world.lines();
    world.ends(3);
    expect(opensOf(world).length === 1).toBe(isNone);
  });
});

describe('the wait after a hand-over', () => {
  const options = { backoff: { baseMs: 1_000, capMs: 64_000 } };

  it.each([
    [4_999, 0],
    [5_000, 1],
  ])('from one that lasted %d ms: so many attempts are made at once: %d', (uptimeMs, attempts) => {
    const world = connected(options, []);
    world.ends(1);
    world.ends(2);
    world.at(1_000);
    world.hello(3);
    world.after(uptimeMs);
    world.brings(3, bye());
    world.hello(4);
    world.lines();
    world.ends(4);
    expect(opensOf(world)).toHaveLength(attempts);
  });
});

describe('what is told for the next visit', () => {
  const upgrade = { type: 'available', transports: ['websocket', 'http-stream'] } as const;
  const lesser = { ...two, available: ['http-stream'] };

  it('is told when a transport wins, and not again when it comes back', () => {
    const world = connected(lesser, []);
    world.ends(1);
    world.hello(2);
    expect(world.remembered().map(({ transport }) => transport)).toEqual(['http-stream']);
  });

  it('is told when another takes over', () => {
    const world = connected(lesser, []);
    world.put(upgrade);
    world.hello(2);
    world.brings(2, pong);
    expect(world.remembered().map(({ transport }) => transport)).toEqual(['http-stream', 'websocket']);
  });

  it('is told when the same wins after others were blamed for it', () => {
    const world = connected({ kinds: [stream, websocket] }, []);
    world.ends(1);
    world.at(1_000);
    world.ends(3, { kind: 'refused' });
    world.hello(2);
    expect(world.remembered().map(({ transport }) => transport)).toEqual(['http-stream', 'http-stream']);
    expect(failuresOf(world)).toEqual({ websocket: 1 });
  });

  it('is told when an upgrade has failed, of the one that carries on', () => {
    const world = connected(lesser, []);
    world.at(1_000);
    world.put(upgrade);
    world.ends(2, { kind: 'refused' });
    expect(world.remembered().at(-1)).toEqual({
      transport: 'http-stream',
      rttMs: 0,
      heartbeatMs: undefined,
      out: { websocket: { failures: 1, forMs: 10_000 } },
    });
  });

  it('and what was told puts the next visit where this one was', () => {
    const world = connected({ ...two, kinds: [websocket, stream, poll] }, []);
    const out = { websocket: { failures: 2, forMs: 5_000 } };
    const next = createWorld({ kinds: [websocket, stream, poll], eager: true });
    next.put(
      { type: 'memory', known: { transport: 'http-stream', rttMs: 50, heartbeatMs: 7_000, out } },
      { type: 'open' },
    );
    next.hello(1);
    next.at(4_999);
    expect(next.lines()[0]).toBe('#1 opens http-stream [] heartbeat 7000@0');
    next.at(5_000);
    expect(opensOf(next)).toEqual(['websocket  heartbeat 7000@5000']);
    expect(world.remembered()).toHaveLength(1);
  });
});

describe('cuts after idling', () => {
  /** Connections that each are cut after so much silence; the last open of all. */
  function cutAfter(world: World, ...idles: readonly number[]): string {
    idles.forEach((idleMs, i) => {
      if (i > 0) world.hello(i + 1, { heartbeatMs: 60_000 });
      world.after(idleMs);
      world.ends(i + 1, { kind: 'closed' });
    });
    return opensOf(world).at(-1) as string;
  }
  const quiet = (kind = stream): World => connected({ kinds: [kind] }, [], { heartbeatMs: 60_000 });

  it('twice after about as long make it ask to hear from the server twice as often', () => {
    expect(cutAfter(quiet(), 20_000, 20_400)).toBe('http-stream  heartbeat 10200@40400');
  });

  it('once make it ask for nothing', () => {
    expect(cutAfter(quiet(), 20_000)).toBe('http-stream @20000');
  });

  it('on a websocket say as much', () => {
    const world = createWorld();
    world.put({ type: 'open' });
    world.hello(1, { heartbeatMs: 60_000 });
    expect(cutAfter(world, 20_000, 20_000)).toBe('websocket  heartbeat 10000@40000');
  });

  it('of polls say nothing, which have no heartbeat', () => {
    const world = connected({ kinds: [longPoll] }, []);
    for (let id = 1; id <= 3; id++) {
      if (id > 1) world.hello(id);
      world.answered(id);
      world.after(9_000);
      world.ends(id, { kind: 'closed' });
    }
    expect(opensOf(world).at(-1)).toBe('long-poll  wait 0@27000');
  });

  it.each<[string, (world: World, id: number) => void]>([
    ['with a word of the server', (world, id) => world.brings(id, error('INTERNAL'))],
    ['to be waited out', (world, id) => world.ends(id, { kind: 'closed', code: 1012 })],
    ['by the client, as nothing came', (world) => world.after(42_000)],
  ])('%s say nothing', (_, end) => {
    const world = quiet();
    for (let id = 1; id <= 3; id++) {
      if (id > 1) world.hello(id, { heartbeatMs: 60_000 });
      world.after(20_000);
      end(world, id);
    }
    world.after(1_000);
    const opened = world.lines().filter((line) => line.includes(' opens '));
    expect(opened.filter((line) => line.includes('heartbeat'))).toEqual([]);
  });

  it('that the client makes itself, as nothing that goes up is answered, say nothing', () => {
    const world = connected({ ...two, available: ['http-stream'] }, [], { heartbeatMs: 200_000 });
    world.put({ type: 'available', transports: ['websocket', 'http-stream'] });
    for (const [id, at] of [
      [2, 0],
      [3, 15_300],
      [4, 40_600],
    ] as const) {
      world.at(at);
      world.hello(id, { heartbeatMs: 200_000 });
    }
    world.at(90_000);
    const opened = world.lines().filter((line) => line.includes(' opens '));
    expect(opened).toEqual(
      [2, 3, 4, 5].map((id) => expect.stringMatching(`^#${id} opens websocket \\[\\]@`)),
    );
  });

  it('that the client makes itself, as it brought what is no frame, say nothing', () => {
    const world = quiet();
    for (let id = 1; id <= 3; id++) {
      if (id > 1) world.hello(id, { heartbeatMs: 60_000 });
      world.after(20_000);
      world.put({ type: 'undecodable', id });
    }
    expect(world.lines().filter((line) => line.includes('heartbeat'))).toEqual([]);
  });

  it('are forgotten with the network', () => {
    const world = quiet();
    cutAfter(world, 20_000, 20_000);
    world.hello(3, { heartbeatMs: 10_000 });
    world.signal('network-changed');
    expect(opensOf(world)).toEqual(['http-stream @40000']);
  });
});

describe('the record of attempts', () => {
  it('says when and why each was made, how far it came and how it ended', () => {
    const world = createWorld(two);
    world.put({ type: 'open' });
    world.at(100);
    world.put({ type: 'opened', id: 1 });
    world.at(200);
    world.hello(1);
    world.brings(1, pong);
    world.at(500);
    world.ends(1, { kind: 'closed', code: 1006 });
    world.ends(2, { kind: 'refused' });
    expect(world.attempts().slice(0, 2)).toEqual([
      {
        connection: 1,
        transport: 'websocket',
        at: 1_000_000,
        why: 'best of those listed',
        openedMs: 100,
        helloMs: 200,
        promotedMs: 200,
        endedMs: 500,
        end: 'closed with 1006',
      },
      {
        connection: 2,
        transport: 'websocket',
        at: 1_000_500,
        why: 'it worked a moment ago',
        openedMs: undefined,
        helloMs: undefined,
        promotedMs: undefined,
        endedMs: 0,
        end: 'refused by the platform',
      },
    ]);
  });

  it('says why one was left rather than how it ended then', () => {
    const world = connected({ kinds: [stream] }, []);
    world.signal('online');
    world.hello(2);
    world.ends(1, { kind: 'closed' });
    expect(world.attempts()[0]?.end).toBe('another took its place');
  });

  it('holds the last twenty, whatever else is still open', () => {
    const world = connected({ ...two, available: ['http-stream'] }, []);
    world.put({ type: 'available', transports: ['websocket', 'http-stream'] });
    for (let id = 2; id <= 22; id++) {
      world.brings(1, bye());
      world.ends(id, { kind: 'refused' });
    }
    expect(world.attempts()).toHaveLength(20);
    world.ends(1);
    expect(world.attempts().some(({ connection }) => connection === 1)).toBe(false);
  });
});
