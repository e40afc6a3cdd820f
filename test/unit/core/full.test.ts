/** A stream whose past fills the memory makes room for another of its kind, before anybody misses anything. */
import { expect, it } from 'vitest';
import { connected, mark, message, stream } from './harness.ts';

it('is replaced by its own kind from the cursor, and released once that one has caught up', () => {
  const world = connected({ kinds: [stream] }, ['A']);
  world.brings(1, message('A', 1));
  world.put({ type: 'full', id: 1 });
  world.put({ type: 'full', id: 1 });
  world.brings(1, message('A', 2));
  world.hello(2, { head: 'a.2' });
  world.posted(2);
  expect(world.lines()).toEqual([
    'A 1@0',
    '#2 opens http-stream [A] from a.1@0',
    'A 2@0',
    '#2 posts n1: ping 2@0',
  ]);
  world.brings(2, message('A', 2), mark('a.2'));
  expect(world.lines()).toEqual(['#2 posts n1: release 1@0']);
  world.put({ type: 'full', id: 1 });
  expect(world.lines()).toEqual([]);
});

it('is tried again later and later where no other gets through, and goes on meanwhile', () => {
  const world = connected({ kinds: [stream], backoff: { baseMs: 1_000, capMs: 8_000 } }, ['A']);
  world.put({ type: 'full', id: 1 });
  world.ends(2);
  world.brings(1, message('A', 1));
  world.at(1_000);
  expect(world.lines()).toEqual([
    '#2 opens http-stream [A] from a.0@0',
    '#2 ends@0',
    'A 1@0',
    expect.stringMatching(/^#3 opens http-stream \[A\] from a\.1@/),
  ]);
});

it('a candidate that is full makes room once it has taken over', () => {
  const world = connected({ kinds: [stream] }, ['A']);
  world.put({ type: 'full', id: 1 });
  world.put({ type: 'full', id: 2 });
  expect(world.lines()).toEqual(['#2 opens http-stream [A] from a.0@0']);
  world.hello(2);
  expect(world.lines()).toEqual(['#3 opens http-stream [A] from a.0@0', '#2 posts n1: release 1@0']);
});
