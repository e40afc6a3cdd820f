import { describe, expect, test } from 'vitest';
import { iframe } from '../../src/adapters/iframe.ts';
import { isBrowser } from './harness.ts';
import { bench, laws, type Subject } from './laws.contract.ts';
import { uplinks } from './uplink.contract.ts';

const subject: Subject = {
  name: 'iframe',
  factory: iframe(),
  runsHere: isBrowser,
  request: (url) => ({
    url: `${url}&as=iframe`,
    method: 'POST',
    headers: {},
    credentials: 'same-origin',
    fields: { open: '{"öpen":1}', origin: location.origin, nonce: 'm4rk' },
    mark: 'm4rk',
  }),
  // Nobody tells a page why another origin's document has ended.
  orderlyEnd: 'closed',
  // A document that is cut tells nothing in either engine, one that never comes nothing in Firefox.
  tellsFailure: false,
  thrown: 'refused',
  broken: (platform) => ({
    ...platform,
    document: {
      createElement: () => {
        throw new Error('forbidden');
      },
    } as unknown as Document,
  }),
};

laws(subject);
uplinks(subject);

describe.skipIf(!isBrowser)('iframe', () => {
  const here = bench(subject);

  test('asks by a form and leaves the page as it was', async () => {
    const { length } = history;
    const one = here.open('lines:1');
    await one.until(() => one.units.length === 1);
    const fields = new URLSearchParams((await here.stub.arrived(1)).bodies[0]);
    expect(fields.get('open')).toBe('{"öpen":1}');
    expect(fields.get('origin')).toBe(location.origin);
    expect(document.readyState).toBe('complete');
    expect(history.length).toBe(length);
    expect(one.units).toEqual([{ text: '{"n":1}' }]);
  });

  test('hears only its own frame: another mark, another source', async () => {
    const one = here.open('forge,gate,lines:1');
    await here.stub.arrived(1);
    postMessage('m4rk\n{"n":0}', '*');
    await here.stub.go();
    await one.until(() => one.units.length === 1);
    expect(one.lines()).toEqual(['{"n":1}']);
  });

  test('two at once do not hear each other', async () => {
    const one = here.open('lines:1,gate,lines:1');
    const two = here.open('lines:3');
    await one.until(() => one.lines().length === 1);
    await two.until(() => two.lines().length === 3);
    await here.stub.go();
    await one.until(() => one.lines().length === 2);
    expect(two.lines()).toHaveLength(3);
  });
});

test('it is there only where there is a document that has loaded', () => {
  const at = (readyState: string, loadEventEnd: number) =>
    iframe()({
      document: { readyState } as Document,
      window: { performance: { timing: { loadEventEnd } } } as unknown as Window,
    }).available();
  expect(iframe()({}).available()).toBe(false);
  expect(at('interactive', 0)).toBe(false);
  expect(at('complete', 0)).toBe(false);
  expect(at('complete', 1)).toBe(true);
});
