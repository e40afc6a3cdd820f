/**
 * One direction of a slow network. What is put in comes out in order, each no earlier than its due time: an item holds up those behind it.
 * A queue with one timer, rather than one timer for each chunk, because timers of different lengths would reorder bytes.
 * Knows nothing of bytes or sockets.
 */

/**
 * @typedef {object} DelayLine
 * @property {(run: () => void, byteCount: number, dueAt: number) => void} push  Runs at once when nothing waits and it is due.
 * @property {() => number} waitingBytes
 * @property {() => void} clear  Forgets what waits.
 */

/**
 * @param {object} options
 * @param {() => number} options.now
 * @param {(deliver: () => void) => void} options.batch  Wraps what is delivered at one moment, so that it can go out in one write.
 * @returns {DelayLine}
 */
export function createDelayLine({ now, batch }) {
  /** @type {{ run: () => void, byteCount: number, dueAt: number }[]} */
  let queue = [];
  let waitingBytes = 0;
  let isDelivering = false;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  /** @type {DelayLine['push']} */
  function push(run, byteCount, dueAt) {
    queue.push({ run, byteCount, dueAt });
    waitingBytes += byteCount;
    if (!timer && !isDelivering) deliverDue();
  }

  function deliverDue() {
    timer = undefined;
    isDelivering = true;
    batch(() => {
      for (let next = queue[0]; next && next.dueAt <= now(); next = queue[0]) {
        queue.shift();
        waitingBytes -= next.byteCount;
        next.run();
      }
    });
    isDelivering = false;
    const next = queue[0];
    // Timers have whole milliseconds and may be early by a fraction of one: the clock above has the last word.
    if (next) timer = setTimeout(deliverDue, Math.ceil(next.dueAt - now()));
  }

  function clear() {
    clearTimeout(timer);
    timer = undefined;
    queue = [];
    waitingBytes = 0;
  }

  return { push, waitingBytes: () => waitingBytes, clear };
}
