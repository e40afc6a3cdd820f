/** The default broker: all that it keeps is in this process's memory, and ends with it. Knows no clock and no hub. */
import { createError } from '../../core/errors.ts';
import { createLog } from '../core/log.ts';
import type { Broker, Kept } from '../core/types.ts';

/**
 * Keeps the log and the memory of clients in this process. Give it to `createHub` where a hub is to be replaced by another
 * without its clients noticing, as when a development server loads its code anew:
 *
 * ```ts
 * const broker = memoryBroker()
 * const hub = createHub({ broker })
 * await hub.close()
 * const next = createHub({ broker })   // resumes every client without a gap
 * ```
 *
 * One hub at a time: `createHub` throws `BROKER_IN_USE` until the former hub's `close` has ended. A handler that still ran
 * then is told as `OUTCOME_UNKNOWN`. The number of partitions is the first hub's for ever; `history` is the latest one's.
 */
export function memoryBroker(): Broker {
  let kept: Omit<Kept, 'giveBack'> | undefined;
  let holder: Kept | undefined;
  return {
    lend(partitions, history, makeEpoch) {
      if (holder) throw createError('BROKER_IN_USE', 'Another hub has this broker; close that one first.');
      kept ??= { log: createLog(partitions, history, makeEpoch), records: new Map(), tickets: new Map() };
      const { log } = kept;
      if (log.partitions.length !== partitions) {
        const what = `This broker's log has ${log.partitions.length} partitions, not ${partitions}.`;
        throw createError('MISUSE', what);
      }
      log.history = history;
      const lent: Kept = {
        ...kept,
        giveBack() {
          if (holder === lent) holder = undefined;
        },
      };
      holder = lent;
      return lent;
    },
  };
}
