/** The script for old browsers is ES5, changes no global, and works where there is nothing but ES5 and a request object. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { parse } from 'acorn';
import { afterEach, expect, test } from 'vitest';
import { createHub, type Hub } from '../../../src/server/index.ts';
import { createEs5World } from './es5-world.ts';

const script = readFileSync(resolve('dist/holdfast.legacy.min.js'), 'utf8');
let hub: Hub | undefined;
let server: Server | undefined;

afterEach(async () => {
  await hub?.close({ drainMs: 0 });
  server?.close();
  server?.closeAllConnections();
});

async function startHub(): Promise<{ hub: Hub; url: string }> {
  hub = createHub({ onSend: ({ data }) => data });
  server = createServer();
  hub.attach(server, { path: '/realtime' });
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
  return { hub, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/realtime` };
}

test('it parses as ES5, as the script for current browsers does not', () => {
  expect(() => parse(script, { ecmaVersion: 5, sourceType: 'script' })).not.toThrow();
  const modern = readFileSync(resolve('dist/holdfast.umd.min.js'), 'utf8');
  expect(() => parse(modern, { ecmaVersion: 5, sourceType: 'script' })).toThrow();
});

test('loading it and creating a client adds `Holdfast` and changes nothing else', () => {
  const world = createEs5World();
  const before = world.inventory();
  world.run(script);
  world.run(`Holdfast.createClient('/realtime').on('status', function () {});`);
  expect(world.inventory().filter((line) => !/^Holdfast[ .]/.test(line))).toEqual(before);
  expect(world.inventory().filter((line) => /^Holdfast /.test(line))).toEqual(['Holdfast object']);
});

test("a `crypto` that gives no numbers, as Firefox's was, is none", async () => {
  const { url } = await startHub();
  const world = createEs5World();
  world.run('this.crypto = { signText: function () {} }');
  world.run(script);
  world.run(`
    var isReady, trouble;
    var client = Holdfast.createClient('${url}', { adapters: [Holdfast.longPoll()] });
    client.subscribe('prices').ready.then(function () { isReady = true; }, function (error) { trouble = error; });
  `);
  await expect.poll(() => world.run('trouble || isReady')).toBe(true);
  world.run('client.close()');
});

test('where there is ES5 alone it subscribes, sends and gets bytes as numbers, by polling', async () => {
  const { hub, url } = await startHub();
  const world = createEs5World();
  expect(world.run('[typeof Promise, typeof Uint8Array, typeof console, typeof crypto].join()')).toBe(
    'undefined,undefined,undefined,undefined',
  );
  world.run(script);
  world.run(`
    var got = [], reply, trouble;
    var client = Holdfast.createClient('${url}', { adapters: [Holdfast.longPoll()] });
    client.on('error', function (error) { trouble = error; });
    client.subscribe('prices', function (message) { got.push(message.data); }).ready.then(function () {
      return client.send('chat', { text: 'hi' });
    }).then(function (answer) { reply = answer.text; }, function (error) { trouble = error; });
  `);
  await expect.poll(() => world.run('trouble || reply')).toBe('hi');
  await hub.publish('prices', { eur: 1.07 });
  await hub.publish('prices', new Uint8Array([255, 0, 10]));
  await expect.poll(() => world.run('JSON.stringify(got)')).toBe('[{"eur":1.07},[255,0,10]]');
  world.run('client.close()');
});
