// The second part of `npm run bench:open`: a client with default options in networks that hinder it, and what it costs.
// First visit and remembered visit, in round trips from `subscribe(topic, { last: 1 })`. bench/README.md has the table.

import { interleave } from './lib/interleave.mjs';
import { cellOf } from './lib/report.mjs';

const topic = 'prices';
const token = 'a-token';
const firstLimit = 2.3;
const warmLimit = 1.3;
const tlsLimit = 3.5;
const busyLimit = 2.7;
/** A page or a proxy that does nothing for so many round trips is taken to have come to rest. */
const settleRoundTrips = 5;
/** Where a transport is to stay, it is watched longer: an upgrade must have had its chance to fail. */
const stayRoundTrips = 20;
const visitTimeoutMs = 15_000;

const webSocket = ['websocket'];
const streams = ['http-stream', 'eventsource', 'iframe'];
const longPoll = ['long-poll'];
const onlySockets = { match: { kind: 'websocket' } };

/** A network as rules of the fault proxy, the transports that are best there, and by when one of them must be in use. */
const hindered = (name, rules, goal, by) => ({ name, rules, goal, by });

const networks = [
  { name: 'all fine', rules: {}, goal: webSocket, by: 3.5, opensMax: 1 },
  ...[400, 403, 502].map((status) =>
    hindered(`WebSocket refused ${status}`, { refuseUpgrade: status }, streams, 6),
  ),
  hindered('WebSocket swallowed', { swallowUpgrade: true }, streams, 8),
  hindered('WebSocket open and silent', { muteAfterUpgrade: true }, streams, 8),
  hindered('WebSocket one-way up', { oneWay: { value: 'up', ...onlySockets } }, streams, 8),
  hindered('WebSocket one-way down', { oneWay: { value: 'down', ...onlySockets } }, streams, 8),
  hindered('WebSocket refused, streams buffered', { refuseUpgrade: 403, bufferResponses: 'body' }, longPoll),
  hindered('WebSocket swallowed, answers held', { swallowUpgrade: true, bufferResponses: 'all' }, longPoll),
  { name: 'token', rules: {}, goal: webSocket, by: 3.5, opensMax: 1, token },
];

const noRemembering = { isOneVisit: true, rules: {}, goal: webSocket };
const specials = [
  { ...noRemembering, name: 'https, HTTP/1.1, cold', tls: 'http/1.1', firstBy: tlsLimit },
  { ...noRemembering, name: 'https, HTTP/2, cold', tls: 'h2', firstBy: tlsLimit },
  {
    ...noRemembering,
    name: 'page with 12 slow pictures',
    page: 'busy',
    firstBy: busyLimit,
    engines: ['chromium'],
  },
  { ...noRemembering, name: 'open HTTP connection', page: 'warm', firstBy: warmLimit },
];

const speeds = [20, 200, 800].map((roundTripMs) => ({
  name: `all fine, ${roundTripMs} ms`,
  roundTripMs,
  rules: {},
  goal: webSocket,
  opensMax: 1,
  engines: ['node', 'chromium'],
  // At 20 ms a millisecond is a twentieth of a round trip: there it is the opens that count.
  ...(roundTripMs < 100 && { firstBy: Number.POSITIVE_INFINITY, againBy: Number.POSITIVE_INFINITY }),
}));

const rows = [...networks, ...specials, ...speeds].map((row) => ({ roundTripMs: 100, ...row }));

// ---- one visit ------------------------------------------------------------------------------------------------------

async function openFront(stage, hub, row) {
  const oneWayMs = row.roundTripMs / 2;
  if (row.tls) return stage.openTls({ hub, oneWayMs, http2: row.tls === 'h2' });
  return stage.openProxy({ hub, rules: { latencyMs: oneWayMs, chargeHandshake: true, ...row.rules } });
}

/** A place in an engine, cold or as the row wants it, and the way to the hub that nobody has gone before. */
async function prepare(stage, engine, hub, row) {
  const front = await openFront(stage, hub, row);
  const pageUrl = row.page ? `${front.site}/${row.page}` : undefined;
  const place = await engine.place({ pageUrl, isBusy: row.page === 'busy' });
  if (row.page === 'warm') await place.fetch(`${front.site}/again`);
  return { front, place };
}

async function visit(stage, { front, place }, row, settleMs, remembered) {
  await place.run('start', { url: front.url, topic, token: row.token, remembered });
  await place.run('settled', { goal: row.goal, settleMs, timeoutMs: visitTimeoutMs });
  const report = await place.run('report');
  const requests = row.tls ? [] : await stage.seen({ id: front.id });
  return { ...report, requests: requests.filter(({ at }) => at >= report.startedAt) };
}

async function clear(stage, { front, place }) {
  await place.close();
  await stage.closeFront({ id: front.id });
}

// ---- what a visit shows ----------------------------------------------------------------------------------------------

/** When the transport that is in use at the end came into use, if it is one of those wanted. */
function arrivalMs({ moves }, goal) {
  const last = moves.at(-1);
  return last && goal.includes(last.transport) ? last.ms : Number.POSITIVE_INFINITY;
}

function used({ moves }) {
  return [...new Set(moves.map((move) => move.transport).filter(Boolean))];
}

function strayed(report, goal) {
  const others = used(report).filter((transport) => !goal.includes(transport));
  return others.length > 0 ? `it was on ${others.join(', ')}` : undefined;
}

function opened({ trace }) {
  return trace.filter((line) => line.type === 'attempt');
}

/** From the first hello to the moment at which the proxy had seen the end of all but one of the requests. */
function loserGoneMs({ trace, requests, startedAt }) {
  const hello = trace.find((line) => line.type === 'hello');
  const over = requests.map(({ overAt }) => overAt ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  // The last of them is the connection that stays.
  const lastGone = over.at(-2) ?? startedAt;
  return hello ? Math.max(0, lastGone - startedAt - hello.ms) : Number.POSITIVE_INFINITY;
}

const readings = {
  'first visit: message': {
    of: ({ first, row }) => ({ value: (first.firstMs ?? Number.POSITIVE_INFINITY) / row.roundTripMs }),
    limit: (row) => row.firstBy ?? firstLimit,
    evidence: 'first',
  },
  'first visit: on the best': {
    applies: (row) => !row.isOneVisit,
    of: ({ first, row }) => ({
      value: arrivalMs(first, row.goal) / row.roundTripMs,
      fault: row.by || row.opensMax ? undefined : strayed(first, row.goal),
    }),
    limit: (row) => row.by ?? Number.POSITIVE_INFINITY,
    evidence: 'first',
  },
  'first visit: opens': {
    applies: (row) => row.opensMax !== undefined,
    of: ({ first }) => ({ value: opened(first).length }),
    limit: () => 2,
    unit: 'count',
    evidence: 'first',
  },
  'first visit: second gone': {
    applies: (row) => row.opensMax !== undefined,
    of: ({ first, row }) => ({ value: loserGoneMs(first) / row.roundTripMs }),
    limit: () => 1,
    evidence: 'first',
  },
  'remembered: message': {
    applies: (row) => !row.isOneVisit,
    of: ({ again, row }) => ({
      value: (again.firstMs ?? Number.POSITIVE_INFINITY) / row.roundTripMs,
      fault: strayed(again, row.goal),
    }),
    limit: (row) => row.againBy ?? firstLimit,
    evidence: 'again',
  },
  'remembered: opens': {
    applies: (row) => row.opensMax !== undefined,
    of: ({ again }) => ({
      value: Math.max(opened(again).length, again.requests.length),
      fault: again.trace.some((line) => line.type === 'closed') ? 'it did not stay' : undefined,
    }),
    limit: (row) => row.opensMax,
    unit: 'count',
    evidence: 'again',
  },
};

// ---- the run ---------------------------------------------------------------------------------------------------------

/** A first visit, and with what it remembered a second one over connections that nobody has used. */
async function measure(stage, engine, hub, row) {
  const isStay = row.by === undefined && !row.isOneVisit && row.opensMax === undefined;
  const settleMs = row.roundTripMs * (isStay ? stayRoundTrips : settleRoundTrips);
  const visits = row.isOneVisit ? ['first'] : ['first', 'again'];
  const places = await Promise.all(visits.map(() => prepare(stage, engine, hub, row)));
  try {
    const first = await visit(stage, places[0], row, settleMs);
    if (row.isOneVisit) return { row, first };
    // The second visit has the machine to itself.
    await places[0].place.run('close');
    return { row, first, again: await visit(stage, places[1], row, settleMs, first.remembered) };
  } finally {
    for (const one of places) await clear(stage, one);
  }
}

export async function measureNetworks({ stage, engines, runs, only }) {
  const chosen = rows.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  const hubs = { open: await stage.startHub(), guarded: await stage.startHub({ token }) };
  for (const hub of Object.values(hubs)) await stage.publish({ hub, topic, data: { eur: 1.07 } });
  const jobs = await interleave({
    rows: chosen,
    engines,
    runs,
    measure: (row, engine) => measure(stage, engine, row.token ? hubs.guarded : hubs.open, row),
  });
  return jobs.flatMap(({ row, engine, samples }) => cellsOf(row, engine.name, samples));
}

function cellsOf(row, engine, visits) {
  return Object.entries(readings)
    .filter(([, { applies }]) => !applies || applies(row))
    .map(([name, { of, limit, unit = 'round trips', evidence }]) => {
      const read = (one) =>
        one.error
          ? { value: Number.POSITIVE_INFINITY, fault: one.error }
          : { ...of(one), evidence: one[evidence] };
      return cellOf({ row: row.name, engine, name, limit: limit(row), unit, samples: visits.map(read) });
    });
}
