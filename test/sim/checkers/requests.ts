/** Nobody asks without end: the requests of a client are bounded by time, and by what there was to bring and to send. */
import type { Fail } from '../failure.ts';
import type { Net } from '../net.ts';

/** For each second: polls, pings, attempts, on whatever short intervals these worlds have. */
const perSecond = 12;
/** For each message and send: a poll that brought it, or a POST, and what a fault made of it. */
const perMessage = 4;
const always = 100;

export function checkRequests(
  { opened }: Net,
  { ms, published, sends }: { readonly ms: number; readonly published: number; readonly sends: number },
  fail: Fail,
): void {
  const most = always + (perSecond * ms) / 1_000 + perMessage * (published + sends);
  if (opened > most) return fail(`${opened} requests; ${Math.round(most)} may be`);
}
