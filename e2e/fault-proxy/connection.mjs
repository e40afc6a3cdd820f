/**
 * One connection of a client and the proxy's own to the server behind it: the two sockets, the slow lines between them,
 * what becomes of each request, and how it all ends.
 *
 *   client -> [line up: latency, stalls, width] -> faults -> server
 *   client <- [line down: latency, stalls] <- faults <- server
 *
 * The faults act at the server's end of the line, so that an answer of the proxy's own costs a round trip like any other.
 */
import { portalAnswer, refusedUpgradeAnswer, statusAnswer } from './answers.mjs';
import { createDelayLine } from './delay-line.mjs';
import { createExchange } from './exchange.mjs';
import { createRequestReader } from './http-framing.mjs';
import { createPace } from './pace.mjs';
import { createResponses } from './responses.mjs';
import { matches } from './rules.mjs';
import { sendAgain } from './second-post.mjs';
import { createThrottle } from './throttle.mjs';

/** @typedef {import('node:net').Socket} Socket */
/** @typedef {import('./exchange.mjs').Exchange} Exchange */
/** @typedef {import('./http-framing.mjs').Token<import('./http-framing.mjs').RequestHead>} RequestToken */

/**
 * @typedef {object} Connection
 * @property {() => { requests: number, upgrades: number }} open
 * @property {(match: import('./rules.mjs').Match, how: import('./rules.mjs').CutHow) => boolean} cut  Whether it matched.
 * @property {() => void} reconsider  The rules have changed.
 * @property {() => void} destroy
 */

/** How long a socket that was ended waits for the other side's end. */
const lingerMs = 1_000;

/**
 * @param {object} options
 * @param {number} options.id
 * @param {Socket} options.client
 * @param {() => Socket} options.connectUpstream
 * @param {import('./rules.mjs').Rules} options.rules
 * @param {import('./journal.mjs').Journal} options.journal
 * @param {() => number} options.now
 * @param {() => number} options.random
 * @param {() => void} options.onOver  Both sides are closed.
 * @returns {Connection}
 */
export function createConnection({ id, client, connectUpstream, rules, journal, now, random, onOver }) {
  /** @type {Socket | undefined} */
  let upstream;
  /** @type {Exchange | undefined} */
  let latest;
  let requestCount = 0;
  let lastBytesAt = now();
  /** Something was dropped in silence. A stream with a hole in it must never go on, also not after the rule has gone. */
  let isTorn = false;
  /** Nothing more passes: the connection has been cut, or will be as soon as what passed before is out. */
  let isEnding = false;
  let isStopped = false;
  /** @type {NodeJS.Timeout | undefined} */
  let cutTimer;
  /** @type {Set<NodeJS.Timeout>} */
  const lingering = new Set();

  const pace = createPace({ rules, now, random, acceptedAt: now() });
  const lineUp = createDelayLine({ now, batch: deliverUp });
  const lineDown = createDelayLine({ now, batch: deliverDown });
  const requestReader = createRequestReader(sendUp);
  const responses = createResponses({
    connection: id,
    rules,
    journal,
    now,
    pass: (bytes) => pushDown(() => writeDown(bytes), bytes.length),
    endConnection: () => pushDown(() => client.end()),
    cut: cutInOrder,
    settleUpgrade: (isAccepted) =>
      isAccepted ? requestReader.acceptUpgrade() : requestReader.refuseUpgrade(),
    onProgress: armCutTimer,
  });
  const throttleClient = createThrottle(
    client,
    () => lineUp.waitingBytes() + requestReader.heldBytes() + (upstream?.writableLength ?? 0),
  );
  let throttleUpstream = () => {};

  // ---- the client's side

  client.on('data', (bytes) => {
    if (isEnding) return;
    lastBytesAt = now();
    corked(upstream, () => requestReader.push(bytes));
    throttleClient();
  });
  client.on('end', () => {
    if (isEnding) return;
    requestReader.finish();
    pushUp(endUpstream);
  });
  client.on('error', () => {
    if (!isEnding) pushUp(resetUpstream);
  });
  client.on('drain', () => throttleUpstream());
  client.on('close', () => {
    clearTimeout(cutTimer);
    lineDown.clear();
    responses.stop();
    journal.write('close', id, {});
    // A cut that waited for its turn in the line has no client any more.
    if (isEnding && !isStopped) reset(upstream);
    endWhenBothClosed();
  });

  /** @param {RequestToken} token */
  function sendUp(token) {
    if (token.type === 'head') latest = createExchange(++requestCount, token.head);
    const exchange = latest;
    const byteCount = token.type === 'end' ? 0 : token.bytes.length;
    pushUp(() => takeRequestToken(token, exchange), byteCount);
  }

  // ---- the far end of the line up

  /**
   * @param {RequestToken} token
   * @param {Exchange | undefined} exchange  Undefined when the client does not speak HTTP.
   */
  function takeRequestToken(token, exchange) {
    if (token.type === 'head' && exchange) admit(exchange);
    const isDropped = tearIfSilent(exchange, token.type === 'end' ? 0 : token.bytes.length);
    if (isDropped || (exchange && exchange.fate !== 'forwarded')) return;
    if (token.type === 'end') return exchange && repeatPost(exchange);
    if (exchange?.isTunnel && !mayPassUp(exchange)) return journal.countBytes('dropped', token.bytes.length);
    exchange?.copy?.push(token.bytes);
    writeUp(token.bytes);
  }

  /** @param {Exchange} exchange */
  function admit(exchange) {
    exchange.clockFrom = now();
    decide(exchange);
    const { method, path, kind, headers } = exchange.request;
    journal.write('request', id, { n: exchange.n, method, path, kind, headers, fate: exchange.fate });
    responses.admit(exchange);
    if (exchange.fate === 'answered' && exchange.request.asksUpgrade) requestReader.refuseUpgrade();
  }

  /** @param {Exchange} exchange */
  function decide(exchange) {
    const { method, path, kind } = exchange.request;
    const isWebSocket = kind === 'websocket';
    if (isSilent(exchange)) {
      exchange.fate = 'dropped';
      return;
    }
    const portal = use('captivePortal', exchange);
    if (portal) return answer(exchange, portalAnswer(method, path, portal.value));
    const status = use('status', exchange);
    if (status) return answer(exchange, statusAnswer(method, status.value));
    const refusal = isWebSocket ? use('refuseUpgrade', exchange) : undefined;
    if (refusal) return answer(exchange, refusedUpgradeAnswer(refusal.value));
    if (isWebSocket && use('swallowUpgrade', exchange)) exchange.fate = 'swallowed';
    else if (method === 'POST' && use('duplicatePost', exchange)) exchange.copy = [];
  }

  /**
   * @param {Exchange} exchange
   * @param {import('./answers.mjs').Answer} own
   */
  function answer(exchange, own) {
    exchange.fate = 'answered';
    exchange.answer = own;
  }

  /** @param {Exchange} exchange */
  function mayPassUp(exchange) {
    const subject = subjectOf(exchange);
    if (rules.find('muteAfterUpgrade', subject)) exchange.isMutedUp = true;
    if (rules.find('oneWay', subject)?.value === 'down') exchange.isMutedUp = true;
    return !exchange.isMutedUp;
  }

  /** @param {Exchange} exchange */
  function repeatPost(exchange) {
    if (!exchange.copy) return;
    journal.write('duplicate', id, { n: exchange.n, path: exchange.request.path });
    sendAgain(connectUpstream, exchange.request.method, exchange.copy);
    exchange.copy = undefined;
  }

  // ---- the server's side

  /** @param {Buffer} bytes */
  function writeUp(bytes) {
    upstream ??= openUpstream();
    if (!upstream.writable) return;
    upstream.write(bytes);
    journal.countBytes('up', bytes.length);
  }

  /** The server hears of a client only when something is for it: what the proxy answers itself never reaches it. */
  function openUpstream() {
    const socket = connectUpstream();
    throttleUpstream = createThrottle(socket, () => lineDown.waitingBytes() + client.writableLength);
    socket.on('data', (bytes) => {
      if (isEnding || tearIfSilent(responses.current(), bytes.length)) return;
      lastBytesAt = now();
      corked(client, () => responses.push(bytes));
      throttleUpstream();
    });
    socket.on('end', () => {
      if (isEnding) return;
      responses.finish();
      pushDown(() => (tearIfSilent(responses.current()) ? endWhatIsHalfGone() : client.end()));
    });
    socket.on('error', () => {
      if (!isEnding)
        pushDown(() => (tearIfSilent(responses.current()) ? endWhatIsHalfGone() : reset(client)));
    });
    socket.on('drain', throttleClient);
    socket.on('close', endWhenBothClosed);
    return socket;
  }

  function endUpstream() {
    if (tearIfSilent(latest)) endWhatIsHalfGone();
    else if (upstream) upstream.end();
    else pushDown(() => client.end());
  }

  function resetUpstream() {
    if (tearIfSilent(latest)) endWhatIsHalfGone();
    else reset(upstream);
  }

  /** @param {Buffer} bytes */
  function writeDown(bytes) {
    if (!client.writable || tearIfSilent(responses.current() ?? latest, bytes.length)) return;
    client.write(bytes);
    journal.countBytes('down', bytes.length);
  }

  // ---- the lines

  /**
   * @param {() => void} run
   * @param {number} [byteCount]
   */
  function pushUp(run, byteCount = 0) {
    lineUp.push(() => isEnding || run(), byteCount, pace.dueUp(subjectOf(latest), byteCount));
  }

  /**
   * @param {() => void} run
   * @param {number} [byteCount]
   */
  function pushDown(run, byteCount = 0) {
    if (isEnding || client.destroyed) return;
    lineDown.push(run, byteCount, pace.dueDown(subjectOf(responses.current() ?? latest)));
  }

  /** @param {() => void} deliver */
  function deliverUp(deliver) {
    corked(upstream, deliver);
    throttleClient();
  }

  /** @param {() => void} deliver */
  function deliverDown(deliver) {
    corked(client, deliver);
    throttleUpstream();
  }

  // ---- silence

  /** @param {Exchange | undefined} exchange */
  function isSilent(exchange) {
    return isTorn || isSilencedByRule(exchange);
  }

  /** @param {Exchange | undefined} exchange */
  function isSilencedByRule(exchange) {
    const subject = subjectOf(exchange);
    return Boolean(rules.find('blackhole', subject) ?? rules.find('blackholeExisting', subject));
  }

  /**
   * To be asked whenever something is about to pass; if the answer is yes, it is lost, and so is the connection.
   * @param {Exchange | undefined} exchange
   * @param {number} [byteCount]
   */
  function tearIfSilent(exchange, byteCount = 0) {
    if (isSilent(exchange)) isTorn = true;
    if (isTorn) journal.countBytes('dropped', byteCount);
    return isTorn;
  }

  /** As over a real network: who is left of a connection learns of the other's end when packets pass again. */
  function endWhatIsHalfGone() {
    const isHalfGone =
      client.destroyed || client.readableEnded || upstream?.destroyed || upstream?.readableEnded;
    if (!isTorn || !isHalfGone || isSilencedByRule(responses.current() ?? latest)) return;
    isEnding = true;
    reset(client);
    reset(upstream);
  }

  // ---- cuts

  function armCutTimer() {
    clearTimeout(cutTimer);
    const next = nextCut();
    if (!next || isEnding || client.destroyed) return;
    cutTimer = setTimeout(cutIfDue, Math.max(0, Math.ceil(next.dueAt - now())));
  }

  function cutIfDue() {
    const next = nextCut();
    // Bytes that came by meanwhile have moved the end of idling.
    if (!next || next.dueAt > now()) return armCutTimer();
    next.rule.spend();
    cutNow(next.rule.how, next.reason);
  }

  function nextCut() {
    const exchange = responses.current();
    const age = exchange && rules.find('cutAfterMs', subjectOf(exchange));
    const idle = rules.find('cutIdleMs', subjectOf(exchange ?? latest));
    const byAge = age && { rule: age, reason: 'cutAfterMs', dueAt: exchange.clockFrom + age.value };
    const byIdling = idle && { rule: idle, reason: 'cutIdleMs', dueAt: lastBytesAt + idle.value };
    if (!byAge || !byIdling) return byAge ?? byIdling;
    return byAge.dueAt <= byIdling.dueAt ? byAge : byIdling;
  }

  /** @type {(how: import('./rules.mjs').CutHow, reason: string) => void} */
  function cutInOrder(how, reason) {
    pushDown(() => {
      // A reset throws away what has not left the process yet; it must not overtake what was let pass.
      if (client.writableLength > 0) client.write('', () => cutNow(how, reason));
      else cutNow(how, reason);
    });
    isEnding = true;
  }

  /** @type {(how: import('./rules.mjs').CutHow, reason: string) => void} */
  function cutNow(how, reason) {
    if (client.destroyed) return;
    journal.write('cut', id, { reason, how });
    stop();
    const end = how === 'rst' ? reset : endGently;
    end(client);
    end(upstream);
  }

  /** @param {Socket | undefined} socket */
  function endGently(socket) {
    if (!socket || socket.destroyed) return;
    socket.end();
    // Unread bytes would turn the end into a reset.
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    lingering.add(timer);
    socket.once('close', () => {
      clearTimeout(timer);
      lingering.delete(timer);
    });
  }

  // ---- the end

  function stop() {
    isEnding = true;
    isStopped = true;
    clearTimeout(cutTimer);
    lineUp.clear();
    lineDown.clear();
    responses.stop();
  }

  function endWhenBothClosed() {
    if (!client.closed || (upstream && !upstream.closed)) return;
    stop();
    onOver();
  }

  /** @param {Exchange | undefined} exchange */
  function subjectOf(exchange) {
    return { connection: id, request: exchange?.request };
  }

  /**
   * @template {import('./rules.mjs').RuleName} N
   * @param {N} name
   * @param {Exchange} exchange
   */
  function use(name, exchange) {
    const rule = rules.find(name, subjectOf(exchange));
    rule?.spend();
    return rule;
  }

  armCutTimer();

  return {
    open: responses.open,
    cut(match, how) {
      const isMatch = !client.destroyed && matches(match, subjectOf(responses.current() ?? latest));
      if (isMatch) cutNow(how, 'cut');
      return isMatch;
    },
    reconsider() {
      responses.reconsider();
      armCutTimer();
      endWhatIsHalfGone();
    },
    destroy() {
      stop();
      client.destroy();
      upstream?.destroy();
      for (const timer of lingering) clearTimeout(timer);
    },
  };
}

/** @param {Socket | undefined} socket */
function reset(socket) {
  // A socket that is still connecting has nobody to reset.
  if (socket?.connecting) socket.destroy();
  // Node cannot reset one whose end is on its way: that fails with EINVAL, and 'close' never comes.
  else if (socket?.writableEnded && !socket.writableFinished) socket.destroy();
  else if (socket && !socket.destroyed) socket.resetAndDestroy();
}

/**
 * What is written meanwhile goes out in one packet, as it came in.
 * @param {Socket | undefined} socket
 * @param {() => void} write
 */
function corked(socket, write) {
  socket?.cork();
  write();
  socket?.uncork();
}
