// Builds `dist/`: ES modules (one file an entry, shared chunks), one minified script for pages, and the types.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import swc from '@rollup/plugin-swc';
import terser from '@rollup/plugin-terser';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { sizeTable } from './scripts/sizes.mjs';

const { name, version, license, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const banner = `/*! ${name} ${version}, ${license} licence */`;
const script = 'dist/holdfast.umd.min.js';
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

const minify = () => terser({ ecma: 2020, compress: { passes: 2 }, format: { comments: /^!|^# all/ } });

/** A file that holds nothing but types leaves an empty module, which is right. */
function onwarn(warning, warn) {
  if (warning.code === 'EMPTY_BUNDLE') return;
  if (warning.code === 'CIRCULAR_DEPENDENCY' && warning.ids?.every((id) => id.includes('node_modules')))
    return;
  if (warning.code === 'UNRESOLVED_IMPORT') throw new Error(warning.message);
  warn(warning);
}

/** Bundles one entry for a page, minified, to know what an application pays that imports it whole. */
async function bundledCode(input) {
  const bundle = await rollup({
    input,
    onwarn,
    plugins: [nodeResolve({ extensions, browser: true }), commonjs(), compile('es2020'), minify()],
  });
  const { output } = await bundle.generate({ format: 'es' });
  await bundle.close();
  return output[0].code;
}

/** Prints the sizes once everything is written. */
const report = {
  name: 'report',
  async closeBundle() {
    if (!existsSync(script)) return;
    const rows = [
      [`${basename(script)} (script)`, readFileSync(script)],
      ['holdfast (import)', await bundledCode('src/index.ts')],
      ['holdfast/core (import)', await bundledCode('src/core.ts')],
    ];
    process.stdout.write(`\n${sizeTable(rows)}\n`);
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
    plugins: [nodeResolve({ extensions, browser: true }), commonjs(), compile('es2020'), minify()],
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
