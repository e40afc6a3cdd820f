/** `status`: a snapshot that never changes, the same object until something does, and legal from one to the next. */
import { describe, expect, it } from 'vitest';
import type { Status } from '../../../src/client-types.ts';
import type { State } from '../../../src/core/model.ts';
import { ack, createStage, cut, message, openStage, type Stage, turn } from './stage.ts';

/** Every snapshot that was told, each beside a copy of what it said then. */
function watch(stage: Stage): { readonly told: Status[]; readonly copies: Status[] } {
  const told: Status[] = [];
  const copies: Status[] = [];
  stage.client.on('status', (status) => {
    told.push(status);
    copies.push({ ...status });
  });
  return { told, copies };
}

const statesOf = (statuses: readonly Status[]): State[] =>
  statuses.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]);

describe('the object', () => {
  it('is the same until something changes', async () => {
    const stage = await openStage();
    const { told } = watch(stage);
    const before = stage.client.status;
    expect(stage.client.status).toBe(before);
    stage.client.subscribe('a', () => undefined);
    await turn();
    stage
      .wire()
      .says({ type: 'subscribed', request: 1, topics: [{ topic: 'a', start: '0' }] }, message('a', 1));
    stage.wire().says({ type: 'ping', cursor: 'aaaaaaaaaaa.1' });
    stage.client.open();
    await turn();
    await stage.pass(5_000);
    expect(stage.client.status).toBe(before);
    expect(told).toEqual([]);
  });

  it('is another one when something changes, told once for each, and never changes itself', async () => {
    const stage = createStage();
    const { told, copies } = watch(stage);
    const first = stage.client.status;
    const copy = { ...first };
    stage.client.subscribe('a', () => undefined);
    stage.client.send('a', 1).catch(() => undefined);
    await turn();
    stage.wire().hello();
    await turn();
    stage.wire().says(ack(1));
    await cut(stage);
    stage.client.close();
    await turn();
    expect(first).toEqual(copy);
    expect(told).toEqual(copies);
    expect(new Set(told).size).toBe(told.length);
    told.forEach((status, i) => {
      if (i > 0) expect(status).not.toEqual(told[i - 1]);
    });
  });

  it('is what `client.status` is when it is told', async () => {
    const stage = createStage();
    const seen: boolean[] = [];
    stage.client.on('status', (status) => seen.push(status === stage.client.status));
    stage.client.open();
    await turn();
    stage.wire().hello();
    await turn();
    stage.client.close();
    await turn();
    expect(seen.length).toBeGreaterThan(2);
    expect(new Set(seen)).toEqual(new Set([true]));
  });

  it('is kept while an attempt is waited for', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    stage.wire().ends({ kind: 'status', status: 503 });
    await turn();
    const before = stage.client.status;
    stage.client.subscribe('a', () => undefined);
    stage.tell('hidden');
    await turn();
    expect(stage.client.status).toBe(before);
  });
});

describe('the state', () => {
  it('goes from idle over connecting to open, reconnecting, open, closed', async () => {
    const stage = createStage();
    const { told } = watch(stage);
    expect(stage.client.status.state).toBe('idle');
    stage.client.open();
    await turn();
    stage.wire().hello();
    await turn();
    await cut(stage);
    stage.wire().hello();
    await turn();
    stage.client.close();
    await turn();
    expect(statesOf(told)).toEqual(['connecting', 'open', 'reconnecting', 'open', 'closed']);
  });

  it('is connecting again after close and open', async () => {
    const stage = await openStage();
    const { told } = watch(stage);
    stage.client.close();
    await turn();
    stage.client.open();
    await turn();
    stage.wire().hello();
    await turn();
    expect(statesOf(told)).toEqual(['closed', 'connecting', 'open']);
  });

  it('is suspended while the page is, and comes back', async () => {
    const stage = await openStage();
    const { told } = watch(stage);
    stage.tell('suspended');
    await turn();
    expect(stage.wire().isOpen).toBe(false);
    stage.tell('resumed');
    await turn();
    stage.wire().hello();
    await turn();
    expect(statesOf(told)).toEqual(['suspended', 'reconnecting', 'open']);
  });

  it('is offline only if an attempt failed as well', async () => {
    const stage = await openStage();
    stage.tell('offline');
    await turn();
    expect(stage.client.status.state).toBe('open');
    await cut(stage);
    expect(stage.client.status.state).toBe('offline');
    stage.tell('online');
    await turn();
    stage.wire().hello();
    await turn();
    expect(stage.client.status.state).toBe('open');
  });

  it('says since when', async () => {
    const stage = createStage();
    stage.client.open();
    await stage.pass(100);
    expect(stage.client.status.since).toBe(stage.wall() - 100);
    stage.wire().hello();
    await turn();
    expect(stage.client.status.since).toBe(stage.wall());
    const opened = stage.wall();
    await stage.pass(1_000);
    stage.client.send('a', 1).catch(() => undefined);
    await turn();
    expect(stage.client.status).toMatchObject({ state: 'open', since: opened, pending: 1 });
  });
});

describe('what else it tells', () => {
  it('the transport in use and why, the client’s id, what is resumed', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    expect(stage.client.status).toMatchObject({ transport: undefined, why: undefined });
    stage.wire().hello();
    await turn();
    expect(stage.client.status).toMatchObject({
      transport: 'websocket',
      why: 'best of those listed',
      client: stage.wire().open.client,
      resume: 'full',
      attempt: 0,
      lastError: undefined,
    });
    expect(stage.client.status.client).toMatch(/^[\w-]{22}$/);
  });

  it('the id once it has connected, not before', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    expect(stage.client.status.client).toBeUndefined();
    stage.wire().hello();
    await turn();
    expect(stage.client.status.client).toBe(stage.wire().open.client);
    await cut(stage);
    expect(stage.client.status.client).toBe(stage.wire().open.client);
  });

  it('the id is public, and not the key', async () => {
    const stage = await openStage();
    const { client, key } = stage.wire().open;
    expect(client).not.toBe(key);
    expect(stage.wire().request.url).toContain(client);
    expect(stage.wire().request.url).not.toContain(key);
  });

  it('the moment of the next attempt, while one is waited for', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    expect(stage.client.status.nextAttemptAt).toBeUndefined();
    stage.wire().ends({ kind: 'status', status: 503 });
    await turn();
    const { nextAttemptAt = 0, attempt } = stage.client.status;
    expect(nextAttemptAt).toBeGreaterThan(stage.wall());
    expect(nextAttemptAt).toBeLessThanOrEqual(stage.wall() + 2_000);
    expect(attempt).toBeGreaterThan(0);
    await stage.pass(nextAttemptAt - stage.wall() - 2);
    expect(stage.wires).toHaveLength(1);
    await stage.pass(4);
    expect(stage.wires).toHaveLength(2);
    expect(stage.client.status.nextAttemptAt).toBeUndefined();
  });

  it('how the last connection ended, and attempts since one held', async () => {
    const stage = await openStage();
    await cut(stage);
    expect(stage.client.status.lastError).toMatchObject({ name: 'HoldfastError', code: 'DISCONNECTED' });
    expect(stage.client.status.attempt).toBe(1);
    stage.wire().ends({ kind: 'status', status: 503 });
    await stage.pass(10);
    expect(stage.client.status.attempt).toBe(2);
    stage.client.open();
    await turn();
    stage.wire().hello();
    await turn();
    expect(stage.client.status.attempt).toBe(0);
  });

  it('an error frame as how it ended, with its code', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    stage.wire().says({ type: 'error', code: 'TOO_MANY_CONNECTIONS', message: 'Enough' });
    await turn();
    expect(stage.client.status.lastError?.code).toBe('TOO_MANY_CONNECTIONS');
  });

  it('how many sends wait for an answer', async () => {
    const stage = await openStage();
    stage.client.send('a', 1).catch(() => undefined);
    stage.client.send('a', 2).catch(() => undefined);
    expect(stage.client.status.pending).toBe(0);
    await turn();
    expect(stage.client.status.pending).toBe(2);
    stage.wire().says(ack(1));
    await turn();
    expect(stage.client.status.pending).toBe(1);
    stage.wire().says(ack(2));
    await turn();
    expect(stage.client.status.pending).toBe(0);
  });

  it('the round trip once it is measured', async () => {
    const stage = createStage();
    stage.client.open();
    await turn();
    expect(stage.client.status.rttMs).toBeUndefined();
    await stage.pass(80);
    stage.wire().hello();
    await turn();
    expect(stage.client.status.rttMs).toBe(40);
  });
});

it('when `ready` resolves, the status says open', async () => {
  const stage = createStage();
  let state: State | undefined;
  stage.client.subscribe('a').ready.then(() => {
    state = stage.client.status.state;
  });
  await turn();
  stage.wire().hello();
  await turn();
  expect(state).toBe('open');
});

it('when the first message is told, the status says open', async () => {
  const stage = createStage();
  let state: State | undefined;
  stage.client.subscribe('a', () => {
    state = stage.client.status.state;
  });
  await turn();
  stage.wire().hello();
  stage.wire().says(message('a', 1));
  await turn();
  expect(state).toBe('open');
});
