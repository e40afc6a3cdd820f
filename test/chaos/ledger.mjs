/**
 * The accounts of all clients, what they add up to by transport, and the violations, each with what its client's trace
 * said before it. Knows nothing of sockets, pages and processes.
 */
import { createAccount } from './account.mjs';
import { emptyCounts } from './table.mjs';

const traceEntriesShown = 40;
/** Of one client; most later ones follow from the first. */
const violationsKept = 3;

/**
 * @param {{ historyMessages: number, transports: readonly string[] }} given
 */
export function createLedger({ historyMessages, transports }) {
  const counts = Object.fromEntries(transports.map((transport) => [transport, emptyCounts()]));
  /** @type {Map<string, ReturnType<typeof createAccount>>} */
  const accounts = new Map();
  const violations = [];
  let violationCount = 0;

  /** `at`: when it happened, if that is not now. */
  function note(name, what, trace, at = Number.POSITIVE_INFINITY) {
    violationCount++;
    if (violations.filter((one) => one.name === name).length >= violationsKept) return;
    const before = trace.filter((entry) => entry.at <= at).slice(-traceEntriesShown);
    violations.push({ name, what, trace: before });
  }

  return {
    /** @param {string} name @param {string} transport  In use until the client says. */
    addAccount(name, transport) {
      const onViolation = (what, trace, at) => note(name, what, trace, at);
      const account = createAccount({ name, transport, counts, historyMessages, onViolation });
      accounts.set(name, account);
      return account;
    },
    hear: (name, event) => accounts.get(name)?.hear(event),
    /** Something that concerns no client alone. */
    fail: (what) => note('the run', what, []),
    counts,
    violations,
    violationCount: () => violationCount,
    moves: () => [...accounts.values()].reduce((total, { moves }) => total + moves(), 0),
  };
}
