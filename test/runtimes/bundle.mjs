/**
 * Bundles the contract suite, with the adapters as they are in `src/`, into modules that any runtime can load. Packages stay
 * imports, because some runtimes bring their own in the place of them.
 */
import { join } from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import swc from '@rollup/plugin-swc';
import { rollup } from 'rollup';

const stub = join(import.meta.dirname, '../contract/stub-server.ts');

/** For Node 20, the oldest. */
const compile = swc({
  swc: { swcrc: false, configFile: false, jsc: { target: 'es2022', parser: { syntax: 'typescript' } } },
});

/**
 * Writes the suite and its stub server into the folder; returns their paths. `contract` is the suite's source, `vitest` what stands in
 * for Vitest.
 */
export async function bundleContract({ contract, vitest }, folder) {
  const standIn = { name: 'stand-in', resolveId: (id) => (id === 'vitest' ? vitest : null) };
  const bundle = await rollup({
    input: { contract, stub },
    external: (id) => /^[@\w]/.test(id) && id !== 'vitest',
    plugins: [standIn, nodeResolve({ extensions: ['.ts', '.js'] }), compile],
  });
  await bundle.write({
    dir: folder,
    format: 'es',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name].mjs',
    hoistTransitiveImports: false,
  });
  await bundle.close();
  return { contract: join(folder, 'contract.mjs'), stub: join(folder, 'stub.mjs') };
}
