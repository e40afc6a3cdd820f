import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runSeed } from './scenario.ts';

const one = process.env['SIM_SEED'];

test.runIf(one)('one world, with its log', () => {
  const lines: string[] = [];
  try {
    runSeed(Number(one), { log: (line) => lines.push(line) });
  } finally {
    writeFileSync(`test-results/sim-${one}.log`, lines.join('\n'));
  }
});

test.skipIf(one)('many worlds, and in none of them anything is lost, repeated or left behind', () => {
  const from = Number(process.env['SIM_FROM'] ?? 1);
  const count = Number(process.env['SIM_SEEDS'] ?? 150);
  const failures: string[] = [];
  for (let seed = from; seed < from + count; seed++) {
    try {
      runSeed(seed);
    } catch (error) {
      failures.push(
        String((error as Error).stack ?? error)
          .split('\n')
          .slice(0, 4)
          .join('\n'),
      );
      if (failures.length > 10) break;
    }
  }
  expect(failures).toEqual([]);
});
