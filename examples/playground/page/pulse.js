/**
 * A send a second, so that there is always something on its way up. The hub answers how often it has applied each: once,
 * however often the connection broke in between.
 */

const everyMs = 1_000;
/** While nothing gets through, this many wait; more would only show the same. */
const waitingMax = 20;

export function createPulse({ send, onTwice, mayBeat }) {
  const page = crypto.randomUUID?.() ?? String(Math.random());
  let n = 0;
  let waiting = 0;

  async function beat() {
    n += 1;
    waiting += 1;
    try {
      const reply = await send('pulse', { page, n });
      if (reply?.times !== 1) onTwice();
    } catch {
      // Counted and told by `send`.
    } finally {
      waiting -= 1;
    }
  }

  setInterval(() => {
    if (!document.hidden && waiting < waitingMax && mayBeat()) beat();
  }, everyMs);
}
