/** The catalogue is whole, and what it names exists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { schedules } from './catalogue.ts';

const tests = join(import.meta.dirname, '..', '..');
const numbered = (letter: string): string[] => Array.from({ length: 24 }, (_, i) => `${letter}${i + 1}`);
const covered = schedules.flatMap((schedule) => ('tests' in schedule ? [schedule] : []));
const putOff = schedules.flatMap((schedule) => ('later' in schedule ? [schedule] : []));

function fileOf(name: string): string {
  const [folder, file] = name.split('/');
  return join(tests, folder === 'scenarios' ? 'sim/scenarios' : `unit/${folder}`, `${file}.test.ts`);
}

/** Whether the file has a test of this title: `test('title', …`, `it('title', …` or `test.each(…)('title', …`. */
function isThere(file: string, title: string): boolean {
  const text = existsSync(file) ? readFileSync(file, 'utf8').replace(/\(\s+/g, '(') : '';
  return [`test('${title}'`, `it('${title}'`, `])('${title}'`].some((opening) => text.includes(opening));
}

test('every finding has its schedules, and no schedule is there twice', () => {
  const ids = schedules.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(numbered('F').filter((finding) => !ids.some((id) => /^F\d+/.exec(id)?.[0] === finding))).toEqual([]);
});

test('every rule is answered by a schedule', () => {
  const rules = new Set<string>(schedules.flatMap((schedule) => schedule.rules));
  expect(numbered('D').filter((rule) => !rules.has(rule))).toEqual([]);
});

test.each(covered)('$id is run by tests that exist: $schedule', (schedule) => {
  expect(schedule.tests).not.toEqual([]);
  const missing = schedule.tests.filter((name) => {
    const colon = name.indexOf(': ');
    return !isThere(fileOf(name.slice(0, colon)), name.slice(colon + 2));
  });
  expect(missing).toEqual([]);
});

test('what is put off is known by name', () => {
  expect(putOff.map(({ id, later }) => `${id} ${later}`)).toEqual([
    'F7d with the first shared broker',
    'F9 with the first shared broker',
    'F11 with the first shared broker',
    'F12 hubs with the first shared broker',
    'F18 hubs with the first shared broker',
  ]);
});
