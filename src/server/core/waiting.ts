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
  readonly bytes: number;
  /** Made when it is first asked for. */
  run: Run | undefined;
}

export function waitingAfter(before: Waiting | undefined, entry: Entry): Waiting {
  return { before, entry, bytes: (before ? before.bytes : 0) + entry.bytes, run: undefined };
}

/** In the order in which they were published. */
export function runOf(waiting: Waiting): Run {
  if (waiting.run) return waiting.run;
  const entries: Entry[] = [];
  for (let one: Waiting | undefined = waiting; one; one = one.before) entries.push(one.entry);
  waiting.run = createRun(entries.reverse());
  return waiting.run;
}
