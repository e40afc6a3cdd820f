// Runs the named scenarios and the corpus of the simulator against a product that is broken on purpose, for `mutants.mjs`.
// They are run by Vitest, as in `npm test`; text is exchanged as modules are read, and no file is touched.

import { join } from 'node:path';
import { createVitest } from 'vitest/node';
import { root } from './ensure.mjs';
import { substitute } from './sim-runner.mjs';

/** All of them take a second or two; a broken product may never end. */
const limitMs = 60_000;

const options = {
  config: false,
  root,
  watch: false,
  pool: 'threads',
  bail: 1,
  reporters: [{}],
  include: ['test/sim/scenarios/*.test.ts', 'test/sim/corpus.test.ts'],
};

/** Nothing is watched: what changes is told by hand. */
const quiet = { logLevel: 'silent', server: { watch: null } };

const namesOf = ({ testModules }) =>
  testModules.flatMap((module) => [
    ...[...module.children.allTests('failed')].map(({ fullName }) => fullName),
    ...module.errors().map(({ message }) => message),
  ]);

/** `failing(edits)`: the first scenario that fails once these edits are made; `undefined` if all pass. */
export async function createScenarios() {
  let made = substitute([]);
  let files = [];
  // Before anything else has changed the text.
  const plugin = { name: 'mutant', enforce: 'pre', transform: (...given) => made.plugin.transform(...given) };
  const start = () => createVitest('test', options, { ...quiet, plugins: [plugin] });
  let vitest = await start();

  /** What the former edits changed is read anew, and so is what these change. */
  function exchange(edits) {
    made = substitute(edits);
    const changed = edits.map(({ file }) => join(root, file));
    for (const file of [...files, ...changed]) vitest.invalidateFile(file);
    files = changed;
  }

  async function run() {
    const all = await vitest.globTestSpecifications();
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    const result = await Promise.race([vitest.runTestSpecifications(all), late]);
    clearTimeout(timer);
    if (result) return namesOf(result)[0];
    await vitest.close();
    vitest = await start();
    return 'they never end';
  }

  return {
    async failing(edits) {
      exchange(edits);
      const name = await run();
      const missed = made.missed();
      if (missed.length > 0) throw new Error(`not part of the scenarios: ${missed.map(({ file }) => file)}`);
      return name;
    },
    close: () => vitest.close(),
  };
}
