/**
 * Promise 2 for one client: each send is settled once, with its own answer, and what it was told is what the hub did.
 * Knows nothing of connections.
 */

/** `resolved`, `refused` by the handler, `unknown`, or certainly `not sent`. */
function outcomeOf(error) {
  if (!error) return 'resolved';
  if (error.maybeApplied) return 'unknown';
  return error.code === 'REFUSED' ? 'refused' : 'not sent';
}

/**
 * @param {{ name: string, fail: (what: string, at?: number) => void }} given
 */
export function checkSends({ name, fail }) {
  const sends = new Map();

  function checkReply(s, send, reply) {
    // Nobody answers a volatile send.
    if (send.isVolatile) return;
    if (reply?.s !== s || reply.lane !== name)
      fail(`send ${s} resolved with the answer ${JSON.stringify(reply)}`);
  }

  function judgeOne(s, { outcome, settledAt, isVolatile }, isApplied) {
    if (outcome === undefined) return fail(`send ${s} was never settled`);
    if (outcome === 'resolved' && !isVolatile && !isApplied)
      fail(`send ${s} resolved and was not applied`, settledAt);
    if ((outcome === 'refused' || outcome === 'not sent') && isApplied) {
      fail(`send ${s} was applied, and told as not applied (${outcome})`, settledAt);
    }
  }

  return {
    sent(s, isVolatile) {
      sends.set(s, { isVolatile, outcome: undefined, settledAt: undefined });
    },
    /**
     * @param {number} s
     * @param {{ at: number, reply?: { lane: string, s: number }, error?: { code: string, maybeApplied: boolean } }} end
     * @returns {string | undefined} the outcome, unless it is of no account
     */
    settled(s, { reply, error, at }) {
      const send = sends.get(s);
      if (!send) return fail(`send ${s} was settled but never made`);
      if (send.outcome) return fail(`send ${s} was settled twice`);
      send.outcome = outcomeOf(error);
      send.settledAt = at;
      if (!error) checkReply(s, send, reply);
      return send.isVolatile ? undefined : send.outcome;
    },
    pendingCount: () => [...sends.values()].filter(({ outcome }) => outcome === undefined).length,
    /** `applied`: the numbers of this client's sends in the order in which hubs applied them. */
    judge(applied) {
      const seen = new Set();
      let highest = 0;
      for (const s of applied) {
        const send = sends.get(s);
        if (!send) fail(`send ${s} was applied but never made`);
        if (seen.has(s)) fail(`send ${s} was applied twice`, send?.settledAt);
        seen.add(s);
        // Of those told as unknown a copy may come late; of volatile ones nobody said when.
        if (send?.outcome !== 'resolved' || send.isVolatile) continue;
        if (s < highest) fail(`send ${s} was applied after ${highest}`, send.settledAt);
        highest = Math.max(highest, s);
      }
      for (const [s, send] of sends) judgeOne(s, send, seen.has(s));
    },
  };
}
