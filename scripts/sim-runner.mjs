// Runs worlds of the simulator (`test/sim`) on all cores, in plain Node: the TypeScript is bundled once, workers take
// ranges of seeds. For scripts; `npm run sim` is the command line on top of it, `docs/TESTING.md` tells the whole.
//
//   import { buildSim, runMany } from './sim-runner.mjs';
//
//   const bundle = await buildSim();                     // path of an ES module; same source, same path, built once
//   const mutant = await buildSim({
//     replace: [{ file: 'src/core/inbox.ts', find: 'position > highest', replace: 'position < highest' }],
//   });                                                  // throws unless each `find` occurs exactly once; no file is touched
//   const result = await runMany({ bundle: mutant, from: 1, count: 20_000, stopAtFirst: true });
//   result.failures                                      // [{ seed, checker, message }], in order of seeds
//   result.seeds, result.failed, result.seconds, result.tally
//   `stopAfter: n` ends the run after n failures (`stopAtFirst` is `stopAfter: 1`).
//
// A seed that takes longer than `seedTimeoutMs` counts as failed by the checker `hang`; its worker is ended.
// `await import(bundle)` gives `runSeed(seed, hooks)`, `runPlan`, `shrink` and all else that `test/sim/index.ts` exports.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import swc from '@rollup/plugin-swc';
import { rollup } from 'rollup';
import { root } from './ensure.mjs';

const bundlesDir = join(root, 'node_modules', '.cache', 'holdfast-sim');

/** Seeds that a worker takes at a time. */
const chunkSeeds = 25;
/** Failures that are kept with their words; the rest is only counted. */
const failuresKept = 100;

/** Exchanges text in modules as they are read; says which replacements were made. */
export function substitute(replace) {
  const made = new Set();
  const plugin = {
    name: 'substitute',
    transform(code, id) {
      const file = relative(root, id).replaceAll('\\', '/');
      let text = code;
      for (const one of replace.filter((each) => each.file === file)) {
        const parts = text.split(one.find);
        if (parts.length !== 2) throw new Error(`${file}: "${one.find}" occurs ${parts.length - 1} times`);
        text = parts.join(one.replace);
        made.add(one);
      }
      return text === code ? null : { code: text, map: null };
    },
  };
  return { plugin, missed: () => replace.filter((one) => !made.has(one)) };
}

const compile = () =>
  swc({
    swc: {
      swcrc: false,
      configFile: false,
      sourceMaps: true,
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    },
  });

async function bundleCode(replace) {
  const { plugin, missed } = substitute(replace);
  const bundle = await rollup({
    input: join(root, 'test/sim/index.ts'),
    plugins: [plugin, nodeResolve({ extensions: ['.ts', '.js'] }), compile()],
    external: [/^node:/],
  });
  const { output } = await bundle.generate({ format: 'es', sourcemap: 'inline' });
  await bundle.close();
  const unused = missed();
  if (unused.length > 0) throw new Error(`not part of the simulator: ${unused.map(({ file }) => file)}`);
  return `${output[0].code}\n//# sourceMappingURL=${output[0].map.toUrl()}\n`;
}

/** Bundles of yesterday's sources. */
function dropOld() {
  const before = Date.now() - 24 * 3_600_000;
  for (const file of readdirSync(bundlesDir)) {
    const path = join(bundlesDir, file);
    if (statSync(path, { throwIfNoEntry: false })?.mtimeMs < before) rmSync(path, { force: true });
  }
}

/** Bundles client, hub and world, with `replace` done to the source in memory. The path of an ES module. */
export async function buildSim({ replace = [] } = {}) {
  const code = await bundleCode(replace);
  const path = join(bundlesDir, `${createHash('sha256').update(code).digest('hex').slice(0, 16)}.mjs`);
  if (!existsSync(path)) {
    mkdirSync(bundlesDir, { recursive: true });
    dropOld();
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, code);
    renameSync(temporary, path);
  }
  return path;
}

/** Removes a bundle that is no longer needed. */
export function dropBundle(bundle) {
  rmSync(bundle, { force: true });
}

/** Sums of sums, most of mosts; see `test/sim/tally.ts`. */
function addTally(to, from) {
  for (const [name, value] of Object.entries(from.sum)) to.sum[name] = (to.sum[name] ?? 0) + value;
  for (const [name, value] of Object.entries(from.most)) to.most[name] = Math.max(to.most[name] ?? 0, value);
  for (const [group, counts] of Object.entries(from.count)) {
    to.count[group] ??= {};
    const mine = to.count[group];
    for (const [name, value] of Object.entries(counts)) mine[name] = (mine[name] ?? 0) + value;
  }
}

/** One worker thread, and what it is at: `current[0]` is the seed that it runs. */
function startWorker(bundle) {
  const current = new Float64Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('./sim-worker.mjs', import.meta.url), {
    workerData: { bundle: pathToFileURL(bundle).href, current },
  });
  return { worker, current };
}

/**
 * Runs the seeds `from`, `from + 1`, … `count` of them.
 * @param {{ bundle: string, from?: number, count: number, stopAtFirst?: boolean, workers?: number,
 *   seedTimeoutMs?: number, onProgress?: (done: { seeds: number, failed: number, seconds: number }) => void }} options
 */
export async function runMany({
  bundle,
  from = 1,
  count,
  stopAtFirst = false,
  stopAfter = stopAtFirst ? 1 : Number.POSITIVE_INFINITY,
  workers = availableParallelism(),
  seedTimeoutMs = 20_000,
  onProgress = () => undefined,
}) {
  const startedMs = performance.now();
  const result = {
    from,
    seeds: 0,
    failed: 0,
    failures: [],
    seconds: 0,
    tally: { sum: {}, most: {}, count: {} },
  };
  const todo = { at: from, end: from + count };
  const secondsSoFar = () => (performance.now() - startedMs) / 1000;

  function note(seeds, failures, tally) {
    result.seeds += seeds;
    result.failed += failures.length;
    result.failures.push(...failures.slice(0, Math.max(0, failuresKept - result.failures.length)));
    if (tally) addTally(result.tally, tally);
    if (result.failed >= stopAfter) todo.at = todo.end;
    onProgress({ seeds: result.seeds, failed: result.failed, seconds: secondsSoFar() });
  }

  /** Gives one worker chunk after chunk until none is left; another takes its place when it hangs. */
  function work() {
    return new Promise((resolve, reject) => {
      let { worker, current } = startWorker(bundle);
      let chunk;
      let seed = Number.NaN;
      const watch = setInterval(() => {
        if (chunk && current[0] === seed) replaceWorker();
        seed = current[0];
      }, seedTimeoutMs);

      function next() {
        if (todo.at >= todo.end) return finish();
        const size = Math.min(chunkSeeds, todo.end - todo.at);
        chunk = { from: todo.at, to: todo.at + size };
        todo.at += size;
        begin();
      }
      function begin() {
        seed = Number.NaN;
        worker.postMessage(chunk);
      }
      function listen() {
        worker.on('error', (error) => {
          clearInterval(watch);
          reject(error);
        });
        worker.on('message', ({ failures, tally }) => {
          note(chunk.to - chunk.from, failures, tally);
          chunk = undefined;
          next();
        });
      }
      function replaceWorker() {
        const stuck = current[0];
        worker.removeAllListeners();
        worker.terminate();
        const message = `took longer than ${seedTimeoutMs / 1000} s`;
        note(stuck + 1 - chunk.from, [{ seed: stuck, checker: 'hang', message }]);
        ({ worker, current } = startWorker(bundle));
        listen();
        chunk = { from: stuck + 1, to: chunk.to };
        if (chunk.from < chunk.to && todo.at < todo.end) begin();
        else next();
      }
      function finish() {
        clearInterval(watch);
        worker.terminate().then(() => resolve(undefined), reject);
      }
      listen();
      next();
    });
  }

  const hands = Math.max(1, Math.min(workers, Math.ceil(count / chunkSeeds)));
  await Promise.all(Array.from({ length: hands }, work));
  result.failures.sort((a, b) => a.seed - b.seed);
  result.seconds = secondsSoFar();
  return result;
}
