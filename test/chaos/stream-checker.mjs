/**
 * Promise 1 for one subscription, judged by what the messages say of themselves: of which hub they are, which number of
 * their topic, and which message was before them. In order, each once, none missing unless a gap said so first, and no
 * gap without need. Knows nothing of connections.
 */

/** The offset in an id; a topic lies in one partition, so that its offsets can be compared. */
function offsetOf(id) {
  return Number(id.slice(id.lastIndexOf('.') + 1));
}

/**
 * @param {{ topic: string, historyMessages: number, fail: (what: string) => void }} given
 */
export function checkStream({ topic, historyMessages, fail }) {
  /** When the application was told that nothing is missed from here on. */
  let readyAt;
  /** The last message. */
  let last;
  /** Gaps told since. */
  let gaps = [];
  /** Gaps by trimming whose need shows as soon as it is known how many messages there were when they were told. */
  let doubts = [];

  function checkFirst(data) {
    if (readyAt !== undefined && gaps.length === 0 && data.before.at > readyAt) {
      fail(`${topic}: begins with ${data.n}, though ${data.n - 1} was published after it was ready`);
    }
  }

  function checkNext(data) {
    if (data.instance < last.instance) return fail(`${topic}: ${data.n} of a hub that has been left`);
    if (data.instance > last.instance) return checkNewLog(data);
    if (data.n <= last.n) return fail(`${topic}: ${data.n} again, or out of order, after ${last.n}`);
    if (gaps.some(({ reason }) => reason !== 'trimmed')) {
      return fail(`${topic}: a gap (${gaps.map(({ reason }) => reason)}) was told within one log`);
    }
    if (gaps.length === 0) {
      if (data.n > last.n + 1)
        fail(`${topic}: ${last.n + 1} to ${data.n - 1} are missing, and no gap said so`);
    } else if (data.n === last.n + 1) {
      fail(`${topic}: a gap was told before ${data.n}, and nothing was missing`);
    }
  }

  /** One gap for each log that was left; where several hubs went in the meantime, one is enough. */
  function checkNewLog(data) {
    const told = gaps.filter(({ reason }) => reason === 'epoch').length;
    const most = data.instance - last.instance;
    if (told < 1 || told > most) {
      fail(`${topic}: ${told} gaps for the way from hub ${last.instance} to hub ${data.instance}`);
    }
  }

  function checkGaps(data, hasGap) {
    if (hasGap !== gaps.length > 0) {
      fail(`${topic}: ${data.n} ${hasGap ? 'carries a gap that was not told' : 'does not carry the gap'}`);
    }
    const gap = gaps.at(-1);
    if (!gap) return;
    if (offsetOf(data.before.id) > offsetOf(gap.to)) {
      fail(`${topic}: what was between the gap to ${gap.to} and ${data.n} is missing`);
    }
    if (gap.reason === 'trimmed') doubts.push({ at: gap.at, instance: data.instance, n: data.n });
  }

  /** Of `n - 1` messages the newest are kept. What a gap calls trimmed must have been older than those. */
  function checkDoubts(data) {
    doubts = doubts.filter((doubt) => {
      if (doubt.instance !== data.instance) return false;
      if (data.at <= doubt.at) return true;
      if (data.n < doubt.n + historyMessages) {
        fail(`${topic}: ${doubt.n - 1} was called trimmed, with at most ${data.n - doubt.n} after it`);
      }
      return false;
    });
  }

  return {
    ready(at) {
      readyAt ??= at;
    },
    gap(gap, at) {
      gaps.push({ ...gap, at });
    },
    message({ id, data, isIntact, hasGap }) {
      if (!isIntact) fail(`${topic}: ${data.n} has lost bytes`);
      if (last) checkNext(data);
      else checkFirst(data);
      checkGaps(data, hasGap);
      checkDoubts(data);
      if (offsetOf(id) <= offsetOf(data.before.id)) fail(`${topic}: ${data.n} has the wrong id ${id}`);
      last = { instance: data.instance, n: data.n };
      gaps = [];
    },
    /** Whether all has come, or been told as missing, of which this was the end: in this instance, `n` messages. */
    isComplete(instance, { n, id, at }) {
      if (readyAt === undefined) return false;
      if (gaps.length > 0) return offsetOf(gaps.at(-1)?.to) >= offsetOf(id);
      return last ? last.instance === instance && last.n === n : at <= readyAt;
    },
    standing: () =>
      last ? `${last.n} of hub ${last.instance}` : readyAt === undefined ? 'not ready' : 'nothing',
  };
}
