/**
 * One client's account: what it tells is counted under the transport in use, and held against the promises.
 * Knows nothing of other clients, nor of what becomes of a violation.
 */
import { checkSends } from './send-checker.mjs';
import { checkStream } from './stream-checker.mjs';

/** Errors of ours that say the application (or the library) was wrong, not the network. */
const isBug = (code) => code === 'LISTENER_FAILED' || code === 'MISUSE' || code === undefined;

function increment(counts, key) {
  counts[key] = (counts[key] ?? 0) + 1;
}

function disconnected(account, at) {
  if (account.connectedAt !== undefined) account.count().connectedMs += at - account.connectedAt;
  account.connectedAt = undefined;
}

function streamOf(account, { serial, topic, type }) {
  const stream = account.streams.get(serial);
  if (!stream) account.fail(`${topic}: ${type} after it was unsubscribed`);
  return stream?.checker;
}

/** What is done about each type of event. */
const hears = {
  subscribed(account, { topic, serial }) {
    const { historyMessages, fail } = account;
    account.streams.set(serial, { topic, checker: checkStream({ topic, historyMessages, fail }) });
  },
  unsubscribed: (account, { serial }) => account.streams.delete(serial),
  // A promise may still tell of what was unsubscribed in the same task.
  ready: (account, { serial, at }) => account.streams.get(serial)?.checker.ready(at),
  unready(account, { error, topic }) {
    if (error.code !== 'UNSUBSCRIBED') account.fail(`${topic}: not ready, ${error.text}`);
  },
  ended: (account, { topic, error }) => account.fail(`${topic}: ended, ${error.text}`),
  gap(account, event) {
    const { to, reason } = event.gap;
    increment(account.count().gaps, reason);
    account.trace.push({ at: event.at, type: 'GAP', reason: `${event.topic} to ${to}, ${reason}` });
    streamOf(account, event)?.gap(event.gap, event.at);
  },
  message(account, event) {
    const count = account.count();
    count.messages++;
    account.heardAt = event.at;
    streamOf(account, event)?.message(event);
    if (account.healedAt === undefined) return;
    count.recoverMs = Math.max(count.recoverMs, event.at - account.healedAt);
    account.healedAt = undefined;
  },
  sent: (account, { s, isVolatile }) => account.sends.sent(s, isVolatile),
  settled(account, event) {
    const outcome = account.sends.settled(event.s, event);
    if (outcome) account.count().sends[outcome]++;
  },
  status(account, { state, transport, at }) {
    disconnected(account, at);
    if (transport !== undefined && transport !== account.transport) {
      account.transport = transport;
      account.count().changes++;
    }
    if (state === 'open') account.connectedAt = at;
    if (state === 'closed') account.fail('the client has closed itself');
  },
  trace(account, { trace }) {
    if (trace.type === 'attempt' && trace.reason === 'the server asked us to move') account.moves++;
    account.trace.push(trace);
  },
  error(account, { error, at }) {
    account.trace.push({ at, type: 'ERROR', reason: error.text });
    if (isBug(error.code)) account.fail(`an error: ${error.text}`);
  },
};

/**
 * @param {{ name: string, transport: string, counts: Record<string, ReturnType<typeof import('./table.mjs').emptyCounts>>,
 *   historyMessages: number, onViolation: (what: string, trace: { at: number }[], at?: number) => void }} given
 *   `transport`: what is in use until the client says.
 */
export function createAccount({ name, transport, counts, historyMessages, onViolation }) {
  const trace = [];
  const fail = (what, at) => onViolation(what, trace, at);
  const account = {
    historyMessages,
    fail,
    trace,
    transport,
    count: () => counts[account.transport],
    streams: new Map(),
    sends: checkSends({ name, fail }),
    connectedAt: undefined,
    healedAt: undefined,
    heardAt: 0,
    /** How often the client has obeyed a `bye`. */
    moves: 0,
  };
  let isOver = false;

  /** Something was done to the hub, and so to everybody; it is counted once, elsewhere. */
  function hubFault(kind, at) {
    account.healedAt = undefined;
    trace.push({ at, type: 'FAULT', reason: kind });
  }

  function missing({ instance, topics }) {
    const streams = [...account.streams.values()];
    return streams.filter(({ topic, checker }) => !checker.isComplete(instance, topics[topic]));
  }

  return {
    hear(event) {
      if (!isOver) hears[event.type](account, event);
    },
    /** Something was done to its network. */
    fault(kind, at) {
      increment(account.count().faults, kind);
      hubFault(kind, at);
    },
    hubFault,
    healed(at) {
      account.healedAt = at;
      trace.push({ at, type: 'HEALED' });
    },
    hasHeardSince: (at) => account.heardAt > at,
    moves: () => account.moves,
    pendingCount: account.sends.pendingCount,
    missing,
    fail,
    /** The end: all that is still open is a violation. `applied`: its sends, as hubs applied them. */
    judge(end, applied, at) {
      isOver = true;
      disconnected(account, at);
      account.sends.judge(applied);
      for (const { topic, checker } of missing(end)) {
        fail(
          `${topic}: stands at ${checker.standing()}, the end is ${end.topics[topic].n} of hub ${end.instance}`,
        );
      }
    },
  };
}
