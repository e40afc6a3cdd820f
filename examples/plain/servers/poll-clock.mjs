/**
 * A clock to be asked, in Express: `GET /clock` answers `{ time }` at once. Express adds an ETag, and whoever brings that
 * back within the same second is answered 304 with nothing.
 */
import { createServer } from 'node:http';
import express from 'express';

export function createPollClock(ticks) {
  const app = express();

  app.use((_request, response, next) => {
    response.set({ 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-cache' });
    next();
  });

  app.get('/clock', (_request, response) => {
    const [{ time }] = ticks.after(ticks.newest - 1);
    response.json({ time });
  });

  return createServer(app);
}
