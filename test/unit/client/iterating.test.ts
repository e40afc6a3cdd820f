/** A subscription without a handler is a bounded buffer with `next` and `for await`. */
import { describe, expect, it } from 'vitest';
import type { SubscribeOptions, Subscription } from '../../../src/subscription.ts';
import {
  createStage,
  cut,
  denied,
  ephemeral,
  errorCodes,
  gap,
  message,
  outcome,
  type Stage,
  thrownBy,
  turn,
  unhandledDuring,
} from './stage.ts';

interface Begun {
  readonly stage: Stage;
  readonly subscription: Subscription;
  /** Messages in one piece. */
  readonly bring: (...frames: readonly object[]) => Promise<void>;
}

/** A confirmed subscription to `a` that begins after message 10. */
async function begin(options: SubscribeOptions = {}): Promise<Begun> {
  const stage = createStage();
  const subscription = stage.client.subscribe('a', options);
  await turn();
  stage.wire().hello({ at: 10 });
  await turn();
  const bring = async (...frames: readonly object[]): Promise<void> => {
    stage.wire().says(...frames);
    await turn();
  };
  return { stage, subscription, bring };
}

const messages = (from: number, to: number): object[] =>
  Array.from({ length: to - from + 1 }, (_, i) => message('a', from + i));

const idOf = async (subscription: Subscription): Promise<string | undefined> =>
  (await subscription.next()).value?.id;

describe('`for await`', () => {
  it('gets what came since `subscribe`, and then what comes', async () => {
    const { subscription, bring } = await begin();
    await bring(message('a', 11), message('a', 12));
    const seen: string[] = [];
    const loop = (async () => {
      for await (const { id } of subscription) {
        seen.push(id);
        if (seen.length === 3) break;
      }
    })();
    await turn();
    expect(seen).toEqual(['11', '12']);
    await bring(message('a', 13));
    await loop;
    expect(seen).toEqual(['11', '12', '13']);
  });

  it('gets also what came with the confirmation', async () => {
    const stage = createStage();
    const subscription = stage.client.subscribe('a', { last: 1 });
    await turn();
    stage.wire().hello({ at: 4, topics: { a: { start: '4', last: [message('a', 4)] as never } } });
    await turn();
    expect(await idOf(subscription)).toBe('4');
  });

  it('unsubscribes at `break`', async () => {
    const { stage, subscription, bring } = await begin();
    await bring(message('a', 11));
    for await (const one of subscription) {
      expect(one.id).toBe('11');
      break;
    }
    await turn();
    expect(stage.wire().said).toEqual([{ type: 'unsubscribe', topics: ['a'] }]);
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
  });

  it('unsubscribes when its body throws', async () => {
    const { stage, subscription, bring } = await begin();
    await bring(message('a', 11));
    const loop = async (): Promise<void> => {
      for await (const _ of subscription) throw new Error('enough');
    };
    await expect(loop()).rejects.toThrow('enough');
    await turn();
    expect(stage.wire().said).toEqual([{ type: 'unsubscribe', topics: ['a'] }]);
  });

  it.each<[string, (subscription: Subscription, control: AbortController) => void]>([
    ['`unsubscribe`', (subscription) => subscription.unsubscribe()],
    ['the signal', (_, control) => control.abort()],
  ])('is over, without an error, after %s', async (_, finish) => {
    const control = new AbortController();
    const { stage, subscription } = await begin({ signal: control.signal });
    const codes = errorCodes(stage);
    const loop = (async () => {
      for await (const one of subscription) throw new Error(`unexpected ${one.id}`);
      return 'over';
    })();
    await turn();
    finish(subscription, control);
    expect(await loop).toBe('over');
    expect(codes).toEqual([]);
  });

  it('is over at once if the signal had aborted already', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    for await (const one of stage.client.subscribe('a', { signal: AbortSignal.abort() })) seen.push(one);
    expect(seen).toEqual([]);
  });

  it('goes on over a cut, and over `close` and `open`', async () => {
    const { stage, subscription, bring } = await begin();
    const next = subscription.next();
    await cut(stage);
    stage.wire().hello({ at: 11 });
    await bring(message('a', 11));
    expect((await next).value?.id).toBe('11');
    stage.client.close();
    const later = subscription.next();
    expect(await outcome(later)).toBe('pending');
    stage.client.open();
    await turn();
    stage.wire().hello({ at: 12 });
    await bring(message('a', 12));
    expect((await later).value?.id).toBe('12');
  });

  it('throws the error that ends it, after what had come before', async () => {
    const { stage, subscription, bring } = await begin({ error: () => undefined });
    await bring(message('a', 11));
    await cut(stage);
    stage.wire().hello({ at: 11, topics: { a: denied } });
    await turn();
    const seen: string[] = [];
    const loop = async (): Promise<void> => {
      for await (const { id } of subscription) seen.push(id);
    };
    await expect(loop()).rejects.toMatchObject({ code: 'TOPIC_DENIED', topic: 'a' });
    expect(seen).toEqual(['11']);
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
  });

  it('throws the error that ends it while it waits', async () => {
    const stage = createStage();
    const subscription = stage.client.subscribe('a');
    subscription.ready.catch(() => undefined);
    const loop = (async () => {
      for await (const _ of subscription);
    })();
    const caught = outcome(loop);
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect(await caught).toBe('pending');
    expect(await outcome(loop)).toBe('TOPIC_DENIED');
  });
});

describe('an error that a loop gets', () => {
  it('while it waits is not told to the client as well', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const subscription = stage.client.subscribe('a');
    const loop = (async () => {
      for await (const _ of subscription);
    })();
    const caught = expect(loop).rejects.toMatchObject({ code: 'TOPIC_DENIED' });
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await caught;
    await turn();
    expect(codes).toEqual([]);
  });

  it('when it comes back from its body is not told to the client as well', async () => {
    const { stage, subscription, bring } = await begin();
    await subscription.ready;
    const codes = errorCodes(stage);
    await bring(message('a', 11));
    let caught: unknown;
    for await (const one of subscription) {
      expect(one.id).toBe('11');
      await cut(stage);
      stage.wire().hello({ at: 11, topics: { a: denied } });
      await turn();
      caught = await outcome(subscription.next());
      break;
    }
    expect(caught).toBe('TOPIC_DENIED');
    expect(codes).toEqual([]);
  });

  it('nobody waits for is told to the client, and ends no process', async () => {
    const { stage } = await begin();
    const codes = errorCodes(stage);
    const unhandled = await unhandledDuring(async () => {
      await cut(stage);
      stage.wire().hello({ at: 11, topics: { a: denied } });
      await turn();
    });
    expect(unhandled).toEqual([]);
    expect(codes).toEqual(['TOPIC_DENIED']);
  });
});

describe('`next`', () => {
  it('works without `for await`, several at a time, in order', async () => {
    const { subscription, bring } = await begin();
    const ids = [subscription.next(), subscription.next(), subscription.next()].map(
      async (step) => (await step).value?.id,
    );
    await bring(message('a', 11), message('a', 12), message('a', 13));
    expect(await Promise.all(ids)).toEqual(['11', '12', '13']);
  });

  it('of which several wait are all over at the end', async () => {
    const { subscription } = await begin();
    const steps = [subscription.next(), subscription.next()];
    subscription.unsubscribe();
    expect(await Promise.all(steps)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  it('of which several wait: the first one gets the error, the others are over', async () => {
    const stage = createStage();
    const subscription = stage.client.subscribe('a');
    const states = [subscription.ready, subscription.next(), subscription.next()].map(async (one) => {
      try {
        return await one;
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    expect(await Promise.all(states)).toEqual([
      'TOPIC_DENIED',
      'TOPIC_DENIED',
      { done: true, value: undefined },
    ]);
  });

  it('brings the gap that the server told with the first message after it', async () => {
    const { stage, subscription, bring } = await begin();
    const gaps: unknown[] = [];
    stage.client.on('gap', (one) => gaps.push(one));
    await bring(message('a', 11), gap('a', 15), message('a', 16), message('a', 17));
    const lost = { topic: 'a', from: '11', to: '15', reason: 'trimmed' };
    expect((await subscription.next()).value?.gap).toBeUndefined();
    expect((await subscription.next()).value?.gap).toEqual(lost);
    expect((await subscription.next()).value?.gap).toBeUndefined();
    expect(gaps).toEqual([lost]);
  });
});

describe('the buffer', () => {
  it('holds a thousand by default', async () => {
    const { subscription, bring } = await begin();
    await bring(...messages(11, 1_010));
    const first = await subscription.next();
    expect([first.value?.id, first.value?.gap]).toEqual(['11', undefined]);
  });

  it('one more drops the oldest, and the next message says so', async () => {
    const { subscription, bring } = await begin();
    await bring(...messages(11, 1_012));
    const first = await subscription.next();
    expect(first.value).toEqual({
      topic: 'a',
      id: '13',
      data: 13,
      gap: { topic: 'a', from: '10', to: '12', reason: 'overflow' },
    });
    expect((await subscription.next()).value?.gap).toBeUndefined();
  });

  it('tells the gap from the last message that was taken', async () => {
    const { subscription, bring } = await begin({ buffer: 2 });
    await bring(message('a', 11));
    expect(await idOf(subscription)).toBe('11');
    await bring(message('a', 14), message('a', 15), message('a', 16), message('a', 17));
    const gapOf = (await subscription.next()).value?.gap;
    expect(gapOf).toEqual({ topic: 'a', from: '11', to: '15', reason: 'overflow' });
  });

  it('tells another overflow as another gap', async () => {
    const { subscription, bring } = await begin({ buffer: 2 });
    await bring(...messages(11, 13));
    expect((await subscription.next()).value?.gap).toMatchObject({ from: '10', to: '11' });
    await bring(...messages(14, 15));
    expect((await subscription.next()).value).toMatchObject({ id: '14', gap: { from: '12', to: '13' } });
  });

  it('does not forget a gap of the server that was dropped with its message', async () => {
    const { subscription, bring } = await begin({ buffer: 1 });
    await bring(message('a', 11), gap('a', 15), message('a', 16), message('a', 17));
    expect((await subscription.next()).value).toMatchObject({ id: '17', gap: { from: '10', to: '16' } });
  });

  it('does not forget a gap of the server that belongs to the message after the dropped ones', async () => {
    const { subscription, bring } = await begin({ buffer: 1 });
    await bring(message('a', 11), gap('a', 15), message('a', 16));
    expect((await subscription.next()).value).toMatchObject({ id: '16', gap: { from: '10', to: '15' } });
  });

  it('that loses ephemeral messages only has lost nothing of the log', async () => {
    const { subscription, bring } = await begin({ buffer: 1 });
    await bring(ephemeral('a', 'o.1'), ephemeral('a', 'o.2'), message('a', 11));
    const { value } = await subscription.next();
    expect([value?.id, value?.gap]).toEqual(['11', undefined]);
  });

  it('that loses ephemeral messages among others tells the gap of the others', async () => {
    const { subscription, bring } = await begin({ buffer: 1 });
    await bring(message('a', 11), ephemeral('a', 'o.1'), message('a', 12));
    expect((await subscription.next()).value?.gap).toEqual({
      topic: 'a',
      from: '10',
      to: '11',
      reason: 'overflow',
    });
  });

  it('whose overflow began in what came with the confirmation tells a gap that ends after its begin', async () => {
    const stage = createStage();
    const subscription = stage.client.subscribe('a', { last: 3, buffer: 1 });
    await turn();
    const last = messages(2, 4) as never;
    stage.wire().hello({ at: 4, topics: { a: { start: '4', last } } });
    await turn();
    const { value } = await subscription.next();
    expect(value).toMatchObject({ id: '4', gap: { to: '3', reason: 'overflow' } });
    expect(Number(value?.gap?.from)).toBeLessThan(3);
  });

  it('tells its overflow to the `gap` of the subscription too', async () => {
    const gaps: unknown[] = [];
    const { subscription, bring } = await begin({ buffer: 1, gap: (one) => gaps.push(one) });
    await bring(...messages(11, 12));
    expect(await idOf(subscription)).toBe('12');
    expect(gaps).toEqual([{ topic: 'a', from: '10', to: '11', reason: 'overflow' }]);
  });

  it('is not used while somebody waits', async () => {
    const { subscription, bring } = await begin({ buffer: 1 });
    const steps = [subscription.next(), subscription.next()];
    await bring(...messages(11, 13));
    const seen = (await Promise.all(steps)).map(({ value }) => value);
    expect(seen).toEqual([
      { topic: 'a', id: '11', data: 11 },
      { topic: 'a', id: '12', data: 12 },
    ]);
    expect((await subscription.next()).value).toEqual({ topic: 'a', id: '13', data: 13 });
  });

  it('of one handle is no concern of another', async () => {
    const { stage, subscription, bring } = await begin({ buffer: 1 });
    const seen: unknown[] = [];
    stage.client.subscribe('a', ({ id, gap: lost }) => seen.push([id, lost]));
    await bring(...messages(11, 13));
    expect(seen).toEqual([
      ['11', undefined],
      ['12', undefined],
      ['13', undefined],
    ]);
    expect((await subscription.next()).value?.gap?.reason).toBe('overflow');
  });
});

describe('with a handler', () => {
  it('it is not iterable, and says so at once', () => {
    const stage = createStage();
    const subscription = stage.client.subscribe('a', () => undefined);
    expect(thrownBy(() => subscription[Symbol.asyncIterator]())?.code).toBe('MISUSE');
    expect(thrownBy(() => subscription.next())?.code).toBe('MISUSE');
  });

  it('a loop over it ends with MISUSE', async () => {
    const stage = createStage();
    const loop = async (): Promise<void> => {
      for await (const _ of stage.client.subscribe('a', { message: () => undefined }));
    };
    await expect(loop()).rejects.toMatchObject({ code: 'MISUSE' });
  });
});
