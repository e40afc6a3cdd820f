// Ways to break the hub: its log and its connections. `list.mjs` says what the fields mean.

const delivery = 'src/server/core/delivery.ts';
const log = 'src/server/core/log.ts';
const readLog = 'src/server/core/read-log.ts';
const upstream = 'src/server/core/upstream.ts';

export const hubMutants = [
  {
    name: 'a reading begins one message too late',
    rule: 'D3',
    file: readLog,
    find: 'const at = indexAfter(record, from);',
    replace: 'const at = indexAfter(record, from + 1);',
  },
  {
    name: 'a reading that stops at its budget has read the message that did not fit',
    rule: 'D3',
    file: readLog,
    find: 'position: entry.offset - 1, bytes',
    replace: 'position: entry.offset, bytes',
  },
  {
    name: 'a connection turns live before it has caught up',
    rule: 'D3',
    file: delivery,
    find: "  if (isDone) peer.state = 'live';",
    replace: "  if (chunk.bytes >= 0) peer.state = 'live';",
  },
  {
    name: 'a connection is live from its hello on',
    rule: 'D3',
    file: 'src/server/core/open.ts',
    find: '  const isAtTail = peer.positions.every((position, i) => position === tailOf(hub.log, i));',
    replace: '  const isAtTail = peer.positions.every((position, i) => position <= tailOf(hub.log, i));',
  },
  {
    name: 'a connection has caught up when its first partition has',
    rule: 'D3',
    file: delivery,
    find: 'for (let i = 0; i < positions.length; i++) if (positions[i] !== tailOf(hub.log, i)) return false;',
    replace: 'if (positions[0] !== tailOf(hub.log, 0)) return false;',
  },
  {
    name: 'a connection that catches up gets live messages too',
    rule: 'D3',
    file: delivery,
    find: "    if (peer.state === 'live') {\n      peer.pending.push(entry);",
    replace: "    if (peer.state === 'live' || peer.state === 'catching') {\n      peer.pending.push(entry);",
    and: [
      {
        file: delivery,
        find: 'write(hub, peer, chunk.entries, isDone',
        replace: 'write(hub, peer, peer.pending.splice(0).concat(chunk.entries), isDone',
      },
    ],
  },
  {
    name: 'a heartbeat marks the head of the log',
    rule: 'D3',
    file: 'src/server/core/liveness.ts',
    find: 'cursorAt(hub.log, peer.positions)',
    replace: 'cursorAt(hub.log, tails(hub.log))',
  },
  {
    name: 'a pong marks the head of the log',
    rule: 'D3',
    file: 'src/server/core/receive.ts',
    find: 'cursorAt(hub.log, peer.positions)',
    replace: 'cursorAt(hub.log, tails(hub.log))',
  },
  {
    name: 'the answer of a poll marks the head of the log',
    rule: 'D3',
    file: delivery,
    find: '  write(hub, peer, entries, [mark(hub, chunk.positions)]);',
    replace:
      '  write(hub, peer, entries, [mark(hub, hub.log.partitions.map((partition) => partition.tail))]);',
  },
  {
    name: 'the buffer of a slow connection is dropped and it stays live',
    rule: 'D3',
    file: delivery,
    find: "  peer.state = 'catching';\n  peer.pending = [];",
    replace: '  peer.pending = [];',
  },
  {
    name: 'answers are dropped with the buffer of a slow connection',
    rule: 'D3',
    file: delivery,
    find: "  peer.state = 'catching';\n  peer.pending = [];",
    replace: "  peer.state = 'catching';\n  peer.controls = [];\n  peer.pending = [];",
  },
  {
    name: 'a slow connection is never read for again',
    rule: 'D3',
    file: delivery,
    find: "  if (peer.state === 'catching') queueCatchUp(hub, peer);\n  else if (peer.controls",
    replace: '  if (peer.controls',
  },
  {
    name: 'a connection begins to read where its greatest topic begins',
    rule: 'D1',
    file: 'src/server/core/open.ts',
    find: 'positions[partition] = Math.min(positions[partition] as number, start);',
    replace: 'positions[partition] = Math.max(start, 0);',
  },
  {
    name: 'what is trimmed between hello and replay is not told',
    rule: 'D5',
    file: delivery,
    find: "  tellGaps(hub, peer);\n  if (peer.state !== 'catching') return 0;\n",
    replace: '',
  },
  {
    name: 'what was trimmed is not told to a poll',
    rule: 'D5',
    file: delivery,
    find: '  const gaps = tellGaps(hub, peer);',
    replace: '  const gaps = 0;',
  },
  {
    name: 'a gap ends one message too late',
    rule: 'D5',
    file: log,
    find: 'return oldestRetained(record)?.prev ?? record.last;',
    replace: 'return oldestRetained(record)?.offset ?? record.last;',
  },
  {
    name: 'a topic of which nothing is left has lost nothing',
    rule: 'D5',
    file: log,
    find: 'return oldestRetained(record)?.prev ?? record.last;',
    replace: 'return oldestRetained(record)?.prev ?? 0;',
  },
  {
    name: 'a topic whose record is gone has lost nothing',
    rule: 'D5',
    file: log,
    find: '  partition.floor = Math.max(partition.floor, record.last);\n',
    replace: '',
  },
  {
    name: 'a gap is reckoned by the partition, not by the topic',
    rule: 'D5',
    file: log,
    find: 'return oldestRetained(record)?.prev ?? record.last;',
    replace:
      'return Math.max(...[...partition.topics.values()].map((one) => oldestRetained(one)?.prev ?? one.last));',
  },
  {
    name: 'a cursor of another log is taken as one of this',
    rule: 'D9',
    file: 'src/server/core/topics.ts',
    find: 'place.epoch === epochOf(hub.log, partition) && place.offset',
    replace: 'place.offset',
    and: [
      {
        file: 'src/core/inbox.ts',
        find: 'if (reception.epochs[partition] !== inbox.epochs[partition]) return true;',
        replace: '',
      },
      {
        file: 'src/core/inbox.ts',
        find: 'reception.epochs.length === inbox.epochs.length && reception.epochs[partition] === inbox.epochs[partition]',
        replace: 'reception.epochs.length === inbox.epochs.length',
      },
    ],
  },
  {
    name: 'a live connection gets what is not for its client',
    rule: 'D13',
    file: delivery,
    find: '  return entries.filter((entry) => entry.except !== client);',
    replace: '  return entries;',
  },
  {
    name: 'a replay brings what is not for its client',
    rule: 'D13',
    file: readLog,
    find: '    if (entry.except === undefined || entry.except !== budget.except) {',
    replace: '    if (entry.offset > 0) {',
  },
  {
    name: 'ephemeral messages do not rise',
    rule: 'D13',
    file: 'src/server/core/publish.ts',
    find: '++hub.ephemeralCount',
    replace: '1',
  },
  {
    name: 'a hub that goes away tells a new send as applied',
    rule: 'D24',
    file: upstream,
    find: "return answer(refusedAck(seq, 'DRAINING'));",
    replace: "return answer(JSON.stringify({ type: 'ack', seq }));",
  },
  {
    name: 'a hub that goes away does not wait for its handlers',
    rule: 'D24',
    file: 'src/server/core/close.ts',
    find: '  if (drainMs <= 0) return finish();',
    replace: '  if (drainMs >= 0) return finish();',
  },
  {
    name: 'a connection that has gone stays in the index of topics',
    rule: 'promise 4',
    file: 'src/server/core/peer.ts',
    find: '  for (const key of peer.topics.keys()) unfollow(hub, peer, key);\n',
    replace: '',
  },
  {
    name: 'a connection that has gone is counted for ever',
    rule: 'promise 4',
    file: 'src/server/core/peer.ts',
    find: '  cancelAlarm(hub.alarms, peer.expiry);\n  hub.peers.delete(peer);',
    replace: '  cancelAlarm(hub.alarms, peer.expiry);',
  },
  {
    name: 'what waits for a slow connection has no bound',
    rule: 'promise 5',
    file: delivery,
    find: '      if (peer.pendingBytes > hub.config.limits.bufferBytes + entry.bytes) putBack(peer);\n',
    replace: '',
    and: [
      {
        file: delivery,
        find: '  return peer.sink.bufferedBytes() >= hub.config.limits.bufferBytes;',
        replace: '  return false;',
      },
    ],
  },
];
