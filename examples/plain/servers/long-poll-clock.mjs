/**
 * A clock by long polling, in Koa: `GET /clock` answers with the tick after the one that the caller has seen, and waits for
 * it if it is still to come. What was seen is said in the query, as a header would cost pages of other origins a preflight.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import Koa from 'koa';

export function createLongPollClock(ticks) {
  const app = new Koa();

  app.use(async (context) => {
    if (context.path !== '/clock') return;
    context.set({ 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-store' });
    const seen = Number(context.get('Last-Event-ID') || context.query.lastEventId || ticks.newest);
    if (ticks.after(seen).length === 0) await once(ticks, 'tick');
    context.body = ticks.after(Math.min(seen, ticks.newest - 1))[0];
  });

  return createServer(app.callback());
}
