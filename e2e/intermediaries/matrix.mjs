// What each product lets through: every transport alone, through every product.

import { transports } from './settings.mjs';
import { holdsWithin } from './until.mjs';
import { pieceEveryMs } from './upstream.mjs';

const makers = {
  websocket: 'webSocket',
  'http-stream': 'httpStream',
  eventsource: 'eventSource',
  iframe: 'iframe',
  'long-poll': 'longPoll',
  poll: 'poll',
};
const cellTimeoutMs = 8_000;
/** As many messages show that they come one after another and not at the end. Short polls wait longer than the others. */
const enough = 10;
/** A message that is older has been kept; what a busy machine adds is less. */
const lateMs = 3_000;
/** A short poll waits this long between two answers when nothing is due. */
const pollLateMs = 12_000;
/** Products tried at the same time: more would measure the machine. */
const atOnce = 3;

/** Why attempts ended, if one did. */
function endOf({ trace }) {
  return trace.find(({ type }) => type === 'closed')?.reason;
}

/** An answer in pieces, for comparison: whether its first piece comes before it is complete. */
async function isKept(place, stand) {
  const { firstMs, endMs } = await place.call('readPieces', `${stand.baseUrl}/pieces`);
  return endMs - firstMs < 2 * pieceEveryMs;
}

/** What one transport does: `works` with the first message's milliseconds, or why it does not. */
async function tryCell(place, stand, transport) {
  const name = `${stand.setting.name}/${transport}/alone`;
  await place.call('open', { name, url: stand.url, topic: 'trial', maker: makers[transport] });
  const look = () => place.call('look', name);
  await holdsWithin(cellTimeoutMs, async () => {
    const seen = await look();
    return seen.received >= enough || (seen.received === 0 && endOf(seen) !== undefined);
  });
  const seen = await look();
  await place.call('close', name);
  const limitMs = transport === 'poll' ? pollLateMs : lateMs;
  if (seen.received > 1) {
    return seen.latestMs < limitMs
      ? { works: true, text: `in time (${seen.firstMs}, ${seen.latestMs})` }
      : { works: false, text: `late, by ${seen.latestMs} ms` };
  }
  const reason = endOf(seen) ?? 'nothing came';
  const isSilent = /in time|nothing came/.test(reason);
  if (isSilent && (await isKept(place, stand))) return { works: false, text: 'only when complete' };
  return { works: false, text: isSilent ? 'silence' : `refused: ${reason}` };
}

async function tryCells(engine, stand, wanted) {
  const cells = {};
  try {
    const place = await engine.place(stand);
    for (const transport of wanted) cells[transport] = await tryCell(place, stand, transport);
    await place.close();
  } catch (error) {
    for (const transport of wanted)
      cells[transport] ??= { works: false, text: `not reached: ${error.message}` };
  }
  return cells;
}

/** Takes the jobs in order, a few at a time. */
async function inTurn(jobs, atOnce) {
  const waiting = jobs.values();
  const work = async () => {
    for (const job of waiting) await job();
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** A row of cells for each product, by its name. Node has no documents, so Chromium tries the iframes. */
export async function tryTransports(engines, stands) {
  const rows = Object.fromEntries(stands.map(({ setting }) => [setting.name, {}]));
  const job = (engine, stand, wanted) => async () => {
    Object.assign(rows[stand.setting.name], await tryCells(engine, stand, wanted));
  };
  const inNode = stands.filter(({ setting }) => setting.engines.includes('node'));
  const withoutIframe = transports.filter((transport) => transport !== 'iframe');
  await Promise.all([
    inTurn(
      inNode.map((stand) => job(engines.node, stand, withoutIframe)),
      atOnce,
    ),
    inTurn(
      stands.map((stand) => job(engines.chromium, stand, inNode.includes(stand) ? ['iframe'] : transports)),
      1,
    ),
  ]);
  return rows;
}
