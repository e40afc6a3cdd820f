/** What must hold at every step of thousands of runs; `expect` takes too long to be asked so often. */
export function insist(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** Plain data: the same as text. */
export function insistSame(is: unknown, should: unknown, what: string): void {
  const [a, b] = [JSON.stringify(is), JSON.stringify(should)];
  if (a !== b) throw new Error(`${what}: is ${a}, should be ${b}`);
}
