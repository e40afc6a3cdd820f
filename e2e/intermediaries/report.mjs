// `docs/INTERMEDIARIES.md`: what a run has seen, as tables, between the texts of `report-texts.mjs`.

import { advice, introduction, matrixText, soakText } from './report-texts.mjs';
import { transports } from './settings.mjs';
import { settledLine } from './verdict.mjs';

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function productsTable(stands) {
  return table(
    ['setting', 'product', 'version', 'configuration'],
    stands.map(({ setting, version }) => [setting.name, setting.product, version, setting.summary]),
  );
}

function matrixTable(stands, rows) {
  return table(
    ['setting', ...transports],
    stands.map(({ setting }) => [
      setting.name,
      ...transports.map((transport) => rows[setting.name][transport]?.text ?? 'not tried'),
    ]),
  );
}

/** Every change of transport, and every connection that replaced another of its kind: `transport at ms (why)`. */
function changes({ trace }) {
  const promoted = trace.filter(({ type }) => type === 'promoted');
  if (promoted.length < 2) return 'none';
  return promoted
    .slice(1)
    .map(({ transport, ms, reason }) => `${transport} at ${ms} ms (${reason})`)
    .join('; ');
}

/** Opens that led nowhere, by transport. */
function vainAttempts({ trace }) {
  const promoted = new Set(
    trace.filter(({ type }) => type === 'promoted').map(({ connection }) => connection),
  );
  const counts = {};
  for (const { type, connection, transport } of trace) {
    if (type === 'attempt' && !promoted.has(connection)) counts[transport] = (counts[transport] ?? 0) + 1;
  }
  const texts = Object.entries(counts).map(([transport, count]) => `${transport} ${count}`);
  return texts.join(', ') || 'none';
}

function soakTable(runs) {
  return table(
    [
      'client',
      'first message ms',
      'transport',
      'there after ms',
      'messages',
      'sends',
      'lost',
      'repeated',
      'changes',
      'attempts in vain',
    ],
    runs.map(({ name, record }) => [
      name.replaceAll('/', ', '),
      record.firstMs ?? 'never',
      record.transport ?? 'none',
      settledLine(record)?.ms ?? 'never',
      record.received,
      record.answered,
      record.lost,
      record.repeated,
      changes(record),
      vainAttempts(record),
    ]),
  );
}

function remedies(stands) {
  return stands
    .filter(({ setting }) => setting.remedy)
    .map(({ setting }) => {
      const { language, text } = setting.remedy;
      return `### ${setting.product}\n\n${advice[setting.name]}\n\n\`\`\`${language}\n${text}\n\`\`\``;
    })
    .join('\n\n');
}

export function writeReport({ stands, rows, runs, seconds }) {
  return `${introduction}

${productsTable(stands)}

## What each lets through

${matrixText}

${matrixTable(stands, rows)}

## What the client makes of it

${soakText(seconds)}

${soakTable(runs)}

## Configuration

${remedies(stands)}
`;
}
