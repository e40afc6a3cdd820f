/** The promise that stands in where an engine has none keeps to the rules that others rely on. */
import { expect, test, vi } from 'vitest';
import { Promise as StandIn } from '../../../src/runtime/legacy-promise.ts';

const error = new Error('no');

test('a reaction runs after the task, in order, with what its predecessor gave', async () => {
  const seen: unknown[] = [];
  const last = StandIn.resolve(1)
    .then((value) => {
      seen.push(value);
      return StandIn.resolve(2);
    })
    .then((value) => seen.push(value));
  seen.push('task');
  await last;
  expect(seen).toEqual(['task', 1, 2]);
});

test('what throws is a rejection, and a handler makes it a value again', async () => {
  const failing = StandIn.resolve().then(() => {
    throw error;
  });
  await expect(failing).rejects.toBe(error);
  expect(await failing.then(undefined, () => 'mended')).toBe('mended');
  expect(await failing.catch(() => 'caught')).toBe('caught');
  await expect(StandIn.reject(error).then(() => 1)).rejects.toBe(error);
});

test('it is settled once, and what its start throws later does not count', async () => {
  const value = StandIn((resolve, reject) => {
    resolve('first');
    reject(error);
    throw error;
  });
  expect(await value).toBe('first');
});

test('it takes over any thenable, once, whatever that one does afterwards', async () => {
  const odd = {
    // biome-ignore lint/suspicious/noThenProperty: a thenable that breaks the rules is the matter
    then(on: (value: unknown) => void, off: (error: unknown) => void) {
      on('given');
      off(error);
      throw error;
    },
  };
  expect(await StandIn.resolve(odd)).toBe('given');
  const throwing = Object.defineProperty({}, 'then', {
    get() {
      throw error;
    },
  });
  await expect(StandIn.resolve(throwing)).rejects.toBe(error);
});

test('it cannot wait for itself', async () => {
  const self: Promise<unknown> = StandIn.resolve().then(() => self);
  await expect(self).rejects.toBeInstanceOf(TypeError);
});

test('`finally` waits, changes nothing, and passes on only what goes wrong in it', async () => {
  const run = vi.fn(() => StandIn.resolve('ignored'));
  expect(await StandIn.resolve('kept').finally(run)).toBe('kept');
  await expect(StandIn.reject(error).finally(run)).rejects.toBe(error);
  await expect(StandIn.resolve('kept').finally(() => StandIn.reject(error))).rejects.toBe(error);
  expect(run).toHaveBeenCalledTimes(2);
});
