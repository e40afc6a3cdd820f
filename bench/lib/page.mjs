// The report as one HTML file: the table of goals, then every suite with its plots and figures.

import { numberText } from './figures.mjs';
import { reasonsOf } from './judge.mjs';
import { bars, escapeText, latencies, timelines } from './plots.mjs';

const style = `
  :root { color-scheme: light dark; --ours: #0b8f63; --other: #8a94a3; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 860px; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #8884; vertical-align: top; }
  svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
  .ours { fill: var(--ours); } .other { fill: var(--other); }
  .spread, .axis { stroke: currentColor; stroke-width: 1.2; fill: none; } .missed { color: #c53030; } .reached { color: #0b8f63; }
  h3 { margin-bottom: .2rem; } h4 { margin: .8rem 0 .2rem; font-weight: 500; } .about { opacity: .8; }`;

function ratioNote(figure, cell) {
  if (cell.isBase || !figure.ratio) return '';
  return `  (${numberText(figure.ratio.median, 2)} ×)`;
}

function chartOf(row, metric, { title, digits }) {
  const items = row.cells
    .filter((cell) => cell.figures[metric])
    .map((cell) => {
      const figure = cell.figures[metric];
      return { label: cell.contender, ...figure, note: ratioNote(figure, cell) };
    });
  return items.length === 0 ? '' : `<h4>${escapeText(title)}</h4>${bars(items, digits)}`;
}

function plotsOf(row, timeline) {
  const withPlot = (name) =>
    row.cells
      .filter(({ plots }) => plots?.[name])
      .map(({ contender, plots }) => ({ label: contender, ...plots }));
  const late = withPlot('latency').map(({ label, latency }) => ({ label, percentiles: latency }));
  const timed = withPlot('timeline');
  return [
    late.length > 0
      ? `<h4>how late, from the fastest to the slowest (last round)</h4>${latencies(late)}`
      : '',
    timed.length > 0 ? `<h4>${escapeText(timeline)} (last round)</h4>${timelines(timed)}` : '',
  ].join('');
}

function errorsOf(row) {
  const failed = row.cells.filter(({ errors }) => errors.length > 0);
  return failed
    .map(({ contender, errors, samples }) => {
      const text = `${contender}: ${errors.length} of ${samples.length} rounds failed: ${errors[0]}`;
      return `<p class="missed">${escapeText(text)}</p>`;
    })
    .join('');
}

function sectionOf({ title, about, metrics, timeline, rows, rounds }) {
  const body = rows.map((row) => {
    const charts = Object.entries(metrics).map(([metric, how]) => chartOf(row, metric, how));
    return `<h3>${escapeText(row.name)}</h3>${charts.join('')}${plotsOf(row, timeline)}${errorsOf(row)}`;
  });
  return `<h2>${escapeText(title)}</h2><p class="about">${escapeText(about)} Medians of ${rounds} rounds; the line on a bar goes from the least to the most.</p>${body.join('')}`;
}

function goalRows(goals) {
  return goals.flatMap(({ title, best, floor, parts }) =>
    parts.map((part, index) => {
      const state = !part.isMeasured ? '–' : part.isMissed ? 'not reached' : 'reached';
      const kind = part.isMissed ? 'missed' : 'reached';
      const first = index === 0 ? [title, best, floor] : ['', '', ''];
      const cells = [first[0], part.goal, part.measured, first[1], first[2]].map(
        (cell) => `<td>${escapeText(cell)}</td>`,
      );
      return `<tr>${cells.join('')}<td class="${kind}">${state}</td></tr>`;
    }),
  );
}

function reasonList(goals) {
  const items = reasonsOf(goals).map(
    ({ titles, reason }) => `<li><b>${escapeText(titles.join('; '))}.</b> ${escapeText(reason)}</li>`,
  );
  return items.length === 0 ? '' : `<h2>Why a goal is not reached</h2><ul>${items.join('')}</ul>`;
}

/** In a sentence: what the figures were made on. */
export function machineText({ machine, versions, at }) {
  const { cpu, processors, memoryGiB, system, loadAtStart, loadAtEnd, others, minutes } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${processors} processors (${cpu}), ${memoryGiB} GiB, ${system}; ${at.slice(0, 10)}, ${numberText(minutes, 1)} minutes; ` +
    `load ${numberText(loadAtStart, 1)} at the start and ${numberText(loadAtEnd, 1)} at the end, ` +
    `${numberText(others * 100, 0)}% of the processors were others’. ${names.join(', ')}.`
  );
}

export function pageOf(report) {
  const head = '<tr><th></th><th>goal</th><th>measured</th><th>best peer</th><th>floor</th><th></th></tr>';
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Holdfast beside its peers</title><style>${style}</style>
<h1>Holdfast beside its peers</h1><p class="about">${escapeText(machineText(report))}</p>
<table>${head}${goalRows(report.goals).join('')}</table>
${reasonList(report.goals)}
${report.suites.map(sectionOf).join('\n')}</html>\n`;
}
