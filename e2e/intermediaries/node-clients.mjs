// A process of its own for the clients in Node: what it trusts besides the public authorities is read at its start
// (`NODE_EXTRA_CA_CERTS`). Each message names a word of `clients.mjs`.

import { createClients } from './clients.mjs';

const words = createClients(await import('../../dist/index.node.js'));

process.on('message', async ({ id, word, args }) => {
  try {
    process.send({ id, answer: await words[word](...args) });
  } catch (error) {
    process.send({ id, error: String(error) });
  }
});
process.on('disconnect', () => process.exit());
process.send({ isReady: true });
