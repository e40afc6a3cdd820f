/** F1 to F12: what loses, repeats and misleads. `catalogue.ts` says what the fields mean. */
import type { Schedule } from './catalogue.ts';

export const deliverySchedules: readonly Schedule[] = [
  {
    id: 'F1',
    rules: ['D1'],
    schedule: 'C1 carries A, C2 carries A and B; C1’s progress meets B’s message that is still on its way',
    tests: [
      'scenarios/downlink: progress on a connection that never carried a topic does not cover its messages',
      'scenarios/downlink: and when the connection that carried it dies first, the next open begins before them',
      'core/schedules: a mark on a connection that never carried a topic does not cover its messages',
      'core/schedules: a connection opened later starts where the topic that lags stands',
    ],
  },
  {
    id: 'F1 long poll',
    rules: ['D1', 'D11'],
    schedule: 'the old poll’s answer arrives after the new list’s',
    tests: [
      'scenarios/downlink: the old poll’s answer, after the new list’s, covers nothing of the new topic',
    ],
  },
  {
    id: 'F1 unsubscribed',
    rules: ['D1', 'D20'],
    schedule: 'a topic is given up and wanted again while an old connection still carries it',
    tests: [
      'scenarios/downlink: a topic that was given up and is wanted again begins anew, whatever the old connection brings',
    ],
  },
  {
    id: 'F1 gap',
    rules: ['D1', 'D5'],
    schedule: 'the end of A’s gap lies beyond B’s unseen messages',
    tests: [
      'scenarios/downlink: the end of one topic’s gap covers nothing of another’s',
      'core/schedules: a gap of one topic does not cover the messages of another',
    ],
  },
  {
    id: 'F2',
    rules: ['D2'],
    schedule: 'two opens without a cursor begin at different places',
    tests: [
      'scenarios/opens: what the later one brings waits until the earlier one has brought what lies before',
      'scenarios/opens: and when the earlier one is lost, it is asked for from the cursor',
      'core/schedules: what the later one brings is held until the earlier one has brought what lies before',
      'core/schedules: a long poll between two answers still bridges to the websocket',
    ],
  },
  {
    id: 'F3',
    rules: ['D3'],
    schedule: 'a heartbeat, or a live message, in the middle of a replay',
    tests: [
      'scenarios/downlink: a heartbeat and live messages beside a replay cover nothing of what is still to be read',
      'server/peer: reads in pieces, ignores what is published meanwhile, and turns live with a mark',
      'server/peer: never marks a position beyond what it has read',
    ],
  },
  {
    id: 'F3 slow consumer',
    rules: ['D3'],
    schedule: 'a buffer with messages, a heartbeat, an ack and an answer is dropped',
    tests: [
      'scenarios/downlink: a slow consumer loses the messages of its buffer, not the ack or the answer between them',
      'server/peer: keeps its acks while messages are dropped',
    ],
  },
  {
    id: 'F4',
    rules: ['D4'],
    schedule: 'a candidate brings messages before it is promoted',
    tests: ['scenarios/downlink: what a candidate brings before it is promoted counts'],
  },
  {
    id: 'F4 proxy',
    rules: ['D4'],
    schedule: 'a proxy lets a candidate’s hello through and then holds',
    tests: [
      'scenarios/downlink: behind a proxy that lets the hello through and then holds, the old connection goes on',
      'core/schedules: a candidate that says hello and then nothing does not replace a healthy connection',
    ],
  },
  {
    id: 'F5 running',
    rules: ['D6', 'D8'],
    schedule: 'a send arrives again while its handler runs',
    tests: [
      'scenarios/sends: a POST that the browser repeats while its handler runs is applied once',
      'scenarios/sends: a WebSocket that takes over transmits it again, and it is applied once',
    ],
  },
  {
    id: 'F5 restart',
    rules: ['D6'],
    schedule: 'the hub dies before it answers; the same bytes reach the next one',
    tests: [
      'scenarios/sends: the same bytes at a restarted hub are refused: the outcome is unknown, and what follows goes on',
    ],
  },
  {
    id: 'F5 expiry',
    rules: ['D6', 'D19'],
    schedule: 'the same after the hub’s memory of the client has expired',
    tests: [
      'scenarios/sends: when the hub’s memory of a client has expired, what it had applied is not applied again',
      'server/hub: the memory lives for a while after the last connection, shorter if nothing was ever sent',
    ],
  },
  {
    id: 'F6',
    rules: ['D7'],
    schedule: 'a send times out or is aborted; its POST arrives late, or never',
    tests: [
      'scenarios/sends: one that timed out and arrives late is told as unknown, and does not hold up the next',
      'scenarios/sends: one that was given up and never arrived uses its number up without being applied',
      'scenarios/sends: one that was never transmitted is certain',
      'core/schedules: every POST begins with the oldest number in use',
      'server/sends: a hole is refused and claims nothing',
    ],
  },
  {
    id: 'F7a',
    rules: ['D5'],
    schedule: 'A 1 is on its way on C1, A 2 trims it, C2 tells the gap',
    tests: [
      'scenarios/gaps: a gap is not told while another connection can still bring what is missing',
      'scenarios/gaps: it is told, once, when that connection has ended',
      'core/schedules: is not told again when both connections tell it',
    ],
  },
  {
    id: 'F7b',
    rules: ['D5'],
    schedule: 'a busy topic is trimmed, a quiet one is untouched',
    tests: ['scenarios/gaps: a busy topic that is trimmed costs a quiet one no gap'],
  },
  {
    id: 'F7c',
    rules: ['D5'],
    schedule: 'all of a topic’s messages have aged out, or its record is gone',
    tests: [
      'scenarios/gaps: a topic all of whose messages have aged out is told as a gap',
      'scenarios/gaps: a topic of which the hub remembers nothing at all is told as a gap',
    ],
  },
  {
    id: 'F7d',
    rules: ['D5'],
    schedule: 'the broker trims streams, not topics',
    later: 'with the first shared broker',
  },
  {
    id: 'F7e',
    rules: ['D5'],
    schedule: 'a client that is filtered by topic never sees dense offsets',
    tests: ['scenarios/gaps: what the log keeps of other topics is no hole'],
  },
  {
    id: 'F7 hello',
    rules: ['D5'],
    schedule: 'messages are trimmed between the hello and their reading',
    tests: [
      'scenarios/gaps: what is trimmed between the hello and its reading is told before what follows it',
    ],
  },
  {
    id: 'F8a',
    rules: ['D9'],
    schedule: 'bytes of the former log arrive after a restart',
    tests: [
      'scenarios/epochs: after a restart bytes of the former log change nothing, and the gap is told once',
      'core/schedules: change nothing, and the gap is told once',
    ],
  },
  {
    id: 'F8b',
    rules: ['D9'],
    schedule: 'two memory hubs behind one balancer, one for each transport',
    tests: [
      'scenarios/epochs: two hubs without a common log behind one address do not throw a client to and fro',
    ],
  },
  {
    id: 'F8c',
    rules: ['D9'],
    schedule: 'an old cursor has the offsets of a new log',
    tests: [
      'scenarios/epochs: a cursor of a former log is not taken for one of this, however many messages it has',
    ],
  },
  {
    id: 'F8d',
    rules: ['D9'],
    schedule: 'one partition of several fails over',
    tests: ['core/topics: of which one has failed over tells a gap to its topics alone'],
  },
  {
    id: 'F8e',
    rules: ['D9'],
    schedule: 'positions of two epochs meet before a promotion',
    tests: [
      'scenarios/epochs: a connection to another log that is not yet the active one leaves the session where it is',
    ],
  },
  {
    id: 'F9',
    rules: ['D10'],
    schedule: 'a replica that lost the tail becomes the master',
    later: 'with the first shared broker',
  },
  {
    id: 'F10',
    rules: ['D11'],
    schedule: 'a poll’s answer is lost, or a browser’s copy of the poll takes it',
    tests: [
      'scenarios/downlink: what a lost answer brought comes with the next poll',
      'scenarios/downlink: a copy of a poll that the browser makes takes nothing away',
      'server/peer: are served from the cursor they bring, whatever was sent before',
    ],
  },
  {
    id: 'F11',
    rules: ['D12'],
    schedule: 'fan-out overtakes the log, a hub’s tail lags, an append is repeated',
    later: 'with the first shared broker',
  },
  {
    id: 'F12',
    rules: ['D8'],
    schedule: 'sends 7 and 8 are transmitted again on another connection while 7 runs',
    tests: [
      'scenarios/sends: the next send waits for the handler of the one before, over a change of connection',
      'scenarios/sends: a handler that failed is not run again for a copy, which gets the same answer',
      'scenarios/sends: a handler that takes too long is unknown, the next one starts, its late answer is nothing',
    ],
  },
  {
    id: 'F12 gone',
    rules: ['D8'],
    schedule: 'a hub dies while 7 runs and 8 waits, and its memory of sends survives',
    tests: [
      'scenarios/restarts: one whose handler ran is unknown and not run again; those that waited behind it are applied once',
      'scenarios/restarts: one that was answered keeps its answer, and no copy of it is applied again',
      'server/broker: keep their numbers and their answers, also one that came after the hub had closed',
    ],
  },
  {
    id: 'F12 hubs',
    rules: ['D8'],
    schedule: 'the same, where the connections end at two hubs, and one of them dies with the claim',
    later: 'with the first shared broker',
  },
];
