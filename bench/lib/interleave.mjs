// The order of a bench: every run measures every row in every engine once, so that a slow moment of the machine meets all.

/**
 * The samples of each row and engine, in order. A measurement that throws is a sample, too: `{ error }`. With `isSideBySide`
 * all engines measure a row at the same time: for rows that mostly wait.
 */
export async function interleave({ rows, engines, runs, measure, isSideBySide = false }) {
  const jobs = rows.flatMap((row) =>
    engines
      .filter(({ name }) => !row.engines || row.engines.includes(name))
      .map((engine) => ({ row, engine, samples: [] })),
  );
  const take = async ({ row, engine, samples }, run) => {
    progress(`run ${run} of ${runs}: ${row.name}, ${engine.name}`);
    const sample = await measure(row, engine).catch((error) => ({ error: String(error.message) }));
    if (run > 0) samples.push(sample);
  };
  const groups = isSideBySide
    ? rows.map((row) => jobs.filter((job) => job.row === row))
    : jobs.map((job) => [job]);
  // Run 0 is thrown away: it compiles code and fills caches that have nothing to do with the network.
  for (let run = isSideBySide ? 1 : 0; run <= runs; run++) {
    for (const group of groups) await Promise.all(group.map((job) => take(job, run)));
  }
  progress('');
  return jobs;
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
