/** What a server of Socket.IO can make a client keep has an end: told with a code, and the connection is given up. */
import { expect, test } from 'vitest';
import { socketio } from '../../../src/protocols/socketio.ts';
import { byHand } from './by-hand.ts';

const opening = '0{"sid":"s","pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';

test('events before anybody is let in', () => {
  const world = byHand(socketio());
  const { take } = world.open('websocket', ['e']);
  take({ text: opening });
  for (let i = 0; i < 10_000; i++) take({ text: '42["e",1]' });
  expect(world.errors()).toEqual([]);
  take({ text: '42["e",1]' });
  expect(world.errors()).toEqual([['UNPARSABLE', 'it says too much before it lets anybody in']]);
});

test('acknowledgements that wait for a POST which nobody answers', () => {
  const world = byHand(socketio());
  const { take } = world.open('long-poll', ['e']);
  take({ text: opening });
  take({ text: '40{"sid":"t"}' });
  for (let i = 0; i < 10_000; i++) take({ text: `42${i}["e",1]` });
  expect(world.errors()).toEqual([]);
  take({ text: '4210000["e",1]' });
  expect(world.errors()[0]?.[0]).toBe('BUSY');
});
