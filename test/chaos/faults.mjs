/**
 * What can go wrong between one client and the hub, as rules of the fault proxy, and when it does.
 * Every lane has a proxy of its own, so that each fault has one victim.
 */
import { setTimeout as delay } from 'node:timers/promises';

/** @typedef {ReturnType<import('./random.js').createRandom>} Random */

/**
 * `rules` hold for `ms` (least, most); `cut` ends what is open at the beginning.
 * @typedef {{ ms?: readonly [number, number], cut?: 'rst' | 'fin', rules?: (random: Random) => object }} Fault
 */

/** Of any transport. @type {Record<string, Fault>} */
const anyFaults = {
  cut: { cut: 'rst' },
  'cut, orderly': { cut: 'fin' },
  'cut after bytes': { ms: [500, 3_000], rules: (random) => ({ cutAfterBytes: random.whole(0, 20_000) }) },
  'cut after a time': { ms: [500, 3_000], rules: (random) => ({ cutAfterMs: random.whole(1, 1_000) }) },
  silence: { ms: [300, 4_000], rules: () => ({ blackhole: true }) },
  'silence of what is open': { ms: [200, 1_500], rules: () => ({ blackholeExisting: true }) },
  refusal: { cut: 'rst', ms: [300, 2_500], rules: () => ({ refuseConnections: true }) },
  'error status': {
    cut: 'rst',
    ms: [300, 2_500],
    rules: (random) => ({ status: random.pick([500, 502, 503, 504]) }),
  },
  'captive portal': {
    cut: 'rst',
    ms: [300, 2_500],
    rules: (random) => ({ captivePortal: random.pick([true, 'redirect']) }),
  },
  latency: {
    ms: [1_000, 4_000],
    rules: (random) => ({ latencyMs: random.whole(10, 300), jitterMs: random.whole(0, 100) }),
  },
  stalls: {
    ms: [1_000, 4_000],
    rules: (random) => ({ stalls: { everyMs: random.whole(300, 900), forMs: random.whole(50, 250) } }),
  },
};

/** @type {Record<string, Fault>} */
const socketFaults = {
  'upgrade refused': { cut: 'rst', ms: [300, 2_500], rules: () => ({ refuseUpgrade: 503 }) },
  'upgrade swallowed': { cut: 'rst', ms: [300, 2_500], rules: () => ({ swallowUpgrade: true }) },
  'mute after upgrade': { cut: 'rst', ms: [300, 2_500], rules: () => ({ muteAfterUpgrade: true }) },
  'one way': { cut: 'rst', ms: [300, 2_500], rules: (random) => ({ oneWay: random.pick(['up', 'down']) }) },
};

/** @type {Record<string, Fault>} */
const requestFaults = {
  buffering: { ms: [1_000, 4_000], rules: (random) => ({ bufferResponses: random.pick(['body', 'all']) }) },
  'rare flushes': { ms: [1_000, 4_000], rules: (random) => ({ flushEveryMs: random.whole(100, 1_000) }) },
  'lost answers': {
    ms: [300, 2_500],
    rules: (random) => ({ loseResponse: { value: true, times: random.whole(1, 4) } }),
  },
  'doubled POSTs': {
    ms: [1_000, 4_000],
    rules: (random) => ({ duplicatePost: { value: true, times: random.whole(1, 8) } }),
  },
};

/** What may befall a client that has these transports. @param {readonly string[]} transports */
function faultsFor(transports) {
  const hasSocket = transports.includes('websocket');
  const hasRequests = transports.some((name) => name !== 'websocket');
  return Object.entries({
    ...anyFaults,
    ...(hasSocket && socketFaults),
    ...(hasRequests && requestFaults),
  });
}

/** Mostly little time to recover in; now and then enough. @param {Random} random */
function pauseMs(random) {
  return random.isOneIn(8) ? random.between(8_000, 15_000) : random.between(300, 3_000);
}

/**
 * Troubles one lane until the signal aborts, and leaves it healed.
 * @param {{ proxy: object, transports: readonly string[], random: Random, signal: AbortSignal,
 *   on: { fault(kind: string): void, healed(): void } }} given
 */
export async function trouble({ proxy, transports, random, signal, on }) {
  const faults = faultsFor(transports);
  const wait = (ms) => delay(ms, undefined, { signal }).catch(() => undefined);
  while (!signal.aborted) {
    await wait(pauseMs(random));
    if (signal.aborted) return;
    const [kind, { rules, cut, ms }] = random.pick(faults);
    if (rules) proxy.set(rules(random));
    const cutCount = cut ? proxy.cut({ how: cut }) : 0;
    // A cut where nothing was open has hurt nobody.
    if (rules || cutCount > 0) on.fault(kind);
    if (ms) await wait(random.between(...ms));
    proxy.reset();
    on.healed();
  }
}
