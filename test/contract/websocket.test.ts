import { describe, expect, test } from 'vitest';
import { webSocket } from '../../src/adapters/websocket.ts';
import { isFirefox, openRecorded } from './harness.ts';
import { bench, laws, type Subject } from './laws.contract.ts';

const subject: Subject = {
  name: 'websocket',
  factory: webSocket(),
  runsHere: true,
  request: (url) => ({ url, method: 'GET', headers: {}, credentials: 'same-origin' }),
  orderlyEnd: 'closed',
  tellsFailure: true,
  // Firefox frees the way for the next at once, and ends the TCP connection many seconds later.
  transmitsAbort: !isFirefox,
  thrown: 'refused',
  broken: (platform) => ({
    ...platform,
    WebSocket: function forbidden() {
      throw new Error('forbidden');
    } as never,
  }),
};

laws(subject);

describe('websocket', () => {
  const here = bench(subject);

  test('offers its subprotocols and transmits what is first', async () => {
    const request = {
      ...subject.request(here.stub.url('echo')),
      protocols: ['holdfast.v1', 'open.e30'],
      first: ['one', 'two'],
    };
    const one = openRecorded(here.adapter, request);
    await one.until(() => one.units.length === 2);
    expect(one.units).toEqual([{ text: 'one' }, { text: 'two' }]);
    expect((await here.stub.arrived(1)).bodies[0]).toBe('holdfast.v1,open.e30');
    one.connection.close();
  });

  test('carries text and bytes both ways, in order', async () => {
    const one = here.open('echo,lines:1');
    await one.until(() => one.units.length === 1);
    const big = new Uint8Array(1024 * 1024).map((_, i) => i % 251);
    one.connection.send({ messages: ['a', Uint8Array.of(1, 2, 255), big.subarray(5), 'ü'] });
    await one.until(() => one.units.length === 5);
    expect(one.units.slice(1, 3)).toEqual([{ text: 'a' }, { bytes: Uint8Array.of(1, 2, 255) }]);
    expect(one.units[3]?.bytes?.join()).toBe(big.subarray(5).join());
    expect(one.units[4]).toEqual({ text: 'ü' });
  });

  test('keeps what is sent before it is open', async () => {
    const one = here.open('echo');
    one.connection.send({ messages: ['early'] });
    await one.until(() => one.units.length === 1);
    expect(one.units).toEqual([{ text: 'early' }]);
  });

  test.each([1000, 1001, 1012, 4000])('a close frame %i is told with its code', async (code) => {
    const one = here.open(`lines:1,close:${code}`);
    await one.until(() => one.end !== undefined);
    expect(one.end).toEqual({ kind: 'closed', code, detail: 'as asked' });
  });

  test('an upgrade that is refused has failed', async () => {
    const one = here.openUrl(here.stub.otherUrl('status:503'));
    await one.until(() => one.end !== undefined);
    expect(one.end?.kind).toBe('failed');
    expect(one.told).toEqual(['closed']);
  });
});
