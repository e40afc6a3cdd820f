/** `mercure()` against a hub as its specification has it. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Client,
  type ClientOptions,
  createClient,
  eventSource,
  type Gap,
  type HoldfastError,
  httpStream,
} from '../../../src/index.node.ts';
import { type MercureOptions, mercure } from '../../../src/protocols/mercure.ts';
import { byHand } from './by-hand.ts';
import { type MercureHub, startHub, tokens } from './mercure-hub.ts';

const book = 'https://example.com/books/1';
const other = 'https://example.com/books/2';

let hub: MercureHub;
let clients: Client[] = [];

async function begin(version?: 0 | 1): Promise<void> {
  hub = await startHub(version);
}

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await hub?.close();
});

interface Heard {
  readonly client: Client;
  /** Topic and data of each message. */
  readonly messages: [string, unknown][];
  readonly gaps: Gap[];
  readonly errors: HoldfastError[];
  add(topic: string): Promise<unknown>;
}

function listen(topics: readonly string[], how: MercureOptions = {}, options: ClientOptions = {}): Heard {
  const client = createClient(hub.url, {
    protocol: mercure(how),
    memory: false,
    backoff: { baseMs: 20, capMs: 50 },
    ...options,
  });
  clients.push(client);
  const heard: Heard = {
    client,
    messages: [],
    gaps: [],
    errors: [],
    add: (topic) =>
      client.subscribe(topic, ({ topic: name, data }) => heard.messages.push([name, data])).ready,
  };
  client.on('gap', (gap) => heard.gaps.push(gap));
  client.on('error', (error) => heard.errors.push(error));
  for (const topic of topics) void heard.add(topic).catch(() => {});
  return heard;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  await expect.poll(holds, { message: what, timeout: 8_000, interval: 10 }).toBe(true);
}

const dataOf = ({ messages }: Heard): unknown[] => messages.map(([, data]) => data);
const lastAsked = () => hub.asked.at(-1) as MercureHub['asked'][0];
const named = (topic: string, n: number) => ({ topics: [topic], data: JSON.stringify({ '@id': topic, n }) });

/** Cuts the stream after each ten of them, and goes on while it is away. */
async function publishAcrossCuts(heard: Heard, count: number): Promise<void> {
  hub.publish(named(book, 1));
  // From the first id on there is something to go on from.
  await until(() => heard.messages.length === 1, 'the first update');
  for (let n = 2; n <= count; n++) {
    if (n % 10 === 0) hub.cut();
    hub.publish(named(book, n));
    if (n % 10 === 0) await until(() => heard.messages.length === n, `update ${n}`);
  }
}

describe.each([
  ['http-stream', httpStream],
  ['eventsource', eventSource],
] as const)('%s', (_, adapter) => {
  for (const version of [0, 1] as const) {
    test(`hubs of version ${version}: topics in the query, and after each cut on from the last id`, async () => {
      await begin(version);
      const heard = listen([book, other], { version }, { adapters: [adapter()] });
      await until(() => hub.subscribers() === 1, 'subscribed');
      const word = version === 0 ? 'topic' : 'match';
      expect(hub.queryOf(lastAsked()).getAll(word)).toEqual([book, other]);
      await publishAcrossCuts(heard, 100);
      expect(dataOf(heard)).toEqual(Array.from({ length: 100 }, (_, i) => ({ '@id': book, n: i + 1 })));
      expect(heard.gaps).toEqual([]);
      expect(heard.client.status.resume).toBe('last-event-id');
    });
  }
});

test('a transport that the hub does not speak is never tried', async () => {
  await begin();
  const heard = listen([book]);
  await until(() => heard.client.status.state === 'open', 'open');
  expect(['http-stream', 'eventsource']).toContain(heard.client.status.transport);
  expect(hub.asked.filter(({ headers }) => headers.upgrade)).toEqual([]);
});

test('more topics need another stream, which loses and repeats nothing', async () => {
  await begin();
  const heard = listen([book], {}, { adapters: [httpStream()] });
  await until(() => hub.subscribers() === 1, 'subscribed');
  for (let n = 1; n <= 300; n++) {
    hub.publish(named(book, n));
    if (n === 100) void heard.add(other);
    if (n % 20 === 0) await new Promise(setImmediate);
  }
  await until(() => hub.queryOf(lastAsked()).getAll('topic').length === 2, 'both topics');
  await until(() => hub.subscribers() === 1, 'the former stream has gone');
  hub.publish(named(other, 0));
  await until(() => heard.messages.length === 301, 'all');
  const ofBook = heard.messages.filter(([topic]) => topic === book);
  expect(ofBook.map(([, data]) => (data as { n: number }).n)).toEqual(
    Array.from({ length: 300 }, (_, i) => i + 1),
  );
  expect(heard.messages.at(-1)).toEqual([other, { '@id': other, n: 0 }]);
  expect(heard.gaps).toEqual([]);
});

test('two streams in the order of their own bring each update once', () => {
  const client = byHand(mercure());
  const event = (id: string, topic: string) => ({ id, text: JSON.stringify({ '@id': topic, id }) });
  const first = client.open('http-stream', [book]);
  first.take(event('a', book));
  const second = client.open('http-stream', [book, other]);
  first.take(event('c', book));
  second.take(event('b', other));
  second.take(event('c', book));
  second.take(event('d', book));
  first.take(event('d', book));
  expect(client.messages().map(([topic, , place]) => [topic, place])).toEqual([
    [book, '1'],
    [book, '2'],
    [other, '3'],
    [book, '2'],
    [book, '4'],
    [book, '4'],
  ]);
});

test('an error page says nothing of what a hub has forgotten', () => {
  const client = byHand(mercure({ lastEventId: 'a' }));
  const stream = client.open('http-stream', [book]);
  expect(stream.answer(502, { 'last-event-id': 'earliest' })).toMatchObject({ kind: 'status' });
  expect(client.gaps()).toEqual([]);
});

test('a hub that has forgotten says so: a gap, once, before what it still has', async () => {
  await begin();
  const heard = listen([book], {}, { adapters: [httpStream()] });
  await until(() => hub.subscribers() === 1, 'subscribed');
  const seen = hub.publish({ topics: [book], data: 'seen' });
  await until(() => heard.messages.length === 1, 'the first');
  hub.cut();
  hub.publish({ topics: [book], data: 'lost' });
  hub.publish({ topics: [book], data: 'kept' });
  hub.forget(1);
  await until(() => heard.messages.length === 2, 'the one that is kept');
  expect(dataOf(heard)).toEqual(['seen', 'kept']);
  expect(heard.gaps).toEqual([expect.objectContaining({ topic: book, from: seen, reason: 'trimmed' })]);
  // Having told it, the client goes on from what came after.
  hub.cut();
  hub.publish({ topics: [book], data: 'after' });
  await until(() => heard.messages.length === 3, 'the next');
  expect(heard.gaps).toHaveLength(1);
});

describe('topics', () => {
  test('a single one is that of all updates, a pattern, too', async () => {
    await begin();
    const heard = listen(['*']);
    await until(() => hub.subscribers() === 1, 'subscribed');
    hub.publish({ topics: [book], data: 'a' });
    await until(() => heard.messages.length === 1, 'a message');
    expect(heard.messages).toEqual([['*', 'a']]);
  });

  test('of several, a field says it, or a function', async () => {
    await begin();
    const byField = listen([book, other], { topic: 'about' });
    const byName = listen(['*', other], { topic: ({ event }) => (event === 'Other' ? other : '*') });
    await until(() => hub.subscribers() === 2, 'subscribed');
    hub.publish({ topics: [other], data: JSON.stringify({ about: other }), type: 'Other' });
    hub.publish({ topics: [book], data: JSON.stringify({ about: book }) });
    await until(() => byField.messages.length + byName.messages.length === 4, 'all');
    expect(byField.messages.map(([topic]) => topic)).toEqual([other, book]);
    expect(byName.messages.map(([topic]) => topic)).toEqual([other, '*']);
  });

  test('if nothing does, an error says what to do', async () => {
    await begin();
    const heard = listen([book, other]);
    await until(() => hub.subscribers() === 1, 'subscribed');
    hub.publish({ topics: [book], data: 'whose?' });
    await until(() => heard.errors.length > 0, 'an error');
    expect(heard.errors[0]).toMatchObject({
      code: 'UNPARSABLE',
      message: expect.stringContaining('give mercure() a `topic`'),
    });
    expect(heard.messages).toEqual([]);
  });
});

describe('authorisation', () => {
  const secret = { topics: [book], data: 'secret', isPrivate: true };

  async function hearsSecrets(options: ClientOptions, version: 0 | 1 = 0): Promise<void> {
    await begin(version);
    hub.refuseStrangers();
    const heard = listen([book], { version }, options);
    await until(() => hub.subscribers() === 1, 'subscribed');
    hub.publish(secret);
    await until(() => heard.messages.length === 1, 'the secret');
  }

  test('by a header, where there are headers', async () => {
    await hearsSecrets({ auth: tokens.reader, adapters: [httpStream()] });
    expect(lastAsked().headers.authorization).toBe(`Bearer ${tokens.reader}`);
    expect(lastAsked().url).not.toContain(tokens.reader);
  });

  test('by the query on an EventSource, which has none', async () => {
    await hearsSecrets({ auth: tokens.reader, adapters: [eventSource()] });
    expect(hub.queryOf(lastAsked()).get('authorization')).toBe(tokens.reader);
  });

  test('never by the query with hubs of version 1', async () => {
    await hearsSecrets({ auth: tokens.reader, adapters: [eventSource()] }, 1);
    expect(lastAsked().url).not.toContain(tokens.reader);
  });

  test('by a cookie', async () => {
    const cookie = `mercureAuthorization=${tokens.reader}`;
    await hearsSecrets({ headers: { cookie }, adapters: [httpStream()] });
    expect(lastAsked().headers.authorization).toBeUndefined();
  });

  test('without it there is an error, or what is public', async () => {
    await begin();
    const open = listen([book]);
    await until(() => hub.subscribers() === 1, 'subscribed');
    hub.publish(secret);
    hub.publish({ topics: [book], data: 'public' });
    await until(() => open.messages.length === 1, 'a message');
    expect(dataOf(open)).toEqual(['public']);
    hub.refuseStrangers();
    const stranger = listen([book], {}, { adapters: [httpStream()] });
    await until(() => stranger.errors.length > 0, 'an error');
    expect(stranger.errors[0]).toMatchObject({
      code: 'BAD_STATUS',
      message: expect.stringContaining('401'),
    });
  });
});

describe('what is sent is published', () => {
  test('as a form; the answer is the id', async () => {
    await begin();
    const fields = () => ({ type: 'Note', id: 'urn:own:1' });
    const heard = listen([book], {});
    await until(() => hub.subscribers() === 1, 'subscribed');
    const publisher = listen([], { fields }, { auth: tokens.publisher, adapters: [httpStream()] }).client;
    publisher.subscribe(book, () => {});
    expect(await publisher.send(book, { a: 'ä&=\n' })).toBe('urn:own:1');
    await until(() => heard.messages.length === 1, 'the update');
    expect(heard.messages).toEqual([[book, { a: 'ä&=\n' }]]);
    const post = hub.asked.find(({ method }) => method === 'POST');
    expect(post?.headers['content-type']).toBe('application/x-www-form-urlencoded');
  });

  test('by those who may', async () => {
    await begin();
    const { client } = listen([book], {}, { auth: tokens.reader });
    await expect(client.send(book, 'no')).rejects.toMatchObject({ code: 'SEND_DENIED', maybeApplied: false });
  });
});

test('goes on after an id that a page before has kept', async () => {
  await begin();
  const id = hub.publish({ topics: [book], data: 'read before' });
  hub.publish({ topics: [book], data: 'since then' });
  const heard = listen([book], { lastEventId: id });
  await until(() => heard.messages.length === 1, 'a message');
  expect(dataOf(heard)).toEqual(['since then']);
  expect(heard.gaps).toEqual([]);
});
