// What the figures are to be, each a part of a line of the table in docs/SPEED.md. `reason` says why one is not reached: what
// the profile of such a run shows. It is told only then.

const raw = 'raw ws';
const websocket = 'Holdfast, WebSocket';
const burst = { suite: 'throughput', row: 'bursts of 100', metric: 'rate', to: raw };
const single = { suite: 'fan-out', row: '1,000 clients, one at a time', contender: websocket, to: raw };
const heap = { suite: 'memory', row: '1,000 connections', metric: 'heap', digits: 1, unit: 'KiB' };
const herd = { suite: 'herd', row: '1,000 clients', contender: 'Holdfast', digits: 0 };

/** What profiles of these runs showed (2026-11); a figure that changes makes its sentence void. */
const reasons = {
  log: 'A third of the hub’s time is JSON.stringify, which everybody pays, a fifth the garbage collector, a sixth the system call: a message costs it what it costs ws with one write a turn.',
  client: 'The real client takes 1.0 to 1.4 µs for a message, a third of it JSON.parse of the data.',
  eventSource:
    'The client takes 2.3 to 2.9 µs for a message: each event is a unit of its own, taken in by itself.',
  polls:
    'Both ends pay for a request with each answer, and the next poll waits for the one before: neither is busy all the time.',
  oneWrite:
    'Half of the hub’s time is the system call of the write, which everybody makes; a turn of the event loop, the log and the text of a run of one are 1.7 µs beside the 7.5 of ws. The real client takes 2.2 µs more than ws for a message that comes alone.',
  fanOut:
    'A delivery costs the hub less than it costs ws, but all 1,000 clients share one process, which takes longer for a message than either server does: the last of them has it when that process comes to it. The ratio swings between 0.7 and 1.3 from run to run.',
  sends:
    'The clients’ process is busy all the time, the hub’s two thirds of it: light clients before the same hub, and raw ws, come to 1.3 to 1.5. The real client spends 28 µs a send, Socket.IO’s 29, a light one 22; 10 of them are the write of the socket, 5 its own JavaScript, spread thinly over two turns of the driver, the answer’s JSON, clocks, promises and garbage.',
  maps: 'What is left is the record of the connection and that of its client, and the closures that listen to its socket.',
  streams:
    'Two thirds of what is left are the records of the connection and its client and the tables that they are in; the rest is that the answer keeps its headers as text, the request its URL and headers, and code compiled meanwhile.',
  herd: 'All 1,000 clients share a process and a machine with their server. While that is busy with attempts that fail their timers bunch: those that are late all come in the first 0.2 s, and are missing where their places were. Drawn on paper the same waits bring 31 in the busiest tenth of a second, as runs on a quicker machine do.',
  topics:
    'The steps are the same, and the records of 100 topics stay in the processor’s caches, where those of 100,000 cannot: finding the record and adding to its list (append, keep) grow from 2 % of the hub’s time to 10 %, and the collector has more to look at. What a miss costs is the machine’s affair: other runs came to 1.04 to 1.36.',
  back: 'After three seconds of absence each client tries once in 5 s; the rest is the work of 1,000 clients in one process.',
  resume:
    'The hub takes three times as long for a client as ws for a handshake and one write: the open, the hello, and 100 messages read and joined for each.',
};

export const goals = [
  {
    title: 'Throughput to one client over WebSocket, 100-byte messages, bursts of 100',
    best: '1.02 × (Primus)',
    floor: '4.6 ×',
    parts: [
      {
        says: 'rate',
        ...burst,
        contender: websocket,
        atLeast: 4,
        reason: `${reasons.log} ${reasons.client}`,
      },
      {
        says: 'server CPU',
        ...burst,
        contender: websocket,
        metric: 'serverCpu',
        atMost: 0.3,
        reason: reasons.log,
      },
    ],
  },
  {
    title: 'The same, one message a turn',
    best: '0.93 ×',
    floor: '1.0 ×',
    parts: [
      {
        says: 'rate',
        ...burst,
        row: 'one a turn',
        contender: websocket,
        atLeast: 0.95,
        reason: reasons.oneWrite,
      },
    ],
  },
  {
    title: 'The same over HTTP, bursts of 100',
    best: '1.39 ×, –, 2.3 ×',
    floor: '4 ×',
    parts: [
      {
        says: 'HTTP stream',
        ...burst,
        contender: 'Holdfast, HTTP stream',
        atLeast: 2.5,
        reason: `${reasons.log} ${reasons.client}`,
      },
      {
        says: 'EventSource',
        ...burst,
        contender: 'Holdfast, EventSource',
        atLeast: 1.7,
        reason: reasons.eventSource,
      },
      {
        says: 'long polling',
        ...burst,
        contender: 'Holdfast, long polling',
        atLeast: 2.5,
        reason: reasons.polls,
      },
    ],
  },
  {
    title: 'Fan-out 1 to 1,000',
    best: '0.77; 1.21; 0.92',
    floor: '1.36; 0.76; 0.64',
    parts: [
      {
        says: 'saturated rate',
        ...single,
        row: '1,000 clients, saturated',
        metric: 'rate',
        atLeast: 1.25,
        reason: reasons.fanOut,
      },
      { says: 'server CPU', ...single, metric: 'serverCpu', atMost: 0.85, reason: reasons.fanOut },
      { says: '99th percentile', ...single, metric: 'p99', atMost: 0.85, reason: reasons.fanOut },
    ],
  },
  {
    title: 'Sends with acknowledgement, 100 clients, each waiting, beside Socket.IO’s emitWithAck',
    best: '1',
    floor: '–',
    parts: [
      {
        says: 'rate',
        suite: 'sends',
        row: '100 clients',
        contender: 'Holdfast',
        metric: 'rate',
        to: 'Socket.IO, emitWithAck',
        atLeast: 1.5,
        reason: reasons.sends,
      },
    ],
  },
  {
    title: 'Server heap per idle connection, beyond raw ws or raw SSE',
    best: '+ 5.1 KiB',
    floor: '–',
    parts: [
      { says: 'WebSocket', ...heap, contender: websocket, beyond: raw, atMost: 2, reason: reasons.maps },
      {
        says: 'HTTP stream',
        ...heap,
        contender: 'Holdfast, HTTP stream',
        beyond: 'raw SSE',
        atMost: 1.5,
        reason: reasons.streams,
      },
      {
        says: 'EventSource',
        ...heap,
        contender: 'Holdfast, EventSource',
        beyond: 'raw SSE',
        atMost: 1.5,
        reason: reasons.streams,
      },
    ],
  },
  {
    title: 'Bytes of a 100-byte message over WebSocket, with id and a six-letter topic',
    best: '110 without id',
    floor: '102',
    parts: [
      {
        says: 'bytes',
        suite: 'throughput',
        row: 'one a turn',
        contender: websocket,
        metric: 'bytes',
        digits: 0,
        atMost: 150,
      },
    ],
  },
  {
    title: 'Resume of 1,000 clients, 100 missed messages each, beside the same bytes raw',
    best: '–',
    floor: '1',
    parts: [
      {
        says: 'time',
        suite: 'resume',
        row: '1,000 clients, 100 messages each',
        contender: websocket,
        metric: 'ms',
        to: 'raw ws, the same bytes',
        atMost: 2,
        reason: reasons.resume,
      },
    ],
  },
  {
    title: 'Herd of 1,000 after 3 s of absence',
    best: '61 to 129',
    floor: '20',
    parts: [
      { says: 'opens in 100 ms', ...herd, metric: 'peak', atMost: 40, reason: reasons.herd },
      { says: 'all back, ms', ...herd, metric: 'backMs', atMost: 6_000, reason: reasons.back },
    ],
  },
  {
    title: 'Publish cost as topics grow from 100 to 100,000',
    best: '–',
    floor: '1',
    parts: [
      {
        says: 'server CPU',
        suite: 'topics',
        row: '100 receivers',
        contender: '100,000 topics',
        metric: 'serverCpu',
        to: '100 topics',
        atMost: 1.2,
        reason: reasons.topics,
      },
    ],
  },
];
