// docs/SPEED.md, from the report of a run.

import { numberText } from './figures.mjs';
import { reasonsOf } from './judge.mjs';
import { machineText } from './page.mjs';

const head = (command) => `# Speed

Written by \`${command}\`; not by hand. Every figure is a median with its least and most; ratios are taken within a round, in
which each contender runs once, server and clients in processes of their own. Every benchmark checks that what it counts is whole and in order.
[bench/README.md](../bench/README.md) says how each is made; the run also leaves an HTML report with plots in \`test-results/bench\`.
`;

function goalTable(goals) {
  const lines = goals.flatMap(({ title, best, floor, parts }) =>
    parts.map((part, index) => {
      const state = !part.isMeasured ? '–' : part.isMissed ? '**not reached**' : 'reached';
      const first = index === 0 ? [title, best, floor] : ['', '', ''];
      return `| ${first[0]} | ${part.goal} | ${part.measured} | ${state} | ${first[1]} | ${first[2]} |`;
    }),
  );
  return `| | goal | measured | | best peer before | floor |\n|---|---|---|---|---|---|\n${lines.join('\n')}\n`;
}

function reasons(goals) {
  const lines = reasonsOf(goals).map(({ titles, reason }) => `- **${titles.join('; ')}.** ${reason}`);
  return lines.length === 0 ? '' : `\n## Why a goal is not reached\n\n${lines.join('\n')}\n`;
}

function rowTable(row, metrics) {
  const names = Object.keys(metrics).filter((metric) => row.cells.some(({ figures }) => figures[metric]));
  const titles = names.map((metric) => metrics[metric].title);
  const lines = row.cells.map((cell) => {
    const cells = names.map((metric) => {
      const figure = cell.figures[metric];
      if (!figure) return '–';
      const { digits } = metrics[metric];
      const beside = cell.isBase || !figure.ratio ? '' : `, ${numberText(figure.ratio.median, 2)} ×`;
      return `${numberText(figure.median, digits)}${beside}`;
    });
    const failed =
      cell.errors.length > 0 ? ` (${cell.errors.length} of ${cell.samples.length} rounds failed)` : '';
    return `| ${cell.contender}${failed} | ${cells.join(' | ')} |`;
  });
  const line = `|---|${names.map(() => '---|').join('')}`;
  return `\n**${row.name}**\n\n| | ${titles.join(' | ')} |\n${line}\n${lines.join('\n')}\n`;
}

export function speedDoc(report) {
  const sections = report.suites.map(
    ({ title, about, metrics, rows, rounds }) =>
      `\n## ${title}\n\n${about} Medians of ${rounds} rounds; × is the ratio to the one without.\n` +
      rows.map((row) => rowTable(row, metrics)).join(''),
  );
  return `${head(report.command)}\n${machineText(report)}\n\n${goalTable(report.goals)}${reasons(report.goals)}${sections.join('')}`;
}
