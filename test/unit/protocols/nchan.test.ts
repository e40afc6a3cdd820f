/** `nchan()`: the requests that it makes and what it reads, piece by piece; a real Nchan is in `e2e/servers/nchan.spec.ts`. */
import { expect, test } from 'vitest';
import type { TransportName, Unit } from '../../../src/adapters/adapter.ts';
import { type NchanOptions, nchan } from '../../../src/protocols/nchan.ts';
import type { Endpoint } from '../../../src/protocols/protocol.ts';
import { byHand, endpoint } from './by-hand.ts';

function clientWith(options: NchanOptions, topics: readonly string[] = ['message']) {
  const client = byHand(nchan(options));
  return {
    ...client,
    open: (transport: TransportName, at?: Partial<Endpoint>) => client.open(transport, topics, at),
  };
}

const wrapped = (id: string, text: string): Unit => ({
  text: `id: ${id}\ncontent-type: text/plain\n\n${text}`,
});
const modified = (seconds: number): string => new Date(seconds * 1_000).toUTCString();

test('a WebSocket wraps messages in lines, whatever they contain', () => {
  const client = clientWith({});
  const { request, take } = client.open('websocket');
  expect(request.protocols).toEqual(['ws+meta.nchan']);
  expect(request.url).toBe(endpoint.url);
  take(wrapped('1700000000:0', '{"n":1}'));
  take({ text: 'id: 1700000000:1\n\nid: not me\n\nnor me' });
  take({ text: 'id: 1700000000:2\n\n' });
  take({
    bytes: new TextEncoder().encode('id: 1700000000:3\ncontent-type: application/octet-stream\n\n\n\n!'),
  });
  expect(client.messages()).toEqual([
    ['message', { n: 1 }, '1'],
    ['message', 'id: not me\n\nnor me', '2'],
    ['message', '', '3'],
    ['message', new TextEncoder().encode('\n\n!'), '4'],
  ]);
  expect(client.nameOf('2')).toBe('1700000000:1');
});

test('a WebSocket without the subprotocol cannot be read', () => {
  const client = clientWith({});
  client.open('websocket').take({ text: 'bare' });
  expect(client.errors()).toEqual([['UNPARSABLE', 'a message came without an id']]);
  expect(client.messages()).toEqual([]);
});

test('one id for all transports: each goes on where another was', () => {
  const client = clientWith({});
  client.open('websocket').take(wrapped('1700000000:1', 'a'));
  const id = '1700000000:1';
  const query = `${endpoint.url}&last_event_id=${encodeURIComponent(id)}`;
  expect(client.open('websocket').request.url).toBe(query);
  expect(client.open('eventsource').request).toMatchObject({ url: query, events: [] });
  for (const transport of ['http-stream', 'long-poll', 'poll'] as const) {
    const { request } = client.open(transport);
    expect(request).toMatchObject({ url: endpoint.url, headers: { 'last-event-id': id } });
    // Another origin would have to allow the header.
    expect(client.open(transport, { origin: 'http://page' }).request.url).toBe(query);
  }
});

test('what two connections bring is one message, in whatever order they come', () => {
  const client = clientWith({});
  const first = client.open('websocket');
  first.take(wrapped('1700000000:0', 'a'));
  const second = client.open('eventsource');
  second.take({ text: 'b', event: 'message', id: '1700000000:1' });
  second.take({ text: 'c\nd', event: 'message', id: '1700000000:2' });
  first.take(wrapped('1700000000:1', 'b'));
  // An event stream has made one line end of another.
  first.take(wrapped('1700000000:2', 'c\r\nd'));
  first.take(wrapped('1700000000:3', 'e'));
  expect(client.messages().map(([, data, id]) => `${id} ${data}`)).toEqual([
    '1 a',
    '2 b',
    '3 c\nd',
    '2 b',
    '3 c\nd',
    '4 e',
  ]);
});

test('of several channels, the tag in brackets names the message, and its channel', () => {
  const client = clientWith({ channels: ['a', 'b'] }, ['a', 'b']);
  const first = client.open('websocket');
  first.take(wrapped('1700000000:[0],-', 'a0'));
  first.take(wrapped('1700000000:0,[0]', 'b0'));
  // One that has caught up in another order says the same of each message, and something else of where it stands.
  const second = client.open('eventsource');
  expect(second.request.url).toContain(encodeURIComponent('1700000000:0,[0]'));
  second.take({ text: 'b0', event: 'message', id: '1700000000:-,[0]' });
  second.take({ text: 'a0', event: 'message', id: '1700000000:[0],0' });
  second.take({ text: 'a1', event: 'message', id: '1700000000:[1],0' });
  expect(client.messages()).toEqual([
    ['a', 'a0', '1'],
    ['b', 'b0', '2'],
    ['b', 'b0', '2'],
    ['a', 'a0', '1'],
    ['a', 'a1', '3'],
  ]);
});

test('a message of a channel that has no name here is an error', () => {
  const client = clientWith({ channels: ['a'] }, ['a']);
  client.open('websocket').take(wrapped('1700000000:0,[0]', 'b0'));
  expect(client.errors()).toEqual([['UNPARSABLE', 'a message came from channel 2 of 1']]);
});

test('events that are no messages are left out, unless they are listed', () => {
  const client = clientWith({ events: ['tick'] });
  const { request, take } = client.open('eventsource');
  expect(request.events).toEqual(['tick']);
  take({ text: 'x', event: 'ping', id: '1700000000:0' });
  take({ text: 'y', event: 'tick', id: '1700000000:1' });
  expect(client.messages()).toEqual([['message', 'y', '1']]);
});

test('polls: one message an answer, then another poll at once; an empty message is one, too', () => {
  const client = clientWith({ pollMs: 500 });
  const poll = client.open('poll');
  const at = { 'last-modified': modified(1_700_000_000) };
  expect(poll.answer(200, { ...at, etag: '0', 'content-type': 'text/html' }, '<b>')).toBeUndefined();
  expect(poll.answer(200, { ...at, etag: '1' }, '')).toBeUndefined();
  expect(client.messages()).toEqual([
    ['message', '<b>', '1'],
    ['message', '', '2'],
  ]);
  expect(poll.ask().headers['last-event-id']).toBe('1700000000:1');
  expect(client.hellos().map(({ pollMs }) => pollMs)).toEqual([0, 0]);
  poll.take({ text: '', id: '1700000000:1' });
  expect(client.hellos().at(-1)?.pollMs).toBe(500);
});

test.each([204, 304, 408])('%i is an answer without a message', (status) => {
  const client = clientWith({});
  expect(client.open('long-poll').answer(status)).toEqual({ kind: 'closed' });
});

test('ids of polls: in two headers, in one, or under another name', () => {
  const etags: [NchanOptions, Record<string, string>][] = [
    [{}, { 'last-modified': modified(1_700_000_000), etag: '[2],-' }],
    [{}, { 'last-modified': modified(1_700_000_000) }],
    [{}, { etag: '1700000000:7' }],
    [{ etagHeader: 'X-Id' }, { 'last-modified': modified(1_700_000_000), 'x-id': '5', etag: 'of a cache' }],
  ];
  const ids = etags.map(([options, headers]) => {
    const client = clientWith(options);
    client.open('long-poll').answer(200, headers, 'x');
    return client.nameOf('1');
  });
  expect(ids).toEqual(['1700000000:[2],-', '1700000000:0', '1700000000:7', '1700000000:5']);
});

test('an answer without an id is not from Nchan', () => {
  const client = clientWith({});
  const verdict = client.open('long-poll').answer(200, { 'content-type': 'text/html' }, '<html>');
  expect(verdict).toEqual({ kind: 'type', detail: '200 text/html, without the id of a message' });
});
