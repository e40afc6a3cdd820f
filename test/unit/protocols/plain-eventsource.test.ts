/**
 * The tables of event streams and of what servers answer, through a client with `plain()`: over HTTP streaming, which reads by
 * our parser, and over an EventSource that a program brings along.
 */
import eventSourcePolyfill from 'event-source-polyfill';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AdapterFactory } from '../../../src/adapters/adapter.ts';
import type { Status } from '../../../src/client-types.ts';
import { createClient, eventSource, httpStream, plain } from '../../../src/index.node.ts';
import type { EventSourceConstructor, Platform } from '../../../src/runtime/runtime.ts';
import { type EventSourceCase, eventSourceCases } from './eventsource-cases.ts';
import { codeOf, type Heard, type ReaderKind, reported, wanted } from './eventsource-report.ts';
import { endEvent, type Script, type ScriptServer, startScriptServer } from './eventsource-server.ts';
import { bytesOf, sseCases } from './sse-cases.ts';

vi.setConfig({ testTimeout: 20_000 });

let server: ScriptServer;
beforeAll(async () => {
  server = await startScriptServer();
});
afterAll(() => server.close());

interface Way {
  readonly adapter: () => AdapterFactory<Platform>;
  readonly kind: ReaderKind;
  /** Cases that cannot hold there, and why. */
  readonly beyond: Readonly<Record<string, string>>;
}

const ways: Readonly<Record<string, Way>> = {
  'http-stream': { adapter: httpStream, kind: 'ours', beyond: {} },
  'eventsource, injected': {
    adapter: () =>
      eventSource({
        EventSource: eventSourcePolyfill.EventSourcePolyfill as unknown as EventSourceConstructor,
      }),
    kind: 'anew',
    beyond: {
      'an id with a NUL goes into no request': 'the polyfill takes it for an id',
      'an id taken back goes into no request':
        'an event without an id looks like one whose id was taken back',
      'the id of a block without data goes into the next request': 'no event tells of it',
    },
  },
};

/** A client on a script, and all that it tells until the script is over. */
function listen(script: Script, { adapter }: Way, names: readonly string[]) {
  const client = createClient(script.url, {
    adapters: [adapter()],
    protocol: plain({ parse: 'text' }),
    backoff: { baseMs: 20, capMs: 50 },
  });
  const heard: Heard[] = [];
  const codes: (string | undefined)[] = [];
  let isAtEnd = false;
  client.on('error', ({ code }) => codes.push(code));
  client.on('status', ({ lastError }: Status) => codes.push(lastError?.code));
  for (const name of names) {
    client.subscribe(name, ({ topic, data, id }) => heard.push({ event: topic, data, id }));
  }
  client.subscribe(endEvent, () => {
    isAtEnd = true;
  });
  return { client, heard, codes, isAtEnd: () => isAtEnd };
}

async function checkCase(one: EventSourceCase, way: Way): Promise<void> {
  const script = server.play(one.answers);
  const { client, heard, codes, isAtEnd } = listen(script, way, ['message']);
  try {
    const code = codeOf(one);
    const isOver = () => (code === undefined ? isAtEnd() : codes.includes(code));
    await vi.waitUntil(isOver, { timeout: 15_000, interval: 5 });
    expect(reported(one, way.kind, heard, script)).toEqual(wanted(one, way.kind));
    if (one.end === 'stopped') expect(client.status.nextAttemptAt).toBeUndefined();
  } finally {
    client.close();
  }
  await vi.waitUntil(() => script.held === 0);
}

describe.each(Object.entries(ways))('what a server answers, over %s', (_, way) => {
  const cases = eventSourceCases.filter(({ name, page }) => page === undefined && !(name in way.beyond));
  test.concurrent.each(cases)('$name', (one) => checkCase(one, way));
});

const names = [...new Set(sseCases.flatMap(({ events }) => events.map(({ event }) => event)))];

describe('event streams, over http-stream', () => {
  test.concurrent.each(sseCases)('$name', async (one) => {
    const script = server.play([{ body: bytesOf(one), byByte: true }]);
    const { client, heard, codes } = listen(script, ways['http-stream'] as Way, names);
    try {
      await vi.waitUntil(() => codes.includes('STOPPED'), { timeout: 15_000, interval: 5 });
      const whole: EventSourceCase = { ...one, answers: [{}, { status: 204 }], end: 'stopped' };
      expect(reported(whole, 'ours', heard, script)).toEqual(wanted(whole, 'ours'));
      expect(script.asked[1]?.lastEventId ?? '').toBe((one.lastEventId ?? '').trim());
    } finally {
      client.close();
    }
  });
});
