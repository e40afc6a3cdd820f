/** What the adapters that read NDJSON by fetch make of answers that are none. */
import { describe, expect, test } from 'vitest';
import { isFirefox, openRecorded } from './harness.ts';
import { bench, type Subject } from './laws.contract.ts';

export function httpAnswers(subject: Subject): void {
  describe.skipIf(!subject.runsHere)(`${subject.name} judges answers`, () => {
    const here = bench(subject);

    test.each([
      ['status:503,type:text/plain,half,end', { kind: 'status', status: 503 }],
      ['status:503,type:text/plain,half', { kind: 'status', status: 503 }],
      ['type:text/html,half', { kind: 'type' }],
      ['type:text/html,lines:3,end', { kind: 'type' }],
      ['redirect', { kind: 'type' }],
      ['cut', { kind: 'failed' }],
      ['lines:1,half,end', { kind: 'failed', detail: 'cut in a line' }],
    ])('%s', async (script, reason) => {
      const one = here.open(script);
      await one.until(() => one.end !== undefined);
      expect(one.end).toMatchObject(reason);
      expect(one.lines()).toHaveLength(script.startsWith('lines:1') ? 1 : 0);
      await here.stub.idle();
    });

    test('the frame in the body of a refusal is told before the refusal', async () => {
      const one = here.open('status:413,lines:1,end');
      await one.until(() => one.end !== undefined);
      expect(one.told).toEqual(['opened', 'unit', 'closed']);
      expect(one.end).toMatchObject({ kind: 'status', status: 413 });
    });

    test('a line without end is given up at its bound', async () => {
      const one = here.open('lines:1,flood:9');
      await one.until(() => one.end !== undefined);
      expect(one.end?.kind).toBe('unreadable');
      expect(one.end?.detail).toMatch(/a line of more than 8388608/);
      expect(one.lines()).toHaveLength(1);
      await here.stub.idle();
    });

    test('the open asks for no preflight and brings its body', async () => {
      const one = here.open('echo,gate');
      await one.until(() => one.units.length > 0);
      const { preflights, bodies } = await here.stub.arrived(1);
      expect([preflights, bodies]).toEqual([0, ['{"open":1}\n']]);
      expect(one.lines()).toEqual(['{"open":1}']);
    });

    // Firefox ends the request only when the next bytes come; it has had AbortController for longer than streams.
    test.skipIf(isFirefox)('without an AbortController the reader is cancelled', async () => {
      const { AbortController: _, ...rest } = here.count.platform;
      const one = openRecorded(subject.factory(rest), subject.request(here.stub.url('lines:1')));
      await one.until(() => one.units.length === 1);
      one.connection.close();
      await here.stub.idle();
      expect(one.end).toEqual({ kind: 'aborted' });
    });
  });
}
