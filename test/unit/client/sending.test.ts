/** What `send` promises: the data as it was at the call, one answer, and a rejection that says whether it may have been applied. */
import { getEventListeners } from 'node:events';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { nodeRuntime } from '../../../src/runtime/node.ts';
import { ack, createStage, cut, openStage, outcome, sendsOn, thrownBy, turn } from './stage.ts';

describe('what several tasks send', () => {
  const tasks = async (stage: Awaited<ReturnType<typeof openStage>>): Promise<void> => {
    for (const n of [1, 2]) setImmediate(() => void stage.client.send('a', n));
    await turn();
    await turn();
  };

  it('goes in one write where the runtime knows when they have run', async () => {
    const stage = await openStage({ gather: nodeRuntime().gather as (run: () => void) => void });
    await tasks(stage);
    expect(stage.wire().outgoing).toHaveLength(1);
    expect(sendsOn(stage.wire()).map(({ data }) => data)).toEqual([1, 2]);
  });

  it('goes at the end of each elsewhere', async () => {
    const stage = await openStage();
    await tasks(stage);
    expect(stage.wire().outgoing).toHaveLength(2);
  });
});

describe('an answer', () => {
  it('resolves with the reply', async () => {
    const stage = await openStage();
    const sent = stage.client.send('a', { text: 'hi' });
    await turn();
    expect(sendsOn(stage.wire())).toEqual([{ type: 'send', seq: 1, topic: 'a', data: { text: 'hi' } }]);
    stage.wire().says(ack(1, { id: 7 }));
    expect(await sent).toEqual({ id: 7 });
  });

  it('may be bytes, as text and natively', async () => {
    const stage = await openStage();
    const sent = [stage.client.send('a', 1), stage.client.send('a', 2)];
    await turn();
    stage.wire().says({ type: 'ack', seq: 1, base64: 'AQID' });
    stage.wire().saysBytes({ type: 'ack', seq: 2 }, Uint8Array.of(4, 10, 5));
    expect(await Promise.all(sent)).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 10, 5)]);
  });

  it('may be nothing', async () => {
    const stage = await openStage();
    const sent = stage.client.send('a', 1);
    await turn();
    stage.wire().says({ type: 'ack', seq: 1 });
    expect(await sent).toBeUndefined();
  });

  it('with an error rejects with the code of the server, or of its handler', async () => {
    const stage = await openStage();
    const one = stage.client.send('a', 1);
    const other = stage.client.send('a', 2);
    await turn();
    stage
      .wire()
      .says({ type: 'ack', seq: 1, error: { code: 'NO_HANDLER', message: 'None', applied: false } });
    stage.wire().says({ type: 'ack', seq: 2, error: { code: 'SOLD_OUT', message: 'Sorry', applied: true } });
    await expect(one).rejects.toMatchObject({ code: 'NO_HANDLER', topic: 'a', maybeApplied: false });
    await expect(other).rejects.toMatchObject({ code: 'SOLD_OUT', topic: 'a', maybeApplied: true });
  });

  it('that comes twice settles it once', async () => {
    const stage = await openStage();
    const sent = stage.client.send('a', 1);
    await turn();
    stage.wire().says(ack(1, 'first'), ack(1, 'second'));
    expect(await sent).toBe('first');
    expect(stage.reports).toEqual([]);
  });

  it('is waited for over a cut: the send is repeated under its number', async () => {
    const stage = await openStage();
    const sent = stage.client.send('a', 1);
    await turn();
    await cut(stage);
    stage.wire().hello();
    await turn();
    expect(sendsOn(stage.wire())).toEqual([{ type: 'send', seq: 1, topic: 'a', data: 1 }]);
    stage.wire().says(ack(1, 'done'));
    expect(await sent).toBe('done');
  });

  it('on a one-way transport comes with the answer of the POST', async () => {
    const stage = await openStage({ transports: ['http-stream'] });
    const sent = stage.client.send('a', 1);
    await turn();
    expect(sendsOn(stage.wire())).toHaveLength(1);
    stage.wire().says(ack(1, 'done'));
    stage.wire().posted();
    expect(await sent).toBe('done');
  });
});

describe('sends', () => {
  it('of one task travel together, in order', async () => {
    const stage = await openStage();
    const sent = [1, 2, 3].map((data) => stage.client.send('a', data));
    await turn();
    expect(stage.wire().outgoing).toHaveLength(1);
    expect(sendsOn(stage.wire()).map(({ seq, data }) => [seq, data])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    stage.wire().says(ack(3, 'c'), ack(1, 'a'), ack(2, 'b'));
    expect(await Promise.all(sent)).toEqual(['a', 'b', 'c']);
  });

  it('wait while there is no connection', async () => {
    const stage = createStage();
    const sent = stage.client.send('a', 1);
    await turn();
    expect(await outcome(sent)).toBe('pending');
    stage.wire().hello();
    await turn();
    stage.wire().says(ack(1));
    expect(await outcome(sent)).toEqual({ value: undefined });
  });
});

describe('the data', () => {
  it('travels as it was at the call', async () => {
    const stage = await openStage();
    const data = { list: [1], at: new Date(0) };
    stage.client.send('a', data).catch(() => undefined);
    data.list.push(2);
    await turn();
    expect(sendsOn(stage.wire())[0]?.data).toEqual({ list: [1], at: '1970-01-01T00:00:00.000Z' });
  });

  it.each([[null], [false], [0], [''], ['grün 🙂\n'], [[]], [{ a: { b: [null] } }]])(
    '%j travels',
    async (data) => {
      const stage = await openStage();
      stage.client.send('a', data).catch(() => undefined);
      await turn();
      expect(sendsOn(stage.wire())[0]?.data).toEqual(data);
    },
  );

  const circular: { self?: unknown } = {};
  circular.self = circular;
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a circle', circular],
    ['a BigInt', 1n],
    ['a BigInt inside', { deep: [1n] }],
    [
      'what throws as it is written',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
  ])('%s is misuse, at once', async (_, data) => {
    const stage = await openStage();
    expect(thrownBy(() => stage.client.send('a', data))?.code).toBe('MISUSE');
    await turn();
    expect(stage.wire().said).toEqual([]);
    expect(stage.client.status.pending).toBe(0);
  });

  it('as bytes is copied, and travels natively where it can', async () => {
    const stage = await openStage();
    const whole = Uint8Array.of(0, 1, 2, 3, 0);
    const buffer = Uint8Array.of(7, 8).buffer;
    stage.client.send('a', whole.subarray(1, 4)).catch(() => undefined);
    stage.client.send('a', buffer).catch(() => undefined);
    stage.client.send('a', Buffer.from([9, 10])).catch(() => undefined);
    stage.client.send('a', new Uint8Array(0)).catch(() => undefined);
    whole.fill(99);
    new Uint8Array(buffer).fill(99);
    await turn();
    expect(sendsOn(stage.wire()).map(({ data }) => Array.from(data as Uint8Array))).toEqual([
      [1, 2, 3],
      [7, 8],
      [9, 10],
      [],
    ]);
  });

  it('as bytes is copied, and travels as base64 elsewhere', async () => {
    const stage = await openStage({ transports: ['http-stream'] });
    const bytes = Uint8Array.of(1, 2, 3);
    stage.client.send('a', bytes).catch(() => undefined);
    bytes.fill(99);
    await turn();
    expect(stage.wire().said[0]).toMatchObject({ type: 'send', base64: 'AQID' });
  });

  it('as bytes of another realm, such as a frame or a virtual machine, are bytes too', async () => {
    const stage = await openStage();
    stage.client.send('a', runInNewContext('new Uint8Array([1, 2])')).catch(() => undefined);
    stage.client.send('a', runInNewContext('new Uint8Array([3, 4]).buffer')).catch(() => undefined);
    await turn();
    const sent = sendsOn(stage.wire()).map(({ data }) => data);
    expect(sent).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3, 4)]);
  });

  it.each<[string, unknown]>([
    ['DataView', new DataView(new ArrayBuffer(2))],
    ['Float32Array', Float32Array.of(1.5)],
  ])(
    'as another view of bytes, a %s, is misuse: as JSON it would be an empty or a strange object',
    (_, data) => {
      const stage = createStage();
      expect(thrownBy(() => stage.client.send('a', data))?.code).toBe('MISUSE');
    },
  );

  it('that is larger than the server takes is told as such, and what comes after it goes on', async () => {
    const stage = await openStage({}, {
      limits: { frameBytes: 500, topics: 10, window: 10, batchBytes: 5_000 },
    } as never);
    const large = stage.client.send('a', 'x'.repeat(1_000));
    const small = stage.client.send('a', 'y');
    expect(await outcome(large)).toBe('SEND_TOO_LARGE');
    stage.wire().says(ack(1, 'ok'));
    expect(await small).toBe('ok');
  });
});

describe('a time-out', () => {
  it('before it was sent is certain', async () => {
    const stage = createStage();
    const sent = stage.client.send('a', 1, { timeoutMs: 500 });
    sent.catch(() => undefined);
    await stage.pass(499);
    expect(await outcome(sent)).toBe('pending');
    await stage.pass(1);
    await expect(sent).rejects.toMatchObject({ code: 'NOT_SENT', topic: 'a', maybeApplied: false });
    expect(stage.client.status.pending).toBe(0);
  });

  it('after it was sent is not', async () => {
    const stage = await openStage();
    const sent = stage.client.send('a', 1, { timeoutMs: 500 });
    sent.catch(() => undefined);
    await stage.pass(500);
    await expect(sent).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', topic: 'a', maybeApplied: true });
    stage.wire().says(ack(1, 'late'));
    await turn();
    expect(stage.reports).toEqual([]);
  });

  it('is a minute by default', async () => {
    const stage = createStage();
    const sent = stage.client.send('a', 1);
    sent.catch(() => undefined);
    await stage.pass(59_000);
    expect(await outcome(sent)).toBe('pending');
    await stage.pass(1_000);
    expect(await outcome(sent)).toBe('NOT_SENT');
  });

  it('may be endless', async () => {
    const stage = createStage();
    const sent = stage.client.send('a', 1, { timeoutMs: Number.POSITIVE_INFINITY });
    await stage.pass(120_000);
    expect(await outcome(sent)).toBe('pending');
  });

  it.each([[Number.NaN], ['5']])('of %j is misuse', (timeoutMs) => {
    const stage = createStage();
    expect(thrownBy(() => stage.client.send('a', 1, { timeoutMs: timeoutMs as number }))?.code).toBe(
      'MISUSE',
    );
  });
});

describe('a signal', () => {
  it('gives up what was not sent, for certain', async () => {
    const stage = createStage();
    const control = new AbortController();
    const sent = stage.client.send('a', 1, { signal: control.signal });
    await turn();
    control.abort();
    expect(await outcome(sent)).toBe('NOT_SENT');
    stage.wire().hello();
    await turn();
    expect(sendsOn(stage.wire())).toEqual([]);
    expect(getEventListeners(control.signal, 'abort')).toEqual([]);
  });

  it('gives up what was sent, its outcome unknown', async () => {
    const stage = await openStage();
    const control = new AbortController();
    const sent = stage.client.send('a', 1, { signal: control.signal });
    await turn();
    control.abort();
    expect(await outcome(sent)).toBe('OUTCOME_UNKNOWN');
    expect(getEventListeners(control.signal, 'abort')).toEqual([]);
  });

  it('that has aborted already: nothing is sent', async () => {
    const stage = await openStage();
    const signal = AbortSignal.abort();
    expect(await outcome(stage.client.send('a', 1, { signal }))).toBe('NOT_SENT');
    expect(stage.wire().said).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('that has aborted already: nothing volatile is sent either', async () => {
    const stage = await openStage();
    const signal = AbortSignal.abort();
    expect(await outcome(stage.client.send('a', 1, { signal, volatile: true }))).toBe('NOT_SENT');
    expect(stage.wire().said).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is let go when the answer comes, and when there is none to come', async () => {
    const stage = await openStage({ outbox: { sends: 2 } });
    const { signal } = new AbortController();
    const answered = stage.client.send('a', 1, { signal });
    const timedOut = stage.client.send('a', 2, { signal, timeoutMs: 10 });
    const full = stage.client.send('a', 3, { signal });
    const volatile = stage.client.send('a', 4, { signal, volatile: true });
    expect(await outcome(full)).toBe('OUTBOX_FULL');
    expect(await outcome(volatile)).toEqual({ value: undefined });
    stage.wire().says(ack(1));
    expect(await outcome(answered)).toEqual({ value: undefined });
    const late = outcome(timedOut);
    await stage.pass(10);
    await late;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('that aborts after the answer changes nothing', async () => {
    const stage = await openStage();
    const control = new AbortController();
    const sent = stage.client.send('a', 1, { signal: control.signal });
    await turn();
    stage.wire().says(ack(1, 'done'));
    await turn();
    control.abort();
    expect(await sent).toBe('done');
  });
});

describe('a volatile send', () => {
  it('is transmitted without a number, and resolves with nothing', async () => {
    const stage = await openStage();
    expect(await outcome(stage.client.send('a', { x: 1 }, { volatile: true }))).toEqual({ value: undefined });
    expect(stage.wire().said).toEqual([{ type: 'send', topic: 'a', data: { x: 1 } }]);
    expect(stage.client.status.pending).toBe(0);
  });

  it('while nothing is open is not sent, and not later either', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    expect(await outcome(stage.client.send('a', 1, { volatile: true }))).toBe('NOT_SENT');
    stage.wire().hello();
    await turn();
    expect(stage.wire().said).toEqual([]);
  });

  it('is not repeated on another connection', async () => {
    const stage = await openStage();
    await stage.client.send('a', 1, { volatile: true });
    await cut(stage);
    stage.wire().hello();
    await turn();
    expect(stage.wire().said).toEqual([]);
  });

  it('may carry bytes', async () => {
    const stage = await openStage();
    await stage.client.send('a', Uint8Array.of(1), { volatile: true });
    expect(sendsOn(stage.wire())).toEqual([{ type: 'send', topic: 'a', data: Uint8Array.of(1) }]);
  });

  it('does not wait for a POST that is under way', async () => {
    const stage = await openStage({ transports: ['http-stream'] });
    stage.client.send('a', 1).catch(() => undefined);
    await turn();
    expect(await outcome(stage.client.send('a', 2, { volatile: true }))).toBe('NOT_SENT');
    expect(sendsOn(stage.wire())).toHaveLength(1);
  });
});

describe('limits', () => {
  it('one send more than the outbox holds is rejected, the others are kept', async () => {
    const stage = createStage({ outbox: { sends: 2 } });
    const sent = [1, 2, 3].map((data) => stage.client.send('a', data));
    expect(await Promise.all(sent.map(outcome))).toEqual(['pending', 'pending', 'OUTBOX_FULL']);
    expect(stage.client.status.pending).toBe(2);
  });

  it('and so is one byte more', async () => {
    const stage = createStage({ outbox: { bytes: 3_000 } });
    const sent = [1, 2].map(() => stage.client.send('a', 'x'.repeat(2_000)));
    expect(await Promise.all(sent.map(outcome))).toEqual(['pending', 'OUTBOX_FULL']);
  });

  it('what was answered makes room', async () => {
    const stage = await openStage({ outbox: { sends: 1 } });
    const first = stage.client.send('a', 1);
    await turn();
    stage.wire().says(ack(1));
    await first;
    const second = stage.client.send('a', 2);
    expect(await outcome(second)).toBe('pending');
  });

  it('a rejection for want of room may be tried again', async () => {
    const stage = createStage({ outbox: { sends: 0 } });
    await expect(stage.client.send('a', 1)).rejects.toMatchObject({ retryable: true, maybeApplied: false });
  });
});

describe('`close`', () => {
  it('settles what waits: what was never sent for certain, what was sent not', async () => {
    const waiting = createStage();
    const unsent = waiting.client.send('a', 1);
    await turn();
    waiting.client.close();
    expect(await outcome(unsent)).toBe('CLOSED');

    const stage = await openStage();
    const sent = stage.client.send('a', 1);
    await turn();
    stage.client.close();
    expect(await outcome(sent)).toBe('OUTCOME_UNKNOWN');
    expect(stage.client.status.pending).toBe(0);
  });

  it('rejects all sends until `open`', async () => {
    const stage = await openStage();
    stage.client.close();
    await turn();
    expect(await outcome(stage.client.send('a', 1))).toBe('CLOSED');
    stage.client.open();
    const sent = stage.client.send('a', 2);
    await turn();
    stage.wire().hello();
    await turn();
    const [only] = sendsOn(stage.wire());
    expect(only).toMatchObject({ data: 2 });
    stage.wire().says(ack(only?.seq ?? 0, 'ok'));
    expect(await sent).toBe('ok');
  });

  it('in the task of the send rejects it', async () => {
    const stage = await openStage();
    const sent = stage.client.send('a', 1);
    stage.client.close();
    expect(await outcome(sent)).toBe('CLOSED');
    expect(sendsOn(stage.wires[0] as never)).toEqual([]);
  });
});

it('a server that has forgotten what was sent leaves its outcome unknown, and takes what was not', async () => {
  const stage = await openStage();
  const sent = stage.client.send('a', 1);
  sent.catch(() => undefined);
  await turn();
  stage.wire().ends();
  const unsent = stage.client.send('a', 2);
  await stage.pass(0);
  stage.wire().hello({ sends: 'n2' });
  await turn();
  expect(await outcome(sent)).toBe('OUTCOME_UNKNOWN');
  expect(sendsOn(stage.wire())).toEqual([{ type: 'send', seq: 1, topic: 'a', data: 2 }]);
  stage.wire().says(ack(1, 'ok'));
  expect(await unsent).toBe('ok');
});
