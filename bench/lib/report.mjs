// Cells of a table: figures of several runs against a limit, their print and their JSON.

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/ensure.mjs';

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  // Two halves of which one never came make no number: then it is the lesser that says how it is typically.
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return sorted.length % 2 === 1 || !Number.isFinite(sorted[middle])
    ? sorted[middle]
    : (lower + sorted[middle]) / 2;
}

/** What is shown when a cell misses: the run whose figure is the median, of those in which something went wrong if any. */
function typical(samples) {
  const faulty = samples.filter((sample) => sample.fault);
  const sorted = (faulty.length > 0 ? faulty : [...samples]).sort((a, b) => a.value - b.value);
  return sorted[Math.floor(sorted.length / 2)];
}

/**
 * A cell from its samples `{ value, fault?, evidence? }`. A value that never came is `Infinity`. A `fault` is what went
 * wrong in a run whatever the figure; half of the runs or more with one are a miss.
 */
export function cellOf({ row, engine, name, limit, unit, samples }) {
  const values = samples.map((sample) => sample.value);
  const faults = samples.map((sample) => sample.fault).filter(Boolean);
  const middle = median(values);
  const isMiss = middle > limit || faults.length * 2 >= samples.length || Number.isNaN(middle);
  return {
    row,
    engine,
    name,
    limit,
    unit,
    median: middle,
    least: Math.min(...values),
    most: Math.max(...values),
    runs: values.length,
    values,
    faults,
    isMiss,
    evidence: typical(samples).evidence,
  };
}

function figure(value, unit) {
  if (!Number.isFinite(value)) return 'never';
  return unit === 'ms' ? String(Math.round(value)) : value.toFixed(unit === 'count' ? 0 : 2);
}

function cellText(cell) {
  if (!cell) return '-';
  const { unit } = cell;
  const limit = Number.isFinite(cell.limit) ? `/${cell.limit}` : '';
  const spread = `${figure(cell.least, unit)}-${figure(cell.most, unit)}`;
  return `${figure(cell.median, unit)}${limit} (${spread})${cell.isMiss ? ' MISS' : ''}`;
}

function printRows(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table) {
    const line = row.map((text, column) => text.padEnd(widths[column] + 2)).join('');
    console.log(line.trimEnd());
  }
}

/** One line for each row and engine with a column for each name; with one name alone, a column for each engine. */
export function printCells(title, cells) {
  console.log(`\n${title}\n`);
  const isOneName = new Set(cells.map((cell) => cell.name)).size === 1;
  const columnOf = (cell) => (isOneName ? cell.engine : cell.name);
  const columns = [...new Set(cells.map(columnOf))];
  const lines = new Map();
  for (const cell of cells) {
    const heading = isOneName ? [cell.row] : [cell.row, cell.engine];
    const line = lines.get(heading.join()) ?? { heading, byColumn: new Map() };
    lines.set(heading.join(), line);
    line.byColumn.set(columnOf(cell), cell);
  }
  const body = [...lines.values()].map(({ heading, byColumn }) => [
    ...heading,
    ...columns.map((column) => cellText(byColumn.get(column))),
  ]);
  printRows([[...(isOneName ? [''] : ['', '']), ...columns], ...body]);
}

/** Why each miss is one, with what its typical run did. */
export function printMisses(cells) {
  for (const cell of cells.filter((one) => one.isMiss)) {
    console.log(`\nMISS  ${cell.row} | ${cell.engine} | ${cell.name}: ${cellText(cell)}`);
    if (cell.faults.length > 0)
      console.log(`  ${cell.faults.length} of ${cell.runs} runs: ${cell.faults[0]}`);
    for (const line of evidenceLines(cell.evidence)) console.log(`  ${line}`);
  }
}

function evidenceLines(evidence) {
  if (!evidence) return [];
  const { trace = [], requests = [], firstMs, startedAt } = evidence;
  const lines = trace.map(({ ms, type, connection, transport, reason }) => ({
    ms,
    text: `${type} ${connection === undefined ? '' : `#${connection} ${transport} `}${reason ?? ''}`,
  }));
  for (const { at, overAt, kind, method, connection, n } of requests) {
    const ended = overAt === undefined ? 'never' : `${Math.round(overAt - startedAt)}`;
    lines.push({
      ms: at - startedAt,
      text: `  [proxy] ${kind} ${method} n=${n} on TCP ${connection}, over at ${ended}`,
    });
  }
  if (firstMs !== undefined) lines.push({ ms: firstMs, text: 'FIRST MESSAGE' });
  return lines.sort((a, b) => a.ms - b.ms).map(({ ms, text }) => `${ms.toFixed(0).padStart(6)}  ${text}`);
}

export async function writeJson(name, engines, cells) {
  const file = join(root, 'test-results', `bench-${name}.json`);
  await mkdir(join(root, 'test-results'), { recursive: true });
  const content = {
    at: new Date().toISOString(),
    engines: Object.fromEntries(engines.map((engine) => [engine.name, engine.version])),
    machine: { cpus: cpus().length, loadavg: loadavg() },
    cells,
  };
  // JSON has no infinity.
  const plain = (_, value) => (value === Number.POSITIVE_INFINITY ? 'never' : value);
  await writeFile(file, `${JSON.stringify(content, plain, 1)}\n`);
}
