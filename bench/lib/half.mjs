// One process of a pair. It is told its role, loads the suite and the peer, and answers calls.

import { peers } from './peers.mjs';
import { suites } from './suites.mjs';

const { role, suite, contender } = JSON.parse(process.argv[2]);
const [half, peer] = await Promise.all([suites[suite](), peers[contender.peer]()]);
const own = await half[role](peer, contender.options ?? {});
const commands = {
  ...own,
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};

// The bench has ended, in good order or not.
process.on('disconnect', () => process.exit());
process.on('message', async ({ call, name, given }) => {
  try {
    process.send({ call, value: await commands[name](given) });
  } catch (error) {
    process.send({ call, error: String(error.stack ?? error) });
  }
});
