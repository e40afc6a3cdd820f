/** `plain()` against servers that know nothing of Holdfast, over real sockets: one client, every transport of Node. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import {
  type Client,
  type ClientOptions,
  createClient,
  eventSource,
  type Gap,
  type HoldfastError,
  httpStream,
  longPoll,
  type Message,
  plain,
  poll,
  webSocket,
} from '../../../src/index.node.ts';
import type { PlainOptions } from '../../../src/protocols/plain.ts';

type Route = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let sockets: WebSocketServer;
let base: string;
let routes: Record<string, Route>;
let requests: IncomingMessage[];
let clients: Client[];

beforeEach(async () => {
  routes = {};
  requests = [];
  clients = [];
  server = createServer((request, response) => {
    requests.push(request);
    const route = routes[new URL(request.url as string, base).pathname];
    if (route) route(request, response);
    else response.writeHead(404, { 'content-type': 'text/html' }).end('<html>not here</html>');
  });
  sockets = new WebSocketServer({ server, path: '/socket' });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const client of clients) client.close();
  for (const socket of sockets.clients) socket.terminate();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

interface Seen {
  readonly client: Client;
  readonly messages: Message[];
  readonly gaps: Gap[];
  readonly errors: HoldfastError[];
}

function subscribeTo(path: string, topic: string, how: PlainOptions, options: ClientOptions = {}): Seen {
  const client = createClient(base + path, {
    protocol: plain(how),
    memory: false,
    backoff: { baseMs: 20, capMs: 50 },
    ...options,
  });
  clients.push(client);
  const seen: Seen = { client, messages: [], gaps: [], errors: [] };
  client.on('gap', (gap) => seen.gaps.push(gap));
  client.on('error', (error) => seen.errors.push(error));
  client.subscribe(topic, (message) => seen.messages.push(message));
  return seen;
}

const dataOf = ({ messages }: Seen): unknown[] => messages.map(({ data }) => data);
const codesOf = ({ errors }: Seen): string[] => errors.map(({ code }) => code);

async function until(holds: () => boolean, what: string): Promise<void> {
  await expect.poll(holds, { message: what, timeout: 8_000, interval: 10 }).toBe(true);
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** An event stream that sends `count` events from where it is asked to go on, then ends. */
function counting(count: number, last: number, end: (response: ServerResponse) => void): Route {
  return (request, response) => {
    const query = new URL(request.url as string, base).searchParams;
    const from = Number(request.headers['last-event-id'] ?? query.get('lastEventId') ?? 0);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let id = from + 1; id <= Math.min(last, from + count); id++) {
      response.write(`id: ${id}\nevent: tick\ndata: {"tick":${id}}\n\n`);
    }
    response.write(':\n\n', () => end(response));
  };
}

describe('polls', () => {
  test('a JSON address, asked again at its interval; what is unchanged is not told again', async () => {
    const bodies = [{ time: 1 }, { time: 1 }, { time: 1 }, { time: 2 }];
    let asked = 0;
    routes['/clock'] = (_, response) => json(response, bodies[Math.min(asked++, bodies.length - 1)]);
    const seen = subscribeTo('/clock', 'message', { pollMs: 20 }, { adapters: [poll()] });
    await until(() => asked >= 6, 'six polls');
    expect(dataOf(seen)).toEqual([{ time: 1 }, { time: 2 }]);
    expect(seen.client.status).toMatchObject({ state: 'open', transport: 'poll', resume: 'none' });
    expect(seen.gaps).toEqual([]);
  });

  test('an entity tag goes back, and 304 is no message', async () => {
    let notModified = 0;
    routes['/clock'] = (request, response) => {
      if (request.headers['if-none-match'] === '"a"') {
        notModified++;
        response.writeHead(304).end();
      } else {
        response.setHeader('etag', '"a"');
        json(response, 'once');
      }
    };
    const seen = subscribeTo('/clock', 'message', { pollMs: 10 }, { adapters: [poll()] });
    await until(() => notModified >= 3, 'three answers without a body');
    expect(dataOf(seen)).toEqual(['once']);
  });

  test('a held poll is open before its first answer, never overlaps itself and is asked again at once', async () => {
    const held: ServerResponse[] = [];
    let most = 0;
    routes['/held'] = (_, response) => {
      held.push(response);
      most = Math.max(most, held.length);
    };
    const seen = subscribeTo('/held', 'message', {}, { adapters: [longPoll()] });
    await until(() => seen.client.status.state === 'open', 'open');
    for (let i = 1; i <= 5; i++) {
      await until(() => held.length === 1, `poll ${i}`);
      json(held.pop() as ServerResponse, i);
    }
    await until(() => seen.messages.length === 5 && held.length === 1, 'five messages');
    expect(dataOf(seen)).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(1);
    expect(seen.client.status.attempts).toHaveLength(1);
  });

  test('ids in the body are known again, and go back as Last-Event-ID', async () => {
    const log = [1, 2, 3].map((id) => ({ id, text: `m${id}` }));
    routes['/list'] = (_, response) => json(response, log);
    const read: PlainOptions['read'] = ({ text = '' }) =>
      (JSON.parse(text) as typeof log).map((one) => ({ topic: 'list', data: one.text, id: String(one.id) }));
    const seen = subscribeTo('/list', 'list', { read, pollMs: 10 }, { adapters: [poll()] });
    await until(() => seen.messages.length === 3, 'three messages');
    log.push({ id: 4, text: 'm4' });
    await until(() => seen.messages.length === 4, 'the fourth');
    expect(seen.messages.map(({ id, data }) => [id, data])).toEqual([
      ['1', 'm1'],
      ['2', 'm2'],
      ['3', 'm3'],
      ['4', 'm4'],
    ]);
    await until(() => requests.at(-1)?.headers['last-event-id'] === '4', 'the last id to go back');
  });
});

describe('event streams', () => {
  test.each([
    ['http-stream', httpStream()],
    ['eventsource', eventSource()],
  ])('%s goes on from the last id after each cut', async (transport, adapter) => {
    routes['/events'] = counting(3, 10, (response) => response.destroy());
    const seen = subscribeTo('/events', 'tick', {}, { adapters: [adapter] });
    await until(() => seen.messages.length >= 10, 'ten messages');
    expect(dataOf(seen)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((tick) => ({ tick })));
    expect(seen.messages.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    expect(seen.gaps).toEqual([]);
    expect(seen.client.status.attempts.every((one) => one.transport === transport)).toBe(true);
    expect(seen.client.status.resume).toBe('last-event-id');
  });

  test('a change of transport in mid-stream loses and repeats nothing where there are ids', async () => {
    let id = 0;
    const open = new Set<ServerResponse>();
    const event = (n: number): string => `id: ${n}\ndata: ${n}\n\n`;
    routes['/events'] = (request, response) => {
      const query = new URL(request.url as string, base).searchParams;
      const from = Number(request.headers['last-event-id'] ?? query.get('lastEventId') ?? id);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let n = from + 1; n <= id; n++) response.write(event(n));
      response.write(':\n\n');
      open.add(response);
      response.on('close', () => open.delete(response));
    };
    const publish = setInterval(() => {
      id++;
      for (const response of open) response.write(event(id));
    }, 2);
    const seen = subscribeTo('/events', 'message', {}, { adapters: [httpStream(), eventSource()] });
    const { client } = seen;
    await until(() => seen.messages.length > 5, 'the first messages');
    for (let i = 0; i < 10; i++) {
      const next = i % 2 === 0 ? 'eventsource' : 'http-stream';
      client.prefer(next);
      await until(() => client.status.transport === next, `the change to ${next}`);
    }
    clearInterval(publish);
    await until(() => seen.messages.at(-1)?.data === id, 'the last message');
    const first = seen.messages[0]?.data as number;
    expect(dataOf(seen)).toEqual(Array.from({ length: id - first + 1 }, (_, n) => first + n));
    expect(seen.gaps).toEqual([]);
  });

  test('`retry` is the wait, and 204 is the end', async () => {
    const at: number[] = [];
    routes['/events'] = (_, response) => {
      at.push(performance.now());
      if (at.length === 3) response.writeHead(204).end();
      else response.writeHead(200, { 'content-type': 'text/event-stream' }).end('retry: 300\ndata: 1\n\n');
    };
    const seen = subscribeTo('/events', 'message', {}, { adapters: [httpStream()] });
    await until(() => seen.client.status.state === 'closed', 'the end');
    expect(at).toHaveLength(3);
    for (const i of [1, 2]) expect((at[i] as number) - (at[i - 1] as number)).toBeGreaterThanOrEqual(299);
    expect(codesOf(seen)).toContain('STOPPED');
  });

  test('without ids what may be missing is told as a gap, once for each cut', async () => {
    let opens = 0;
    routes['/events'] = (_, response) => {
      opens++;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${opens}\n\n`);
      if (opens < 3) setImmediate(() => response.destroy());
    };
    const seen = subscribeTo('/events', 'message', {}, { adapters: [httpStream()] });
    await until(() => seen.messages.length === 3, 'three messages');
    expect(dataOf(seen)).toEqual([1, 2, 3]);
    expect(seen.gaps.map(({ reason }) => reason)).toEqual(['no-resume', 'no-resume']);
    expect(seen.messages.map(({ gap }) => gap !== undefined)).toEqual([false, true, true]);
  });

  test('a server that counts from 1 again is not taken to repeat itself', async () => {
    let opens = 0;
    routes['/events'] = (_, response) => {
      opens++;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`id: 1\ndata: a${opens}\n\nid: 2\ndata: b${opens}\n\n`);
      if (opens === 1) setImmediate(() => response.destroy());
    };
    const seen = subscribeTo('/events', 'message', {}, { adapters: [httpStream()] });
    await until(() => seen.messages.length === 4, 'four messages');
    expect(dataOf(seen)).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  test('JSON lines are a stream, too', async () => {
    routes['/lines'] = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write('{"kind":"a","n":1}\n{"kind":"b",');
      setTimeout(() => response.write('"n":2}\r\n'), 5);
    };
    const seen = subscribeTo('/lines', 'b', { topic: 'kind' }, { adapters: [httpStream()] });
    await until(() => seen.messages.length === 1, 'the message of the topic');
    expect(dataOf(seen)).toEqual([{ kind: 'b', n: 2 }]);
  });

  test('topics may come and go without another request', async () => {
    const open: ServerResponse[] = [];
    routes['/events'] = (_, response) => {
      open.push(response);
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':\n\n');
    };
    const seen = subscribeTo('/events', 'a', {}, { adapters: [eventSource()] });
    await until(() => seen.client.status.state === 'open', 'open');
    const more: unknown[] = [];
    const later = seen.client.subscribe('b', ({ data }) => more.push(data));
    await later.ready;
    open[0]?.write('event: a\ndata: 1\n\nevent: b\ndata: 2\n\n');
    await until(() => more.length === 1 && seen.messages.length === 1, 'both');
    expect([open.length, more, dataOf(seen)]).toEqual([1, [2], [1]]);
  });
});

describe('WebSockets', () => {
  test('text, JSON and bytes both ways; a send resolves when it was handed over', async () => {
    sockets.on('connection', (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    const seen = subscribeTo('/socket', 'message', {}, { adapters: [webSocket()] });
    const { client } = seen;
    await expect(client.send('message', 'hello')).resolves.toBeUndefined();
    await client.send('message', { a: 1 });
    await client.send('message', new Uint8Array([1, 2, 3]));
    await until(() => seen.messages.length === 3, 'three echoes');
    expect(dataOf(seen)).toEqual(['hello', { a: 1 }, new Uint8Array([1, 2, 3])]);
  });

  test('a cut brings another connection, and a gap, as nothing is resumed', async () => {
    sockets.on('connection', (socket) => socket.send('hi'));
    const seen = subscribeTo('/socket', 'message', {}, { adapters: [webSocket()] });
    await until(() => seen.messages.length === 1, 'the first');
    for (const socket of sockets.clients) socket.terminate();
    await until(() => seen.messages.length === 2, 'the second');
    expect(seen.gaps).toHaveLength(1);
  });
});

describe('sends by POST', () => {
  function posts(answer: (body: string, response: ServerResponse) => void): void {
    routes['/api'] = (request, response) => {
      if (request.method !== 'POST') return json(response, 'state');
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => answer(body, response));
    };
  }

  test('resolve with what the server answers, one at a time and in order', async () => {
    const bodies: string[] = [];
    posts((body, response) => {
      bodies.push(body);
      json(response, { got: body });
    });
    const { client } = subscribeTo('/api', 'message', { pollMs: 50 }, { adapters: [poll()] });
    const sends = ['a', { b: 2 }, 'c'].map((data) => client.send('message', data));
    await expect(Promise.all(sends)).resolves.toEqual([{ got: 'a' }, { got: '{"b":2}' }, { got: 'c' }]);
    expect(bodies).toEqual(['a', '{"b":2}', 'c']);
  });

  test('a refusal was not applied; what broke off may have been; neither is repeated', async () => {
    const bodies: string[] = [];
    posts((body, response) => {
      bodies.push(body);
      if (body === 'refused') response.writeHead(403).end();
      else if (body === 'broken') response.destroy();
      else if (body === 'failed') response.writeHead(500).end();
      else json(response, 'fine');
    });
    const { client } = subscribeTo('/api', 'message', { pollMs: 50 }, { adapters: [poll()] });
    const outcome = (data: string) =>
      client.send('message', data).then(
        () => 'ok',
        ({ code, maybeApplied }: HoldfastError) => `${code} ${maybeApplied}`,
      );
    expect(await Promise.all(['refused', 'broken', 'failed', 'last'].map(outcome))).toEqual([
      'SEND_DENIED false',
      'OUTCOME_UNKNOWN true',
      'HANDLER_FAILED true',
      'ok',
    ]);
    expect(bodies).toEqual(['refused', 'broken', 'failed', 'last']);
  });
});

describe('endpoints that are mixed up', () => {
  const page: Route = (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>');
  const type = (name: string, body: string | Buffer): Route => {
    return (_, response) => response.writeHead(200, { 'content-type': name }).end(body);
  };
  const endless: Route = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const line = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < 10; i++) response.write(line);
  };
  const cases: [string, Route | undefined, 'stream' | 'poll', string][] = [
    ['a 404', undefined, 'stream', 'BAD_STATUS'],
    ['a 404 to a poll', undefined, 'poll', 'BAD_STATUS'],
    ['a page instead of JSON', page, 'poll', 'WRONG_TYPE'],
    ['a page instead of a stream', page, 'stream', 'WRONG_TYPE'],
    ['another content type', type('text/plain', 'data: 1\n\n'), 'stream', 'WRONG_TYPE'],
    ['what is no JSON', type('application/json', '{"a":'), 'poll', 'UNPARSABLE'],
    ['an endless line', endless, 'stream', 'UNPARSABLE'],
    [
      'what is no UTF-8',
      type('application/json', Buffer.from([0x22, 0xff, 0xfe, 0x22])),
      'poll',
      'UNPARSABLE',
    ],
    ['a stream that ends at once', type('text/event-stream', ''), 'stream', 'EMPTY_STREAM'],
  ];

  test.each(cases)(
    '%s is told once, with a code, and the next endpoint is taken',
    async (_, route, kind, code) => {
      if (route) routes['/wrong'] = route;
      routes['/right'] = (_request, response) => json(response, 'right');
      const wrong = kind === 'stream' ? 'http-stream' : 'long-poll';
      const seen = subscribeTo(
        '/',
        'message',
        { parse: 'json', pollMs: 20 },
        { endpoints: { [wrong]: `${base}/wrong`, poll: `${base}/right` } },
      );
      await until(() => seen.client.status.transport === 'poll' && seen.messages.length > 0, 'the right one');
      expect(dataOf(seen)).toEqual(['right']);
      expect(codesOf(seen)).toEqual([code]);
      expect(seen.errors[0]?.message).toContain(`docs/ERRORS.md#${code.toLowerCase()}`);
    },
  );

  test('a place in a hub means nothing here, which is said at once', () => {
    const seen = subscribeTo('/', 'message', {}, { adapters: [poll()] });
    expect(() => seen.client.subscribe('other', { since: 'aaaaaaaaaaa.3' })).toThrow(/lastEventId.*MISUSE/);
  });

  test('only endpoints that are listed are used', async () => {
    routes['/right'] = (_, response) => json(response, 'right');
    const seen = subscribeTo('/', 'message', { pollMs: 20 }, { endpoints: { poll: `${base}/right` } });
    await until(() => seen.messages.length === 1, 'the message');
    expect(requests.every(({ url }) => url === '/right')).toBe(true);
    const { findings } = await seen.client.diagnose(2_000);
    expect(findings.find(({ transport }) => transport === 'poll')?.works).toBe(true);
  });
});
