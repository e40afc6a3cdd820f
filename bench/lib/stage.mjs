// The bench's end of the wire to the servers' thread: `await stage.openProxy({ … })` runs the command of that name there.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export async function startStage() {
  const worker = new Worker(new URL('./servers.mjs', import.meta.url));
  const [{ origin }] = await once(worker, 'message');
  const waiting = new Map();
  let calls = 0;
  worker.on('message', ({ call, value, error }) => {
    const { resolve, reject } = waiting.get(call);
    waiting.delete(call);
    if (error) reject(new Error(error));
    else resolve(value);
  });
  const run = (name, given = {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++calls, { resolve, reject });
      worker.postMessage({ call: calls, name, given });
    });
  const own = { origin, close: () => worker.terminate() };
  return new Proxy(own, {
    // A stage is no thenable, else `await` would call it.
    get: (_, name) => own[name] ?? (name === 'then' ? undefined : (given) => run(name, given)),
  });
}
