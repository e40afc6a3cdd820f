/** A session that is brought anything on one connection: it goes on, and loses neither a subscription nor a send. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { ServerFrame } from '../../../src/core/frames.ts';
import { holdfast } from '../../../src/protocols/holdfast.ts';
import { ack, connected, longPoll, message, stream, type World, websocket } from '../core/harness.ts';
import { lineLike, serverFrame } from './arbitraries.ts';

// Thousands of runs take their time on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const protocol = holdfast()({ frames() {}, send() {} });
const kinds = [websocket, stream, longPoll];
const head = 50;

/** The connections that the session has open, by age. */
function liveOf(world: World): number[] {
  const live = new Set<number>();
  for (const effect of world.effects()) {
    if (effect.type === 'open') live.add(effect.id);
    if (effect.type === 'end') live.delete(effect.id);
  }
  return [...live];
}

function bring(world: World, id: number, line: string): void {
  const frames = protocol.decode(1, { text: line });
  if (frames) world.brings(id, ...(frames as ServerFrame[]));
  else world.put({ type: 'undecodable', id });
}

/**
 * All that is open is cut, and the next connection is one to a server that makes sense. Its log is another one, because
 * what was said of the former may have been believed: a lie that is a lawful frame is not to be told from the truth.
 */
function recover(world: World): number {
  const former = liveOf(world);
  for (const id of former) world.ends(id);
  for (let i = 0; i < 200; i++) {
    const id = liveOf(world).find((one) => !former.includes(one));
    if (id !== undefined) {
      world.hello(id, { head: `z.${head}`, sends: 'n9' });
      return id;
    }
    world.after(500);
  }
  throw new Error('no connection was opened any more');
}

/** Acknowledges what has been transmitted on this connection, whatever else it had been told. */
function acknowledge(world: World, id: number): void {
  for (const effect of world.effects().slice()) {
    if (effect.type !== 'transmit' || effect.id !== id) continue;
    for (const frame of effect.frames) {
      if (frame.type === 'send' && frame.seq !== undefined) world.brings(id, ack(frame.seq));
    }
  }
}

describe('whatever a connection brings', () => {
  it('each subscription goes on or was told to have ended, and each send is settled once', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.array(lineLike(serverFrame), { maxLength: 8 }),
        fc.boolean(),
        (kind, lines, isProven) => {
          const world = connected({ kinds: [kind] }, ['a', 'b'], { head: 'a.10' });
          const id = liveOf(world)[0] as number;
          if (!isProven) world.ends(id);
          world.send(1);
          world.send(2);
          for (const line of lines) bring(world, liveOf(world)[0] ?? id, line);
          const next = recover(world);
          world.brings(next, message('a', head + 1), message('b', head + 2));
          world.after(50);
          acknowledge(world, next);
          world.after(40_000);

          const told = world.effects().map((effect) => {
            if (effect.type === 'message') return `${effect.message.topic} ${effect.message.id}`;
            if (effect.type === 'ended') return `${effect.topic} ended`;
            return effect.type === 'settled' ? `settled ${effect.ref}` : '';
          });
          for (const [topic, offset] of [
            ['a', head + 1],
            ['b', head + 2],
          ]) {
            const count = told.filter((text) => text === `${topic} ${offset}`).length;
            expect(count, `${topic} goes on`).toBe(told.includes(`${topic} ended`) ? 0 : 1);
          }
          for (const ref of [1, 2]) {
            expect(told.filter((text) => text === `settled ${ref}`).length, `send ${ref}`).toBe(1);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
