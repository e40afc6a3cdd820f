/** A platform that is broken: real adapters and the browser's runtime in a scope that was spoiled, and built-ins that a page has replaced. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createClientWith } from '../../../src/client.ts';
import type { Client } from '../../../src/client-types.ts';
import { eventSource, httpStream, isHoldfastError, longPoll, webSocket } from '../../../src/index.ts';
import { holdfast } from '../../../src/protocols/holdfast.ts';
import { browserRuntime, type Scope } from '../../../src/runtime/browser.ts';
import { createStage, message, openStage, outcome, thrownBy, turn, unhandledDuring } from './stage.ts';

function fail(): never {
  throw new Error('broken');
}

const makers = { webSocket, httpStream, eventSource, longPoll };
const reported: unknown[] = [];
let client: Client | undefined;

/** A client in a page that has this and next to nothing else. */
function createIn(spoiled: object, ...names: (keyof typeof makers)[]): Client {
  const scope = {
    crypto,
    queueMicrotask,
    setTimeout,
    clearTimeout,
    TextDecoder,
    location: { href: 'https://page.test/', origin: 'https://page.test' },
    URL,
    reportError: (error: unknown) => reported.push(error),
    ...spoiled,
  } as unknown as Scope;
  const adapters = names.map((name) => makers[name]());
  const defaults = { runtime: () => browserRuntime(scope), adapters, protocol: holdfast() };
  client = createClientWith(defaults, 'https://hub.test/realtime', {});
  return client;
}

afterEach(() => {
  client?.close();
  client = undefined;
  reported.length = 0;
  vi.restoreAllMocks();
});

describe('what a transport is made of is broken: the status says how, the page hears nothing', () => {
  const never = () => new Promise(() => undefined);
  const cases: readonly (readonly [string, keyof typeof makers, object, RegExp])[] = [
    ['WebSocket throws', 'webSocket', { WebSocket: fail }, /refused.*broken/],
    ['WebSocket makes something else', 'webSocket', { WebSocket: Date }, /refused.*not a function/],
    ['EventSource throws', 'eventSource', { EventSource: fail }, /refused.*broken/],
    ['fetch throws', 'longPoll', { fetch: fail }, /failed.*broken/],
    ['fetch rejects', 'httpStream', { fetch: () => Promise.reject(new Error('broken')) }, /failed.*broken/],
    ['fetch gives nothing', 'longPoll', { fetch: () => undefined }, /longPoll|long-poll: .*undefined/],
    [
      'fetch gives no answer',
      'longPoll',
      { fetch: () => Promise.resolve(undefined) },
      /long-poll: .*undefined/,
    ],
    [
      'AbortController throws',
      'httpStream',
      { fetch: never, AbortController: fail },
      /http-stream: .*broken/,
    ],
    [
      'TextDecoder throws',
      'longPoll',
      {
        TextDecoder: fail,
        fetch: () =>
          Promise.resolve(new Response('{}\n', { headers: { 'Content-Type': 'application/x-ndjson' } })),
      },
      /long-poll: .*broken/,
    ],
  ];

  it.each(cases)('%s', async (_, maker, spoiled, says) => {
    const unhandled = await unhandledDuring(async () => {
      const one = createIn(spoiled, maker);
      one.subscribe('a', () => undefined);
      await vi.waitFor(() => expect(one.status.lastError?.message).toMatch(says), 3_000);
    });
    expect([unhandled, reported]).toEqual([[], []]);
  });
});

describe('the rest of a page is broken', () => {
  const WebSocket = fail;

  it('timings that throw are no timings', () => {
    const one = createIn({ WebSocket, performance: { now: () => 1, getEntriesByType: fail } }, 'webSocket');
    expect(thrownBy(() => one.open())).toBeUndefined();
  });

  it('no source of random bytes is an error with a code', () => {
    const one = createIn({ WebSocket, crypto: undefined }, 'webSocket');
    expect(isHoldfastError(thrownBy(() => one.open()))).toBe(true);
  });

  it('a microtask queue that throws once does not stop the client for ever', async () => {
    let isBroken = true;
    const run = (task: () => void): void => (isBroken ? fail() : queueMicrotask(task));
    const one = createIn({ WebSocket, queueMicrotask: run }, 'webSocket');
    thrownBy(() => one.open());
    isBroken = false;
    one.open();
    await vi.waitFor(() => expect(one.status.lastError?.code).toBe('DISCONNECTED'), 3_000);
  });
});

describe('built-ins that the page has replaced', () => {
  it('JSON.stringify throws: a send is refused at once, with a code', async () => {
    const stage = await openStage();
    vi.spyOn(JSON, 'stringify').mockImplementation(fail);
    const thrown = thrownBy(() => stage.client.send('a', 1));
    vi.restoreAllMocks();
    expect(thrown).toMatchObject({ code: 'MISUSE', cause: { message: 'broken' } });
  });

  it('JSON.stringify throws while something is asked for: it is asked again, by another connection', async () => {
    const stage = await openStage();
    vi.spyOn(JSON, 'stringify').mockImplementation(fail);
    const { ready } = stage.client.subscribe('late', () => undefined);
    await turn();
    vi.restoreAllMocks();
    await stage.pass(1_000);
    stage.wire().hello();
    expect(await outcome(ready)).toEqual({ value: undefined });
  });

  it('JSON.parse throws: what could not be read comes again, and nothing is lost', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.subscribe('a', ({ data }) => seen.push(data));
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1));
    await turn();
    vi.spyOn(JSON, 'parse').mockImplementation(fail);
    stage.wire().says(message('a', 2));
    await turn();
    vi.restoreAllMocks();
    expect(stage.client.status.lastError?.code).toBe('DISCONNECTED');
    await stage.pass(1_000);
    stage.wire().hello({ at: 2 });
    expect(stage.wire().open.cursor).toMatch(/\.1$/);
    stage.wire().says(message('a', 2));
    await turn();
    expect([seen, stage.reports]).toEqual([[1, 2], []]);
  });
});
