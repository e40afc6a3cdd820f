/** The places of messages, and what is kept of them. */
import { expect, test } from 'vitest';
import { createIdLog } from '../../../src/protocols/id-log.ts';

const kept = 4_096;

test('so many ids are kept, and no more', () => {
  const log = createIdLog(undefined);
  for (let n = 1; n <= kept + 10; n++) log.add(`id-${n}`, `text ${n}`);
  expect(log.find('id-10', 'text 10')).toBeUndefined();
  expect(log.find('id-11', 'text 11')).toBe(11);
  expect(log.idAt(10)).toBeUndefined();
  expect(log.idAt(11)).toBe('id-11');
});

test('messages of one id are forgotten one by one', () => {
  const log = createIdLog('before');
  for (let n = 1; n <= kept + 2; n++) log.add('same', `text ${n}`);
  expect(log.find('same', 'text 2')).toBeUndefined();
  expect(log.find('same', 'text 3')).toBe(3);
  expect(log.find('same', `text ${kept + 2}`)).toBe(kept + 2);
  expect(log.find('before', '')).toBeUndefined();
});

test('a message may be known by something else than its id', () => {
  const log = createIdLog(undefined);
  log.add('1:[0],-', 'a', '1:0');
  expect(log.find('1:0', 'a')).toBe(1);
  expect(log.find('1:[0],-', 'a')).toBeUndefined();
  expect(log.find('1:0', 'another')).toBeUndefined();
  expect(log.idAt(1)).toBe('1:[0],-');
});
