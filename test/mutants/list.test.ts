/** The list of mutants does not rot: what each would exchange is there, once, and says what it breaks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { editsOf, mutants } from './list.mjs';

const root = join(import.meta.dirname, '..', '..');
const texts = new Map<string, string>();

function textOf(file: string): string {
  const text = texts.get(file) ?? readFileSync(join(root, file), 'utf8');
  texts.set(file, text);
  return text;
}

test.each(mutants)('$name: every place is there once, and something else takes it', (mutant) => {
  for (const { file, find, replace } of editsOf(mutant)) {
    expect(textOf(file).split(find).length - 1, `${file}: ${find}`).toBe(1);
    expect(replace).not.toBe(find);
  }
});

test('each has a name of its own and a rule', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  for (const { rule } of mutants) expect(rule).toMatch(/^(D([1-9]|1\d|2[0-4])|promise [1-5]|herd)$/);
});
