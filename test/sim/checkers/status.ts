/** Which state may follow which, as the application sees them in `client.status`. */
import type { State } from '../../../src/core/model.ts';
import type { Fail } from '../failure.ts';

const follows: Readonly<Record<State, readonly State[]>> = {
  // Nothing was ever open.
  idle: ['connecting', 'suspended', 'closed'],
  connecting: ['open', 'offline', 'suspended', 'closed'],
  open: ['reconnecting', 'offline', 'suspended', 'closed'],
  reconnecting: ['open', 'offline', 'suspended', 'closed'],
  offline: ['connecting', 'open', 'reconnecting', 'suspended', 'closed'],
  suspended: ['connecting', 'reconnecting', 'offline', 'closed'],
  // Opened again: nothing is open before a hello has come.
  closed: ['connecting', 'offline', 'suspended'],
};

/** Returns a function that takes each state in turn; `true` if it differs from the one before. */
export function checkStates(fail: Fail): (state: State) => `${State}>${State}` | undefined {
  let former: State = 'idle';
  return (state) => {
    if (state === former) return undefined;
    if (!follows[former].includes(state)) return fail(`${state} follows ${former}`);
    const change = `${former}>${state}` as const;
    former = state;
    return change;
  };
}
