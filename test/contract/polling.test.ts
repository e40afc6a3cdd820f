import { describe, expect, test } from 'vitest';
import type { AdapterRequest } from '../../src/adapters/adapter.ts';
import { longPoll } from '../../src/adapters/long-poll.ts';
import { poll } from '../../src/adapters/poll.ts';
import { numbered, type Opened, openRecorded } from './harness.ts';
import { httpAnswers } from './http.contract.ts';
import { bench, laws, type Subject } from './laws.contract.ts';
import { uplinks } from './uplink.contract.ts';

const longPolling: Subject = {
  name: 'long-poll',
  factory: longPoll(),
  runsHere: true,
  request: (url) => ({
    url,
    method: 'POST',
    headers: { accept: 'application/x-ndjson', 'content-type': 'text/plain;charset=UTF-8' },
    body: '{"open":1}\n',
    credentials: 'same-origin',
  }),
  orderlyEnd: 'closed',
  tellsFailure: true,
  thrown: 'failed',
  broken: (platform) => ({ ...platform, fetch: () => Promise.reject(new Error('forbidden')) }),
};

const polling: Subject = { ...longPolling, name: 'poll', factory: poll() };

for (const subject of [longPolling, polling]) {
  laws(subject);
  httpAnswers(subject);
  uplinks(subject);

  describe(`${subject.name} asks again`, () => {
    const here = bench(subject);
    const open = (script: string, more: Partial<AdapterRequest>): Opened => {
      return openRecorded(here.adapter, { ...subject.request(here.stub.url(script)), ...more });
    };

    test('a complete answer tells its units, then answered, and stays', async () => {
      const one = here.open('lines:2,end');
      await one.until(() => one.told.includes('answered'));
      expect(one.told).toEqual(['opened', 'unit', 'answered']);
      expect(one.end).toBeUndefined();
    });

    test('poll() within answered asks at once, opened is not told again', async () => {
      const one = here.open('lines:2,end');
      let left = 3;
      one.react = (fact) => {
        if (fact === 'answered' && left-- > 0)
          one.connection.poll(subject.request(here.stub.url('lines:2,end')));
      };
      await one.until(() => one.told.filter((fact) => fact === 'answered').length === 4);
      expect(one.lines()).toEqual([...numbered(2), ...numbered(2), ...numbered(2), ...numbered(2)]);
      expect(one.told.filter((fact) => fact === 'opened')).toHaveLength(1);
      expect((await here.stub.idle(4)).requests).toBe(4);
    });

    test('an empty answer is an answer', async () => {
      const one = here.open('end');
      await one.until(() => one.told.includes('answered'));
      expect(one.told).toEqual(['opened', 'answered']);
    });

    test('poll() while one is under way asks nothing', async () => {
      const one = here.open('gate,lines:1,end');
      one.connection.poll(subject.request(here.stub.url('lines:9,end')));
      await here.stub.go();
      await one.until(() => one.told.includes('answered'));
      expect(one.lines()).toEqual(numbered(1));
      expect((await here.stub.idle()).requests).toBe(1);
    });

    test('a request that names the next is followed by it, for as long as it does', async () => {
      const asked = ['lines:2,end', 'end', 'lines:3,end'];
      const next = (): AdapterRequest | undefined => {
        const script = asked.shift();
        return script === undefined ? undefined : { ...subject.request(here.stub.url(script)), next };
      };
      const one = open('lines:1,end', { next });
      await one.until(() => one.told.includes('answered'));
      expect(one.told).toEqual(['opened', 'unit', 'unit', 'unit', 'answered']);
      expect(one.lines()).toEqual([...numbered(1), ...numbered(2), ...numbered(3)]);
      expect((await here.stub.idle(4)).requests).toBe(4);
      one.connection.close();
      expect(one.offences).toEqual([]);
    });

    test('such a connection ends with a POST that fails', async () => {
      const one = open('lines:1', { next: () => undefined });
      await one.until(() => one.lines().length === 1);
      one.connection.send({ request: here.stub.post('echo,end', '{"a":1}\n') });
      await one.until(() => one.posts.length === 1);
      expect(one.posts).toEqual([{ ok: true, status: 200 }]);
      one.connection.send({ request: here.stub.post('status:502,type:text/html,end') });
      await one.until(() => one.end !== undefined);
      expect(one.end).toMatchObject({ kind: 'status', status: 502 });
      expect(one.posts).toHaveLength(1);
      expect(one.offences).toEqual([]);
    });

    test('close() posts the last word, and ends all else', async () => {
      const last = () => ({ ...here.stub.post('end', '{"bye":1}\n'), keepalive: true });
      const one = open('lines:1', { last });
      await one.until(() => one.lines().length === 1);
      one.connection.close();
      one.connection.close();
      const { methods, bodies, requests } = await here.stub.idle(2);
      expect([methods.at(-1), bodies.at(-1), requests]).toEqual(['POST', '{"bye":1}\n', 2]);
      expect(one.end).toMatchObject({ kind: 'aborted' });
      expect([one.posts, one.offences]).toEqual([[], []]);
    });

    test('a second poll that fails ends the connection', async () => {
      const one = here.open('lines:1,end');
      await one.until(() => one.told.includes('answered'));
      one.connection.poll(subject.request(here.stub.url('status:502,type:text/html,end')));
      await one.until(() => one.end !== undefined);
      expect(one.end).toMatchObject({ kind: 'status', status: 502 });
    });
  });
}

test('the two kinds differ in one fact', () => {
  const [long, short] = [longPoll()({}).facts, poll()({}).facts];
  expect({ ...long, held: false }).toEqual(short);
  expect([long.held, short.held]).toEqual([true, false]);
});
