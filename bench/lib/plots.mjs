// Plots as SVG text: bars with their spread, latencies by percentile, requests by time. A page needs nothing else to show them.

import { numberText } from './figures.mjs';

const width = 760;
const labelWidth = 220;
const valueWidth = 150;
const barHeight = 22;
const plotHeight = 220;
const colours = [
  '#0b6e4f',
  '#c05621',
  '#2b6cb0',
  '#805ad5',
  '#718096',
  '#b83280',
  '#975a16',
  '#2c7a7b',
  '#4a5568',
];

export function escapeText(text) {
  return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
}

function svg(height, body) {
  return `<svg viewBox="0 0 ${width} ${height}" role="img">${body}</svg>`;
}

function text(x, y, content, attributes = '') {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeText(content)}</text>`;
}

const isOurs = (contender) => contender.startsWith('Holdfast');

/** One bar for each `{ label, median, least, most, note }`, with a line from the least to the most. */
export function bars(items, digits) {
  const most = Math.max(...items.map((item) => item.most));
  const scale = (value) => (Math.max(0, value) / most) * (width - labelWidth - valueWidth);
  const body = items.map((item, index) => {
    const y = index * barHeight;
    const middle = y + barHeight / 2;
    const from = labelWidth + scale(item.least);
    const to = labelWidth + scale(item.most);
    const value = `${numberText(item.median, digits)}${item.note}`;
    return [
      text(labelWidth - 8, middle + 4, item.label, 'text-anchor="end"'),
      `<rect class="${isOurs(item.label) ? 'ours' : 'other'}" x="${labelWidth}" y="${y + 4}" width="${scale(item.median).toFixed(1)}" height="${barHeight - 8}"/>`,
      `<path class="spread" d="M${from.toFixed(1)} ${middle}H${to.toFixed(1)}"/>`,
      text(Math.max(to, labelWidth + scale(item.median)) + 6, middle + 4, value),
    ].join('');
  });
  return svg(items.length * barHeight + 4, body.join(''));
}

function axis(x, y, from, to, unit) {
  return `<path class="axis" d="M${labelWidth} ${y}H${width - 10}M${x} 8V${y}"/>${text(labelWidth, y + 16, from)}${text(width - 10, y + 16, `${to} ${unit}`, 'text-anchor="end"')}`;
}

function legend(items) {
  return items
    .map((item, index) => {
      const colour = colours[index % colours.length];
      return text(labelWidth - 8, 20 + index * 18, item.label, `text-anchor="end" style="fill: ${colour}"`);
    })
    .join('');
}

/** Latency in milliseconds (upwards, logarithmic) by percentile, for each `{ label, percentiles }`. */
export function latencies(items) {
  const all = items.flatMap(({ percentiles }) => percentiles).filter((value) => value > 0);
  const low = Math.log10(Math.min(...all));
  const high = Math.log10(Math.max(...all));
  const x = (percent) => labelWidth + (percent / 100) * (width - labelWidth - 10);
  const y = (value) =>
    10 + (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low || 1)) * (plotHeight - 20);
  const lines = items.map(({ percentiles }, index) => {
    const points = percentiles.map((value, percent) => `${x(percent).toFixed(1)} ${y(value).toFixed(1)}`);
    return `<path fill="none" stroke="${colours[index % colours.length]}" stroke-width="2" d="M${points.join('L')}"/>`;
  });
  const ends = [low, high].map((power) =>
    text(labelWidth + 4, y(10 ** power) + 4, `${numberText(10 ** power, 2)} ms`),
  );
  return svg(
    plotHeight + 20,
    `${axis(labelWidth, plotHeight, 'fastest', 'slowest', '')}${legend(items)}${lines.join('')}${ends.join('')}`,
  );
}

/** Counts in each span of time, for each `{ label, timeline, binMs }`: one row of columns each. */
export function timelines(items) {
  const rowHeight = 70;
  const bins = Math.max(...items.map(({ timeline }) => timeline.length));
  const most = Math.max(...items.flatMap(({ timeline }) => timeline));
  const step = (width - labelWidth - 10) / bins;
  const rows = items.map(({ label, timeline }, index) => {
    const floor = (index + 1) * rowHeight;
    const columns = timeline.map((count, bin) => {
      const height = (count / most) * (rowHeight - 14);
      return `<rect class="${isOurs(label) ? 'ours' : 'other'}" x="${(labelWidth + bin * step).toFixed(1)}" y="${(floor - height).toFixed(1)}" width="${Math.max(1, step - 1).toFixed(1)}" height="${height.toFixed(1)}"/>`;
    });
    const peak = `${label}: at most ${Math.max(...timeline)}`;
    return `${text(labelWidth - 8, floor - 6, peak, 'text-anchor="end"')}${columns.join('')}`;
  });
  const height = items.length * rowHeight;
  const seconds = (bins * items[0].binMs) / 1e3;
  return svg(height + 22, `${rows.join('')}${axis(labelWidth, height, '0', numberText(seconds, 1), 's')}`);
}
