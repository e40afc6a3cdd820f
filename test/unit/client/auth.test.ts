/** `auth`: a string or what gives one; asked before the first open, before it expires and after a refusal. */
import { describe, expect, it } from 'vitest';
import type { HoldfastError } from '../../../src/core/errors.ts';
import { createStage, errorCodes, openStage, outcome, type Stage, turn } from './stage.ts';

/** Gives `token-1`, `token-2` … and counts. */
function tokens(): { readonly give: () => Promise<string>; readonly count: () => number } {
  let count = 0;
  return { give: async () => `token-${++count}`, count: () => count };
}

async function connect(stage: Stage, hello = {}): Promise<void> {
  stage.client.open();
  await turn();
  stage.wire().hello(hello);
  await turn();
}

describe('the token', () => {
  it.each<[string, string | (() => string | PromiseLike<string>)]>([
    ['a string', 'secret'],
    ['a function', () => 'secret'],
    ['a promise', async () => 'secret'],
    [
      'anything with `then`',
      () => {
        // biome-ignore lint/suspicious/noThenProperty: foreign promises are thenables
        return { then: (give: (token: string) => void) => give('secret') } as PromiseLike<string>;
      },
    ],
  ])('as %s goes with the open, and never into the URL', async (_, auth) => {
    const stage = createStage({ auth });
    stage.client.open();
    await turn();
    expect(stage.wire().open.token).toBe('secret');
    expect(stage.wire().request.url).not.toContain('secret');
  });

  it('is waited for: nothing is opened without it', async () => {
    let give: (token: string) => void = () => undefined;
    const stage = createStage({
      auth: () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    });
    stage.client.subscribe('a');
    await stage.pass(30_000);
    expect(stage.wires).toEqual([]);
    expect(stage.client.status.state).toBe('connecting');
    give('late');
    await turn();
    expect(stage.wire().open.token).toBe('late');
  });

  it('is asked for once, not with each subscription nor with each reconnect', async () => {
    const { give, count } = tokens();
    const stage = createStage({ auth: give });
    stage.client.subscribe('a');
    await connect(stage);
    stage.client.subscribe('b');
    stage.wire().ends();
    await stage.pass(0);
    stage.wire().hello();
    await turn();
    expect(count()).toBe(1);
    expect(stage.wire().open.token).toBe('token-1');
  });

  it('is not asked for before something is wanted', async () => {
    const { give, count } = tokens();
    createStage({ auth: give });
    await turn();
    expect(count()).toBe(0);
  });

  it('is asked for again before it expires, and the new one moves the connection', async () => {
    const { give } = tokens();
    const stage = createStage({ auth: give });
    await connect(stage, { expiresInMs: 9_000 });
    await stage.pass(7_200);
    expect(stage.wire().open.token).toBe('token-2');
    expect(stage.wires[0]?.isOpen).toBe(true);
    stage.wire().hello({ expiresInMs: 9_000 });
    await turn();
    expect(stage.wires.map(({ isOpen }) => isOpen)).toEqual([false, true]);
    expect(stage.client.status.state).toBe('open');
  });

  it('is asked for again after a refusal', async () => {
    const { give } = tokens();
    const stage = createStage({ auth: give, backoff: { baseMs: 0, capMs: 0 } });
    const codes = errorCodes(stage);
    stage.client.open();
    await turn();
    stage.wire().says({ type: 'error', code: 'AUTH_FAILED', message: 'Expired' });
    await stage.pass(0);
    expect(stage.wire().open.token).toBe('token-2');
    expect(stage.client.status.lastError?.code).toBe('AUTH_FAILED');
    stage.wire().hello();
    await turn();
    expect(stage.client.status.state).toBe('open');
    expect(codes).toEqual([]);
  });

  it('that is refused again and again is asked for ever more slowly, and the application is told', async () => {
    const { give, count } = tokens();
    const stage = createStage({ auth: give });
    const codes = errorCodes(stage);
    stage.client.open();
    await turn();
    for (let i = 0; i < 6; i++) {
      stage.wire().says({ type: 'error', code: 'AUTH_FAILED', message: 'No' });
      await stage.pass(10_000);
    }
    expect(count()).toBeGreaterThan(2);
    expect(codes).toContain('AUTH_FAILED');
    const asked = count();
    stage.wire().says({ type: 'error', code: 'AUTH_FAILED', message: 'No' });
    await stage.pass(500);
    expect(count()).toBe(asked);
  });
});

describe('an `auth` that fails', () => {
  const fault = new Error('no network');
  it.each<[string, () => string | PromiseLike<string>, unknown]>([
    [
      'throws',
      () => {
        throw fault;
      },
      fault,
    ],
    ['rejects', () => Promise.reject(fault), fault],
    ['gives undefined', () => undefined as unknown as string, expect.objectContaining({ code: 'MISUSE' })],
    ['gives null', () => null as unknown as string, expect.objectContaining({ code: 'MISUSE' })],
    ['promises a number', async () => 7 as unknown as string, expect.objectContaining({ code: 'MISUSE' })],
    ['gives an object', () => ({}) as unknown as string, expect.anything()],
  ])('as it %s is told with its cause, and asked again', async (_, auth, cause) => {
    const errors: HoldfastError[] = [];
    let count = 0;
    const stage = createStage({
      auth: () => {
        count++;
        return count > 2 ? 'good' : auth();
      },
    });
    stage.client.on('error', (error) => errors.push(error));
    stage.client.open();
    await turn();
    expect(errors).toMatchObject([{ code: 'AUTH_UNAVAILABLE', cause, retryable: true }]);
    expect(stage.client.status).toMatchObject({
      state: 'connecting',
      lastError: { code: 'AUTH_UNAVAILABLE' },
    });
    expect(stage.wires).toEqual([]);
    await stage.pass(60_000);
    expect(errors).toHaveLength(2);
    expect(stage.wires[0]?.open.token).toBe('good');
  });

  it('leaves a connection that works alone', async () => {
    let count = 0;
    const stage = createStage({
      auth: () => {
        if (++count > 1) throw fault;
        return 'good';
      },
    });
    const codes = errorCodes(stage);
    await connect(stage, { expiresInMs: 9_000, heartbeatMs: 100_000 });
    await stage.pass(8_000);
    expect(codes).toContain('AUTH_UNAVAILABLE');
    expect(stage.client.status.state).toBe('open');
  });

  it('is asked no more once the client is closed', async () => {
    let count = 0;
    const stage = createStage({
      auth: () => {
        count++;
        throw fault;
      },
    });
    stage.client.on('error', () => undefined);
    stage.client.open();
    await turn();
    stage.client.close();
    const asked = count;
    await stage.pass(120_000);
    expect([count, stage.timers.length]).toEqual([asked, 0]);
  });
});

describe('`reauthenticate`', () => {
  it('asks again and moves to the new identity', async () => {
    const { give } = tokens();
    const stage = createStage({ auth: give });
    await connect(stage, { identity: 'first' });
    stage.client.reauthenticate();
    await turn();
    expect(stage.wire().open.token).toBe('token-2');
    expect(stage.client.status.state).toBe('open');
    stage.wire().hello({ identity: 'second' });
    await turn();
    expect(stage.wires.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  });

  it('does not send the former user’s words in the name of the new one', async () => {
    const { give } = tokens();
    const stage = createStage({ auth: give });
    await connect(stage, { identity: 'first' });
    stage.wire().ends();
    await turn();
    const sent = stage.client.send('a', 'mine');
    stage.client.reauthenticate();
    await stage.pass(0);
    await turn();
    stage.wire().hello({ identity: 'second' });
    expect(await outcome(sent)).toBe('IDENTITY_CHANGED');
    expect(stage.wire().said.filter(({ type }) => type === 'send')).toEqual([]);
  });

  it('lets a slow answer to the former question count no more', async () => {
    const questions: ((token: string) => void)[] = [];
    const stage = createStage({
      auth: () =>
        new Promise((resolve) => {
          questions.push(resolve);
        }),
    });
    stage.client.open();
    await turn();
    stage.client.reauthenticate();
    await turn();
    expect(questions).toHaveLength(2);
    questions[1]?.('new user');
    await turn();
    stage.wire().hello();
    await turn();
    questions[0]?.('old user');
    await turn();
    expect(stage.wire().open.token).toBe('new user');
    expect(stage.wires).toHaveLength(1);
  });

  it('never opens with the former token once it was called', async () => {
    const questions: ((token: string) => void)[] = [];
    const stage = createStage({
      auth: () =>
        new Promise((resolve) => {
          questions.push(resolve);
        }),
    });
    stage.client.open();
    await turn();
    stage.client.reauthenticate();
    await turn();
    questions[0]?.('old user');
    await turn();
    questions[1]?.('new user');
    await turn();
    expect(stage.wires.map(({ open }) => open.token)).toEqual(['new user']);
  });
});

it('without `auth` no token travels', async () => {
  const stage = await openStage();
  expect('token' in stage.wire().open).toBe(false);
});
