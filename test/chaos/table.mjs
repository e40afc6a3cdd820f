/** The figures of a run, as text. */

/** What is counted of one transport. */
export function emptyCounts() {
  return {
    messages: 0,
    sends: { resolved: 0, refused: 0, unknown: 0, 'not sent': 0 },
    gaps: {},
    faults: {},
    changes: 0,
    connectedMs: 0,
    recoverMs: 0,
  };
}

const sum = (counts) => Object.values(counts).reduce((all, one) => all + one, 0);

function listed(counts) {
  const parts = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return parts.map(([name, count]) => `${name} ${count}`).join(', ') || '-';
}

function aligned(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i])))
        .join('  '),
    )
    .join('\n');
}

/** Everything of all transports together, and what was done to the hub. */
export function totals(counts, restarts) {
  const all = Object.values(counts);
  return {
    messages: all.reduce((total, { messages }) => total + messages, 0),
    sends: all.reduce((total, { sends }) => total + sum(sends), 0),
    faults: all.reduce((total, { faults }) => total + sum(faults), sum(restarts)),
  };
}

/** One line for each transport, then its gaps and faults by kind. */
export function tableOf(counts) {
  const head = [
    '',
    'messages',
    'resolved',
    'refused',
    'unknown',
    'not sent',
    'gaps',
    'faults',
    'changes',
    'connected',
    'recovered in',
  ];
  const rows = Object.entries(counts).map(([transport, one]) => [
    transport,
    one.messages,
    ...Object.values(one.sends),
    sum(one.gaps),
    sum(one.faults),
    one.changes,
    `${(one.connectedMs / 1_000).toFixed(0)} s`,
    `${(one.recoverMs / 1_000).toFixed(1)} s`,
  ]);
  const kinds = Object.entries(counts).flatMap(([transport, { gaps, faults }]) => [
    `${transport}: gaps: ${listed(gaps)}; faults: ${listed(faults)}`,
  ]);
  return `${aligned([head, ...rows])}\n\n${kinds.join('\n')}`;
}

function traceLine(zero) {
  return ({ at, type, connection, transport, role, reason }) => {
    const parts = [
      `${((at - zero) / 1_000).toFixed(3).padStart(9)} s`,
      type,
      connection && `#${connection}`,
      transport,
      role,
      reason,
    ];
    return `    ${parts.filter((part) => part !== undefined).join(' ')}`;
  };
}

/** What went wrong, each with the last of its client's trace. `zero`: the wall clock at the beginning. */
export function violationsOf(violations, zero) {
  return violations
    .map(({ name, what, trace }) => [`VIOLATION ${name}: ${what}`, ...trace.map(traceLine(zero))].join('\n'))
    .join('\n\n');
}
