// `npm run bench:recovery`: how soon a client is back after what networks do to a connection that was fine, and whether
// everything that was published meanwhile is there. bench/README.md has the limits.

import { measureFlapping } from './flapping.mjs';
import { interleave } from './lib/interleave.mjs';
import { cellOf } from './lib/report.mjs';
import { wallMs } from './lib/stage-half.mjs';

const roundTripMs = 100;
const backLimitMs = 500 + 2.3 * roundTripMs;
const askedLimitMs = 2_000 + roundTripMs;
const silenceLimitMs = 15_000;
const steadyLimitMs = 4_000;
const cookiesLimitMs = 5_000;
const heartbeatMs = 10_000;
const flushMs = 5_000;
const steadyEveryMs = 100;
/** A connection that was quiet for so long is idle. */
const idleMs = 1_500;
const timeoutMs = 45_000;
const never = Number.POSITIVE_INFINITY;

const pages = ['chromium', 'firefox'];
const makers = {
  websocket: 'webSocket',
  'http-stream': 'httpStream',
  eventsource: 'eventSource',
  iframe: 'iframe',
  'long-poll': 'longPoll',
};
const noSockets = { refuseUpgrade: 403 };
const noStreams = { ...noSockets, bufferResponses: 'body' };
const allSilent = { blackholeExisting: true };

// ---- the rows --------------------------------------------------------------------------------------------------------

const reset = (transport) => ({
  name: `reset, ${transport}, 10 messages a second`,
  makers: [makers[transport]],
  on: transport,
  isSteady: true,
  fault: 'reset',
  // A page is told nothing of a frame that is cut: there it is noticed like silence.
  backBy: transport === 'iframe' ? 4_000 + backLimitMs : backLimitMs,
  ...(transport === 'iframe' && { engines: pages }),
});

/** All TCP connections that are open fall silent, those in the pools too; new ones are fine. */
const silence = (name, given) => ({ name, on: 'websocket', fault: allSilent, backBy: backLimitMs, ...given });

const restart = (on, rules) => ({
  name: `hub restarts, ${on}`,
  on,
  rules,
  fault: 'restart',
  isSameTransport: true,
});

const rows = [
  ...Object.keys(makers).map(reset),
  silence('silence', { noticedBy: silenceLimitMs }),
  ...['http-stream', 'eventsource', 'long-poll'].map((on) =>
    silence(`silence, ${on} alone`, { makers: [makers[on]], on, noticedBy: silenceLimitMs }),
  ),
  silence('silence, 10 messages a second', { isSteady: true, noticedBy: steadyLimitMs }),
  silence('silence, 10 messages a second, no WebSocket', {
    rules: noSockets,
    on: 'http-stream',
    isSteady: true,
    noticedBy: steadyLimitMs,
  }),
  silence('silence, then a send', { trigger: 'send', noticedBy: askedLimitMs }),
  silence('silence, then a send, no WebSocket', {
    rules: noSockets,
    on: 'http-stream',
    trigger: 'send',
    noticedBy: askedLimitMs,
  }),
  silence('silence, then a send, no WebSocket, cookies', {
    rules: noSockets,
    on: 'http-stream',
    options: { credentials: 'include' },
    trigger: 'send',
    noticedBy: askedLimitMs,
    backBy: cookiesLimitMs,
  }),
  ...['visible', 'online'].map((trigger) =>
    silence(`silence, then '${trigger}'`, { trigger, engines: pages, noticedBy: askedLimitMs }),
  ),
  {
    // Two heartbeats, the second of which comes as late as the proxy lets it.
    name: 'a proxy begins to flush every 5 s',
    rules: noSockets,
    on: 'http-stream',
    fault: { flushEveryMs: flushMs },
    leavesFor: 'long-poll',
    leftBy: 2 * heartbeatMs + flushMs,
  },
  restart('websocket', {}),
  restart('http-stream', noSockets),
  restart('long-poll', noStreams),
];

// ---- one measurement ---------------------------------------------------------------------------------------------------

let topics = 0;

/** Servers, a place and a client that is well, on the transport that the row is about. */
async function arrange(stage, engine, row) {
  const topic = `row-${++topics}`;
  const hub = await stage.startHub();
  await stage.publish({ hub, topic, data: 'before' });
  const rules = { latencyMs: roundTripMs / 2, chargeHandshake: true, ...row.rules };
  const front = await stage.openProxy({ hub, rules });
  const place = await engine.place();
  await place.run('start', { url: front.url, topic, options: row.options, makers: row.makers });
  const isWell = await place.run('settled', { goal: [row.on], settleMs: idleMs, timeoutMs });
  if (!isWell) throw new Error(`it never came to rest on ${row.on}`);
  if (row.isSteady) {
    await stage.startSteady({ hub, topic, everyMs: steadyEveryMs });
    // As long as it takes a stream to be known as steady.
    await place.run('received', { count: 2_000 / steadyEveryMs, timeoutMs });
  }
  return { topic, hub, front, place };
}

/** Does what the row is about; says when, and what is the first message that only a new connection can bring. */
async function strike(stage, set, row) {
  const { front, hub, topic } = set;
  if (row.fault === 'restart') {
    set.hub = await stage.restartHub({ hub });
    await stage.startSteady({ hub: set.hub, topic, everyMs: steadyEveryMs });
    return { at: wallMs(), awaited: undefined };
  }
  if (row.fault === 'reset') await stage.cut({ id: front.id });
  else await stage.set({ id: front.id, rules: row.fault });
  const at = wallMs();
  if (row.isSteady) return { at, awaited: (await stage.steadyCount({ hub })) + 1 };
  await stage.publish({ hub, topic, data: 'after' });
  return { at, awaited: 'after' };
}

async function pull(place, trigger, topic) {
  if (trigger === 'send') return place.run('send', { topic, data: 'a send' });
  return place.run('signal', { name: trigger });
}

async function measure(stage, engine, row) {
  const set = await arrange(stage, engine, row);
  try {
    const struck = await strike(stage, set, row);
    const askedAt = row.trigger ? await pull(set.place, row.trigger, set.topic) : struck.at;
    await awaitRecovery(set.place, row, struck.awaited);
    const published = row.isSteady ? await stage.stopSteady({ hub: set.hub }) : 0;
    if (published > 0) await set.place.run('arrived', { data: published, timeoutMs });
    const report = await set.place.run('report');
    const requests = await stage.seen({ id: set.front.id });
    return { report: { ...report, requests }, askedAt, published, ...struck };
  } finally {
    await set.place.close();
    await stage.closeFront({ id: set.front.id });
    await stage.stopHub({ hub: set.hub });
  }
}

async function awaitRecovery(place, row, awaited) {
  if (row.leavesFor) {
    return place.run('settled', { goal: [row.leavesFor], settleMs: 2_000, timeoutMs });
  }
  if (awaited === undefined) {
    await place.run('arrived', { data: 1, timeoutMs });
    return place.run('settled', { goal: [row.on], settleMs: 5_000, timeoutMs });
  }
  return place.run('arrived', { data: awaited, timeoutMs });
}

// ---- what it shows -----------------------------------------------------------------------------------------------------

function wall(report, ms) {
  return report.startedAt + ms;
}

/** The first attempt after the client was given a reason. */
function noticedAt({ report, at }) {
  const line = report.trace.find(({ type, ms }) => type === 'attempt' && wall(report, ms) >= at);
  return line ? wall(report, line.ms) : never;
}

function arrivedAt({ report, at, awaited }) {
  const isNew = ({ ms, data }) =>
    awaited === undefined ? Number.isInteger(data) && wall(report, ms) >= at : data === awaited;
  const message = report.received.find(isNew);
  return message ? wall(report, message.ms) : never;
}

/** Of what was published meanwhile each is there, once and in order. */
function lossOf({ report, published }) {
  const numbers = report.received.map(({ data }) => data).filter(Number.isInteger);
  const wrong = numbers.findIndex((number, index) => number !== index + 1);
  if (wrong >= 0) return `message ${numbers[wrong]} came in the place of ${wrong + 1}`;
  return numbers.length === published ? undefined : `${numbers.length} of ${published} messages came`;
}

function leftFor({ report, at }, transport) {
  const move = report.moves.find((one) => one.transport === transport && wall(report, one.ms) >= at);
  return move ? wall(report, move.ms) : never;
}

function changedTransport({ report }, on) {
  const others = report.moves.map(({ transport }) => transport);
  const begun = others.indexOf(on);
  const other = others.slice(begun).find((transport) => transport !== undefined && transport !== on);
  return other && `it went to ${other}`;
}

const readings = {
  noticed: {
    applies: (row) => row.noticedBy,
    limit: (row) => row.noticedBy,
    of: (seen) => ({ value: noticedAt(seen) - seen.askedAt }),
  },
  back: {
    applies: (row) => row.backBy,
    limit: (row) => row.backBy,
    // A reset tells itself; after a silence it counts from when it was noticed.
    of: (seen, row) => ({
      value: arrivedAt(seen) - (row.fault === 'reset' ? seen.at : noticedAt(seen)),
      fault: row.isSteady ? lossOf(seen) : undefined,
    }),
  },
  'left for a timely one': {
    applies: (row) => row.leftBy,
    limit: (row) => row.leftBy,
    of: (seen, row) => ({ value: leftFor(seen, row.leavesFor) - seen.at }),
  },
  'same transport again': {
    applies: (row) => row.isSameTransport,
    limit: () => timeoutMs,
    of: (seen, row) => ({ value: arrivedAt(seen) - seen.at, fault: changedTransport(seen, row.on) }),
  },
};

function cellsOf({ row, engine, samples }) {
  return Object.entries(readings)
    .filter(([, { applies }]) => applies(row))
    .map(([name, { limit, of }]) => {
      const read = (seen) =>
        seen.error
          ? { value: never, fault: seen.error }
          : { ...of(seen, row), evidence: { ...seen.report, struckAt: seen.at, askedAt: seen.askedAt } };
      const about = { row: row.name, engine: engine.name, name, limit: limit(row), unit: 'ms' };
      return cellOf({ ...about, samples: samples.map(read) });
    });
}

export async function measureRecovery({ stage, engines, runs, only, isFull }) {
  const chosen = rows.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  const jobs = await interleave({
    rows: chosen,
    engines,
    runs,
    // Long waits: the engines wait side by side, and code that is cold matters little here.
    isSideBySide: true,
    measure: (row, engine) => measure(stage, engine, row),
  });
  const cells = jobs.flatMap(cellsOf);
  return isFull ? [...cells, ...(await measureFlapping({ stage, engines, lossOf }))] : cells;
}
