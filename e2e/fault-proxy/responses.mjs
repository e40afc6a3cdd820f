/**
 * The answers of one connection, in the order of its requests: reads what the server sends, and lets it pass, holds it,
 * drops it or ends it, as the rules say. Gives the proxy's own answers when their turn comes.
 * Knows no socket: what may pass goes out by `pass`.
 */
import { createResponseReader } from './http-framing.mjs';

/** @typedef {import('./exchange.mjs').Exchange} Exchange */

/**
 * @typedef {object} Responses
 * @property {(exchange: Exchange) => void} admit  A request has come by.
 * @property {(bytes: Buffer) => void} push  Bytes from the server.
 * @property {() => void} finish  The server has ended its side.
 * @property {() => Exchange | undefined} current  The request whose answer is due.
 * @property {() => { requests: number, upgrades: number }} open
 * @property {() => void} reconsider  The rules have changed.
 * @property {() => void} stop  Leaves no timer.
 */

/** A response that is held and grows beyond this goes out, as with the products that have such a limit. */
const heldBytesMax = 64 * 1024 * 1024;

/**
 * @param {object} options
 * @param {number} options.connection
 * @param {import('./rules.mjs').Rules} options.rules
 * @param {import('./journal.mjs').Journal} options.journal
 * @param {() => number} options.now
 * @param {(bytes: Buffer) => void} options.pass
 * @param {() => void} options.endConnection  After what has passed.
 * @param {(how: import('./rules.mjs').CutHow, reason: string) => void} options.cut  After what has passed.
 * @param {(isAccepted: boolean) => void} options.settleUpgrade
 * @param {() => void} options.onProgress  Another request's answer is due, or a tunnel has begun.
 * @returns {Responses}
 */
export function createResponses({
  connection,
  rules,
  journal,
  now,
  pass,
  endConnection,
  cut,
  settleUpgrade,
  onProgress,
}) {
  /** @type {Exchange[]} */
  const waiting = [];
  /** @type {NodeJS.Timeout | undefined} */
  let flushTimer;
  const reader = createResponseReader(takeToken, () => waiting[0]?.request.method);

  /** @param {import('./http-framing.mjs').Token<import('./http-framing.mjs').ResponseHead>} token */
  function takeToken(token) {
    const exchange = waiting[0];
    if (token.type === 'end') return exchange && completeUnlessTorn(exchange);
    // Bytes that answer no request (a 408 for an idle connection) are the server's business.
    if (!exchange) return pass(token.bytes);
    if (token.type === 'head') return takeHead(exchange, token.head, token.bytes);
    return token.type === 'body' ? takeBody(exchange, token.bytes) : takeFrames(exchange, token.bytes);
  }

  /**
   * @param {Exchange} exchange
   * @param {import('./http-framing.mjs').ResponseHead} head
   * @param {Buffer} bytes
   */
  function takeHead(exchange, head, bytes) {
    const isInterim = head.status < 200 && head.status !== 101;
    if (isInterim) return pass(bytes);
    const lost = find('loseResponse', exchange);
    if (lost) {
      lost.spend();
      return cut('rst', 'loseResponse');
    }
    exchange.headAt = now();
    writeResponse(exchange, head.status, false);
    if (head.status === 101) return beginTunnel(exchange, bytes);
    if (exchange.request.asksUpgrade) settleUpgrade(false);
    if (find('bufferResponses', exchange)?.value === 'all') exchange.heldHead = bytes;
    else pass(bytes);
  }

  /**
   * @param {Exchange} exchange
   * @param {Buffer} bytes
   */
  function beginTunnel(exchange, bytes) {
    exchange.isTunnel = true;
    exchange.clockFrom = now();
    journal.write('upgrade', connection, { n: exchange.n, path: exchange.request.path });
    pass(bytes);
    settleUpgrade(true);
    onProgress();
  }

  /**
   * @param {Exchange} exchange
   * @param {Buffer} bytes
   */
  function takeFrames(exchange, bytes) {
    if (find('muteAfterUpgrade', exchange)) exchange.isMutedDown = true;
    passCounted(exchange, bytes);
  }

  /**
   * @param {Exchange} exchange
   * @param {Buffer} bytes
   */
  function takeBody(exchange, bytes) {
    if (!isHolding(exchange)) {
      release(exchange);
      return passCounted(exchange, bytes);
    }
    exchange.held.push(bytes);
    exchange.heldBytes += bytes.length;
    flushWhenDue(exchange);
  }

  /** @param {Exchange} exchange */
  function isHolding(exchange) {
    return ['bufferResponses', 'flushEveryMs', 'flushEveryBytes'].some((name) =>
      find(/** @type {import('./rules.mjs').RuleName} */ (name), exchange),
    );
  }

  /** @param {Exchange} exchange */
  function flushWhenDue(exchange) {
    if (exchange.heldBytes > heldBytesMax) return release(exchange);
    if (find('bufferResponses', exchange)) return;
    const bytesWanted = find('flushEveryBytes', exchange)?.value ?? Number.POSITIVE_INFINITY;
    if (exchange.heldBytes >= bytesWanted) return release(exchange);
    const periodMs = find('flushEveryMs', exchange)?.value;
    if (periodMs === undefined || flushTimer) return;
    const sinceFlush = (now() - exchange.headAt) % periodMs;
    flushTimer = setTimeout(() => release(exchange), periodMs - sinceFlush);
  }

  /** @param {Exchange} exchange */
  function release(exchange) {
    stopFlushTimer();
    const { heldHead, held } = exchange;
    exchange.heldHead = undefined;
    exchange.held = [];
    exchange.heldBytes = 0;
    if (heldHead) pass(heldHead);
    if (held.length > 0) passCounted(exchange, Buffer.concat(held));
  }

  /**
   * @param {Exchange} exchange
   * @param {Buffer} bytes  Of a body, or frames.
   */
  function passCounted(exchange, bytes) {
    if (find('oneWay', exchange)?.value === 'up') exchange.isMutedDown = true;
    if (exchange.isMutedDown) return journal.countBytes('dropped', bytes.length);
    const text = find('cutAtText', exchange);
    if (text && bytes.includes(text.value)) {
      text.spend();
      return cut(text.how, 'cutAtText');
    }
    const limit = find('cutAfterBytes', exchange);
    const left = limit ? limit.value - exchange.bytesDown : Number.POSITIVE_INFINITY;
    exchange.bytesDown += bytes.length;
    pass(bytes.length > left ? bytes.subarray(0, Math.max(0, left)) : bytes);
    if (!limit || bytes.length < left) return;
    limit.spend();
    cut(limit.how, 'cutAfterBytes');
  }

  /** @param {Exchange} exchange */
  function completeUnlessTorn(exchange) {
    release(exchange);
    // The client still waits for the part that did not pass.
    if (!exchange.isMutedDown) complete(exchange);
  }

  /** @param {Exchange} exchange */
  function complete(exchange) {
    waiting.shift();
    journal.write('complete', connection, { n: exchange.n, path: exchange.request.path });
    answerNext();
    onProgress();
  }

  function answerNext() {
    const exchange = waiting[0];
    const answer = exchange?.answer;
    if (!exchange || !answer) return;
    writeResponse(exchange, answer.status, true);
    pass(answer.bytes);
    if (answer.closes) endConnection();
    complete(exchange);
  }

  /**
   * @param {Exchange} exchange
   * @param {number} status
   * @param {boolean} byProxy
   */
  function writeResponse(exchange, status, byProxy) {
    journal.write('response', connection, { n: exchange.n, path: exchange.request.path, status, byProxy });
  }

  function stopFlushTimer() {
    clearTimeout(flushTimer);
    flushTimer = undefined;
  }

  /**
   * @template {import('./rules.mjs').RuleName} N
   * @param {N} name
   * @param {Exchange} exchange
   */
  function find(name, exchange) {
    return rules.find(name, { connection, request: exchange.request });
  }

  return {
    admit(exchange) {
      waiting.push(exchange);
      if (waiting.length === 1) answerNext();
      onProgress();
    },
    push: reader.push,
    finish: reader.finish,
    current: () => waiting[0],
    open() {
      const upgrades = waiting.filter((exchange) => exchange.isTunnel).length;
      return { requests: waiting.length - upgrades, upgrades };
    },
    reconsider() {
      stopFlushTimer();
      const exchange = waiting[0];
      if (!exchange) return;
      if (!isHolding(exchange)) release(exchange);
      else if (exchange.heldBytes > 0) flushWhenDue(exchange);
    },
    stop: stopFlushTimer,
  };
}
