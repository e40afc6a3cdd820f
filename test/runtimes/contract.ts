/**
 * The contract suite as one program: bundled once, run in each runtime with the addresses of the stub server as arguments.
 * It writes what came of each test as a line of JSON, and ends by itself.
 */
import { startTests, type Task, type VitestRunner } from '@vitest/runner';
import { provide } from './vitest.ts';

/** In order; `iframe` and `xhr` say themselves what of them cannot be here. */
const files: Readonly<Record<string, () => Promise<unknown>>> = {
  websocket: () => import('../contract/websocket.test.ts'),
  'http-stream': () => import('../contract/http-stream.test.ts'),
  eventsource: () => import('../contract/eventsource.test.ts'),
  iframe: () => import('../contract/iframe.test.ts'),
  polling: () => import('../contract/polling.test.ts'),
  xhr: () => import('../contract/xhr.test.ts'),
};

const timeoutMs = 20_000;

const runner: VitestRunner = {
  config: {
    root: '',
    setupFiles: [],
    name: undefined,
    passWithNoTests: false,
    testNamePattern: undefined,
    allowOnly: false,
    sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
    chaiConfig: undefined,
    maxConcurrency: 1,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  },
  async importFile(name) {
    await files[name]?.();
  },
};

interface Verdict {
  readonly file: string;
  readonly name: string;
  readonly state: string;
  readonly wrong: string;
}

function stateOf({ mode, result }: Task): string {
  if (result?.state) return result.state;
  return mode === 'skip' ? 'skip' : 'fail';
}

function verdictsOf(task: Task): Verdict[] {
  const wrong = (task.result?.errors ?? []).map(({ message }) => message).join('; ');
  const own = { file: task.file.name, name: task.fullTestName ?? task.name, state: stateOf(task), wrong };
  if (task.type === 'test') return [own];
  // A suite tells only what went wrong outside its tests.
  return [...(wrong ? [own] : []), ...task.tasks.flatMap(verdictsOf)];
}

const [url = '', otherUrl = '', controlUrl = ''] = process.argv.slice(2);
provide({ stub: { url, otherUrl, controlUrl } });
const ran = await startTests(Object.keys(files), runner);
for (const verdict of ran.flatMap(verdictsOf)) console.log(JSON.stringify(verdict));
