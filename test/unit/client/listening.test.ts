/** Listeners: each for itself. What one of them throws harms neither the others nor the client, and is told. */
import { describe, expect, it } from 'vitest';
import type { HoldfastError } from '../../../src/core/errors.ts';
import { createStage, denied, errorCodes, gap, message, openStage, turn } from './stage.ts';

const fault = new Error('a fault of the application');
const fail = (): never => {
  throw fault;
};

describe('`on`', () => {
  it('returns what removes the listener; twice is harmless', async () => {
    const stage = createStage();
    const seen: string[] = [];
    const off = stage.client.on('status', () => seen.push('first'));
    stage.client.on('status', () => seen.push('second'));
    off();
    off();
    stage.client.open();
    await turn();
    expect(new Set(seen)).toEqual(new Set(['second']));
  });

  it('the same function twice is called twice, and each is removed by its own', async () => {
    const stage = createStage();
    const seen: string[] = [];
    const listener = ({ code }: HoldfastError): void => {
      seen.push(code);
    };
    const off = stage.client.on('error', listener);
    stage.client.on('error', listener);
    stage.client.subscribe('a', () => undefined);
    stage.client.subscribe('b', () => undefined);
    off();
    off();
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect(seen).toEqual(['TOPIC_DENIED']);
  });

  it('an `error` listener that was removed twice does not hide the next error', async () => {
    const stage = createStage();
    const off = stage.client.on('error', () => undefined);
    off();
    off();
    const codes = errorCodes(stage);
    stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    await turn();
    expect([codes, stage.reports]).toEqual([['TOPIC_DENIED'], []]);
  });

  it('a listener may remove itself, and others are still called', async () => {
    const stage = await openStage();
    const seen: string[] = [];
    const off = stage.client.on('gap', () => {
      seen.push('once');
      off();
    });
    stage.client.on('gap', () => seen.push('always'));
    stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().says({ type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '0' }] });
    stage.wire().says(gap('a', 3), message('a', 4), gap('a', 6));
    await turn();
    expect(seen).toEqual(['once', 'always', 'always']);
  });

  it('`trace` tells the life of the connections', async () => {
    const stage = createStage();
    const seen: string[] = [];
    stage.client.on('trace', ({ type, transport }) => seen.push(`${type} ${transport ?? ''}`.trim()));
    stage.client.open();
    await turn();
    stage.wire().hello();
    await turn();
    stage.client.close();
    await turn();
    expect(seen).toEqual([
      'attempt websocket',
      'state',
      'hello websocket',
      'promoted websocket',
      'state',
      'closed websocket',
      'state',
    ]);
  });
});

describe('a listener that throws', () => {
  it('as a handler of messages: the others are still called, and so is it with the next message', async () => {
    const stage = createStage();
    const seen: string[] = [];
    const errors: HoldfastError[] = [];
    stage.client.on('error', (error) => errors.push(error));
    stage.client.subscribe('a', ({ data }) => {
      seen.push(`first ${data}`);
      fail();
    });
    stage.client.subscribe('a', ({ data }) => seen.push(`second ${data}`));
    stage.client.subscribe('b', ({ data }) => seen.push(`b ${data}`));
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1), message('b', 2), message('a', 3));
    await turn();
    expect(seen).toEqual(['first 1', 'second 1', 'b 2', 'first 3', 'second 3']);
    expect(errors).toMatchObject([
      { code: 'LISTENER_FAILED', cause: fault },
      { code: 'LISTENER_FAILED', cause: fault },
    ]);
    expect(stage.client.status.state).toBe('open');
  });

  it.each(['status', 'gap', 'trace'] as const)('of `%s`: the others are still called', async (event) => {
    const stage = createStage();
    const codes = errorCodes(stage);
    let calls = 0;
    stage.client.on(event, fail);
    stage.client.on(event, () => {
      calls++;
    });
    stage.client.subscribe('a', () => undefined);
    await turn();
    stage.wire().hello();
    stage.wire().says(gap('a', 3));
    await turn();
    expect(calls).toBeGreaterThan(0);
    expect(codes).toEqual(Array.from({ length: calls }, () => 'LISTENER_FAILED'));
    expect(stage.client.status.state).toBe('open');
  });

  it('as `gap` or `error` of a subscription is told', async () => {
    const stage = createStage();
    const codes = errorCodes(stage);
    const seen: unknown[] = [];
    const { ready } = stage.client.subscribe('a', { message: () => undefined, error: fail });
    ready.catch(() => undefined);
    stage.client.subscribe('b', { message: ({ data }) => seen.push(data), gap: fail });
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    stage.wire().says(gap('b', 3), message('b', 4));
    await turn();
    expect(codes).toEqual(['LISTENER_FAILED', 'LISTENER_FAILED']);
    expect(seen).toEqual([4]);
  });

  it('of `error` ends nothing and is not asked about its own: it goes to the runtime', async () => {
    const stage = createStage();
    let calls = 0;
    stage.client.on('error', () => {
      calls++;
      fail();
    });
    const codes = errorCodes(stage);
    const seen: unknown[] = [];
    stage.client.subscribe('a', () => undefined);
    stage.client.subscribe('b', ({ data }) => seen.push(data));
    await turn();
    stage.wire().hello({ topics: { a: denied } });
    stage.wire().says(message('b', 1));
    await turn();
    expect([calls, codes, seen]).toEqual([1, ['TOPIC_DENIED'], [1]]);
    expect(stage.reports).toEqual([fault]);
  });

  it('and nobody listens for errors: it goes to the runtime', async () => {
    const stage = createStage();
    stage.client.subscribe('a', fail);
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1));
    await turn();
    expect(stage.reports).toMatchObject([{ code: 'LISTENER_FAILED', cause: fault }]);
  });
});

describe('from within a listener', () => {
  it('everything may be called', async () => {
    const stage = createStage();
    const seen: string[] = [];
    stage.client.on('error', ({ code }) => seen.push(code));
    const subscription = stage.client.subscribe('a', () => {
      seen.push('a');
      stage.client.subscribe('b', () => seen.push('b'));
      stage.client.send('c', 1);
      subscription.unsubscribe();
    });
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1));
    await turn();
    expect(stage.wire().said).toEqual([
      { type: 'unsubscribe', topics: ['a'] },
      { type: 'subscribe', request: 1, topics: [{ topic: 'b', new: true }] },
      { type: 'send', seq: 1, topic: 'c', data: 1 },
    ]);
    expect(seen).toEqual(['a']);
  });

  it('`close` loses none of the messages that came with it, and `open` repeats none', async () => {
    const stage = createStage();
    const seen: unknown[] = [];
    stage.client.subscribe('a', ({ data }) => {
      seen.push(data);
      if (data === 1) stage.client.close();
    });
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1), message('a', 2));
    await turn();
    stage.client.open();
    await turn();
    stage.wire().hello({ at: 3 });
    const asked = Number(stage.wire().open.cursor?.split('.')[1]);
    stage.wire().says(...[1, 2, 3].filter((offset) => offset > asked).map((offset) => message('a', offset)));
    await turn();
    expect(seen).toEqual([1, 2, 3]);
  });

  it('handles may be added and removed while a message is told', async () => {
    const stage = createStage();
    const seen: string[] = [];
    let more = true;
    stage.client.subscribe('a', ({ data }) => {
      seen.push(`first ${data}`);
      second.unsubscribe();
      if (more) stage.client.subscribe('a', (one) => seen.push(`third ${one.data}`));
      more = false;
    });
    const second = stage.client.subscribe('a', ({ data }) => seen.push(`second ${data}`));
    await turn();
    stage.wire().hello();
    stage.wire().says(message('a', 1), message('a', 2));
    await turn();
    expect(seen).toEqual(['first 1', 'first 2', 'third 2']);
  });
});
