/** Runs the bundled contract suite in one runtime, against a stub server in this process. */
import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';

const suiteMs = 180_000;

/** What the program wrote, and how it ended. */
function outputOf([binary, ...args]) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: suiteMs });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let lines = '';
  let errors = '';
  child.stdout.on('data', (part) => {
    lines += part;
  });
  child.stderr.on('data', (part) => {
    errors += part;
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ lines, errors, how: error.message }));
    child.on('close', (code, signal) => resolve({ lines, errors, how: code ?? signal }));
  }).finally(() => process.off('exit', kill));
}

/** `[{ name, state, wrong }]`, one for each test, and one more if the run itself went wrong. */
export async function runContract(command, { contract, stub }) {
  const { startStub } = await import(pathToFileURL(stub).href);
  const { url, otherUrl, controlUrl, close } = await startStub();
  const { lines, errors, how } = await outputOf([...command, contract, url, otherUrl, controlUrl]);
  await close();
  const verdicts = lines
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const isWhole = how === 0 && verdicts.some(({ state }) => state === 'pass');
  if (isWhole) return verdicts;
  const wrong = `it ended with ${how}: ${errors.trim().slice(0, 500)}`;
  return [...verdicts, { name: 'the suite runs to its end', state: 'fail', wrong }];
}
