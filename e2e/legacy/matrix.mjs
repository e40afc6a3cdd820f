/**
 * What the runs of the engines say: verdicts, one for each thing that had to hold, and the tables in `docs/BROWSERS.md`, one for
 * each script.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const page = join(import.meta.dirname, '../../docs/BROWSERS.md');
const beginOf = (script) => `<!-- ${script}: written by npm run test:legacy -->`;
const endOf = (script) => `<!-- end of ${script} -->`;

const origins = { same: 'own origin', other: 'another origin' };

const transports = ['websocket', 'http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'];

/** Rows of the table of the script for old browsers: which results belong to each. `by` asks what the engine has itself. */
const legacyRows = [
  { title: '`websocket`', transport: 'websocket' },
  { title: '`http-stream` by fetch', transport: 'http-stream', by: 'fetch', isOwn: true },
  { title: '`http-stream` by XMLHttpRequest', transport: 'http-stream', by: 'fetch', isOwn: false },
  { title: '`eventsource`, its own', transport: 'eventsource', by: 'EventSource', isOwn: true },
  {
    title: '`eventsource`, event-source-polyfill',
    transport: 'eventsource',
    by: 'EventSource',
    isOwn: false,
  },
  { title: '`iframe`', transport: 'iframe' },
  { title: '`long-poll`', transport: 'long-poll' },
  { title: '`poll`', transport: 'poll' },
];

function wrongOf(engine, { transport, trouble, used }) {
  if (transport !== 'default' && !engine.can.includes(transport)) {
    return trouble === 'error: NO_TRANSPORT' ? '' : 'it should have been left out';
  }
  if (trouble) return trouble;
  if (transport === 'default') return engine.can.includes(used) ? '' : `it went by ${used}`;
  return used === transport ? '' : `it went by ${used}`;
}

/** Names of results, so that one that is missing is missed. */
function expectedNames(told) {
  const isLegacy = told.script === 'legacy';
  const isRich = told.begin && Object.values(told.begin.own).some(Boolean);
  const poor = isLegacy && isRich ? [false, true] : [false];
  const cuts = Object.keys(origins).flatMap((origin) =>
    [...transports, 'default'].flatMap((transport) =>
      poor
        .filter((isPoor) => !isPoor || (transport !== 'websocket' && transport !== 'default'))
        .map((isPoor) => nameOf({ what: 'cut', origin, transport, isPoor })),
    ),
  );
  if (!isLegacy) return cuts;
  const isPoor = poor.length > 1;
  return ['http-stream', 'eventsource', 'iframe']
    .map((transport) => nameOf({ what: 'long', origin: 'same', transport, isPoor }))
    .concat(cuts);
}

function nameOf({ what, origin, transport, isPoor }) {
  const how = isPoor ? ', by stand-ins' : '';
  return what === 'long'
    ? `${transport} is replaced before it fills the memory${how}`
    : `${transport}, ${origins[origin]}${how}`;
}

function wrongWithPage({ userAgent }, { begin: told, errors }) {
  if (!told) return ['the page never began', ...errors].join('; ');
  const isMeant =
    typeof userAgent === 'string' ? told.userAgent.includes(userAgent) : userAgent.test(told.userAgent);
  if (!isMeant) return `another engine: ${told.userAgent}`;
  return [...errors, ...told.touched.map((name) => `touched ${name}`)].join('; ');
}

/** `[{ name, wrong }]`; `wrong` is empty where all is well. */
export function judge(engine, told) {
  const results = new Map(told.results.map((result) => [nameOf(result), result]));
  const verdicts = expectedNames(told).map((name) => {
    const result = results.get(name);
    return { name, wrong: result ? wrongOf(engine, result) : 'it was not told of' };
  });
  const name = 'it is the engine that is meant, no global is changed, no error is thrown';
  return [{ name, wrong: wrongWithPage(engine, told) }, ...verdicts];
}

function cellOf({ transport, by, isOwn }, { engine, told }) {
  if (!engine.can.includes(transport)) return '-';
  const mine = told.results.filter(
    (one) =>
      one.what === 'cut' &&
      one.transport === transport &&
      (!by || (told.begin.own[by] && !one.isPoor) === isOwn),
  );
  return mine.length > 0 ? 'yes' : '-';
}

function rowsOf(script) {
  if (script === 'legacy') return legacyRows;
  return transports.map((transport) => ({ title: `\`${transport}\``, transport }));
}

function tableOf(script, ran) {
  const chosen = ran.map(({ told }) => {
    const used = told.results.filter(({ transport }) => transport === 'default').map((one) => one.used);
    return [...new Set(used)].map((name) => `\`${name}\``).join(', ');
  });
  const labels = ran.map(({ engine }) => (typeof engine.label === 'string' ? engine.label : engine.label()));
  const lines = [
    ['', ...labels],
    ['---', ...ran.map(() => '---')],
    ...rowsOf(script).map((row) => [row.title, ...ran.map((one) => cellOf(row, one))]),
    ['ends with, if nothing is said', ...chosen],
    ['comes from', ...ran.map(({ engine }) => engine.source)],
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function withTable(text, script, table) {
  const begin = beginOf(script);
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(endOf(script));
  if (from < begin.length || to < from) throw new Error(`${page} has no place for the table of ${script}`);
  return `${text.slice(0, from)}\n${table}\n${text.slice(to)}`;
}

/** Writes the tables of a whole run in which all was well. */
export function writeTables(ran) {
  const text = ['legacy', 'umd'].reduce(
    (before, script) => {
      const ofScript = ran.filter(({ told }) => told.script === script);
      return withTable(before, script, tableOf(script, ofScript));
    },
    readFileSync(page, 'utf8'),
  );
  writeFileSync(page, text);
}
