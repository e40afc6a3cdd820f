// A worker of `sim-runner.mjs`: takes ranges of seeds, runs their worlds, tells what failed and what was met.

import { parentPort, workerData } from 'node:worker_threads';

// Errors are data in most worlds, and a stack for each costs a tenth of the time. A replay has them.
Error.stackTraceLimit = 0;

const { bundle, current } = workerData;
const { createTally, runSeed, tallyUp } = await import(bundle);

parentPort.on('message', ({ from, to }) => {
  const failures = [];
  const tally = createTally();
  for (let seed = from; seed < to; seed++) {
    current[0] = seed;
    try {
      tallyUp(tally, runSeed(seed));
    } catch (error) {
      failures.push({ seed, checker: error.checker ?? 'error', message: String(error.message ?? error) });
    }
  }
  parentPort.postMessage({ failures, tally });
});
