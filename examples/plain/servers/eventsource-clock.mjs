/**
 * A clock by server-sent events, in plain Node: a `time` event for each tick with its number as `id`, a `quarter` of two lines
 * and without an id at every fifteenth, a comment with each, and how long to wait before coming back. Who comes back says what it has seen
 * (`Last-Event-ID`, or in the query where a browser sends no header) and is given what it missed.
 */
import { createServer } from 'node:http';

export function createEventSourceClock(ticks) {
  return createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://clock');
    if (pathname !== '/clock') return response.writeHead(404).end();
    const seen = request.headers['last-event-id'] ?? searchParams.get('lastEventId') ?? ticks.newest;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'Access-Control-Allow-Origin': '*',
    });
    response.write('retry: 1000\n\n');

    function show(tick) {
      const { id, time } = tick;
      response.write(`: tick\nid: ${id}\nevent: time\ndata: ${JSON.stringify(tick)}\n\n`);
      if (id % 15 === 0) response.write(`event: quarter\ndata: Fifteen more,\ndata: at ${time}\n\n`);
    }

    ticks.after(Number(seen)).forEach(show);
    ticks.on('tick', show);
    response.on('close', () => ticks.off('tick', show));
  });
}
