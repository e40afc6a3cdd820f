/** What was met in a world, and in many: sums, greatest values, and counts by name. */

export interface Tally {
  readonly sum: Record<string, number>;
  readonly most: Record<string, number>;
  readonly count: Record<string, Record<string, number>>;
}

export function createTally(): Tally {
  return { sum: {}, most: {}, count: {} };
}

export function addTo(tally: Tally, name: string, value: number): void {
  tally.sum[name] = (tally.sum[name] ?? 0) + value;
}

export function noteMost(tally: Tally, name: string, value: number): void {
  if (!((tally.most[name] ?? Number.NEGATIVE_INFINITY) >= value)) tally.most[name] = value;
}

export function countIn(tally: Tally, group: string, name: string, by = 1): void {
  tally.count[group] ??= {};
  const counts = tally.count[group];
  counts[name] = (counts[name] ?? 0) + by;
}

/** Adds one tally to another. */
export function tallyUp(to: Tally, from: Tally): void {
  for (const name in from.sum) addTo(to, name, from.sum[name] as number);
  for (const name in from.most) noteMost(to, name, from.most[name] as number);
  for (const group in from.count) {
    const counts = from.count[group] as Record<string, number>;
    for (const name in counts) countIn(to, group, name, counts[name]);
  }
}
