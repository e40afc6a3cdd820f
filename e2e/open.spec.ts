/**
 * What an open costs, counted at the proxy in requests, so that it holds on any machine: the retained message comes in the
 * answer to the very first request. (`npm run bench:open` measures the times.)
 */
import { performance } from 'node:perf_hooks';
import { expect, test } from './harness.ts';

/** So long that no machine is too slow to send two requests within one round trip when it sends both at once. */
const roundTripMs = 1_000;

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
    const seen: { what: string; at: number }[] = [];
    await hub.hub.publish('prices', { eur: 1.07 });
    faults.set({ latencyMs: roundTripMs / 2 });
    let answeredAt = Number.POSITIVE_INFINITY;
    const onAnswer = () => {
      answeredAt = Math.min(answeredAt, performance.now());
    };
    faults.on('response', onAnswer);
    faults.on('upgrade', onAnswer);
    faults.on('request', ({ method, kind }) => {
      seen.push({ what: `${method} ${kind}`, at: performance.now() });
    });
    await driver.start(hubUrl, [transport as keyof typeof requestsBefore]);
    expect(await driver.subscribe('prices', { last: 1 })).toBe('ready');
    expect(await driver.received('prices')).toEqual([{ eur: 1.07 }]);
    // What is asked because of an answer comes by a round trip after it, and was not needed for the first message.
    const needed = seen.filter(({ at }) => at < answeredAt + roundTripMs).map(({ what }) => what);
    expect(needed.sort()).toEqual([...expected]);
  });
}
