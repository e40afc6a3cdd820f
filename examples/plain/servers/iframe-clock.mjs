/**
 * A clock by an iframe stream, in plain Node: a document that never ends, and whose scripts call a function of the page
 * around it. A browser lets them do so only if both come from one origin: the page's own server has to pass this on.
 */
import { createServer } from 'node:http';

export function createIframeClock(ticks) {
  return createServer((request, response) => {
    if (request.url !== '/clock') return response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
    response.write('<!doctype html><title>A clock</title>\n');

    function show({ time }) {
      response.write(`<script>parent.setTime("${time}");document.currentScript.remove()</script>\n`);
    }

    ticks.on('tick', show);
    response.on('close', () => ticks.off('tick', show));
  });
}
