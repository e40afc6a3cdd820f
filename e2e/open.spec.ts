/**
 * What an open costs, counted at the proxy in requests, so that it holds on any machine: the retained message comes in the
 * answer to the very first request. (`npm run bench:open` measures the times.)
 */
import { expect, test } from './harness.ts';

const requestsBefore = {
  websocket: ['GET websocket'],
  'http-stream': ['POST http'],
  // The open travels beside the stream that it is for: two requests at the same moment.
  eventsource: ['GET http', 'POST http'],
  iframe: ['POST http'],
  'long-poll': ['POST http'],
  poll: ['POST http'],
} as const;

for (const [transport, expected] of Object.entries(requestsBefore)) {
  test(`${transport}: the first message costs one round trip beyond the handshake, no preflight and no second question`, async ({
    driver,
    hub,
    hubUrl,
    faults,
  }) => {
    const seen: { what: string; isOver: boolean }[] = [];
    await hub.hub.publish('prices', { eur: 1.07 });
    // Nothing that is asked after the first answer can have been needed for it.
    let isAnswered = false;
    faults.on('response', () => {
      isAnswered = true;
    });
    faults.on('upgrade', () => {
      isAnswered = true;
    });
    faults.on('request', ({ method, kind }) => {
      seen.push({ what: `${method} ${kind}`, isOver: isAnswered });
    });
    await driver.start(hubUrl, [transport as keyof typeof requestsBefore]);
    expect(await driver.subscribe('prices', { last: 1 })).toBe('ready');
    expect(await driver.received('prices')).toEqual([{ eur: 1.07 }]);
    const needed = seen.filter((request) => !request.isOver).map((request) => request.what);
    expect(needed.sort()).toEqual([...expected]);
  });
}
