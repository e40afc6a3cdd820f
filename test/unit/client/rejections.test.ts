/** A rejection belongs to whoever takes it; one that nobody takes goes to `error`, and never ends a process. */
import { describe, expect, it } from 'vitest';
import { createStage, cut, denied, errorCodes, openStage, outcome, turn, unhandledDuring } from './stage.ts';

describe('a rejection of `ready` that nobody takes', () => {
  it('goes to `error` with its topic, once, and not to the process', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.on('error', ({ code, topic }) => seen.push([code, topic]));
    const unhandled = await unhandledDuring(async () => {
      stage.client.subscribe('a', () => undefined);
      await turn();
      stage.wire().hello({ topics: { a: denied } });
    });
    expect(unhandled).toEqual([]);
    expect(seen).toEqual([['TOPIC_DENIED', 'a']]);
  });

  it('goes to the runtime if there is no `error` listener', async () => {
    const stage = createStage();
    const unhandled = await unhandledDuring(async () => {
      stage.client.subscribe('a', () => undefined);
      await turn();
      stage.wire().hello({ topics: { a: denied } });
    });
    expect(unhandled).toEqual([]);
    expect(stage.reports).toMatchObject([{ code: 'TOPIC_DENIED', topic: 'a' }]);
  });

  it('because the application unsubscribed is no error at all', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const unhandled = await unhandledDuring(async () => {
      stage.client.subscribe('a', () => undefined).unsubscribe();
    });
    expect([unhandled, codes, stage.reports]).toEqual([[], [], []]);
  });

  it('goes to the subscription’s own `error` only, where there is one', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const own: string[] = [];
    stage.client.subscribe('a', { message: () => undefined, error: ({ code }) => own.push(code) });
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect([own, codes]).toEqual([['TOPIC_DENIED'], []]);
  });
});

describe('a rejection of `ready` that is taken', () => {
  it('by `await` does not go to `error`', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const { ready } = stage.client.subscribe('a', () => undefined);
    const caught = (async () => {
      try {
        await ready;
      } catch (error) {
        return error;
      }
      return undefined;
    })();
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    expect(await caught).toMatchObject({ code: 'TOPIC_DENIED' });
    await turn();
    expect(codes).toEqual([]);
  });

  it.each<[string, (ready: Promise<void>) => unknown]>([
    ['`catch`', (ready) => ready.catch(() => undefined)],
    ['`then` with two handlers', (ready) => ready.then(undefined, () => undefined)],
    ['`Promise.all`', (ready) => Promise.all([ready]).catch(() => undefined)],
    ['`Promise.allSettled`', (ready) => Promise.allSettled([ready])],
    ['`finally` and `catch`', (ready) => ready.finally(() => undefined).catch(() => undefined)],
    ['`then` and `catch`', (ready) => ready.then(() => undefined).catch(() => undefined)],
  ])('by %s does not go to `error`', async (_, take) => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const unhandled = await unhandledDuring(async () => {
      take(stage.client.subscribe('a', () => undefined).ready);
      await turn();
      stage.wire().hello({ topics: { a: denied } });
    });
    expect([unhandled, codes]).toEqual([[], []]);
  });

  it('later still rejects', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const { ready } = stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect(codes).toEqual(['TOPIC_DENIED']);
    expect(await outcome(ready)).toBe('TOPIC_DENIED');
    expect(codes).toEqual(['TOPIC_DENIED']);
  });
});

describe('a chain without an end', () => {
  it.each<[string, (promise: Promise<unknown>) => unknown]>([
    ['`then` with one handler', (promise) => promise.then(() => undefined)],
    ['`finally`', (promise) => promise.finally(() => undefined)],
  ])('%s takes nothing: the rejection goes to `error` and not to the process', async (_, chain) => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const unhandled = await unhandledDuring(async () => {
      chain(stage.client.subscribe('a', () => undefined).ready);
      chain(stage.client.send('b', 1));
      await turn();
      stage.wire().hello({ topics: { a: denied } });
      await turn();
      stage.client.close();
    });
    expect(unhandled).toEqual([]);
    expect(codes.sort()).toEqual(['OUTCOME_UNKNOWN', 'TOPIC_DENIED']);
  });
});

describe('a callback of the application that throws where nobody catches', () => {
  const fault = new Error('a fault of the application');
  it.each<[string, object]>([
    ['with a handler', { message: () => undefined }],
    ['with an `error` of its own', { message: () => undefined, error: () => undefined }],
  ])('after `ready`, %s, is told and ends no process', async (_, options) => {
    const stage = createStage();
    const causes: unknown[] = [];
    stage.client.on('error', ({ code, cause }) => causes.push(code, cause));
    const unhandled = await unhandledDuring(async () => {
      stage.client.subscribe('a', options).ready.then(() => {
        throw fault;
      });
      await turn();
      stage.wire().hello();
    });
    expect(unhandled).toEqual([]);
    expect(causes).toEqual(['LISTENER_FAILED', fault]);
  });

  it('nothing at all is told and ends no process', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const unhandled = await unhandledDuring(async () => {
      stage.client.subscribe('a', () => undefined).ready.then(() => Promise.reject());
      await turn();
      stage.wire().hello();
    });
    expect(unhandled).toEqual([]);
    expect(codes).toEqual(['LISTENER_FAILED']);
  });
});

it('a chain gives what its callbacks give, and takes what they take', async () => {
  const stage = createStage();
  const codes = errorCodes(stage);
  const order: unknown[] = [];
  const { ready } = stage.client.subscribe('a', () => undefined);
  const chain = ready
    .then(() => order.push('ready'))
    .catch(({ code }: { code: string }) => {
      order.push(code);
      return Promise.resolve('recovered');
    })
    .finally(() => order.push('finally'))
    .then((value) => order.push(value));
  await turn();
  stage.wire().hello({ topics: { a: denied } });
  await chain;
  await turn();
  expect(order).toEqual(['TOPIC_DENIED', 'finally', 'recovered']);
  expect(codes).toEqual([]);
});

describe('a subscription that ends after it was ready', () => {
  it('goes to `error` of the client, also if `ready` was awaited', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const { ready } = stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().hello();
    await ready;
    await cut(stage);
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect(codes).toEqual(['TOPIC_DENIED']);
  });

  it('goes to `error` of the client once, if `ready` was not awaited', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().hello();
    await cut(stage);
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect(codes).toEqual(['TOPIC_DENIED']);
  });

  it('goes to its own `error` only, where there is one', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const own: string[] = [];
    stage.client.subscribe('a', { message: () => undefined, error: ({ code }) => own.push(code) });
    await turn();
    stage.wire().hello();
    await cut(stage);
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect([own, codes]).toEqual([['TOPIC_DENIED'], []]);
  });
});

describe('a rejection of `send`', () => {
  it('that nobody takes goes to `error` with its topic, and not to the process', async () => {
    const stage = await openStage();
    const seen: unknown[] = [];
    stage.client.on('error', ({ code, topic }) => seen.push([code, topic]));
    const unhandled = await unhandledDuring(async () => {
      stage.client.send('a', 1);
      await turn();
      stage.client.close();
    });
    expect(unhandled).toEqual([]);
    expect(seen).toEqual([['OUTCOME_UNKNOWN', 'a']]);
  });

  it.each<[string, (stage: ReturnType<typeof createStage>) => Promise<unknown>]>([
    ['volatile while nothing is open', ({ client }) => client.send('a', 1, { volatile: true })],
    ['into a full outbox', ({ client }) => client.send('a', 'x'.repeat(2_000))],
    ['with an aborted signal', ({ client }) => client.send('a', 1, { signal: AbortSignal.abort() })],
    [
      'on a closed client',
      ({ client }) => {
        client.open();
        client.close();
        return client.send('a', 1);
      },
    ],
  ])('that comes at once, %s, and is awaited at once, does not go to `error`', async (_, send) => {
    const stage = createStage({ outbox: { bytes: 1_000 } });
    const codes = errorCodes(stage);
    let caught: unknown;
    const awaiting = async (): Promise<void> => {
      try {
        await send(stage);
      } catch (error) {
        caught = error;
      }
    };
    await awaiting();
    await turn();
    expect(caught).toMatchObject({ name: 'HoldfastError' });
    expect(codes).toEqual([]);
  });

  it('that comes at once and is handed on by an async function does not go to `error`', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const handOn = async (): Promise<unknown> => stage.client.send('a', 1, { volatile: true });
    const caught = await handOn().catch((error: { code: string }) => error.code);
    await turn();
    expect([caught, codes]).toEqual(['NOT_SENT', []]);
  });

  it.each<[string, boolean]>([
    ['volatile', true],
    ['on a closed client', false],
  ])('that comes at once, %s, names its topic and that it was not applied', async (_, volatile) => {
    const stage = await openStage();
    stage.client.close();
    await turn();
    await expect(stage.client.send('a', 1, { volatile })).rejects.toMatchObject({
      topic: 'a',
      maybeApplied: false,
      retryable: true,
    });
  });
});

describe('a rejection of `next` that nobody takes', () => {
  it('goes to `error`, once, and not to the process', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const unhandled = await unhandledDuring(async () => {
      const subscription = stage.client.subscribe('a');
      subscription.next();
      await turn();
      stage.wire().hello({ topics: { a: denied } });
    });
    expect(unhandled).toEqual([]);
    expect(codes).toEqual(['TOPIC_DENIED']);
  });
});

it('what the server refuses as a whole is told to the client once, and to each subscription', async () => {
  const stage = createStage();
  const codes = errorCodes(stage);
  const own: string[] = [];
  const error = ({ code }: { code: string }): void => {
    own.push(code);
  };
  stage.client.subscribe('a', { message: () => undefined, error });
  stage.client.subscribe('b', { message: () => undefined, error });
  await turn();
  stage.wire().says({ type: 'error', code: 'FORBIDDEN', message: 'Go away' });
  await turn();
  expect(own).toEqual(['FORBIDDEN', 'FORBIDDEN']);
  expect(codes).toEqual(['FORBIDDEN']);
});
