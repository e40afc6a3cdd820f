/**
 * The buttons that hurt, as rules of the fault proxy: what each does and which are in force.
 * Knows nothing of HTTP or of the page; `page-server.mjs` brings the presses.
 */

const actionsKept = 50;

/** Rules that hold until they are taken back. */
const switches = {
  'block-websocket': { refuseUpgrade: 403 },
  'buffer-streams': { bufferResponses: 'body' },
  'drop-silently': { blackhole: true },
  'add-latency': { latencyMs: 100 },
};

/**
 * @param {{ proxy: { set(patch: object): void, reset(): void, cut(options?: object): unknown }, restartHub: () => Promise<void> }} parts
 */
export function createFaults({ proxy, restartHub }) {
  const active = new Set();
  /** What was done, newest last: every open page draws it into its record. */
  const actions = [];

  const moments = {
    cut() {
      proxy.cut();
    },
    'restart-hub'() {
      restartHub().catch((error) => console.error(error));
    },
    heal() {
      active.clear();
      proxy.reset();
    },
  };

  function turn(name, on) {
    if (active.has(name) === on) return;
    active[on ? 'add' : 'delete'](name);
    const rules = switches[name];
    proxy.set(on ? rules : Object.fromEntries(Object.keys(rules).map((rule) => [rule, undefined])));
    // A rule about openings says nothing to a connection that is open already.
    if (on && name === 'block-websocket') proxy.cut({ match: { kind: 'websocket' } });
  }

  return {
    /** @returns {boolean} whether there is such a button */
    press(name, on = true) {
      if (Object.hasOwn(switches, name)) turn(name, on);
      else if (Object.hasOwn(moments, name)) moments[name]();
      else return false;
      actions.push({ number: (actions.at(-1)?.number ?? 0) + 1, at: Date.now(), name, on });
      if (actions.length > actionsKept) actions.shift();
      return true;
    },
    state: () => ({ active: [...active], actions: [...actions] }),
  };
}
