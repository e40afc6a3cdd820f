// From samples to figures: medians with their spread, and ratios within a round.

function spreadOf(values) {
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (known.length === 0) return undefined;
  const middle = Math.floor(known.length / 2);
  const median = known.length % 2 === 1 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
  return { median, least: known[0], most: known[known.length - 1], values };
}

/** Each round's value of one contender beside another's of the same round. */
export function compare(cell, base, metric, how) {
  return spreadOf(cell.samples.map((sample, round) => how(sample[metric], base.samples[round]?.[metric])));
}

const ratio = (value, base) => value / base;

/** What the report says of a suite: for each row, contender and metric a spread, and a ratio to the base. */
export function figuresOf(name, suite, rows, rounds) {
  const { title, about, metrics, timeline } = suite;
  return {
    name,
    title,
    about,
    metrics,
    timeline,
    rounds,
    rows: rows.map(({ row, cells }) => {
      const base = cells.find(({ contender }) => contender.isBase);
      return { name: row.name, cells: cells.map((cell) => figureOf(cell, base, metrics)) };
    }),
  };
}

function figureOf(cell, base, metrics) {
  const figures = {};
  for (const metric of Object.keys(metrics)) {
    const spread = spreadOf(cell.samples.map((sample) => sample[metric]));
    if (spread) figures[metric] = { ...spread, ratio: compare(cell, base, metric, ratio) };
  }
  const { contender, samples } = cell;
  return {
    contender: contender.name,
    isBase: cell === base,
    samples: samples.map(({ plots, ...sample }) => sample),
    figures,
    errors: samples.map(({ error }) => error).filter(Boolean),
    plots: samples.findLast(({ plots }) => plots)?.plots,
  };
}

/** A number with three digits that count, or as many as the metric asks for. */
export function numberText(value, digits) {
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
