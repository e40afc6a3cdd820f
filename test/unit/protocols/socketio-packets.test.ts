/** Packets as the protocol's specification writes them. */
import { describe, expect, test } from 'vitest';
import {
  connectPacket,
  isOffset,
  isReserved,
  readPacket,
  readValue,
  writePacket,
} from '../../../src/protocols/socketio-packets.ts';

const bytes = (...values: number[]) => new Uint8Array(values);

describe('reading', () => {
  test.each([
    ['0{"sid":"a"}', { type: 0, attachments: 0, ack: undefined }, { sid: 'a' }],
    ['0/admin,{"sid":"a"}', { type: 0, attachments: 0, ack: undefined }, { sid: 'a' }],
    ['0', { type: 0, attachments: 0, ack: undefined }, undefined],
    ['1', { type: 1, attachments: 0, ack: undefined }, undefined],
    ['1/admin,', { type: 1, attachments: 0, ack: undefined }, undefined],
    ['2["foo"]', { type: 2, attachments: 0, ack: undefined }, ['foo']],
    ['212["foo",1]', { type: 2, attachments: 0, ack: 12 }, ['foo', 1]],
    ['2/admin,0["1-"]', { type: 2, attachments: 0, ack: 0 }, ['1-']],
    ['3/admin,13["bar"]', { type: 3, attachments: 0, ack: 13 }, ['bar']],
    ['4{"message":"no"}', { type: 4, attachments: 0, ack: undefined }, { message: 'no' }],
    [
      '2["two\\nlines",{"_placeholder":true,"num":0}]',
      { type: 2 },
      ['two\nlines', { _placeholder: true, num: 0 }],
    ],
  ])('%s', (text, head, value) => {
    const packet = readPacket(text);
    expect(packet).toMatchObject(head);
    expect(readValue(packet, [])).toEqual(value);
  });

  test.each([
    ['52-["a",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', undefined],
    ['52-/admin,7["a",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', 7],
  ])('%s with its attachments', (text, ack) => {
    const packet = readPacket(text);
    expect(packet).toMatchObject({ type: 2, attachments: 2, ack });
    expect(readValue(packet, [bytes(1), bytes(2)])).toEqual(['a', bytes(2), bytes(1)]);
  });

  test('an acknowledgement with attachments', () => {
    const packet = readPacket('61-3[{"deep":[null,{"_placeholder":true,"num":0}]}]');
    expect(packet).toMatchObject({ type: 3, attachments: 1, ack: 3 });
    expect(readValue(packet, [bytes()])).toEqual([{ deep: [null, bytes()] }]);
  });

  test.each(['', '7[]', 'a', '-1'])('%j is none', (text) => {
    expect(() => readPacket(text)).toThrow('No packet of Socket.IO');
  });

  test.each([1, -1, 0.5, '"length"', 'null'])('an attachment numbered %s is missing', (num) => {
    const packet = readPacket(`51-["a",{"_placeholder":true,"num":${num}}]`);
    expect(() => readValue(packet, [bytes(1)])).toThrow('is missing');
  });
});

describe('writing', () => {
  test.each([
    [writePacket(2, '/', undefined, ['foo']), ['2["foo"]']],
    [writePacket(2, '/', 12, ['foo', null]), ['212["foo",null]']],
    [writePacket(3, '/admin', 13, []), ['3/admin,13[]']],
    [
      writePacket(2, '/', 0, ['a', bytes(1), { deep: [bytes(2)] }]),
      [
        '52-0["a",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}]',
        bytes(1),
        bytes(2),
      ],
    ],
    [
      writePacket(3, '/admin', 4, [Buffer.from([7])]),
      ['61-/admin,4[{"_placeholder":true,"num":0}]', Buffer.from([7])],
    ],
  ])('%j', (messages, expected) => {
    expect(messages).toEqual(expected);
  });

  test('connecting', () => {
    expect(connectPacket('/', { token: 'a' })).toBe('0{"token":"a"}');
    expect(connectPacket('/admin', {})).toBe('0/admin,{}');
  });
});

test.each([
  ['Q7_a7yJ', true],
  ['Q7_a7yJ.1', true],
  ['1726000000000-0', true],
  ['64f1c2d3e4f5a6b7c8d9e0f1', true],
  ['hello', false],
  ['goodbye', false],
  ['two words', false],
  ['', false],
  [1726000000000, false],
])('%j is an offset: %s', (value, expected) => {
  expect(isOffset(value)).toBe(expected);
});

test('reserved names', () => {
  expect(['connect', 'disconnect', 'newListener'].every(isReserved)).toBe(true);
  expect(['connected', 'reconnect', 'message', 'Connect'].some(isReserved)).toBe(false);
});

test('more attachments than any event has are not waited for', () => {
  expect(readPacket('51000-["e"]').attachments).toBe(1_000);
  expect(() => readPacket('51001-["e"]')).toThrow('A packet of 1001 attachments');
});
