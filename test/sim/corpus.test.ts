/** Every plan that once failed, shortened and kept: `npm run sim -- --plan <file>` shows one with its log. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Plan } from './plan.ts';
import { failureOf } from './shrink.ts';

interface Kept {
  /** What it once showed, in a sentence. */
  readonly why: string;
  readonly checker: string;
  /** What the checker said then. */
  readonly message: string;
  readonly plan: Plan;
}

const folder = join(import.meta.dirname, 'corpus');
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

test.each(files)('%s', (file) => {
  const { plan } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Kept;
  expect(failureOf(plan)).toBeUndefined();
});
