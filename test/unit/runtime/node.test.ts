import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { nodeRuntime } from '../../../src/runtime/node.ts';

test('importing a runtime does nothing: no global more, nothing kept running', async () => {
  vi.resetModules();
  const before = Object.getOwnPropertyNames(globalThis);
  const resources = process.getActiveResourcesInfo();
  await import('../../../src/runtime/browser.ts');
  await import('../../../src/runtime/node.ts');
  expect(Object.getOwnPropertyNames(globalThis)).toEqual(before);
  // What the test runner kept running may have ended meanwhile.
  for (const one of resources) {
    const now = process.getActiveResourcesInfo();
    expect(now.filter((name) => name === one).length).toBeLessThanOrEqual(
      resources.filter((name) => name === one).length,
    );
  }
  expect(process.getActiveResourcesInfo().filter((name) => !resources.includes(name))).toEqual([]);
});

test('the packages that it stands on leave no global and let the process end', () => {
  const code = `
    const before = Object.getOwnPropertyNames(globalThis).length;
    Promise.all([import('ws'), import('event-source-polyfill')]).then(() => {
      process.stdout.write(String(Object.getOwnPropertyNames(globalThis).length - before));
    });`;
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd }).toString()).toBe('0');
});

test('it has every part that a server needs', () => {
  const runtime = nodeRuntime();
  expect(Object.keys(runtime.platform).sort()).toEqual([
    'AbortController',
    'EventSource',
    'TextDecoder',
    'WebSocket',
    'fetch',
  ]);
  expect(runtime.origin).toBeUndefined();
  expect(runtime.resolveUrl('http://a.example')).toBe('http://a.example/');
  expect(() => runtime.resolveUrl('/relative')).toThrow();
  expect(runtime.randomBytes(16)).toHaveLength(16);
  expect(runtime.randomBytes(16)).not.toEqual(runtime.randomBytes(16));
  expect(runtime.now().mono).toBeLessThanOrEqual(runtime.now().mono);
});

test('a timer keeps the process alive until it is undone', () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const undo = nodeRuntime().startTimer(() => {}, 1_000_000);
  expect(timers()).toBe(before + 1);
  undo();
  expect(timers()).toBe(before);
});

test('what nobody listens for is a warning of the process', async () => {
  const warned = new Promise((resolve) => process.once('warning', resolve));
  nodeRuntime().report(new Error('nobody listens'));
  expect(await warned).toMatchObject({ message: 'nobody listens' });
});
