// `npm start`: installs and builds what is missing, then runs the playground.

import { ensureBuilt, ensureInstalled } from './ensure.mjs';

ensureInstalled();
ensureBuilt();
const { main } = await import('../examples/playground/server.mjs');
await main();
