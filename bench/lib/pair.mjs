// The two processes of a contender, one for its server and one for its clients: there are two processors at least, and neither
// half is to wait for the other. `await pair.server.stream({ … })` runs the command of that name there.

import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Where the servers' profiles go, if there are to be any. */
const profileDir = process.env['BENCH_PROFILE_DIR'];
const file = new URL('./half.mjs', import.meta.url);
const callMs = 120_000;
const endMs = 5_000;

function flagsOf(role, suite, { name }) {
  if (!profileDir || role !== 'server') return ['--expose-gc'];
  const profile = `${suite}-${name.replace(/\W+/g, '-')}.cpuprofile`;
  return ['--expose-gc', '--cpu-prof', `--cpu-prof-dir=${profileDir}`, `--cpu-prof-name=${profile}`];
}

function startHalf(role, suite, contender) {
  const execArgv = flagsOf(role, suite, contender);
  const child = fork(file, [JSON.stringify({ role, suite, contender })], { execArgv });
  const waiting = new Map();
  let calls = 0;
  const settle = ({ call, value, error }) => {
    const { resolve, reject, timer } = waiting.get(call);
    waiting.delete(call);
    clearTimeout(timer);
    if (error) reject(new Error(error));
    else resolve(value);
  };
  child.on('message', settle);
  child.on('exit', (code) => {
    for (const call of [...waiting.keys()]) settle({ call, error: `the ${role} process ended with ${code}` });
  });
  const run = (name, given = {}) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle({ call, error: `${name} took too long` }), callMs);
      const call = ++calls;
      waiting.set(call, { resolve, reject, timer });
      if (child.connected) child.send({ call, name, given });
      else settle({ call, error: `the ${role} process has ended` });
    });
  const own = {
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      // It ends when it is left; what hangs is killed.
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), endMs);
      await gone;
      clearTimeout(timer);
    },
  };
  return new Proxy(own, {
    // A half is no thenable, else `await` would call it.
    get: (_, name) => own[name] ?? (name === 'then' ? undefined : (given) => run(name, given)),
  });
}

export function startPair(suite, contender) {
  const server = startHalf('server', suite, contender);
  const clients = startHalf('clients', suite, contender);
  return { server, clients, close: () => Promise.all([server.close(), clients.close()]) };
}

/** Processor time of both halves so far, in microseconds; it says which part of the machine's load is the bench's own. */
export async function cpuOf({ server, clients }) {
  const [a, b] = await Promise.all([server.cpu(), clients.cpu()]);
  return a + b;
}
