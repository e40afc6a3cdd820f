// Applies the rules to every file of the project that is kept under version control.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import {
  linesOf,
  noMachine,
  noOnly,
  noRegistry,
  noReminders,
  noResolved,
  portable,
  pure,
  type Rule,
  reasoned,
  synchronous,
} from './rules.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const generated = new Set(['node_modules', 'dist', 'coverage', 'test-results', '.git']);
const adapterLinesMax = 160;
const fileLinesAdvised = 400;

function filesBelow(folder: string): string[] {
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    if (generated.has(entry.name)) return [];
    const path = folder + entry.name;
    return entry.isDirectory() ? filesBelow(`${path}/`) : [path];
  });
}

const isText = /\.(ts|mts|mjs|cjs|js|json|md|html|css|svg|ya?ml)$|^\.ci\/|^\.(gitignore|editorconfig)$/;
const files = filesBelow('').filter((path) => isText.test(path));
const texts = new Map(files.map((path) => [path, readFileSync(root + path, 'utf8')]));

/** Everything a rule finds in the files of a pattern, as `file:line message`. */
function findingsIn(pattern: RegExp, rule: Rule): string[] {
  return files
    .filter((path) => pattern.test(path))
    .flatMap((path) => rule(texts.get(path) ?? '').map(({ line, message }) => `${path}:${line} ${message}`));
}

const code = /\.(ts|mts|mjs|cjs|js)$/;
const anything = /(?:)/;

it.each<[string, RegExp, Rule]>([
  ['the core of the client is pure', /^src\/core\//, pure],
  ['the core of the client never waits', /^src\/core\//, synchronous],
  ['the core of the hub is pure', /^src\/server\/core\//, pure],
  ['what a page loads can become ES5', /^src\/(?!server\/)/, portable],
  ['nothing is left to be done later', /^(?!package-lock)/, noReminders],
  ['no test runs alone', code, noOnly],
  ['no path belongs to one machine', anything, noMachine],
  ['no registry is named', anything, noRegistry],
  ['the lockfile holds no address', /^package-lock\.json$/, noResolved],
  ['every suppression has its reason', code, reasoned],
])('%s', (_, pattern, rule) => {
  expect(findingsIn(pattern, rule)).toEqual([]);
});

it('no file names the folder it lies in', () => {
  const folder = root.slice(0, -1);
  // The name of a folder at the top, such as `/app`, may well be a word of a text.
  const isTelling = folder.split(/[\\/]/).length > 2;
  expect(files.filter((path) => isTelling && texts.get(path)?.includes(folder))).toEqual([]);
});

it('adapters are small', () => {
  const long = files.filter(
    (path) => /^src\/adapters\//.test(path) && linesOf(texts.get(path) ?? '') > adapterLinesMax,
  );
  expect(long).toEqual([]);
});

it('warns of long files', () => {
  const long = files.filter(
    (path) => /^src\/.*\.ts$/.test(path) && linesOf(texts.get(path) ?? '') > fileLinesAdvised,
  );
  for (const path of long) console.warn(`${path} has more than ${fileLinesAdvised} lines: is it two things?`);
  expect(files.length).toBeGreaterThan(0);
});
