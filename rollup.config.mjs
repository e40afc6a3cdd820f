// Builds `dist/`: ES modules (one file an entry, shared chunks), one minified script for pages, and the types.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import swc from '@rollup/plugin-swc';
import terser from '@rollup/plugin-terser';
import { transform } from '@swc/core';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { keepDocumented, keepInBudget, measure, sizeTable } from './scripts/sizes.mjs';

const { name, version, license, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const banner = `/*! ${name} ${version}, ${license} licence */`;
const script = 'dist/holdfast.umd.min.js';
const legacyScript = 'dist/holdfast.legacy.min.js';
const extensions = ['.ts', '.js'];

/** Imports that stay imports in the ES modules. */
const external = [/^node:/, ...Object.keys(dependencies)];

/** The public files of a folder: all but those whose head says `@internal`. */
function publicFiles(folder) {
  return readdirSync(join('src', folder))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .filter(
      (file) =>
        !readFileSync(join('src', folder, file), 'utf8')
          .slice(0, 600)
          .includes('@internal'),
    )
    .map((file) => [`${folder}/${basename(file, '.ts')}`, join('src', folder, file)]);
}

/** Entries of the package: the name below `dist/` and the source. */
const typedEntries = {
  index: 'src/index.ts',
  core: 'src/core.ts',
  server: 'src/server/index.ts',
  ...Object.fromEntries([...publicFiles('adapters'), ...publicFiles('protocols')]),
};
const entries = { ...typedEntries, 'index.node': 'src/index.node.ts', 'core.node': 'src/core.node.ts' };

/** Removes the types and lowers the syntax to what the target understands. */
function compile(target) {
  return swc({
    swc: {
      swcrc: false,
      configFile: false,
      sourceMaps: true,
      jsc: { target, parser: { syntax: 'typescript' }, loose: false },
    },
  });
}

/**
 * `passes`, `inline` and `hoist_funs` are what measured best. `pure_getters`: to read a property here changes nothing, and where it may
 * throw (`localStorage`) what was read is used.
 */
const compress = { passes: 3, inline: 1, hoist_funs: true, pure_getters: true };

const minify = (ecma = 2020) => terser({ ecma, compress, format: { comments: /^!|^# all/ } });

/** All variables declared alike compress better, and the compiler has seen that no constant is assigned. */
const declareAlike = {
  name: 'declare-alike',
  renderChunk(code) {
    const starts = new Set();
    const visit = (node) => {
      if (node.type === 'VariableDeclaration' && node.kind === 'const') starts.add(node.start);
      for (const part of Object.values(node)) if (typeof part === 'object' && part) visit(part);
    };
    visit(this.parse(code));
    // As long as before, so that the source map stays right.
    return { code: code.replace(/const/g, (word, at) => (starts.has(at) ? 'let  ' : word)), map: null };
  },
};

/** Names that old engines lack, and the files whose exports stand in for them inside the legacy script. */
const standIns = {
  Promise: resolve('src/runtime/legacy-promise.ts'),
  Uint8Array: resolve('src/runtime/legacy-bytes.ts'),
};

/** All that event-source-polyfill gets to see of a page: it would add to `XMLHttpRequest`. */
const polyfillScope = 'var globalThis = { setTimeout: setTimeout, clearTimeout: clearTimeout };';

/**
 * What of event-source-polyfill can never run inside the script: it finds nothing of a page but timers, and brings no request of its
 * own into play, because the adapter always gives it a `Transport`, which tells it of event streams alone. The adapter listens by
 * `addEventListener`, closes at the first error, so that nothing is asked again, and leaves watching to the session. Said so, it is
 * left out with all that only it uses.
 */
const polyfillCuts = [
  [/(var \w+ =) global\.(?!setTimeout|clearTimeout)\w+;/g, '$1 undefined;', 11],
  [/var xhr = isFetchSupported && [^;]+;/g, 'var xhr = undefined;', 1],
  [/var transport = TransportOption != null && [^;]+;/g, 'var transport = new TransportOption();', 1],
  [/console\.(?:error|debug)\([^;]+\);/g, '', 3],
  [/if \((?:Object\.create == undefined|!Date\.now)\) \{[\s\S]*?\n {2}\}\s/g, '', 2],
  [/status === 200 && contentType != undefined && contentTypeRegExp\.test\(contentType\)/g, 'true', 1],
  [/fire\(es, es\.on\w+, event\);/g, '', 6],
  [/lastEventId !== ""/g, 'false', 1],
  [/field === "(?:retry|heartbeatTimeout)"/g, 'false', 2],
  [/var heartbeatTimeout = [^;]+;/g, '', 1],
  [/retry = clampDuration\([^;]+;/g, '', 1],
  [/currentState !== WAITING/g, 'false', 1],
  [/timeout = setTimeout\(function \(\) \{\s+onTimeout\(\);\s+\}, (?:retry|heartbeatTimeout)\);/g, '', 3],
];

function withoutDeadParts(code) {
  return polyfillCuts.reduce((text, [pattern, replacement, count]) => {
    if (text.match(pattern)?.length !== count)
      throw new Error(`event-source-polyfill: ${pattern} is not there`);
    return text.replace(pattern, replacement);
  }, code);
}

function standInsOf(code, id) {
  if (!id.startsWith(resolve('src')) || Object.values(standIns).includes(id)) return '';
  const names = Object.keys(standIns).filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  return names.map((name) => `import { ${name} } from '${standIns[name]}';`).join('');
}

/** Gives each file what it is to take for the global of that name, so that no global has to be changed. */
const enclose = {
  name: 'enclose',
  // On the first line, so that every line keeps its number in the source map.
  transform(code, id) {
    const isPolyfill = /event-source-polyfill.+\.js$/.test(id);
    const text = isPolyfill ? polyfillScope + withoutDeadParts(code) : standInsOf(code, id) + code;
    return { code: text, map: null };
  },
};

/** A file that holds nothing but types leaves an empty module, which is right. */
function onwarn(warning, warn) {
  if (warning.code === 'EMPTY_BUNDLE') return;
  if (warning.code === 'CIRCULAR_DEPENDENCY' && warning.ids?.every((id) => id.includes('node_modules')))
    return;
  if (warning.code === 'UNRESOLVED_IMPORT') throw new Error(warning.message);
  warn(warning);
}

/**
 * Gives an entry with all that it imports as one module in ES5. It is lowered whole, so that each of the compiler's helpers is in
 * it once, and before it is wrapped, so that they are in the wrapper too.
 */
const lower = {
  name: 'lower',
  async load(input) {
    const plugins = [nodeResolve({ extensions, browser: true }), enclose, commonjs(), compile('es2020')];
    const bundle = await rollup({ input, onwarn, plugins });
    const { output } = await bundle.generate({ format: 'es', file: input, sourcemap: true });
    await bundle.close();
    return transform(output[0].code, {
      swcrc: false,
      configFile: false,
      sourceMaps: true,
      inputSourceMap: JSON.stringify(output[0].map),
      jsc: { loose: true },
      // As for ES5; but where there are no symbols nothing can be one.
      env: {
        targets: { ie: '9' },
        loose: true,
        exclude: ['transform-typeof-symbol', 'transform-function-name'],
      },
    });
  },
};

/** What a page names to be sure of getting this very file (Subresource Integrity). */
function integrityOf(file) {
  return `${basename(file)} sha384-${createHash('sha384').update(readFileSync(file)).digest('base64')}`;
}

/** Weighs the scripts, and what an application bundles, once everything is written; prints that and the scripts' integrity. */
const report = {
  name: 'report',
  async closeBundle() {
    if (!existsSync(script) || !existsSync(legacyScript)) return;
    const sizes = await measure();
    process.stdout.write(`\n${sizeTable(sizes)}\n\n${[script, legacyScript].map(integrityOf).join('\n')}\n`);
    keepInBudget(sizes);
    keepDocumented(sizes);
  },
};

export default [
  {
    input: entries,
    external,
    onwarn,
    treeshake: { moduleSideEffects: false },
    plugins: [nodeResolve({ extensions }), compile('es2020')],
    output: {
      dir: 'dist',
      format: 'es',
      entryFileNames: '[name].js',
      chunkFileNames: 'chunks/[name].js',
      hoistTransitiveImports: false,
      sourcemap: true,
    },
  },
  {
    input: 'src/index.ts',
    onwarn,
    plugins: [
      nodeResolve({ extensions, browser: true }),
      commonjs(),
      compile('es2020'),
      declareAlike,
      minify(),
    ],
    output: {
      file: script,
      format: 'umd',
      name: 'Holdfast',
      exports: 'named',
      // Has to be the first line. Chromium then compiles all of it while it loads, instead of piece by piece between
      // `subscribe` and the first message, which took twice as long (V8's "explicit compile hints").
      banner: `//# allFunctionsCalledOnLoad\n${banner}`,
      sourcemap: true,
    },
  },
  {
    input: 'src/legacy.ts',
    onwarn,
    plugins: [lower, minify(5)],
    output: {
      file: legacyScript,
      format: 'umd',
      name: 'Holdfast',
      exports: 'named',
      banner,
      sourcemap: true,
    },
  },
  {
    input: typedEntries,
    external,
    onwarn,
    plugins: [dts({ tsconfig: 'tsconfig.json', compilerOptions: { noEmit: false } }), report],
    output: {
      dir: 'dist',
      format: 'es',
      entryFileNames: '[name].d.ts',
      chunkFileNames: 'chunks/[name].d.ts',
      hoistTransitiveImports: false,
    },
  },
];
