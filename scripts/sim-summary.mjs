// What was met in the worlds of the simulator, for people: one line for each group of counts.

const titles = {
  strikes: 'faults',
  acts: 'acts',
  states: 'states of sessions',
  traces: 'traces',
  reasons: 'reasons of traces',
  promoted: 'promoted',
  gaps: 'gaps',
  sends: 'sends settled',
  errors: 'errors told',
};

const number = (value) => Math.round(value).toLocaleString('en-US');

/** Every state, and how often each came after each. */
function transitions(counts) {
  const states = [...new Set(Object.keys(counts).flatMap((change) => change.split('>')))].sort();
  const width = 14;
  const row = (cells) => cells.map((cell) => String(cell).padStart(width)).join('');
  const lines = [row(['from \\ to', ...states])];
  for (const from of states) {
    lines.push(
      row([from, ...states.map((to) => (counts[`${from}>${to}`] ? number(counts[`${from}>${to}`]) : '-'))]),
    );
  }
  return lines;
}

/** The lines of a tally as `test/sim/tally.ts` has it. */
export function describeTally({ sum, most, count }) {
  const { worlds = 0, virtualMs = 0, ...sums } = sum;
  const lines = [`worlds: ${number(worlds)}, ${number(virtualMs / 3_600_000)} hours of their time`];
  for (const [name, value] of Object.entries(sums)) lines.push(`${name}: ${number(value)}`);
  for (const [name, value] of Object.entries(most)) lines.push(`most ${name}: ${number(value)}`);
  for (const [group, title] of Object.entries(titles)) {
    const counts = count[group];
    if (!counts) continue;
    lines.push('', `${title}:`);
    if (group === 'states') lines.push(...transitions(counts));
    else {
      const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
      for (const [name, value] of sorted) lines.push(`${number(value).padStart(14)}  ${name}`);
    }
  }
  return lines;
}
