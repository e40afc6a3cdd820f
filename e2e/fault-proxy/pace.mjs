/**
 * When bytes that arrive now reach the other end: latency, jitter, the price of the TCP handshake, stalls, a narrow line up.
 * Pure arithmetic over the rules in force.
 */

/**
 * @typedef {object} Pace
 * @property {(subject: import('./rules.mjs').Subject, byteCount: number) => number} dueUp
 * @property {(subject: import('./rules.mjs').Subject) => number} dueDown
 */

/**
 * @param {object} options
 * @param {import('./rules.mjs').Rules} options.rules
 * @param {() => number} options.now
 * @param {() => number} options.random
 * @param {number} options.acceptedAt
 * @returns {Pace}
 */
export function createPace({ rules, now, random, acceptedAt }) {
  /** When all that was sent has passed the narrow line up. */
  let upFreeAt = 0;

  /**
   * @param {import('./rules.mjs').Subject} subject
   * @param {number} byteCount
   */
  function dueUp(subject, byteCount) {
    const bytesPerSecond = rules.find('upBytesPerSecond', subject)?.value;
    const passMs = bytesPerSecond ? (byteCount / bytesPerSecond) * 1_000 : 0;
    upFreeAt = Math.max(now(), openAt(subject), upFreeAt) + passMs;
    return afterStall(upFreeAt + oneWay(subject), subject);
  }

  /** @param {import('./rules.mjs').Subject} subject */
  function dueDown(subject) {
    return afterStall(now() + oneWay(subject), subject);
  }

  /**
   * Over a real network a client's `connect` takes one round trip; on loopback it takes nothing. So what the client
   * sends in its first round trip is taken for sent at the end of it. A connection opened in advance pays nothing.
   * @param {import('./rules.mjs').Subject} subject
   */
  function openAt(subject) {
    const charged = rules.find('chargeHandshake', subject);
    return charged ? acceptedAt + 2 * latency(subject) : acceptedAt;
  }

  /** @param {import('./rules.mjs').Subject} subject */
  function oneWay(subject) {
    return latency(subject) + random() * (rules.find('jitterMs', subject)?.value ?? 0);
  }

  /** @param {import('./rules.mjs').Subject} subject */
  function latency(subject) {
    return rules.find('latencyMs', subject)?.value ?? 0;
  }

  /**
   * The stalls of a connection begin at the multiples of `everyMs` after it was accepted, the first one after one `everyMs`.
   * @param {number} dueAt
   * @param {import('./rules.mjs').Subject} subject
   */
  function afterStall(dueAt, subject) {
    const stalls = rules.find('stalls', subject)?.value;
    if (!stalls) return dueAt;
    const age = dueAt - acceptedAt;
    const sinceStallBegan = age % stalls.everyMs;
    const isStalled = age >= stalls.everyMs && sinceStallBegan < stalls.forMs;
    return isStalled ? dueAt + stalls.forMs - sinceStallBegan : dueAt;
  }

  return { dueUp, dueDown };
}
