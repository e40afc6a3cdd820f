// `npm run bench:open`: single transports (open.mjs) and hindered networks (networks.mjs), in turn. Ends with 1 when a cell
// misses its limit. bench/README.md says what the figures mean.

import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled } from '../scripts/ensure.mjs';
import { startEngines } from './lib/engines.mjs';
import { printCells, printMisses, writeJson } from './lib/report.mjs';
import { startStage } from './lib/stage.mjs';
import { measureNetworks } from './networks.mjs';
import { measureOpen } from './open.mjs';
import { measureRecovery } from './recovery.mjs';

function readFlags() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: ['open', 'networks'] },
      engine: { type: 'string', multiple: true, default: ['node', 'chromium', 'firefox'] },
      network: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string', default: '5' },
      full: { type: 'boolean', default: false },
    },
  });
  return { ...values, runs: Number(values.runs) };
}

const parts = {
  open: {
    title: 'Single transports: round trips of 100 ms from subscribe(topic, { last: 1 }) to the message',
    measure: measureOpen,
  },
  networks: {
    title: 'Hindered networks: round trips (of 100 ms if not said) from subscribe(topic, { last: 1 })',
    measure: ({ flags, ...given }) => measureNetworks({ ...given, only: flags.network }),
  },
  recovery: {
    title: 'Recovery: milliseconds, at a round trip of 100 ms',
    measure: ({ flags, ...given }) => measureRecovery({ ...given, only: flags.network, isFull: flags.full }),
  },
};

async function main() {
  const flags = readFlags();
  ensureInstalled();
  ensureBuilt();
  // Clients in Node are to take the certificate that nobody signed.
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  const stage = await startStage();
  const { engines, close } = await startEngines(flags.engine, stage.origin);
  const all = [];
  try {
    for (const name of flags.only) {
      const { title, measure } = parts[name];
      const cells = await measure({ stage, engines, flags, runs: flags.runs });
      printCells(`${title}; median of ${flags.runs} (least-most)`, cells);
      printMisses(cells);
      await writeJson(name, engines, cells);
      all.push(...cells);
    }
  } finally {
    await close();
    await stage.close();
  }
  return all.every((cell) => !cell.isMiss);
}

process.exit((await main()) ? 0 : 1);
