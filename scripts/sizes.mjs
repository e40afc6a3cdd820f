// What the build weighs: bytes minified, after gzip -9 and after brotli.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { root } from './ensure.mjs';

/** The three sizes of one piece of code, in bytes. */
export function sizesOf(code) {
  const bytes = Buffer.from(code);
  return {
    minified: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes).length,
  };
}

/** A table of `[name, code]` rows as text. */
export function sizeTable(rows) {
  const cells = rows.map(([name, code]) => [name, ...Object.values(sizesOf(code)).map(String)]);
  const table = [['', 'min', 'gzip -9', 'brotli'], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i] + 2))).join(''),
    )
    .join('\n');
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const name = 'dist/holdfast.umd.min.js';
  console.log(sizeTable([[name, readFileSync(join(root, name))]]));
}
