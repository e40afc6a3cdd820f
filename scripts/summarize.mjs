// Names what failed and adds up what the runs counted, as the last lines of a run in CI. One that left no count has failed.

import { add, none, readReport, summaryLine } from './summary.mjs';

function countOf(name) {
  try {
    return readReport(`summary-${name}.json`);
  } catch {
    return { ...none, failed: 1, failures: [`${name} left no count`] };
  }
}

const all = ['test', 'all', 'more', 'legacy', 'intermediaries'].map(countOf);
for (const failure of all.flatMap(({ failures = [] }) => failures)) console.log(`FAILED ${failure}`);
console.log(summaryLine(all.reduce(add, none)));
