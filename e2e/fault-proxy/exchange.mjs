/**
 * One request and its answer, as far as the proxy has to remember them.
 */

/**
 * @typedef {object} Exchange
 * @property {number} n  The request's number on its connection, from 1.
 * @property {import('./http-framing.mjs').RequestHead} request
 * @property {import('./journal.mjs').Fate} fate
 * @property {import('./answers.mjs').Answer | undefined} answer  The proxy's own, when it answers in the server's place.
 * @property {number} clockFrom  What `cutAfterMs` counts from: the request's coming, then its 101.
 * @property {number} headAt  When the answer's head came.
 * @property {boolean} isTunnel
 * @property {number} bytesDown  Of the answer's body, or of frames, on their way to the client.
 * @property {Buffer | undefined} heldHead
 * @property {Buffer[]} held  What of the answer waits by `bufferResponses` or a late flush.
 * @property {number} heldBytes
 * @property {boolean} isMutedUp  Once something is missing, what follows would be a torn frame: nothing passes any more.
 * @property {boolean} isMutedDown
 * @property {Buffer[] | undefined} copy  The request's bytes, kept by `duplicatePost`.
 */

/**
 * @param {number} n
 * @param {import('./http-framing.mjs').RequestHead} request
 * @returns {Exchange}
 */
export function createExchange(n, request) {
  return {
    n,
    request,
    fate: 'forwarded',
    answer: undefined,
    clockFrom: 0,
    headAt: 0,
    isTunnel: false,
    bytesDown: 0,
    heldHead: undefined,
    held: [],
    heldBytes: 0,
    isMutedUp: false,
    isMutedDown: false,
    copy: undefined,
  };
}
