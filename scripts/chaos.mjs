// `npm run chaos -- --minutes 10 --seed 7`: real hubs and clients with faults between them, for a stated time.
// Ends with 1 if anything was lost, repeated, out of order or unaccounted for, or if less happened than must.

import { parseArgs } from 'node:util';
import { findBrowsers } from './browsers.mjs';
import { ensureBuilt, ensureInstalled } from './ensure.mjs';

/** What must happen in a minute, else the run has shown nothing. */
const floorsPerMinute = { messages: 30_000, sends: 3_000, faults: 100 };
/** And each transport must have brought its share of the messages. */
const leastShare = 1 / 20;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(seed))
  throw new Error('--minutes is a number above 0, --seed a whole one');

console.log(`chaos: ${minutes} minutes, seed ${seed}`);
ensureInstalled();
ensureBuilt();
await findBrowsers();
const { run } = await import('../test/chaos/run.mjs');
const { tableOf, totals, violationsOf } = await import('../test/chaos/table.mjs');

/** What fell short, as sentences. */
function shortfalls(ledger, restarts) {
  const all = totals(ledger.counts, restarts);
  const short = Object.entries(floorsPerMinute)
    .map(([what, perMinute]) => ({ what, had: all[what], floor: perMinute * minutes }))
    .filter(({ had, floor }) => had < floor)
    .map(({ what, had, floor }) => `${had} ${what}, at least ${floor} must be`);
  const share = floorsPerMinute.messages * minutes * leastShare;
  for (const [transport, { messages }] of Object.entries(ledger.counts)) {
    if (messages < share) short.push(`${messages} messages over ${transport}, at least ${share} must be`);
  }
  if (restarts.drain > 0 && ledger.moves() === 0) short.push('no client has obeyed a bye');
  return short;
}

let part = '';
function say(next) {
  part = next;
  console.log(`${new Date().toISOString()} ${part}`);
}

/** Whatever hangs, the run ends. */
const endMs = minutes * 60_000 + 4 * 60_000;
setTimeout(() => {
  console.error(`The run has not come to its end after ${endMs} ms: it is still ${part} (seed ${seed}).`);
  process.exit(1);
}, endMs).unref();

const { ledger, restarts, startedAt } = await run({ minutes, seed, say });
const short = shortfalls(ledger, restarts);
if (ledger.violations.length > 0) console.log(`\n${violationsOf(ledger.violations, startedAt)}`);
console.log(`\n${tableOf(ledger.counts)}\n`);
console.log(
  `hubs killed ${restarts.kill}, drained ${restarts.drain}, replaced with their log ${restarts.replace}; moves on a bye ${ledger.moves()}`,
);
for (const sentence of short) console.log(`TOO LITTLE: ${sentence}`);
const all = totals(ledger.counts, restarts);
console.log(
  `${all.messages} messages, ${all.sends} sends, ${all.faults} faults, ${ledger.violationCount()} violations (seed ${seed})`,
);
process.exit(ledger.violationCount() + short.length > 0 ? 1 : 0);
