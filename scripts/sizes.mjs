// What the build weighs: bytes minified, after gzip -9 and after brotli, each against its budget and its goal.
// The build ends with it; by itself it checks what is built and what the README says of it. What each part of the code costs
// tells `size-parts.mjs`.

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import { rollup } from 'rollup';
import { root } from './ensure.mjs';

export const withCore = `
  export { createClient } from 'holdfast/core';
  export { webSocket } from 'holdfast/adapters/websocket';
`;

/**
 * What is weighed, gzip -9 in kB (1,000 bytes). Budget: what was reached, and 1 % of room, since compressors differ from one
 * Node to the next; above it the build fails. Goal: what it should be.
 */
const pieces = [
  { name: 'holdfast.umd.min.js', file: 'dist/holdfast.umd.min.js', budget: 31.1, goal: 12.9 },
  { name: 'holdfast.legacy.min.js', file: 'dist/holdfast.legacy.min.js', budget: 34.7, goal: 20 },
  { name: 'holdfast', imports: `export { createClient } from 'holdfast';`, budget: 27 },
  { name: 'holdfast/core + webSocket()', imports: withCore, budget: 24.3, goal: 8 },
];

/** What a figure in the README may be off by. */
const tolerance = 0.01;

const readme = join(root, 'README.md');
const [begin, end] = ['<!-- sizes: written by the build -->', '<!-- /sizes -->'];

/** What a bundler makes of an application that does nothing but import, from what is built, with its ordinary settings. */
export async function bundleOf(imports) {
  const entry = join(root, 'application.js');
  const application = {
    name: 'application',
    resolveId: (id) => (id === entry ? id : null),
    load: (id) => (id === entry ? imports : null),
  };
  const bundle = await rollup({ input: entry, plugins: [application, nodeResolve({ browser: true })] });
  const { output } = await bundle.generate({ format: 'es', plugins: [terser({ ecma: 2020, module: true })] });
  await bundle.close();
  return output[0].code;
}

/** The three sizes of one piece of code, in bytes. */
export function sizesOf(code) {
  const bytes = Buffer.from(code);
  return {
    minified: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes).length,
  };
}

/** All pieces of what is built, with their sizes. */
export async function measure() {
  const sizes = [];
  for (const piece of pieces) {
    const code = piece.file ? readFileSync(join(root, piece.file)) : await bundleOf(piece.imports);
    sizes.push({ ...piece, ...sizesOf(code) });
  }
  return sizes;
}

const inKb = (bytes) => (bytes / 1000).toFixed(1);

/** Rows of cells as text, the first column to the left. */
function textTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : String(cell).padStart(widths[i] + 2)))
        .join(''),
    )
    .join('\n');
}

export function sizeTable(sizes) {
  const rows = sizes.map(({ name, minified, gzip, brotli, budget, goal }) => {
    return [name, minified, gzip, brotli, `${budget} kB`, goal ? `${goal} kB` : '-'];
  });
  return textTable([['', 'min', 'gzip -9', 'brotli', 'budget', 'goal'], ...rows]);
}

/** Throws if a piece has outgrown its budget: let it weigh less, or raise the budget and say in the commit what for. */
export function keepInBudget(sizes) {
  const over = sizes.filter(({ gzip, budget }) => gzip > budget * 1000);
  if (over.length === 0) return;
  const what = over.map(({ name, gzip, budget }) => `${name} has ${inKb(gzip)} kB of ${budget} kB`);
  throw new Error(`Over budget (scripts/sizes.mjs): ${what.join(', ')}`);
}

function documentedTable(sizes) {
  const rows = sizes.map(({ name, file, gzip, brotli, goal }) => {
    const quoted = name.split(' + ').map((part) => `\`${part}\``);
    const what = file ? `${quoted}, the script` : `bundled from ${quoted.join(' with ')}`;
    return `| ${what} | ${inKb(gzip)} kB | ${inKb(brotli)} kB | ${goal ? `${goal} kB` : ''} |`;
  });
  return ['| minified | gzip -9 | brotli | goal |', '|---|---|---|---|', ...rows].join('\n');
}

/** The figures of a table in the order of reading. */
function figuresOf(table) {
  return (table.match(/[\d.]+(?= kB)/g) ?? []).map(Number);
}

function isNear(table, other) {
  const [figures, others] = [figuresOf(table), figuresOf(other)];
  const isClose = (figure, i) => Math.abs(figure - others[i]) <= Math.max(others[i] * tolerance, 0.1);
  return table.replace(/[\d.]+/g, '') === other.replace(/[\d.]+/g, '') && figures.every(isClose);
}

/**
 * Writes the README's table, unless all its figures are near enough: a build on another machine changes nothing. Where nobody
 * would commit it (`CI`, or `mayWrite: false`) it throws instead.
 */
export function keepDocumented(sizes, mayWrite = !process.env.CI) {
  const text = readFileSync(readme, 'utf8');
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  if (to < 0 || from > to) throw new Error(`README.md lacks "${begin}" or "${end}"`);
  const table = documentedTable(sizes);
  if (isNear(table, text.slice(from, to).trim())) return;
  if (!mayWrite) throw new Error('The sizes in README.md are not those of the build: build, and commit it');
  writeFileSync(readme, `${text.slice(0, from)}\n\n${table}\n\n${text.slice(to)}`);
  console.log('README.md: the table of sizes was renewed');
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const sizes = await measure();
  console.log(sizeTable(sizes));
  keepInBudget(sizes);
  keepDocumented(sizes, false);
}
