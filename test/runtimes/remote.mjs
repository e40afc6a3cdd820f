/** The near end of `words.mjs`: starts a process and asks it by words. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const answerMs = 30_000;
/** Deno lets the time to the next try of an EventSource pass even after its `close()`: 5 s. */
const endMs = 10_000;

/** Rejects if the promise takes too long. */
function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export function startRemote([binary, ...args], module) {
  const child = spawn(binary, [...args, module], { stdio: ['pipe', 'pipe', 'pipe'] });
  const waiting = new Map();
  let errors = '';
  let count = 0;
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.stdin.on('error', () => {});
  child.stderr.on('data', (part) => {
    errors += part;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, value, error } = JSON.parse(line);
    if (error) waiting.get(id)?.reject(new Error(error));
    else waiting.get(id)?.resolve(value);
    waiting.delete(id);
  });
  ended.then((how) => {
    for (const { reject } of waiting.values()) reject(new Error(`the process ended with ${how}: ${errors}`));
  });

  function ask(word, ...given) {
    const answer = new Promise((resolve, reject) => waiting.set(++count, { resolve, reject }));
    child.stdin.write(`${JSON.stringify({ id: count, word, args: given })}\n`);
    return within(answer, answerMs, word);
  }

  return {
    ask,
    /** No more words: the process must end by itself, without an error. */
    async end() {
      child.stdin.end();
      const how = await within(ended, endMs, 'ending by itself');
      if (how !== 0) throw new Error(`the process ended with ${how}: ${errors}`);
    },
    async kill() {
      process.off('exit', kill);
      kill();
      await ended;
    },
  };
}
