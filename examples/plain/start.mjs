/** `node examples/plain/start.mjs`: installs and builds what is missing, brings the servers up, and prints where the page is. */
import { ensureBuilt, ensureInstalled } from '../../scripts/ensure.mjs';

ensureInstalled();
ensureBuilt();
const { main } = await import('./run.mjs');
const { address } = await main();
console.log(
  `\n  One client, seven servers that have never heard of it\n\n  ${address}\n\n  Ctrl+C ends it.\n`,
);
