// What each part of the client costs in the script for pages: `node scripts/size-parts.mjs` renews the tables of `docs/SIZE.md`.
// A part costs what the minified, gzipped bundle weighs less without it; parts that resemble each other cost little, each alone.

import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import swc from '@rollup/plugin-swc';
import terser from '@rollup/plugin-terser';
import { parse } from 'acorn';
import { rollup } from 'rollup';
import { ensureBuilt, ensureInstalled, root } from './ensure.mjs';
import { bundleOf, sizesOf } from './sizes.mjs';

const page = join(root, 'docs', 'SIZE.md');

const gzip = (code) => sizesOf(code).gzip;

async function bundleOfSources() {
  const compiler = { jsc: { target: 'es2020', parser: { syntax: 'typescript' } }, swcrc: false };
  const plugins = [
    nodeResolve({ extensions: ['.ts', '.js'], browser: true }),
    commonjs(),
    swc({ swc: compiler }),
  ];
  const bundle = await rollup({ input: join(root, 'src/index.ts'), plugins });
  const { output } = await bundle.generate({ format: 'es' });
  await bundle.close();
  return output[0];
}

const withoutExports = (code) => code.replace(/^export \{[^}]+\};$/m, '');

/** `isWhole`: nothing is left out, though nobody may refer to it any more. */
async function minified(code, isWhole) {
  const given = { name: 'given', resolveId: () => 'given', load: () => code };
  const bundle = await rollup({ input: 'given', treeshake: !isWhole, plugins: [given], onwarn() {} });
  const compress = isWhole ? { unused: false, inline: 0 } : { passes: 3 };
  const { output } = await bundle.generate({ plugins: [terser({ ecma: 2020, module: true, compress })] });
  await bundle.close();
  return output[0].code;
}

/** The path in the project, or the package and the path in it. */
function nameOf(id) {
  const path = relative(root, id).split(sep).join('/');
  return path.split('node_modules/').at(-1);
}

/** Rows of file and cost, dearest first. */
async function filesOf({ code, modules }) {
  const whole = withoutExports(code);
  const total = gzip(await minified(whole, true));
  const rows = [];
  for (const [id, { code: own }] of Object.entries(modules)) {
    if (!own) continue;
    const rest = await minified(
      whole.replace(own, () => ''),
      true,
    );
    rows.push([nameOf(id), total - gzip(rest)]);
  }
  return rows.sort((a, b) => b[1] - a[1]);
}

/** Rows of folder and the sum of its files' costs. */
function foldersOf(files) {
  const sums = {};
  for (const [file, bytes] of files) {
    const folder = file.startsWith('src/') ? file.slice(0, file.lastIndexOf('/')) : file.split('/')[0];
    sums[folder] = (sums[folder] ?? 0) + bytes;
  }
  return Object.entries(sums).sort((a, b) => b[1] - a[1]);
}

/** What comes on top of `holdfast/core`, each alone: export of an entry of the package. */
const additions = {
  webSocket: 'adapters/websocket',
  httpStream: 'adapters/http-stream',
  eventSource: 'adapters/eventsource',
  iframe: 'adapters/iframe',
  longPoll: 'adapters/long-poll',
  poll: 'adapters/poll',
  plain: 'protocols/plain',
  nchan: 'protocols/nchan',
  mercure: 'protocols/mercure',
  socketio: 'protocols/socketio',
};

/** Rows of what is imported and its cost. */
async function importsOf() {
  const core = `export { createClient } from 'holdfast/core';`;
  const weigh = async (more) => gzip(await bundleOf(core + more));
  const alone = await weigh('');
  const rows = [['`holdfast/core`', alone]];
  for (const [name, entry] of Object.entries(additions)) {
    const whole = await weigh(`export { ${name} } from 'holdfast/${entry}';`);
    rows.push([`\`${name}()\``, `+ ${whole - alone}`]);
  }
  const all = gzip(await bundleOf(`export { createClient } from 'holdfast';`));
  return [...rows, ['`holdfast`: all transports', `+ ${all - alone}`]];
}

/** Where strings and names of properties stand. */
function textsOf(code) {
  const strings = [];
  const names = [];
  const visit = (node) => {
    const { type, start, end, property, key } = node;
    if (type === 'Literal' && typeof node.value === 'string') strings.push({ start, end, text: node.value });
    if (type === 'TemplateElement') strings.push({ start, end, text: node.value.raw, isBare: true });
    const name =
      type === 'MemberExpression' ? property : type === 'Property' && !node.shorthand ? key : undefined;
    if (name?.type === 'Identifier' && !node.computed)
      names.push({ start: name.start, end: name.end, text: name.name });
    for (const part of Object.values(node)) if (typeof part === 'object' && part) visit(part);
  };
  visit(parse(code, { ecmaVersion: 2022, sourceType: 'module' }));
  return { strings, names };
}

/** The code with other texts in these places. */
function exchanged(code, places, textFor) {
  const fromTheEnd = [...places].sort((a, b) => b.start - a.start);
  return fromTheEnd.reduce((text, place) => {
    return text.slice(0, place.start) + textFor(place) + text.slice(place.end);
  }, code);
}

/** Names as short as can be, the most frequent first. */
function shortNames(names) {
  const counts = {};
  for (const { text } of names) counts[text] = (counts[text] ?? 0) + 1;
  const short = {};
  const byCount = Object.keys(counts).sort((a, b) => counts[b] - counts[a]);
  for (const [i, name] of byCount.entries())
    short[name] = i < 26 ? (i + 10).toString(36) : `${(i + 334).toString(36)}_`;
  return ({ text }) => short[text];
}

/** Rows of kind, how many, what they cost. */
async function kindsOf({ code }) {
  const whole = await minified(code, false);
  const { strings, names } = textsOf(whole);
  const empty = ({ isBare }) => (isBare ? '' : '""');
  const isSentence = ({ text }) => / /.test(text) && /[a-z]{2}/.test(text) && text.length > 9;
  const isCode = ({ text }) => /^[A-Z_]{4,}$/.test(text);
  const cost = (places, textFor) => [places.length, gzip(whole) - gzip(exchanged(whole, places, textFor))];
  return [
    ['words for people: errors, traces, reasons', ...cost(strings.filter(isSentence), empty)],
    ['codes of errors', ...cost(strings.filter(isCode), empty)],
    [
      'other strings',
      ...cost(
        strings.filter((one) => !isSentence(one) && !isCode(one)),
        empty,
      ),
    ],
    ['names of properties, beyond one or two letters each', ...cost(names, shortNames(names))],
  ];
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

ensureInstalled();
ensureBuilt();
const bundle = await bundleOfSources();
const files = await filesOf(bundle);
const tables = {
  imports: table(['import', 'bytes'], await importsOf()),
  kinds: table(['kind', 'places', 'bytes'], await kindsOf(bundle)),
  folders: table(['folder', 'bytes'], foldersOf(files)),
  files: table(['file', 'bytes'], files),
};
const text = Object.entries(tables).reduce(
  (page, [name, rows]) =>
    page.replace(
      new RegExp(`(<!-- ${name} -->)[^]*(<!-- /${name} -->)`),
      (_, from, to) => `${from}\n${rows}\n${to}`,
    ),
  readFileSync(page, 'utf8'),
);
writeFileSync(page, text);
console.log(Object.values(tables).join('\n\n'));
