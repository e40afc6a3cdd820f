// A client that is only listened to: what came, and when; for what becomes of a connection rather than how fast it is. In this
// process, or in a page. Messages are `{ n }`.

import { createPages } from './pages.mjs';
import { wallMs } from './stage-half.mjs';

/** The commands of a client in this process. */
function inNode(peer, options) {
  const heard = [];
  let connecting;
  let wake = () => undefined;
  const onMessage = ({ n }) => {
    heard.push([n, wallMs()]);
    wake();
  };
  const isHeard = (after) => heard.some(([n]) => n > after);
  return {
    begin(where) {
      const at = wallMs();
      connecting = peer.connect({ ...where, ...options, onMessage });
      connecting.catch(() => undefined);
      return at;
    },
    waitFor({ after, limitMs }) {
      if (isHeard(after)) return true;
      return new Promise((resolve) => {
        const end = (isThere) => {
          clearTimeout(timer);
          wake = () => undefined;
          resolve(isThere);
        };
        const timer = setTimeout(end, limitMs, false);
        wake = () => isHeard(after) && end(true);
      });
    },
    heard: () => heard,
    async leave() {
      (await connecting).close();
    },
  };
}

/** The clients' half of a suite that listens. */
export async function createVisitor(peer, options) {
  const pages = await createPages(peer.page);
  let visit;
  return {
    /** Of the pages. */
    origin: () => pages.origin,
    /** Connects, cold. Resolves to when it began; whether that comes to anything is for `waitFor` to say. */
    async begin({ isPage, ...where }) {
      visit = isPage ? await pages.open() : inNode(peer, options);
      return visit.begin(where);
    },
    /** Resolves when a message above `after` has come, or it has taken too long; says which. */
    waitFor: (given) => visit.waitFor(given),
    /** `[n, wallMs]` of each that came, in that order. */
    heard: () => visit.heard(),
    leave: () => visit.leave(),
  };
}
