/**
 * The way up of the one-way transports: each `send` is one POST, whose answer's lines are units of the connection.
 * No queue, no retry: the session begins a POST only after the last one was `posted`.
 *
 * @internal
 */
import type { Platform } from '../runtime/runtime.ts';
import type { Outgoing } from './adapter.ts';
import { exchange } from './exchange.ts';
import type { Guard } from './guard.ts';

/**
 * The `send` of a one-way connection. What is under way ends with the connection, unless it may outlive the page.
 * `isVital`: the connection ends with a POST that fails.
 */
export function uplink(platform: Platform, link: Guard, isVital = false): (outgoing: Outgoing) => void {
  // As a rule one; a last word to the server may go beside a POST that is still under way.
  let aborts: (() => void)[] = [];
  link.atEnd(() => {
    for (let i = 0; i < aborts.length; i++) aborts[i]?.();
  });

  return (outgoing) => {
    if (link.isOver() || !('request' in outgoing)) return;
    const asked = outgoing.request;
    const undo = exchange(platform, asked, {
      onUnit: link.received,
      onEnd(reason, status) {
        aborts = aborts.filter((abort) => abort !== undo);
        if (isVital && reason.kind !== 'closed') return link.closed(reason);
        link.posted({
          ok: reason.kind === 'closed',
          ...(status === undefined ? {} : { status }),
          ...(reason.detail === undefined ? {} : { detail: reason.detail }),
        });
      },
    });
    if (!asked.keepalive) aborts.push(undo);
  };
}
