// Goals against figures.

import { compare, numberText } from './figures.mjs';

const hows = { to: (value, base) => value / base, beyond: (value, base) => value - base };

function cellOf(suites, { suite, row }, contender) {
  const found = suites.find(({ name }) => name === suite)?.rows.find(({ name }) => name === row);
  return found?.cells.find((cell) => cell.contender === contender);
}

function spreadFor(suites, part) {
  const cell = cellOf(suites, part, part.contender);
  const how = part.to ? 'to' : 'beyond';
  const base = part[how] && cellOf(suites, part, part[how]);
  if (!cell) return undefined;
  if (!part[how]) return cell.figures[part.metric];
  return base && compare(cell, base, part.metric, hows[how]);
}

/** With a limit and a sign, as in `>= 4.0 ×`. */
function limitText(part) {
  const { atLeast, atMost, to, beyond } = part;
  const value = atLeast ?? atMost;
  const digits = part.digits ?? 2;
  const unit = to ? ' ×' : part.unit ? ` ${part.unit}` : '';
  return `${atLeast === undefined ? '≤' : '≥'} ${beyond ? '+ ' : ''}${numberText(value, Math.min(digits, 2))}${unit}`;
}

/** Half of the rounds or more in which something was missing make a goal unreached, whatever the figure. */
function hasFailed(cell) {
  return cell !== undefined && cell.errors.length * 2 >= cell.samples.length;
}

function judgePart(suites, part) {
  const cell = cellOf(suites, part, part.contender);
  const spread = spreadFor(suites, part);
  const digits = part.digits ?? 2;
  const { says, reason } = part;
  const told = { says, goal: `${says} ${limitText(part)}`, reason };
  if (hasFailed(cell)) return { ...told, measured: cell.errors[0], isMissed: true, isMeasured: true };
  if (!spread) return { ...told, measured: 'not measured', isMissed: false, isMeasured: false };
  const { median, least, most } = spread;
  const isMissed = part.atLeast === undefined ? median > part.atMost : median < part.atLeast;
  const [middle, low, high] = [median, least, most].map((value) => numberText(value, digits));
  return { ...told, measured: `${middle} (${low} to ${high})`, isMissed, isMeasured: true };
}

export function judge(goals, suites) {
  return goals
    .map(({ title, best, floor, parts }) => ({
      title,
      best,
      floor,
      parts: parts.map((part) => judgePart(suites, part)),
    }))
    .filter(({ parts }) => parts.some(({ isMeasured }) => isMeasured));
}

/** Why goals are not reached, each reason with all that it holds for: `{ titles, reason }`. */
export function reasonsOf(goals) {
  const byReason = new Map();
  for (const { title, parts } of goals) {
    for (const { says, reason, isMissed } of parts) {
      if (!isMissed || !reason) continue;
      byReason.set(reason, [...(byReason.get(reason) ?? []), `${title}: ${says}`]);
    }
  }
  return [...byReason].map(([reason, titles]) => ({ reason, titles }));
}
