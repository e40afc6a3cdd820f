// Adds up what `npm test` and `npm run test:all` counted, as the last line of a run in CI.

import { add, none, readReport, summaryLine } from './summary.mjs';

console.log(summaryLine(['test', 'all'].map((name) => readReport(`summary-${name}.json`)).reduce(add, none)));
