/** A few of the worlds that `npm run sim` runs by the thousand, here for the coverage of the core. */
import { expect, test } from 'vitest';
import { runSeed } from './scenario.ts';

const seeds = 100;

test('many worlds, and in none of them anything is lost, repeated or left behind', () => {
  const failures: string[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      runSeed(seed);
    } catch (error) {
      failures.push(`seed ${seed}: ${String((error as Error).stack)}`);
    }
  }
  expect(failures).toEqual([]);
});

test('a seed is one world: run twice, it brings the same', () => {
  for (const seed of [3, 7, 400]) {
    const logs = [1, 2].map(() => {
      const lines: string[] = [];
      const tally = runSeed(seed, { log: (line) => lines.push(line) });
      return { lines, tally };
    });
    expect(logs[0]).toEqual(logs[1]);
  }
});
