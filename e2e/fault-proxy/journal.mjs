/**
 * What came by: events for whoever listens, counters, and a bounded log from which each connection's time line is read.
 */

/**
 * Times (`at`) are milliseconds of `performance.now()`.
 * @typedef {object} EntryTypes
 * @property {{ refused: boolean }} connection
 * @property {{ n: number, method: string, path: string, kind: 'websocket' | 'http', headers: Readonly<Record<string, string>>, fate: Fate }} request
 * @property {{ n: number, path: string, status: number, byProxy: boolean }} response  Its head has come.
 * @property {{ n: number, path: string }} complete  All of the response has come.
 * @property {{ n: number, path: string }} upgrade
 * @property {{ reason: string, how: 'rst' | 'fin' }} cut
 * @property {{ n: number, path: string }} duplicate
 * @property {Record<never, never>} close  The client's side is closed.
 */

/**
 * What became of a request: on its way to the server, answered by the proxy, never to be answered, or dropped in silence.
 * @typedef {'forwarded' | 'answered' | 'swallowed' | 'dropped'} Fate
 */

/** @typedef {keyof EntryTypes} EntryType */
/**
 * @template {EntryType} T
 * @typedef {{ readonly type: T, readonly connection: number, readonly at: number } & Readonly<EntryTypes[T]>} EntryOf
 */
/** @typedef {{ [T in EntryType]: EntryOf<T> }[EntryType]} LogEntry */

/**
 * @typedef {object} Counters
 * @property {{ opened: number, open: number, refused: number }} connections
 * @property {{ total: number, byMethod: Record<string, number>, byPath: Record<string, number>, byKind: Record<'websocket' | 'http', number>, byStatus: Record<number, number> }} requests
 *   `byPath` without queries; `byStatus` counts the answers.
 * @property {number} upgrades
 * @property {{ up: number, down: number, dropped: number }} bytes  To the server, to the client, and dropped in silence.
 * @property {Record<string, number>} cuts  By reason: the rule's name, or `cut`.
 * @property {number} duplicates
 */

/**
 * @typedef {object} Journal
 * @property {<T extends EntryType>(type: T, connection: number, details: EntryTypes[T]) => void} write
 * @property {(fate: 'up' | 'down' | 'dropped', byteCount: number) => void} countBytes
 * @property {() => Counters & { log: LogEntry[], timelines: Record<number, LogEntry[]> }} read
 * @property {<T extends EntryType>(type: T, handler: (entry: EntryOf<T>) => void) => () => void} on  Returns its own undoing.
 */

const logEntriesMax = 2_000;
const pathsMax = 500;
const otherPaths = '(other)';

/**
 * @param {() => number} now
 * @returns {Journal}
 */
export function createJournal(now) {
  const counters = emptyCounters();
  /** @type {LogEntry[]} */
  const log = [];
  /** @type {Map<EntryType, Set<(entry: never) => void>>} */
  const handlers = new Map();

  return {
    write(type, connection, details) {
      const entry = /** @type {LogEntry} */ ({ type, connection, at: now(), ...details });
      count(counters, entry);
      log.push(entry);
      if (log.length > logEntriesMax) log.shift();
      for (const handler of [...(handlers.get(type) ?? [])]) handler(/** @type {never} */ (entry));
    },
    countBytes(fate, byteCount) {
      counters.bytes[fate] += byteCount;
    },
    read: () => ({ ...structuredClone(counters), log: [...log], timelines: timelinesOf(log) }),
    on(type, handler) {
      const set = handlers.get(type) ?? new Set();
      handlers.set(type, set.add(handler));
      return () => void set.delete(handler);
    },
  };
}

/** @returns {Counters} */
function emptyCounters() {
  return {
    connections: { opened: 0, open: 0, refused: 0 },
    requests: { total: 0, byMethod: {}, byPath: {}, byKind: { websocket: 0, http: 0 }, byStatus: {} },
    upgrades: 0,
    bytes: { up: 0, down: 0, dropped: 0 },
    cuts: {},
    duplicates: 0,
  };
}

/**
 * @param {Counters} counters
 * @param {LogEntry} entry
 */
function count(counters, entry) {
  if (entry.type === 'connection') countConnection(counters.connections, entry.refused);
  else if (entry.type === 'close') counters.connections.open--;
  else if (entry.type === 'request') countRequest(counters.requests, entry);
  else if (entry.type === 'response') increment(counters.requests.byStatus, entry.status);
  else if (entry.type === 'upgrade') counters.upgrades++;
  else if (entry.type === 'cut') increment(counters.cuts, entry.reason);
  else if (entry.type === 'duplicate') counters.duplicates++;
}

/**
 * @param {Counters['connections']} connections
 * @param {boolean} refused
 */
function countConnection(connections, refused) {
  connections.opened++;
  if (refused) connections.refused++;
  else connections.open++;
}

/**
 * @param {Counters['requests']} requests
 * @param {EntryOf<'request'>} entry
 */
function countRequest(requests, { method, path, kind }) {
  const plainPath = path.split('?', 1)[0] ?? path;
  const isKnown = Object.hasOwn(requests.byPath, plainPath) || Object.keys(requests.byPath).length < pathsMax;
  requests.total++;
  requests.byKind[kind]++;
  increment(requests.byMethod, method);
  increment(requests.byPath, isKnown ? plainPath : otherPaths);
}

/**
 * @param {Record<string | number, number>} counts
 * @param {string | number} key
 */
function increment(counts, key) {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** @param {readonly LogEntry[]} log */
function timelinesOf(log) {
  /** @type {Record<number, LogEntry[]>} */
  const timelines = {};
  for (const entry of log) {
    timelines[entry.connection] ??= [];
    timelines[entry.connection]?.push(entry);
  }
  return timelines;
}
