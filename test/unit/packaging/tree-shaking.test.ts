/** What an application bundles is what it imports: seen in the source map of a bundle of the built package, as it is after tree shaking. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { type Plugin, rollup } from 'rollup';
import { describe, expect, test } from 'vitest';

const root = resolve('.');
/** An application in the package's own folder, where the package is known by its name. */
const entry = join(root, 'application.js');

const adapters = {
  websocket: 'webSocket',
  'http-stream': 'httpStream',
  eventsource: 'eventSource',
  iframe: 'iframe',
  'long-poll': 'longPoll',
  poll: 'poll',
};

const dialects = ['plain', 'nchan', 'mercure', 'socketio'];

/** Composing the maps of a whole bundle takes its time on a busy machine. */
const timeoutMs = 30_000;

function application(code: string): Plugin {
  return {
    name: 'application',
    resolveId: (id) => (id === entry ? id : null),
    load(id) {
      if (id === entry) return code;
      // With its map, so that the bundle's map leads to the sources.
      if (!existsSync(`${id}.map`)) return null;
      return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') };
    },
  };
}

interface Bundled {
  readonly code: string;
  /** The files of `src/` of which anything is left. */
  readonly sources: readonly string[];
}

async function bundled(code: string): Promise<Bundled> {
  const plugins = [application(code), nodeResolve({ browser: true }), commonjs()];
  const bundle = await rollup({ input: entry, plugins });
  const { output } = await bundle.generate({ format: 'es', sourcemap: true, file: join(root, 'bundle.js') });
  await bundle.close();
  const sources = (output[0].map?.sources ?? [])
    .map((source) => relative(root, resolve(root, source)).split(sep).join('/'))
    .filter((source) => source.startsWith('src/'))
    .sort();
  return { code: output[0].code, sources };
}

/** Which of the named files of a folder are among the sources. */
function among(sources: readonly string[], folder: string, names: readonly string[]): string[] {
  return names.filter((name) => sources.includes(`src/${folder}/${name}.ts`));
}

function withCore(maker: string, from: string): string {
  return `
    import { createClient } from 'holdfast/core';
    import { ${maker} } from '${from}';
    export const client = createClient('/realtime', { adapters: [${maker}()] });
  `;
}

describe('holdfast/core with one adapter', { timeout: timeoutMs }, () => {
  test.each(Object.entries(adapters))('%s carries no other, and no dialect', async (name, maker) => {
    const { sources } = await bundled(withCore(maker, `holdfast/adapters/${name}`));
    expect(sources).toContain('src/client.ts');
    expect(among(sources, 'adapters', Object.keys(adapters))).toEqual([name]);
    expect(sources.filter((source) => source.startsWith('src/protocols/'))).toEqual([
      'src/protocols/holdfast.ts',
      'src/protocols/url.ts',
    ]);
    expect(sources.filter((source) => /^src\/(server|runtime\/(node|legacy|xhr))/.test(source))).toEqual([]);
  });

  test('the adapter of a socket carries nothing of HTTP', async () => {
    const { sources } = await bundled(withCore('webSocket', 'holdfast/adapters/websocket'));
    expect(sources.filter((source) => source.startsWith('src/adapters/'))).toEqual([
      'src/adapters/guard.ts',
      'src/adapters/websocket.ts',
    ]);
  });

  test('it is the same, named from the whole package', async () => {
    const { sources } = await bundled(withCore('webSocket', 'holdfast/adapters/websocket'));
    expect((await bundled(withCore('webSocket', 'holdfast'))).sources).toEqual(sources);
  });
});

test('holdfast carries all adapters, and no dialect that is not named', { timeout: timeoutMs }, async () => {
  const { sources } = await bundled(
    "import { createClient } from 'holdfast'; export const client = createClient('/realtime');",
  );
  expect(among(sources, 'adapters', Object.keys(adapters))).toEqual(Object.keys(adapters));
  expect(among(sources, 'protocols', ['holdfast', ...dialects])).toEqual(['holdfast']);
});

describe('a dialect', { timeout: timeoutMs }, () => {
  test.each(dialects)('%s carries no other but what it stands on, no adapter, no client', async (name) => {
    const { code, sources } = await bundled(`export { ${name} } from 'holdfast/protocols/${name}';`);
    const others = dialects.filter((other) => other !== name && other !== 'plain');
    expect(among(sources, 'protocols', ['holdfast', name, ...others])).toEqual([name]);
    expect(sources.filter((source) => /^src\/(adapters|runtime|client)/.test(source))).toEqual([]);
    // Nchan and Mercure are plain servers with habits of their own; Socket.IO borrows two small functions.
    expect(/function plainDialect\b/.test(code)).toBe(name !== 'socketio');
  });
});
