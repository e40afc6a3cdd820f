/**
 * What was published since a connection was last written to. Such a list grows at its end and is never changed, so that
 * connections which are to be told the same share one, with all that is made of it.
 */
import { createRun, type Run } from './forms.ts';
import type { Entry } from './topic-record.ts';

export interface Waiting {
  /** All that came before. */
  readonly before: Waiting | undefined;
  readonly entry: Entry;
  readonly count: number;
  readonly bytes: number;
  /** No client is left out of any of them. */
  readonly isForAll: boolean;
  /** Made when it is first asked for. */
  run: Run | undefined;
}

export function waitingAfter(before: Waiting | undefined, entry: Entry): Waiting {
  const isForAll = entry.except === undefined;
  if (!before) return { before, entry, count: 1, bytes: entry.bytes, isForAll, run: undefined };
  return {
    before,
    entry,
    count: before.count + 1,
    bytes: before.bytes + entry.bytes,
    isForAll: before.isForAll && isForAll,
    run: undefined,
  };
}

/** In the order in which they were published. */
export function runOf(waiting: Waiting): Run {
  if (waiting.run) return waiting.run;
  const entries = new Array<Entry>(waiting.count);
  let at = waiting.count;
  for (let one: Waiting | undefined = waiting; one; one = one.before) entries[--at] = one.entry;
  waiting.run = createRun(entries);
  return waiting.run;
}
