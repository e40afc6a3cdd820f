/** The way up: one POST for each send, its answer's lines as units of the connection. For all one-way adapters. */
import { describe, expect, test } from 'vitest';
import { numbered } from './harness.ts';
import { bench, type Subject } from './laws.contract.ts';

export function uplinks(subject: Subject): void {
  describe.skipIf(!subject.runsHere)(`${subject.name} sends by POST`, () => {
    const here = bench(subject);

    test('the lines of the answer come before posted', async () => {
      const one = here.open('lines:1');
      await one.until(() => one.lines().length === 1);
      one.connection.send({ request: here.stub.post('echo,end', '{"a":1}\n{"a":2}\n') });
      await one.until(() => one.posts.length === 1);
      expect(one.posts).toEqual([{ ok: true, status: 200 }]);
      expect(one.lines()).toEqual([...numbered(1), '{"a":1}', '{"a":2}']);
      expect(one.told.slice(-2)).toEqual(['unit', 'posted']);
      expect(one.end).toBeUndefined();
    });

    test('each send is one request, without a preflight', async () => {
      const one = here.open('lines:1');
      await one.until(() => one.lines().length === 1);
      const before = await here.stub.arrived(1);
      for (let i = 1; i <= 3; i++) {
        one.connection.send({ request: here.stub.post('echo,end', `{"send":${i}}\n`) });
        await one.until(() => one.posts.length === i);
      }
      const after = await here.stub.arrived(4);
      expect([after.requests, after.preflights]).toEqual([4, before.preflights]);
      expect(one.lines().slice(1)).toEqual(['{"send":1}', '{"send":2}', '{"send":3}']);
    });

    test.each([
      ['status:503,type:text/html,end', { ok: false, status: 503 }, 0],
      ['status:400,lines:1,end', { ok: false, status: 400 }, 1],
      ['type:text/html,end', { ok: false, status: 200 }, 0],
      ['lines:1,half,end', { ok: false, status: 200 }, 1],
      ['cut', { ok: false }, 0],
      ['status:204,end', { ok: true, status: 204 }, 0],
    ])('an answer %s is posted and leaves the connection alone', async (script, result, lineCount) => {
      const one = here.open('lines:1');
      await one.until(() => one.lines().length === 1);
      one.connection.send({ request: here.stub.post(script) });
      await one.until(() => one.posts.length === 1);
      expect(one.posts[0]).toMatchObject(result);
      expect(one.lines()).toHaveLength(1 + lineCount);
      expect(one.end).toBeUndefined();
    });

    test('a cut answer tells the lines before the cut', async () => {
      const one = here.open('lines:1');
      await one.until(() => one.lines().length === 1);
      one.connection.send({ request: here.stub.post('lines:1,half,gate,cut') });
      await one.until(() => one.lines().length === 2);
      await here.stub.go();
      await one.until(() => one.posts.length === 1);
      expect(one.posts[0]).toMatchObject({ ok: false, status: 200 });
      expect(one.end).toBeUndefined();
    });

    test('close() aborts what is under way', async () => {
      const one = here.open('lines:1');
      await one.until(() => one.lines().length === 1);
      one.connection.send({ request: here.stub.post('hang') });
      await here.stub.arrived(2);
      one.connection.close();
      await here.stub.idle(2);
      expect(one.posts).toEqual([]);
    });

    test('close() leaves a keepalive request alone', async () => {
      const one = here.open('lines:1');
      await one.until(() => one.lines().length === 1);
      one.connection.send({ request: { ...here.stub.post('echo,end', 'last words\n'), keepalive: true } });
      one.connection.close();
      const { bodies } = await here.stub.idle(2);
      expect(bodies).toContain('last words\n');
      expect(one.told.at(-1)).toBe('closed');
    });
  });
}
