import { describe, expect, test } from 'vitest';
import { longPoll } from '../../src/adapters/long-poll.ts';
import { poll } from '../../src/adapters/poll.ts';
import { numbered } from './harness.ts';
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
