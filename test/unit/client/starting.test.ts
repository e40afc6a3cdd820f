/** Nothing happens before something is wanted; then everything of one task happens at once, and where it should. */
import { describe, expect, it } from 'vitest';
import type { AdapterRequest } from '../../../src/adapters/adapter.ts';
import { createClientWith } from '../../../src/client.ts';
import { holdfast } from '../../../src/protocols/holdfast.ts';
import {
  createStage,
  denied,
  epoch,
  message,
  openStage,
  outcome,
  sendsOn,
  thrownBy,
  topicsOf,
  turn,
  type Wire,
} from './stage.ts';

describe('before something is wanted', () => {
  it('nothing of the runtime is touched', async () => {
    const stage = createStage({ transports: ['websocket', 'long-poll'], auth: () => 'token' });
    await turn();
    expect(stage.calls).toEqual([]);
    expect(stage.wires).toEqual([]);
    expect(stage.timers).toEqual([]);
  });

  it('listeners, the status, `close` and `reauthenticate` touch nothing either', async () => {
    const stage = createStage();
    stage.client.on('status', () => undefined)();
    expect(stage.client.status).toMatchObject({
      state: 'idle',
      transport: undefined,
      pending: 0,
      attempt: 0,
    });
    stage.client.reauthenticate();
    stage.client.close();
    await turn();
    expect(stage.calls).toEqual([]);
  });

  it('a URL that only a page can resolve is no mistake', () => {
    expect(() => createStage({ url: '/realtime' })).not.toThrow();
  });

  it.each([[''], [undefined], [null], [42]])('%j as URL is misuse', (url) => {
    const defaults = { runtime: () => ({}) as never, adapters: [], protocol: holdfast() };
    expect(thrownBy(() => createClientWith(defaults, url as string, {}))?.code).toBe('MISUSE');
  });

  it('`prefer` opens nothing', async () => {
    const stage = createStage();
    stage.client.prefer('websocket');
    await turn();
    expect(stage.wires).toEqual([]);
    expect(stage.client.status.state).toBe('idle');
  });

  it('an already aborted subscription opens nothing', async () => {
    const stage = createStage();
    stage.client.subscribe('a', { signal: AbortSignal.abort() });
    await turn();
    expect(stage.wires).toEqual([]);
  });
});

describe('the first wish', () => {
  it('opens at the end of its task, with all topics of that task in the open', async () => {
    const stage = createStage();
    stage.client.subscribe('a', () => undefined);
    stage.client.subscribe('b', { last: 3 });
    stage.client.subscribe('c', { since: `${epoch}.7` });
    expect(stage.wires).toEqual([]);
    await turn();
    expect(stage.wires).toHaveLength(1);
    expect(stage.wire().open.topics).toEqual([
      { topic: 'a', new: true },
      { topic: 'b', new: true, last: 3 },
      { topic: 'c', at: `${epoch}.7` },
    ]);
    expect(stage.wire().said).toEqual([]);
  });

  it('may be a send, or `open`', async () => {
    const sending = createStage();
    const opening = createStage();
    sending.client.send('a', 1).catch(() => undefined);
    opening.client.open();
    await turn();
    expect([sending.wires.length, opening.wires.length]).toEqual([1, 1]);
    expect(sending.wire().open.topics).toEqual([]);
  });

  it('may be a volatile send: a page that only tells where its pointer is connects too', async () => {
    const stage = createStage();
    expect(await outcome(stage.client.send('pointer', [1, 2], { volatile: true }))).toBe('NOT_SENT');
    expect(stage.wires).toHaveLength(1);
  });

  it('finds the same client when there are more: one connection, one runtime', async () => {
    const stage = createStage();
    stage.client.subscribe('a');
    stage.client.open();
    stage.client.send('a', 1).catch(() => undefined);
    await turn();
    expect(stage.wires).toHaveLength(1);
    expect(stage.calls.filter((call) => call === 'runtime')).toHaveLength(1);
    expect(stage.listeners).toHaveLength(1);
  });
});

describe('subscribe, unsubscribe, subscribe', () => {
  it('within the first task asks for the topic once', async () => {
    const stage = createStage();
    stage.client.subscribe('a', () => undefined).unsubscribe();
    stage.client.subscribe('a', () => undefined);
    await turn();
    expect(stage.wires).toHaveLength(1);
    expect(topicsOf(stage.wire())).toEqual(['a']);
    stage.wire().hello();
    await turn();
    expect(stage.wire().said).toEqual([]);
  });

  it('within a later task asks for the topic once, in place', async () => {
    const stage = await openStage();
    stage.client.subscribe('a', () => undefined).unsubscribe();
    stage.client.subscribe('a', () => undefined);
    await turn();
    expect(stage.wire().said).toEqual([
      { type: 'subscribe', request: 1, topics: [{ topic: 'a', new: true }] },
    ]);
  });

  it('subscribing and unsubscribing on an open connection says nothing', async () => {
    const stage = await openStage();
    stage.client.subscribe('a', () => undefined).unsubscribe();
    await turn();
    expect(stage.wire().said).toEqual([]);
  });

  it('of another handle while one stays says nothing', async () => {
    const stage = await openStage();
    stage.client.subscribe('a', () => undefined);
    await turn();
    const before = stage.wire().said.length;
    stage.client.subscribe('a', () => undefined).unsubscribe();
    await turn();
    expect(stage.wire().said).toHaveLength(before);
  });
});

describe('where it goes', () => {
  it.each([
    ['https://hub.test/realtime', 'https://hub.test/realtime'],
    ['wss://hub.test/realtime', 'https://hub.test/realtime'],
    ['ws://hub.test/realtime', 'http://hub.test/realtime'],
    ['/realtime', 'https://page.test/realtime'],
    ['realtime', 'https://page.test/app/realtime'],
  ])('%s is %s', async (url, base) => {
    const stage = createStage({ url });
    stage.client.open();
    await turn();
    expect(stage.wire().request.url.split('?')[0]).toBe(base);
  });

  it('each transport may have an address of its own', async () => {
    const stage = createStage({
      transports: ['websocket', 'long-poll'],
      endpoints: { websocket: 'wss://sockets.test/ws', 'long-poll': '/clock' },
    });
    stage.client.open();
    await turn();
    const urls = stage.wires.map(({ transport, request }) => [transport, request.url.split('?')[0]]);
    expect(urls).toEqual([
      ['websocket', 'https://sockets.test/ws'],
      ['long-poll', 'https://page.test/clock'],
    ]);
  });

  it('a transport without an address of its own lives at the URL', async () => {
    const stage = createStage({ endpoints: { poll: '/elsewhere' } });
    stage.client.open();
    await turn();
    expect(stage.wire().request.url).toMatch(/^https:\/\/hub\.test\/realtime\?/);
  });

  it('what is no URL is misuse as soon as it is needed', () => {
    const stage = createStage({ endpoints: { websocket: 'https://' } });
    expect(thrownBy(() => stage.client.open())?.code).toBe('MISUSE');
    expect(thrownBy(() => stage.client.subscribe('a'))?.code).toBe('MISUSE');
  });

  it('credentials and headers go along', async () => {
    const stage = createStage({
      transports: ['long-poll'],
      credentials: 'include',
      headers: { 'x-tenant': 'a' },
    });
    stage.client.open();
    await turn();
    expect(stage.wire().request).toMatchObject({ credentials: 'include', headers: { 'x-tenant': 'a' } });
  });

  it('credentials stay at the same origin by default', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    expect(stage.wire().request.credentials).toBe('same-origin');
  });

  it.each([
    ['https://hub.test/realtime', undefined, ['same-origin', 'include']],
    ['https://page.test/realtime', undefined, ['same-origin', 'omit']],
    ['/realtime', 'same-origin', ['same-origin', 'omit']],
    ['/realtime', 'include', ['include']],
    ['/realtime', 'omit', ['omit']],
  ] as const)(
    'after a silent death %s with credentials %s is asked with %j',
    async (url, credentials, modes) => {
      const asked = credentials === undefined ? {} : { credentials };
      const stage = await openStage({ url, ...asked, transports: ['http-stream'] }, { heartbeatMs: 1_000 });
      await stage.pass(3_060);
      expect(stage.wires.slice(1).map(({ request }) => request.credentials)).toEqual(modes);
    },
  );

  it('what is sent over a fresh connection goes in its credentials mode, too', async () => {
    const stage = await openStage({ transports: ['http-stream'] }, { heartbeatMs: 1_000 });
    await stage.pass(3_060);
    stage.wire().hello();
    stage.client.send('a', 1).catch(() => {});
    await turn();
    const [post] = stage.wire().outgoing as [{ request: AdapterRequest }];
    expect(post.request.credentials).toBe('include');
  });

  it('no two requests share a URL', async () => {
    const stage = createStage({ transports: ['websocket', 'long-poll'] });
    stage.client.open();
    await turn();
    const [one, other] = stage.wires.map(({ request }) => request.url);
    expect(one).not.toBe(other);
  });
});

describe('which transports', () => {
  it('an unknown network is explored with two at once, unless `eager` is off', async () => {
    const eager = createStage({ transports: ['websocket', 'long-poll'] });
    const calm = createStage({ transports: ['websocket', 'long-poll'], eager: false });
    eager.client.open();
    calm.client.open();
    await turn();
    expect(eager.wires.map(({ transport }) => transport)).toEqual(['websocket', 'long-poll']);
    expect(calm.wires.map(({ transport }) => transport)).toEqual(['websocket']);
  });

  it('the next is tried soon where the page’s own timings say that the host is near', async () => {
    const asked: string[] = [];
    const roundTripMs = (url: string) => {
      asked.push(url);
      return 40;
    };
    const stage = createStage({ transports: ['websocket', 'long-poll'], eager: false, roundTripMs });
    expect(asked).toEqual([]);
    stage.client.open();
    await stage.pass(219);
    expect(stage.wires).toHaveLength(1);
    await stage.pass(1);
    expect(stage.wires).toHaveLength(2);
    expect(asked).toEqual(['https://hub.test/realtime']);
  });

  it('the next is tried later where the timings say nothing', async () => {
    const roundTripMs = () => undefined;
    const stage = createStage({ transports: ['websocket', 'long-poll'], eager: false, roundTripMs });
    stage.client.open();
    await stage.pass(999);
    expect(stage.wires).toHaveLength(1);
    await stage.pass(1);
    expect(stage.wires).toHaveLength(2);
  });

  it('the first one proven carries the subscription, a better one takes over, and nothing is told twice', async () => {
    const stage = createStage({ transports: ['websocket', 'long-poll'] });
    const seen: unknown[] = [];
    const { ready } = stage.client.subscribe('a', ({ data }) => seen.push(data));
    await turn();
    const [socket, poll] = stage.wires as [Wire, Wire];
    poll.hello();
    poll.says(message('a', 1));
    poll.answered();
    expect(await outcome(ready)).toEqual({ value: undefined });
    expect(stage.client.status).toMatchObject({ state: 'open', transport: 'long-poll' });
    socket.hello();
    socket.says(message('a', 1), message('a', 2));
    await turn();
    expect(stage.client.status).toMatchObject({ state: 'open', transport: 'long-poll' });
    socket.says({ type: 'pong' });
    await turn();
    expect(stage.client.status).toMatchObject({ state: 'open', transport: 'websocket' });
    await stage.pass(5_000);
    expect([socket.isOpen, poll.isOpen]).toEqual([true, false]);
    expect(seen).toEqual([1, 2]);
  });

  it('polling alone does all of it', async () => {
    const stage = createStage({ transports: ['poll'] });
    const seen: unknown[] = [];
    stage.client.subscribe('a', ({ data }) => seen.push(data));
    await turn();
    stage.wire().hello();
    stage.wire().answered();
    await stage.pass(1_000);
    const sent = stage.client.send('a', 'x');
    await turn();
    expect(sendsOn(stage.wire())).toHaveLength(1);
    stage.wire().says({ type: 'ack', seq: 1, reply: 'ok' });
    stage.wire().posted();
    expect(await sent).toBe('ok');
    stage.wire().hello({ at: 1 });
    stage.wire().says(message('a', 1));
    stage.wire().answered();
    await turn();
    expect(seen).toEqual([1]);
    expect(stage.client.status).toMatchObject({ state: 'open', transport: 'poll', pending: 0 });
  });

  it('none listed is misuse', () => {
    const stage = createStage({ transports: [] });
    expect(thrownBy(() => stage.client.subscribe('a'))?.code).toBe('MISUSE');
  });

  it('none that can run is told, and one that can later is used', async () => {
    const stage = createStage({ missing: ['websocket'] });
    const codes: string[] = [];
    stage.client.on('error', ({ code }) => codes.push(code));
    stage.client.subscribe('a');
    await turn();
    expect(codes).toEqual(['NO_TRANSPORT']);
    expect(stage.client.status.lastError?.code).toBe('NO_TRANSPORT');
    stage.missing.length = 0;
    stage.tell('document-loaded');
    await turn();
    expect(stage.wires).toHaveLength(1);
  });

  it('`prefer` of one that is not listed is misuse', async () => {
    const stage = await openStage();
    expect(thrownBy(() => stage.client.prefer('iframe'))?.code).toBe('MISUSE');
    expect(stage.client.status.state).toBe('open');
  });

  it('`prefer` changes to it now, `null` leaves the choice to the client', async () => {
    const stage = await openStage({ transports: ['websocket', 'http-stream'], eager: false });
    stage.client.prefer('http-stream');
    await turn();
    expect(stage.wire().transport).toBe('http-stream');
    stage.wire().hello();
    await turn();
    expect(stage.client.status).toMatchObject({ state: 'open', transport: 'http-stream', why: 'asked for' });
    stage.client.prefer(null);
    await turn();
    stage.wire().hello();
    stage.wire().says({ type: 'pong' });
    await turn();
    expect(stage.client.status.transport).toBe('websocket');
  });
});

describe('close and open', () => {
  it('leaves nothing behind: no connection, no timer, no listener', async () => {
    const stage = await openStage();
    stage.client.subscribe('a');
    await turn();
    stage.client.close();
    await turn();
    expect(stage.wires.map(({ isOpen }) => isOpen)).toEqual([false]);
    expect([stage.timers.length, stage.listeners.length]).toEqual([0, 0]);
    expect(stage.client.status.state).toBe('closed');
  });

  it('leaves no timer of sends and `next` that waited', async () => {
    const stage = await openStage();
    const subscription = stage.client.subscribe('a');
    const step = subscription.next();
    const sent = stage.client.send('a', 1);
    await turn();
    stage.client.close();
    expect(await outcome(sent)).toBe('OUTCOME_UNKNOWN');
    expect(await outcome(step)).toBe('pending');
    expect(stage.timers).toEqual([]);
  });

  it('ends also what it was waiting for', async () => {
    const stage = createStage();
    stage.client.subscribe('a');
    await turn();
    stage.wire().ends();
    await turn();
    expect(stage.timers).not.toEqual([]);
    stage.client.close();
    await stage.pass(60_000);
    expect(stage.wires).toHaveLength(1);
    expect(stage.timers).toEqual([]);
  });

  it('a one-way connection is let go in the end', async () => {
    const stage = await openStage({ transports: ['http-stream'] });
    stage.client.close();
    await stage.pass(5_000);
    expect(stage.wires.every(({ isOpen }) => !isOpen)).toBe(true);
    expect(stage.timers).toEqual([]);
  });

  it('subscriptions stay and go on from where they were', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    const subscription = stage.client.subscribe('a', ({ data }) => seen.push(data));
    await turn();
    stage.wire().hello({ at: 4 });
    stage.wire().says(message('a', 5));
    await turn();
    stage.client.close();
    await turn();
    stage.client.open();
    await turn();
    expect(stage.wires).toHaveLength(2);
    expect(stage.wire().open).toMatchObject({ topics: ['a'], cursor: `${epoch}.5` });
    stage.wire().hello({ at: 7 });
    stage.wire().says(message('a', 6), message('a', 7));
    await turn();
    expect(seen).toEqual([5, 6, 7]);
    expect(await outcome(subscription.ready)).toEqual({ value: undefined });
    expect(stage.listeners).toHaveLength(1);
  });

  it('in one task is one new connection', async () => {
    const stage = await openStage();
    stage.client.close();
    stage.client.open();
    await turn();
    expect(stage.wires.map(({ isOpen }) => isOpen)).toEqual([false, true]);
    expect(stage.listeners).toHaveLength(1);
  });

  it('what is subscribed while closed waits for `open`', async () => {
    const stage = await openStage();
    stage.client.close();
    await turn();
    const subscription = stage.client.subscribe('a');
    await stage.pass(60_000);
    expect(stage.wires).toHaveLength(1);
    expect(await outcome(subscription.ready)).toBe('pending');
    stage.client.open();
    await turn();
    expect(topicsOf(stage.wire())).toEqual(['a']);
    stage.wire().hello();
    expect(await outcome(subscription.ready)).toEqual({ value: undefined });
  });

  it('what is unsubscribed while closed is not asked for again', async () => {
    const stage = await openStage();
    const subscription = stage.client.subscribe('a', () => undefined);
    stage.client.close();
    subscription.unsubscribe();
    stage.client.open();
    await turn();
    expect(topicsOf(stage.wire())).toEqual([]);
  });

  it('a client that was closed before anything was wanted stays closed until `open`', async () => {
    const stage = createStage();
    const codes: string[] = [];
    stage.client.on('error', ({ code }) => codes.push(code));
    stage.client.close();
    const subscription = stage.client.subscribe('a');
    expect(await outcome(stage.client.send('a', 1))).toBe('CLOSED');
    await stage.pass(60_000);
    expect(stage.wires).toEqual([]);
    expect(codes).toEqual([]);
    stage.client.open();
    await turn();
    stage.wire().hello();
    expect(await outcome(subscription.ready)).toEqual({ value: undefined });
  });

  it('closing twice, and opening what is open, does no harm', async () => {
    const stage = await openStage();
    stage.client.open();
    await turn();
    expect(stage.wires).toHaveLength(1);
    stage.client.close();
    stage.client.close();
    await turn();
    expect(stage.client.status.state).toBe('closed');
    expect(stage.reports).toEqual([]);
  });

  it('`open` while the next attempt is waited for tries at once', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    stage.wire().ends({ kind: 'status', status: 503 });
    await turn();
    expect(stage.client.status.nextAttemptAt).toBeDefined();
    stage.client.open();
    await turn();
    expect(stage.wires).toHaveLength(2);
    expect(stage.client.status.nextAttemptAt).toBeUndefined();
  });

  it('after the server refused the client for good, `open` tries again', async () => {
    const stage = createStage();
    stage.client.on('error', () => undefined);
    stage.client.open();
    await turn();
    stage.wire().says({ type: 'error', code: 'FORBIDDEN', message: 'Go away' });
    await stage.pass(60_000);
    expect(stage.client.status).toMatchObject({ state: 'closed', lastError: { code: 'FORBIDDEN' } });
    expect(stage.wires).toHaveLength(1);
    stage.client.subscribe('a', { error: () => undefined });
    stage.client.open();
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect(stage.client.status.state).toBe('open');
  });
});

it('all methods work when they are taken off the client', async () => {
  const stage = createStage();
  const { subscribe, send, on, open, close, prefer, reauthenticate } = stage.client;
  const seen: unknown[] = [];
  const off = on('status', () => undefined);
  const { unsubscribe, ready } = subscribe('a', ({ data }) => seen.push(data));
  const { next } = subscribe('b');
  open();
  await turn();
  stage.wire().hello();
  await ready;
  const sent = send('a', 'x');
  await turn();
  expect(sendsOn(stage.wire())).toHaveLength(1);
  stage.wire().says({ type: 'ack', seq: 1 }, message('a', 1), message('b', 2));
  await sent;
  expect((await next()).value?.data).toBe(2);
  prefer('websocket');
  reauthenticate();
  unsubscribe();
  off();
  close();
  await turn();
  expect(seen).toEqual([1]);
  expect(stage.client.status.state).toBe('closed');
});
