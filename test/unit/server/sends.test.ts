import { describe, expect, test } from 'vitest';
import type { Grant } from '../../../src/server/core/grant.ts';
import {
  createSendMemory,
  type Job,
  offerSend,
  offerVolatile,
  type SendMemory,
  settleSend,
  takeSend,
} from '../../../src/server/core/sends.ts';

const bounds = { window: 4, replyBytes: 100 };
const grant: Grant = {
  credential: 'none',
  identity: undefined,
  expiresAt: undefined,
  until: 0,
  topics: undefined,
};

function offer(memory: SendMemory, seq: number, told: string[] = []) {
  return offerSend(memory, { seq, topic: 't', data: seq, grant }, (line) => told.push(line), bounds);
}

function settle(memory: SendMemory, line: string, short?: string): Job {
  const job = takeSend(memory) as Job;
  settleSend(memory, job, { line, short }, bounds);
  return job;
}

describe('claiming', () => {
  test('takes numbers in order and one at a time', () => {
    const memory = createSendMemory('n');
    expect(offer(memory, 1).type).toBe('claimed');
    expect(offer(memory, 2).type).toBe('claimed');
    expect(takeSend(memory)?.seq).toBe(1);
    expect(takeSend(memory)).toBeUndefined();
  });

  test('a copy that comes while the handler runs waits for the same outcome', () => {
    const memory = createSendMemory('n');
    const told: string[] = [];
    offer(memory, 1, told);
    const job = takeSend(memory) as Job;
    expect(offer(memory, 1, told).type).toBe('waits');
    settleSend(memory, job, { line: 'done', short: undefined }, bounds);
    expect(told).toEqual(['done', 'done']);
    expect(takeSend(memory)).toBeUndefined();
  });

  test('a copy that comes later gets the remembered outcome', () => {
    const memory = createSendMemory('n');
    offer(memory, 1);
    settle(memory, 'done');
    expect(offer(memory, 1)).toEqual({ type: 'settled', line: 'done' });
  });

  test('a hole is refused and claims nothing', () => {
    const memory = createSendMemory('n');
    expect(offer(memory, 2)).toEqual({ type: 'refused', code: 'HOLE' });
    expect(offer(memory, 1).type).toBe('claimed');
  });

  test('more than the window is refused as busy and claims nothing', () => {
    const memory = createSendMemory('n');
    for (let seq = 1; seq <= 4; seq++) expect(offer(memory, seq).type).toBe('claimed');
    expect(offer(memory, 5)).toEqual({ type: 'refused', code: 'BUSY' });
    settle(memory, 'one');
    expect(offer(memory, 5).type).toBe('claimed');
  });

  test('volatile sends take their turn, and are lost if too many wait', () => {
    const memory = createSendMemory('n');
    for (let i = 0; i < 4; i++)
      expect(offerVolatile(memory, { topic: 't', data: i, grant }, bounds)).toBe(true);
    expect(offerVolatile(memory, { topic: 't', data: 4, grant }, bounds)).toBe(false);
    expect(settle(memory, '').data).toBe(0);
    expect(settle(memory, '').data).toBe(1);
  });
});

describe('outcomes', () => {
  test('one that comes after the job has ended changes nothing', () => {
    const memory = createSendMemory('n');
    offer(memory, 1);
    const job = settle(memory, 'timed out');
    expect(settleSend(memory, job, { line: 'late', short: undefined }, bounds)).toBe(false);
    expect(offer(memory, 1)).toEqual({ type: 'settled', line: 'timed out' });
  });

  test('are remembered for a whole window', () => {
    const memory = createSendMemory('n');
    for (let seq = 1; seq <= 5; seq++) {
      offer(memory, seq);
      settle(memory, `r${seq}`);
    }
    expect(offer(memory, 2)).toEqual({ type: 'settled', line: 'r2' });
    expect(offer(memory, 1)).toMatchObject({ type: 'settled', line: expect.stringContaining('REPLY_LOST') });
    expect(memory.outcomes?.length).toBe(bounds.window);
  });

  test('the oldest replies give way when they take too many bytes; that they were applied stays known', () => {
    const memory = createSendMemory('n');
    for (let seq = 1; seq <= 3; seq++) {
      offer(memory, seq);
      settle(memory, 'x'.repeat(45), `short ${seq}`);
    }
    expect(offer(memory, 1)).toEqual({ type: 'settled', line: 'short 1' });
    expect(offer(memory, 3)).toEqual({ type: 'settled', line: 'x'.repeat(45) });
    expect(memory.replyBytes).toBeLessThanOrEqual(100);
  });
});
