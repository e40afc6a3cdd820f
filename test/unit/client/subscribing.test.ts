/** What `subscribe` promises to whoever gives it a handler: one topic, several handles, gaps in their place, an end. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { SubscribeOptions } from '../../../src/subscription.ts';
import {
  createStage,
  cut,
  denied,
  ephemeral,
  epoch,
  errorCodes,
  gap,
  message,
  openStage,
  outcome,
  thrownBy,
  turn,
} from './stage.ts';

describe('the arguments', () => {
  const control = String.fromCharCode(7);
  it.each([[''], ['x'.repeat(257)], [`a${control}b`], [undefined], [null], [7], [{}]])(
    '%j is no topic, and says so at once',
    (topic) => {
      const stage = createStage();
      expect(thrownBy(() => stage.client.subscribe(topic as string))?.code).toBe('MISUSE');
      expect(thrownBy(() => stage.client.send(topic as string, 1))?.code).toBe('MISUSE');
      expect(stage.calls).toEqual([]);
    },
  );

  it.each([['a'], ['x'.repeat(256)], ['orders/42'], ['Grüße, Welt'], ['__proto__'], ['constructor']])(
    '%j is a topic',
    async (topic) => {
      const stage = createStage();
      const seen: unknown[] = [];
      const { ready } = stage.client.subscribe(topic, (one) => seen.push(one));
      await turn();
      stage.wire().hello();
      stage.wire().says(message(topic, 1));
      await turn();
      expect(await outcome(ready)).toEqual({ value: undefined });
      expect(seen).toEqual([{ topic, id: '1', data: 1 }]);
    },
  );

  it.each([
    [{ last: -1 }],
    [{ last: 1.5 }],
    [{ last: Number.NaN }],
    [{ last: Number.POSITIVE_INFINITY }],
    [{ last: '5' }],
    [{ since: 'yesterday' }],
    [{ since: 5 }],
    [{ buffer: -1 }],
    [{ buffer: 0 }],
    [{ buffer: Number.NaN }],
    [{ buffer: '10' }],
  ])('%j is misuse', (options) => {
    const stage = createStage();
    expect(thrownBy(() => stage.client.subscribe('a', options as unknown as SubscribeOptions))?.code).toBe(
      'MISUSE',
    );
  });

  it('everything but the topic may be left out', async () => {
    const stage = createStage();
    const { topic, ready } = stage.client.subscribe('a');
    await turn();
    stage.wire().hello();
    expect([topic, await outcome(ready)]).toEqual(['a', { value: undefined }]);
  });
});

describe('messages', () => {
  it('come to the handler with topic, data and id', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.subscribe('a', (one) => seen.push(one));
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1), ephemeral('a', 'o.1'), message('other', 2), message('a', 2));
    await turn();
    expect(seen).toEqual([
      { topic: 'a', id: '1', data: 1 },
      { topic: 'a', id: '', data: 'o.1' },
      { topic: 'a', id: '2', data: 2 },
    ]);
  });

  it('come as bytes where bytes were published, as text and natively', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.subscribe('a', ({ data }) => seen.push(data));
    await turn();
    stage.wire().hello();
    stage.wire().says({ topic: 'a', id: '1', base64: 'AQID' });
    stage.wire().saysBytes({ topic: 'a', id: '2' }, Uint8Array.of(4, 10, 5));
    await turn();
    expect(seen).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 10, 5)]);
  });

  it('of the full form come to `message`', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.subscribe('a', { message: ({ data }) => seen.push(data), last: 2 });
    await turn();
    stage
      .wire()
      .hello({ at: 2, topics: { a: { start: '2', last: [message('a', 1), message('a', 2)] as never } } });
    stage.wire().says(message('a', 3));
    await turn();
    expect(seen).toEqual([1, 2, 3]);
  });

  it('come no more once the handler has unsubscribed, not even those of the same piece', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    const subscription = stage.client.subscribe('a', ({ data }) => {
      seen.push(data);
      if (data === 2) subscription.unsubscribe();
    });
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1), message('a', 2), message('a', 3));
    await turn();
    stage.wire().says(message('a', 4));
    await turn();
    expect(seen).toEqual([1, 2]);
    expect(stage.wire().said).toEqual([{ type: 'unsubscribe', topics: ['a'] }]);
  });

  it('of a former subscription do not come to a new one that was made in the middle of a piece', async () => {
    const stage = createStage();
    const seen: string[] = [];
    stage.client.subscribe('first', () => {
      former.unsubscribe();
      stage.client.subscribe('a', ({ data }) => seen.push(`new ${data}`));
    });
    const former = stage.client.subscribe('a', ({ data }) => seen.push(`former ${data}`));
    await turn();
    stage.wire().hello();
    stage.wire().says(message('first', 1), message('a', 2));
    await turn();
    stage
      .wire()
      .says({ type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '5' }] }, message('a', 6));
    await turn();
    expect(seen).toEqual(['new 6']);
  });
});

describe('`ready`', () => {
  it('resolves when the server has it', async () => {
    const stage = createStage();
    const { ready } = stage.client.subscribe('a');
    expect(await outcome(ready)).toBe('pending');
    stage.wire().hello();
    expect(await outcome(ready)).toEqual({ value: undefined });
  });

  it('resolves in place on an open connection', async () => {
    const stage = await openStage();
    const { ready } = stage.client.subscribe('a');
    await turn();
    expect(await outcome(ready)).toBe('pending');
    stage.wire().says({ type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '0' }] });
    expect(await outcome(ready)).toEqual({ value: undefined });
  });

  it('rejects if the server refuses it; others go on', async () => {
    const stage = createStage();
    const refused = stage.client.subscribe('a');
    const other = stage.client.subscribe('b');
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    expect(await outcome(refused.ready)).toBe('TOPIC_DENIED');
    expect(await outcome(other.ready)).toEqual({ value: undefined });
  });

  it('tells which topic was refused', async () => {
    const stage = createStage();
    const { ready } = stage.client.subscribe('a');
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await expect(ready).rejects.toMatchObject({ name: 'HoldfastError', code: 'TOPIC_DENIED', topic: 'a' });
  });

  it('rejects if the whole client is refused', async () => {
    const stage = createStage();
    stage.client.on('error', () => undefined);
    const { ready } = stage.client.subscribe('a');
    await turn();
    stage.wire().says({ type: 'error', code: 'FORBIDDEN', message: 'Go away' });
    expect(await outcome(ready)).toBe('FORBIDDEN');
  });

  it('rejects if it is unsubscribed before', async () => {
    const stage = createStage();
    const subscription = stage.client.subscribe('a');
    subscription.unsubscribe();
    expect(await outcome(subscription.ready)).toBe('UNSUBSCRIBED');
  });

  it('stays resolved when it is unsubscribed later', async () => {
    const stage = createStage();
    const subscription = stage.client.subscribe('a');
    await turn();
    stage.wire().hello();
    await turn();
    subscription.unsubscribe();
    expect(await outcome(subscription.ready)).toEqual({ value: undefined });
  });

  it('can be awaited as often as one likes, and raced and joined like any promise', async () => {
    const stage = createStage();
    const { ready } = stage.client.subscribe('a');
    await turn();
    stage.wire().hello();
    await Promise.all([ready, ready, Promise.race([ready]), Promise.resolve(ready)]);
    let finished = false;
    await ready.finally(() => {
      finished = true;
    });
    expect(finished).toBe(true);
  });

  it('does not believe the answer to a former subscription of the topic', async () => {
    const stage = createStage();
    let later: Promise<void> | undefined;
    stage.client.subscribe('first', () => {
      former.unsubscribe();
      later = stage.client.subscribe('a', () => undefined).ready;
    });
    const former = stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().hello({ at: 1, topics: { first: { start: '1', last: [message('first', 1)] as never } } });
    await turn();
    expect(await outcome(later as Promise<void>)).toBe('pending');
    stage.wire().says({ type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '1' }] });
    expect(await outcome(later as Promise<void>)).toEqual({ value: undefined });
  });

  it('a gap of a former subscription of the topic is nobody’s any more', async () => {
    const stage = createStage();
    const gaps: unknown[] = [];
    stage.client.on('gap', (one) => gaps.push(one));
    stage.client.subscribe('first', () => {
      former.unsubscribe();
      stage.client.subscribe('a', { message: () => undefined, gap: (one) => gaps.push(one) });
    });
    const former = stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().hello();
    stage.wire().says(message('first', 1), gap('a', 2));
    await turn();
    expect(gaps).toEqual([]);
  });

  it('a refusal of a former subscription of the topic does not end a new one', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.subscribe('first', () => {
      former.unsubscribe();
      stage.client.subscribe('a', ({ data }) => seen.push(data));
    });
    const former = stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().hello({
      at: 1,
      topics: { first: { start: '1', last: [message('first', 1)] as never }, a: denied },
    });
    await turn();
    stage
      .wire()
      .says({ type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '1' }] }, message('a', 2));
    await turn();
    expect(seen).toEqual([2]);
  });
});

describe('a second handle of a topic', () => {
  it('is ready at once, gets nothing of before, and all from now on', async () => {
    const stage = createStage();
    const first: unknown[] = [];
    const second: unknown[] = [];
    stage.client.subscribe('a', ({ data }) => first.push(data));
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1));
    await turn();
    const before = stage.wire().said.length;
    const { ready } = stage.client.subscribe('a', { message: ({ data }) => second.push(data), last: 5 });
    expect(await outcome(ready)).toEqual({ value: undefined });
    expect(stage.wire().said).toHaveLength(before);
    stage.wire().says(message('a', 2));
    await turn();
    expect([first, second]).toEqual([[1, 2], [2]]);
  });

  it('waits with the first one for the confirmation', async () => {
    const stage = createStage();
    const handles = [stage.client.subscribe('a'), stage.client.subscribe('a')];
    await turn();
    expect(await Promise.all(handles.map(({ ready }) => outcome(ready)))).toEqual(['pending', 'pending']);
    stage.wire().hello();
    const both = await Promise.all(handles.map(({ ready }) => outcome(ready)));
    expect(both).toEqual([{ value: undefined }, { value: undefined }]);
  });

  it('stays when the other one unsubscribes; the last one ends it on the server', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    const first = stage.client.subscribe('a', ({ data }) => seen.push(`first ${data}`));
    const second = stage.client.subscribe('a', ({ data }) => seen.push(`second ${data}`));
    await turn();
    stage.wire().hello();
    await turn();
    first.unsubscribe();
    first.unsubscribe();
    await turn();
    expect(stage.wire().said).toEqual([]);
    stage.wire().says(message('a', 1));
    await turn();
    second.unsubscribe();
    await turn();
    expect(seen).toEqual(['second 1']);
    expect(stage.wire().said).toEqual([{ type: 'unsubscribe', topics: ['a'] }]);
  });

  it('is refused with the first one', async () => {
    const stage = createStage();
    const handles = [stage.client.subscribe('a'), stage.client.subscribe('a')];
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    const both = await Promise.all(handles.map(({ ready }) => outcome(ready)));
    expect(both).toEqual(['TOPIC_DENIED', 'TOPIC_DENIED']);
  });

  it('an unsubscribed handle does not end a later subscription of its topic', async () => {
    const stage = await openStage();
    const seen: unknown[] = [];
    const former = stage.client.subscribe('a', () => undefined);
    former.unsubscribe();
    stage.client.subscribe('a', ({ data }) => seen.push(data));
    await turn();
    former.unsubscribe();
    stage
      .wire()
      .says({ type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '0' }] }, message('a', 1));
    await turn();
    expect(seen).toEqual([1]);
  });
});

describe('a gap', () => {
  it('is told to the handle and to the client before the next message, which carries it, once', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.on('gap', (one) => seen.push(['client', one]));
    stage.client.subscribe('a', {
      message: (one) => seen.push(['message', one.id, one.gap]),
      gap: (one) => seen.push(['handle', one]),
    });
    stage.client.subscribe('b', (one) => seen.push(['message', one.id, one.gap]));
    await turn();
    stage.wire().hello({ at: 2 });
    stage.wire().says(message('a', 3), gap('a', 8), message('b', 9), message('a', 10), message('a', 11));
    await turn();
    const lost = { topic: 'a', from: '3', to: '8', reason: 'trimmed' };
    expect(seen).toEqual([
      ['message', '3', undefined],
      ['client', lost],
      ['handle', lost],
      ['message', '9', undefined],
      ['message', '10', lost],
      ['message', '11', undefined],
    ]);
  });

  it('is told to every handle of the topic', async () => {
    const stage = createStage();
    const seen: string[] = [];
    stage.client.on('gap', () => seen.push('client'));
    stage.client.subscribe('a', { message: () => undefined, gap: () => seen.push('first') });
    stage.client.subscribe('a', { message: () => undefined, gap: () => seen.push('second') });
    await turn();
    stage.wire().hello();
    stage.wire().says(gap('a', 8));
    await turn();
    expect(seen).toEqual(['client', 'first', 'second']);
  });

  it('of another topic is not told to it', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.subscribe('a', { message: () => undefined, gap: (one) => seen.push(one) });
    stage.client.subscribe('b', () => undefined);
    await turn();
    stage.wire().hello();
    stage.wire().says(gap('b', 8));
    await turn();
    expect(seen).toEqual([]);
  });
});

describe('a signal', () => {
  it('unsubscribes when it aborts, and nothing is left on it', async () => {
    const stage = createStage();
    const control = new AbortController();
    const seen: unknown[] = [];
    stage.client.subscribe('a', { message: ({ data }) => seen.push(data), signal: control.signal });
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1));
    await turn();
    expect(getEventListeners(control.signal, 'abort')).toHaveLength(1);
    control.abort();
    expect(getEventListeners(control.signal, 'abort')).toEqual([]);
    stage.wire().says(message('a', 2));
    await turn();
    expect(seen).toEqual([1]);
    expect(stage.wire().said).toEqual([{ type: 'unsubscribe', topics: ['a'] }]);
  });

  it('that has aborted already never subscribes', async () => {
    const stage = await openStage();
    const codes = errorCodes(stage);
    const signal = AbortSignal.abort();
    const { ready } = stage.client.subscribe('a', { message: () => undefined, signal });
    expect(await outcome(ready)).toBe('UNSUBSCRIBED');
    expect(stage.wire().said).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(codes).toEqual([]);
  });

  it('of one handle leaves the other', async () => {
    const stage = createStage();
    const control = new AbortController();
    const seen: unknown[] = [];
    stage.client.subscribe('a', { message: () => seen.push('first'), signal: control.signal });
    stage.client.subscribe('a', () => seen.push('second'));
    await turn();
    stage.wire().hello();
    await turn();
    control.abort();
    stage.wire().says(message('a', 1));
    await turn();
    expect(seen).toEqual(['second']);
  });

  it('is let go by `unsubscribe`, and by a refusal', async () => {
    const stage = createStage();
    const control = new AbortController();
    const message = (): void => undefined;
    const error = (): void => undefined;
    stage.client.subscribe('a', { message, signal: control.signal }).unsubscribe();
    stage.client.subscribe('b', { message, error, signal: control.signal });
    await turn();
    stage.wire().hello({ topics: { b: denied } });
    await turn();
    expect(getEventListeners(control.signal, 'abort')).toEqual([]);
  });

  it('may be anything with `aborted` and `addEventListener`', async () => {
    const stage = createStage();
    let abort: (() => void) | undefined;
    const signal = {
      aborted: false,
      addEventListener: (_: 'abort', listener: () => void) => {
        abort = listener;
      },
    };
    const { ready } = stage.client.subscribe('a', { signal });
    abort?.();
    abort?.();
    expect(await outcome(ready)).toBe('UNSUBSCRIBED');
  });
});

describe('the end of a subscription', () => {
  it('by the server goes to `error`, with its topic, once', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    const { ready } = stage.client.subscribe('a', {
      message: () => undefined,
      error: ({ code, topic }) => seen.push([code, topic]),
    });
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    expect(await outcome(ready)).toBe('TOPIC_DENIED');
    expect(seen).toEqual([['TOPIC_DENIED', 'a']]);
  });

  it('frees the topic: it may be subscribed again', async () => {
    const stage = createStage();
    const { ready } = stage.client.subscribe('a', { error: () => undefined });
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await outcome(ready);
    const again = stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().says({ type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '0' }] });
    expect(await outcome(again.ready)).toEqual({ value: undefined });
  });

  it('by a permission that was taken away meanwhile comes with the next open', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.subscribe('a', { message: () => undefined, error: ({ code }) => seen.push(code) });
    await turn();
    stage.wire().hello();
    await turn();
    await cut(stage);
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect(seen).toEqual(['TOPIC_DENIED']);
  });

  it('by the application is no error', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    stage.client
      .subscribe('a', { message: () => undefined, error: ({ code }) => codes.push(code) })
      .unsubscribe();
    await turn();
    expect(codes).toEqual([]);
  });

  it('is what `using` does where the engine has it', async () => {
    const dispose = (Symbol as unknown as { dispose?: symbol }).dispose;
    if (!dispose) return;
    const stage = createStage();
    const subscription = stage.client.subscribe('a', () => undefined) as unknown as Record<
      symbol,
      () => void
    >;
    await turn();
    stage.wire().hello();
    await turn();
    subscription[dispose]?.();
    await turn();
    expect(stage.wire().said).toEqual([{ type: 'unsubscribe', topics: ['a'] }]);
  });
});

it('a position to begin at is asked for, and what the log has lost since is a gap', async () => {
  const stage = createStage();
  const seen: unknown[] = [];
  const since = 'bbbbbbbbbbb.3';
  stage.client.subscribe('a', { message: ({ id, gap: lost }) => seen.push([id, lost?.reason]), since });
  await turn();
  expect(stage.wire().open.topics).toEqual([{ topic: 'a', at: since }]);
  stage.wire().says({
    type: 'hello',
    attempt: stage.wire().open.attempt,
    head: `${epoch}.9`,
    cursor: `${epoch}.9`,
    topics: [{ topic: 'a', start: '9' }],
    heartbeatMs: 10_000,
    holdMs: 25_000,
    sends: 'n1',
    keepMs: 1,
    limits: { frameBytes: 1_000, topics: 10, window: 10, batchBytes: 1_000 },
  });
  stage.wire().says(message('a', 10));
  await turn();
  expect(seen).toEqual([['10', 'epoch']]);
});
