// The longest row of the recovery bench, for `--full` only: each WebSocket is cut a second after it opened, for a minute,
// while HTTP is fine. The client must find a transport that lasts, lose nothing, and be back on WebSocket afterwards.

import { cellOf } from './lib/report.mjs';

const topic = 'prices';
const roundTripMs = 100;
const cutAfterMs = 1_000;
const faultMs = 60_000;
const cutsMax = 3;
const backLimitMs = 300_000;
const everyMs = 100;
const never = Number.POSITIVE_INFINITY;

async function measure(stage, engine) {
  const hub = await stage.startHub();
  await stage.publish({ hub, topic, data: 'before' });
  const cuts = { cutAfterMs: { value: cutAfterMs, match: { kind: 'websocket' } } };
  const rules = { latencyMs: roundTripMs / 2, chargeHandshake: true, ...cuts };
  const front = await stage.openProxy({ hub, rules });
  const place = await engine.place();
  try {
    await place.run('start', { url: front.url, topic });
    await place.run('received', { count: 1, timeoutMs: 5_000 });
    await stage.startSteady({ hub, topic, everyMs });
    // The fault lasts as long as it takes for so many messages to be published.
    await stage.published({ hub, count: faultMs / everyMs });
    await stage.set({ id: front.id, rules: { cutAfterMs: null } });
    const endedAt = performance.timeOrigin + performance.now();
    await place.run('settled', { goal: ['websocket'], settleMs: 5 * cutAfterMs, timeoutMs: backLimitMs });
    const published = await stage.stopSteady({ hub });
    await place.run('arrived', { data: published, timeoutMs: 10_000 });
    return { report: await place.run('report'), endedAt, published };
  } finally {
    await place.close();
    await stage.closeFront({ id: front.id });
    await stage.stopHub({ hub });
  }
}

/** How often the client came to be on WebSocket before it was on anything else. */
function cutsBeforeChange({ report }) {
  const turns = report.moves.map(({ transport }) => transport).filter(Boolean);
  const changedAt = turns.findIndex((transport) => transport !== 'websocket');
  return changedAt < 0 ? never : changedAt;
}

/** The longest time without a connection after that, while the fault lasts: what trying WebSocket again costs. */
function longestPauseMs({ report: { moves, startedAt }, endedAt }) {
  const changedAt = moves.findIndex(({ transport }) => transport && transport !== 'websocket');
  const pauses = moves.flatMap(({ ms, transport }, index) => {
    const isPause = index > changedAt && transport === undefined && startedAt + ms < endedAt;
    return isPause ? [(moves[index + 1]?.ms ?? never) - ms] : [];
  });
  return Math.max(0, ...pauses);
}

function backMs({ report, endedAt }) {
  const last = report.moves.at(-1);
  return last.transport === 'websocket' ? Math.max(0, report.startedAt + last.ms - endedAt) : never;
}

/** Once each way: the run takes minutes. */
export async function measureFlapping({ stage, engines, lossOf }) {
  const seen = await Promise.all(
    engines.map((engine) => measure(stage, engine).catch((error) => ({ error: String(error.message) }))),
  );
  return engines.flatMap(({ name: engine }, index) => {
    const one = seen[index];
    const about = { row: 'WebSocket cut each second for a minute', engine };
    const sample = (value, fault) => [{ value, fault, evidence: one.report }];
    if (one.error) {
      return [
        cellOf({ ...about, name: 'back', limit: backLimitMs, unit: 'ms', samples: sample(never, one.error) }),
      ];
    }
    const cuts = { ...about, name: 'cuts', limit: cutsMax, unit: 'count' };
    const pause = { ...about, name: 'longest pause', limit: never, unit: 'ms' };
    const back = { ...about, name: 'back', limit: backLimitMs, unit: 'ms' };
    return [
      cellOf({ ...cuts, samples: sample(cutsBeforeChange(one)) }),
      cellOf({ ...pause, samples: sample(longestPauseMs(one)) }),
      cellOf({ ...back, samples: sample(backMs(one), lossOf(one)) }),
    ];
  });
}
