/**
 * Backpressure: a socket is not read while too much of what it sent still waits to go out on the other side.
 */

/** Enough for a fast local stream under the longest latency that is tried (400 ms each way). */
const waitingBytesMax = 4 * 1024 * 1024;

/**
 * @param {import('node:net').Socket} source
 * @param {() => number} waitingBytes
 * @returns {() => void} To be called whenever more or less waits than before.
 */
export function createThrottle(source, waitingBytes) {
  return () => {
    const isFull = waitingBytes() > waitingBytesMax;
    if (isFull === source.isPaused()) return;
    if (isFull) source.pause();
    else source.resume();
  };
}
