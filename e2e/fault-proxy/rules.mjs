/**
 * The rules in force: what may be set, whether it makes sense, and which rule holds for a given request.
 * Knows nothing of sockets; what a rule does is decided where the bytes are.
 */

/**
 * What a rule is limited to. Everything given must hold. A rule with `kind`, `path`, `method` or `accept` says nothing
 * about a connection on which no request has come by yet.
 * @typedef {object} Match
 * @property {'websocket' | 'http'} [kind]
 * @property {string | RegExp} [path]  A string is the whole path, with or without its query.
 * @property {string} [method]
 * @property {number} [connection]  The number of the connection, from 1.
 * @property {string | RegExp} [accept]  A string is a part of the `Accept` header.
 */

/** @typedef {'rst' | 'fin'} CutHow */

/**
 * @template T
 * @typedef {object} LongRule
 * @property {T} value
 * @property {Match} [match]
 * @property {number} [times]  How often the rule acts before it is spent; only for rules that act once for each request or connection.
 * @property {CutHow} [how]  Only for the cuts; `rst` by default.
 */

/**
 * A value for everything, a value with limits, or several of those, of which the first that holds is taken.
 * `undefined`, `null` and `false` take the rule away.
 * @template T
 * @typedef {T | LongRule<T> | readonly LongRule<T>[] | false | null | undefined} Rule
 */

/**
 * @typedef {object} RuleValues
 * @property {number} latencyMs  Added each way.
 * @property {number} jitterMs  Up to so much more, at random, each way; the order is kept.
 * @property {true} chargeHandshake  The client's first bytes wait until one round trip after the connection was accepted.
 * @property {{ everyMs: number, forMs: number }} stalls  Every `everyMs` all data of a connection is held for `forMs`, as after a loss.
 * @property {number} upBytesPerSecond  The line up is no faster: what is sent waits until all before it, and itself, has passed.
 * @property {number} refuseUpgrade  The status that answers a WebSocket upgrade.
 * @property {true} swallowUpgrade  A WebSocket upgrade is never answered.
 * @property {true} muteAfterUpgrade  The 101 passes, then no frame, either way.
 * @property {'up' | 'down'} oneWay  After an upgrade, frames pass only this way; with `up`, the body of an HTTP response does not pass either.
 * @property {'body' | 'all'} bufferResponses  The body, or head and body, is held until the response is complete.
 * @property {number} flushEveryMs  A response's body goes out only at multiples of this after its head.
 * @property {number} flushEveryBytes  A response's body goes out only when so much has come together.
 * @property {number} cutAfterMs  So long after a request came by, or after its 101, the connection is cut, unless the answer is complete.
 * @property {number} cutAfterBytes  After so many bytes of a response's body, or of frames to the client, the connection is cut.
 * @property {string} cutAtText  The connection is cut in place of the bytes of a response's body, or of frames to the client, that hold this text.
 * @property {number} cutIdleMs  The connection is cut when nothing came by for so long.
 * @property {true} blackhole  Every byte is dropped both ways, closing included; new connections are accepted and never answered.
 * @property {true} blackholeExisting  The same, for the connections that are open at the moment when the rule is set.
 * @property {true} refuseConnections  New connections are reset at once.
 * @property {true | 'redirect'} captivePortal  Every request is answered 200 with a login page, or 302 to it.
 * @property {number} status  Requests are answered with this status.
 * @property {true} loseResponse  The server gets the request and acts; instead of its answer comes a reset.
 * @property {true} duplicatePost  A complete POST is sent to the server once more, on a connection of its own; that answer is discarded.
 */

/** @typedef {keyof RuleValues} RuleName */
/** @typedef {{ [N in RuleName]?: Rule<RuleValues[N]> }} RulesPatch */

/**
 * What a rule is matched against: a connection, and the request that the bytes in question belong to.
 * @typedef {object} Subject
 * @property {number} connection
 * @property {{ readonly kind: 'websocket' | 'http', readonly method: string, readonly path: string, readonly headers: Readonly<Record<string, string>> } | undefined} request
 */

/**
 * @template T
 * @typedef {object} FoundRule
 * @property {T} value
 * @property {CutHow} how
 * @property {() => void} spend  To be called each time the rule acts.
 */

/**
 * @typedef {object} Rules
 * @property {(patch: RulesPatch) => void} set
 * @property {() => void} reset
 * @property {() => RulesPatch} current
 * @property {<N extends RuleName>(name: N, subject: Subject) => FoundRule<RuleValues[N]> | undefined} find
 */

/** @typedef {{ value: unknown, match: Match, how: CutHow, timesLeft: number, upToConnection: number }} Entry */

const isTrue = (/** @type {unknown} */ value) => value === true;
const isCount = (/** @type {unknown} */ value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isText = (/** @type {unknown} */ value) => typeof value === 'string' && value !== '';
const isPeriod = (/** @type {unknown} */ value) => isCount(value) && value !== 0;
const isStatus = (/** @type {unknown} */ value) =>
  Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599;
const isRefusal = (/** @type {unknown} */ value) => isStatus(value) && Number(value) >= 400;
const isOneOf =
  (/** @type {unknown[]} */ ...allowed) =>
  (/** @type {unknown} */ value) =>
    allowed.includes(value);

/** @type {{ readonly [N in RuleName]: (value: unknown) => boolean }} */
const isValid = {
  latencyMs: isCount,
  jitterMs: isCount,
  chargeHandshake: isTrue,
  stalls: isStalls,
  upBytesPerSecond: isPeriod,
  refuseUpgrade: isRefusal,
  swallowUpgrade: isTrue,
  muteAfterUpgrade: isTrue,
  oneWay: isOneOf('up', 'down'),
  bufferResponses: isOneOf('body', 'all'),
  flushEveryMs: isPeriod,
  flushEveryBytes: isPeriod,
  cutAfterMs: isCount,
  cutAfterBytes: isCount,
  cutAtText: isText,
  cutIdleMs: isPeriod,
  blackhole: isTrue,
  blackholeExisting: isTrue,
  refuseConnections: isTrue,
  captivePortal: isOneOf(true, 'redirect'),
  status: isStatus,
  loseResponse: isTrue,
  duplicatePost: isTrue,
};

/** @type {ReadonlySet<string>} */
const countable = new Set([
  'refuseUpgrade',
  'swallowUpgrade',
  'refuseConnections',
  'captivePortal',
  'status',
  'loseResponse',
  'duplicatePost',
  'cutAfterMs',
  'cutAfterBytes',
  'cutAtText',
  'cutIdleMs',
]);
/** @type {ReadonlySet<string>} */
const cuts = new Set(['cutAfterMs', 'cutAfterBytes', 'cutAtText', 'cutIdleMs']);

/**
 * @param {() => number} lastConnection  The number of the newest connection.
 * @returns {Rules}
 */
export function createRules(lastConnection) {
  /** @type {Map<RuleName, Entry[]>} */
  let entries = new Map();
  /** @type {RulesPatch} */
  let given = {};

  return {
    set(patch) {
      // All of the patch is read before any of it holds, so that a mistake changes nothing.
      const read = Object.entries(patch).map(([name, rule]) => readRule(name, rule, lastConnection()));
      for (const { name, list } of read) entries.set(name, list);
      given = { ...given, ...patch };
    },
    reset() {
      entries = new Map();
      given = {};
    },
    current: () => Object.fromEntries(Object.entries(given).filter(([, rule]) => !isAbsent(rule))),
    find(name, subject) {
      const entry = entries.get(name)?.find((one) => holds(one, subject));
      if (!entry) return undefined;
      const value = /** @type {RuleValues[typeof name]} */ (entry.value);
      return { value, how: entry.how, spend: () => void entry.timesLeft-- };
    },
  };
}

/**
 * @param {Match} match
 * @param {Subject} subject
 */
export function matches(match, { connection, request }) {
  if (match.connection !== undefined && match.connection !== connection) return false;
  if (match.kind !== undefined && match.kind !== request?.kind) return false;
  if (match.method !== undefined && match.method.toUpperCase() !== request?.method) return false;
  if (match.path !== undefined && !(request && isPath(match.path, request.path))) return false;
  return (
    match.accept === undefined ||
    (request !== undefined && isWithin(match.accept, request.headers['accept'] ?? ''))
  );
}

/**
 * @param {Entry} entry
 * @param {Subject} subject
 */
function holds(entry, subject) {
  return entry.timesLeft > 0 && subject.connection <= entry.upToConnection && matches(entry.match, subject);
}

/**
 * @param {string} given
 * @param {unknown} rule
 * @param {number} lastConnection
 * @returns {{ name: RuleName, list: Entry[] }}
 */
function readRule(given, rule, lastConnection) {
  if (!Object.hasOwn(isValid, given)) {
    throw new TypeError(`There is no rule "${given}"; there are ${Object.keys(isValid).join(', ')}.`);
  }
  const name = /** @type {RuleName} */ (given);
  if (isAbsent(rule)) return { name, list: [] };
  const longRules = Array.isArray(rule) ? rule : [isLong(rule) ? rule : { value: rule }];
  return { name, list: longRules.map((long) => readLongRule(name, long, lastConnection)) };
}

/**
 * @param {RuleName} name
 * @param {LongRule<unknown>} rule
 * @param {number} lastConnection
 * @returns {Entry}
 */
function readLongRule(name, { value, match = {}, times, how }, lastConnection) {
  if (!isValid[name](value)) throw new TypeError(`The rule "${name}" cannot be ${JSON.stringify(value)}.`);
  if (times !== undefined && !countable.has(name))
    throw new TypeError(`The rule "${name}" holds all the time and cannot have "times".`);
  if (how !== undefined && !cuts.has(name))
    throw new TypeError(`The rule "${name}" does not cut and cannot have "how".`);
  return {
    value,
    match,
    how: how ?? 'rst',
    timesLeft: times ?? Number.POSITIVE_INFINITY,
    upToConnection: name === 'blackholeExisting' ? lastConnection : Number.POSITIVE_INFINITY,
  };
}

/** @param {unknown} rule */
function isAbsent(rule) {
  return rule === undefined || rule === null || rule === false;
}

/**
 * @param {unknown} rule
 * @returns {rule is LongRule<unknown>}
 */
function isLong(rule) {
  return typeof rule === 'object' && rule !== null && 'value' in rule;
}

/** @param {unknown} value */
function isStalls(value) {
  if (typeof value !== 'object' || value === null) return false;
  const { everyMs, forMs } = /** @type {Record<string, unknown>} */ (value);
  return isPeriod(everyMs) && isPeriod(forMs) && Number(forMs) < Number(everyMs);
}

/**
 * @param {string | RegExp} wanted
 * @param {string} path
 */
function isPath(wanted, path) {
  return typeof wanted === 'string'
    ? wanted === path || wanted === path.split('?', 1)[0]
    : isWithin(wanted, path);
}

/**
 * @param {string | RegExp} wanted
 * @param {string} text
 */
function isWithin(wanted, text) {
  // search() takes no notice of lastIndex, so that a global expression is no trap.
  return typeof wanted === 'string' ? text.includes(wanted) : text.search(wanted) !== -1;
}
