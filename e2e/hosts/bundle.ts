/** The package as an application has it that is built by a bundler: imported by its name, bundled with all the rest. */
import { join } from 'node:path';
import { build } from 'vite';
import { root } from '../harness.ts';

interface BundleOptions {
  /** For a server, by the conditions of Node; else for a page. */
  readonly ssr?: boolean;
  /** `development`: with what a framework checks only there. */
  readonly mode?: 'development' | 'production';
}

/** Bundles a file of `e2e/pages` with all that it imports into one module, and gives its text. */
export async function bundle(page: string, options: BundleOptions = {}): Promise<string> {
  const { ssr = false, mode = 'production' } = options;
  const built = await build({
    root: join(root, 'e2e/pages'),
    configFile: false,
    logLevel: 'error',
    mode,
    define: { 'process.env.NODE_ENV': JSON.stringify(mode) },
    ssr: { noExternal: true },
    build: {
      write: false,
      ssr,
      minify: mode === 'production',
      modulePreload: false,
      rolldownOptions: { input: join(root, 'e2e/pages', page) },
    },
  });
  const [output] = [built].flat();
  const file = output && 'output' in output ? output.output[0] : undefined;
  if (file?.type !== 'chunk') throw new Error(`${page} was not bundled`);
  return file.code;
}
