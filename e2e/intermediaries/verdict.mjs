// What must hold. Each test is a name and a list of what is wrong; an empty one has passed.

import { transports } from './settings.mjs';

const firstMessageMsMax = 2_000;
/** On its final transport by then. */
const settledMsMax = 5_000;

/** The line in which the last change of transport was made: from there on it is where it stays. */
export function settledLine({ trace }) {
  const promoted = trace.filter(({ type }) => type === 'promoted');
  return promoted.findLast((line, i) => line.transport !== promoted[i - 1]?.transport);
}

/** States it fell into after it had been open. */
function falls({ trace }) {
  const states = trace.filter(({ type }) => type === 'state');
  return states
    .slice(states.findIndex(({ reason }) => reason === 'open') + 1)
    .filter(({ reason }) => reason !== 'open');
}

function isWhole(numbers, count) {
  return numbers.length === count && numbers.every((n, i) => n === i + 1);
}

function judgeRun({ stand, engine, hop, record, published, applied }) {
  const { firstMs, transport, lost, repeated, gaps, last, sends, answered, errors } = record;
  const settledMs = settledLine(record)?.ms;
  const { expected } = stand.setting;
  const wrong = [];
  const check = (holds, text) => {
    if (!holds) wrong.push(text);
  };
  const isHttp2 = stand.setting.isSecure && engine !== 'node';
  check(!isHttp2 || hop === 'h2', `its page came by ${hop}, not by HTTP/2`);
  check(firstMs <= firstMessageMsMax, `the first message came after ${firstMs} ms`);
  check(transport === expected, `is on ${transport}, where ${expected} gets through`);
  check(settledMs <= settledMsMax, `changed its transport ${settledMs} ms after the start`);
  for (const { ms, reason } of falls(record)) check(false, `${reason} at ${ms} ms`);
  check(lost === 0 && repeated === 0 && gaps === 0, `${lost} lost, ${repeated} repeated, ${gaps} gaps`);
  check(last === published, `the last message was ${last} of ${published}`);
  check(answered === sends, `${answered} of ${sends} sends were answered`);
  check(isWhole(applied, sends), `the hub applied sends ${applied.join()}`);
  check(errors.length === 0, errors.join('; '));
  check(stand.process.isRunning(), `${stand.setting.name} has ended: ${stand.process.output()}`);
  return wrong;
}

function judgeRow({ setting }, row) {
  const best = transports.find((transport) => row[transport]?.works);
  return best === setting.expected ? [] : [`${best} is the best that gets through, not ${setting.expected}`];
}

export function judge(runs, stands, rows) {
  return [
    ...stands.map((stand) => ({
      name: `${stand.setting.name}: lets ${stand.setting.expected} through`,
      wrong: judgeRow(stand, rows[stand.setting.name]),
    })),
    ...runs.map((run) => ({ name: run.name, wrong: judgeRun(run) })),
  ];
}
