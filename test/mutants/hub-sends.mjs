// Ways to break what a hub remembers of its clients: their sends, and what a broker keeps for the hub that comes after it.
// `list.mjs` says what the fields mean.

const sends = 'src/server/core/sends.ts';
const upstream = 'src/server/core/upstream.ts';

export const hubSendsMutants = [
  {
    name: 'a batch of another memory of sends is applied',
    rule: 'D6',
    file: 'src/server/core/uplink.ts',
    find: 'else if (!record || record.nonce !== batch.sends) {',
    replace: 'else if (!record) {',
    and: [
      {
        file: 'src/server/core/uplink.ts',
        find: "    if (record.nonce !== batch.sends) refuseAll(hub, uplink, lines, 'NONCE_UNKNOWN');\n    else applyAll",
        replace: '    applyAll',
      },
    ],
  },
  {
    name: 'a number is claimed after its handler has run',
    rule: 'D6',
    file: sends,
    find: '  memory.claimed = seq;\n',
    replace: '',
    and: [
      {
        file: sends,
        find: '  memory.settled = job.seq;\n',
        replace: '  memory.settled = job.seq;\n  memory.claimed = job.seq;\n',
      },
    ],
  },
  {
    name: 'a copy of a send is applied again',
    rule: 'D6',
    file: sends,
    find: '  if (seq <= memory.claimed) {',
    replace: '  if (seq < 0) {',
    and: [
      {
        file: sends,
        find: 'if (!isNext(memory, seq)) return',
        replace: 'if (seq > memory.claimed + 1) return',
      },
    ],
  },
  {
    name: 'a send is acknowledged before it is applied',
    rule: 'D6',
    file: upstream,
    find: "  else if (offer.type === 'claimed') {\n",
    replace: "  else if (offer.type === 'claimed') {\n    answer(JSON.stringify({ type: 'ack', seq }));\n",
  },
  {
    name: 'a hole in the numbers is taken',
    rule: 'D7',
    file: sends,
    find: "  if (!isNext(memory, seq)) return { type: 'refused', code: 'HOLE' };\n",
    replace: '',
  },
  {
    name: 'handlers of one client run beside each other',
    rule: 'D8',
    file: sends,
    find: '  if (memory.running) return undefined;\n  memory.running = memory.queue.shift();\n  return memory.running;',
    replace: '  return memory.queue.shift();',
    and: [
      {
        file: sends,
        find: '  if (memory.running !== job) return false;\n  memory.running = undefined;\n',
        replace: '',
      },
      { file: upstream, find: '    if (memory.running !== job) return;\n', replace: '' },
    ],
  },
  {
    name: 'a copy that comes while the handler runs is never answered',
    rule: 'D6',
    file: sends,
    find: '    waiters?.push(waiter);\n',
    replace: '',
  },
  {
    name: 'an outcome is remembered for one send only, and then told as not applied',
    rule: 'D6',
    file: sends,
    find: "    applied: 'unknown',",
    replace: '    applied: false,',
    and: [
      {
        file: sends,
        find: 'memory.outcomes.length > bounds.window',
        replace: 'memory.outcomes.length > 1',
      },
    ],
  },
  {
    name: 'a broker forgets the log with the hub',
    rule: 'D9',
    file: 'src/server/brokers/memory.ts',
    find: '      kept ??= {',
    replace: '      kept = {',
  },
  {
    name: 'a broker forgets the clients with the hub',
    rule: 'D6',
    file: 'src/server/brokers/memory.ts',
    find: '        ...kept,\n',
    replace: '        ...kept,\n        records: new Map(),\n',
  },
  {
    name: 'what was given up with a hub is told as not applied',
    rule: 'D8',
    file: upstream,
    find: "errorAck(seq, 'OUTCOME_UNKNOWN', message, 'unknown')",
    replace: "errorAck(seq, 'OUTCOME_UNKNOWN', message, false)",
  },
  {
    name: 'what ran in a hub that is gone is run again by the next',
    rule: 'D8',
    file: sends,
    find: '  running.waiters.length = 0;\n',
    replace:
      '  if (running.seq !== undefined) {\n    memory.claimed = running.seq - 1;\n    memory.running = undefined;\n    return;\n  }\n',
  },
  {
    name: 'what waited in a hub that is gone keeps its numbers, and nobody runs it',
    rule: 'D8',
    file: sends,
    find: '    memory.claimed = Math.min(memory.claimed, seq - 1);\n',
    replace: '',
  },
  {
    name: 'a hub takes the connections of the former one for its own',
    rule: 'promise 4',
    file: 'src/server/core/inherit.ts',
    find: '    peers: none,\n',
    replace: '',
  },
  {
    name: 'a copy of what a hub refused as it went away is taken by the next one',
    rule: 'D8',
    file: 'src/server/core/uplink.ts',
    find: 'requestNumber >= 0 && requestNumber <= sends.refusedUpTo',
    replace: 'requestNumber < 0 && requestNumber <= sends.refusedUpTo',
  },
];
