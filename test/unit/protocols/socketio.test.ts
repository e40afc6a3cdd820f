/** `socketio()` in front of a real server of Socket.IO, over both transports that such a server has. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Client, ClientOptions } from '../../../src/client-types.ts';
import { createClient, longPoll, webSocket } from '../../../src/index.node.ts';
import { type SocketioOptions, socketio } from '../../../src/protocols/socketio.ts';
import { type SocketServer, startSocketServer } from './socketio-server.ts';

vi.setConfig({ testTimeout: 20_000 });

const adapters = { websocket: webSocket, 'long-poll': longPoll };
type Way = keyof typeof adapters;
const ways = ['websocket', 'long-poll'] as const;

let leftovers: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of leftovers.reverse()) await end();
  leftovers = [];
});

async function serve(...given: Parameters<typeof startSocketServer>): Promise<SocketServer> {
  const server = await startSocketServer(...given);
  leftovers.push(() => server.close());
  return server;
}

function connect(
  { url }: { readonly url: string },
  way: readonly Way[] | Way,
  options: SocketioOptions = {},
  more: Partial<ClientOptions> = {},
) {
  const client: Client = createClient(url, {
    adapters: ([] as Way[]).concat(way).map((name) => adapters[name]()),
    protocol: socketio(options),
    backoff: { baseMs: 20, capMs: 50 },
    memory: false,
    ...more,
  });
  const errors: string[] = [];
  client.on('error', ({ code, message }) => {
    // A request may meet a wire that was just cut.
    if (code !== 'DISCONNECTED') errors.push(`${code} ${message}`);
  });
  leftovers.push(() => client.close());
  return { client, errors };
}

/** All that comes for a topic: data, and gaps as their reason. */
async function listen(client: Client, topic: string) {
  const heard: unknown[] = [];
  const subscription = client.subscribe(topic, {
    message: ({ data }) => heard.push(data),
    gap: ({ reason }) => heard.push(`gap: ${reason}`),
  });
  await subscription.ready;
  return heard;
}

const until = (holds: () => unknown): Promise<unknown> =>
  vi.waitUntil(() => Boolean(holds()), { timeout: 15_000, interval: 5 });

describe.each(ways)('over %s', (way) => {
  test('events come, one argument as it is, several as an array', async () => {
    const server = await serve();
    const { client } = connect(server, way);
    const heard = await listen(client, 'news');
    server.io.emit('news', { text: 'größer 😀' });
    server.io.emit('news', 1, 'two', [3]);
    server.io.emit('news');
    server.io.emit('other', 'never asked for');
    server.io.emit('news', [1]);
    await until(() => heard.length === 4);
    expect(heard).toEqual([{ text: 'größer 😀' }, [1, 'two', [3]], undefined, [1]]);
    expect(client.status).toMatchObject({ state: 'open', transport: way, resume: 'none' });
  });

  test('a send is an event, and resolves with its acknowledgement', async () => {
    const heard: unknown[] = [];
    const server = await serve({}, 0, (io) =>
      io.on('connection', (socket) => {
        socket.on('add', (data, answer) => {
          heard.push(data);
          answer(...[data.a + data.b, 'sum', null].slice(0, data.answers));
        });
      }),
    );
    const { client } = connect(server, way);
    expect(await client.send('add', { a: 1, b: 2, answers: 1 })).toBe(3);
    expect(await client.send('add', { a: 2, b: 2, answers: 0 })).toBeUndefined();
    expect(await client.send('add', { a: 3, b: 2, answers: 3 })).toEqual([5, 'sum', null]);
    expect(heard).toHaveLength(3);
  });

  test('arguments as the application wants them', async () => {
    const heard: unknown[] = [];
    const server = await serve({}, 0, (io) =>
      io.on('connection', (socket) => {
        socket.onAny((...values) => {
          heard.push(values.slice(0, -1));
          values.at(-1)();
        });
      }),
    );
    const { client } = connect(server, way, {
      args: (topic, data) => (topic === 'move' ? (data as unknown[]) : [data, topic]),
    });
    await client.send('move', [1, 2]);
    await client.send('stay', null);
    expect(heard).toEqual([
      ['move', 1, 2],
      ['stay', null, 'stay'],
    ]);
  });

  test('an event that wants an acknowledgement gets one', async () => {
    const server = await serve();
    const { client } = connect(server, way);
    await listen(client, 'anything');
    const [socket] = server.sockets;
    expect(await socket?.timeout(5_000).emitWithAck('question', 1)).toBeUndefined();
  });

  test('`onAck` answers, at once or later, or not at all', async () => {
    const server = await serve();
    const { client } = connect(server, way, {
      onAck(topic, data) {
        if (topic === 'soon') return { topic, data };
        if (topic === 'later') return new Promise((resolve) => setImmediate(() => resolve([data])));
        throw new Error('no answer');
      },
    });
    const heard = await listen(client, 'soon');
    const ask = (topic: string, ...values: unknown[]) =>
      server.sockets[0]?.timeout(topic === 'never' ? 200 : 5_000).emitWithAck(topic, ...values);
    expect(await ask('soon', 1)).toEqual({ topic: 'soon', data: 1 });
    expect(await ask('later', 1, 2)).toEqual([[1, 2]]);
    await expect(ask('never')).rejects.toThrow('timed out');
    expect(heard).toEqual([1]);
    expect(client.status.state).toBe('open');
  });

  test('bytes both ways, wherever they are', async () => {
    const heard: unknown[] = [];
    const server = await serve({}, 0, (io) =>
      io.on('connection', (socket) => {
        socket.on('bytes', (data, answer) => {
          heard.push(data);
          answer({ first: data, more: [Buffer.from([9])] });
        });
      }),
    );
    const { client } = connect(server, way, {
      onAck: (_topic, data) => ({ back: (data as { deep: Uint8Array[] }).deep[1] }),
    });
    const reply = await client.send('bytes', new Uint8Array([1, 2, 255]));
    expect(heard).toEqual([Buffer.from([1, 2, 255])]);
    expect(reply).toEqual({ first: new Uint8Array([1, 2, 255]), more: [new Uint8Array([9])] });

    const files = await listen(client, 'files');
    server.io.emit('files', Buffer.from([7]));
    server.io.emit('files', { deep: [Buffer.from([1]), Buffer.alloc(0)], n: 1 }, Buffer.from([2]));
    await until(() => files.length === 2);
    expect(files).toEqual([
      new Uint8Array([7]),
      [{ deep: [new Uint8Array([1]), new Uint8Array([])], n: 1 }, new Uint8Array([2])],
    ]);
    const asked = server.sockets[0]?.timeout(5_000).emitWithAck('q', { deep: [0, Buffer.from([5, 6])] });
    expect(await asked).toEqual({ back: Buffer.from([5, 6]) });
  });

  test('to all, to all but one, to one', async () => {
    const server = await serve();
    const one = connect(server, way).client;
    const heardByOne = await listen(one, 'chat');
    const two = connect(server, way).client;
    const heardByTwo = await listen(two, 'chat');
    const [first, second] = server.sockets;
    server.io.emit('chat', 'all');
    first?.broadcast.emit('chat', 'but one');
    server.io.to(second?.id ?? '').emit('chat', 'two alone');
    server.io.to(first?.id ?? '').emit('chat', 'one alone');
    await until(() => heardByOne.length === 2 && heardByTwo.length === 3);
    expect(heardByOne).toEqual(['all', 'one alone']);
    expect(heardByTwo).toEqual(['all', 'but one', 'two alone']);
  });

  test('a volatile send, and one without acknowledgement, carry no number', async () => {
    const server = await serve();
    const packets: string[] = [];
    const { client } = connect(server, way, { acks: (topic) => topic === 'asked' });
    await listen(client, 'anything');
    const [socket] = server.sockets;
    socket?.conn.on('packet', ({ type, data }) => {
      if (type === 'message') packets.push(String(data));
    });
    socket?.on('asked', (_data, answer) => answer?.('yes'));
    expect(await client.send('unasked', 1)).toBeUndefined();
    expect(await client.send('asked', 2, { volatile: true })).toBeUndefined();
    expect(await client.send('asked', 3)).toBe('yes');
    expect(packets).toEqual(['2["unasked",1]', '2["asked",2]', expect.stringMatching(/^2\d+\["asked",3\]$/)]);
  });

  test('a send that is never acknowledged times out as unknown', async () => {
    const server = await serve();
    const { client } = connect(server, way);
    await listen(client, 'anything');
    const sent = client.send('nobody listens', 1, { timeoutMs: 100 });
    await expect(sent).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', maybeApplied: true });
  });

  test('names that Socket.IO keeps to itself are refused here, and cost nothing', async () => {
    const server = await serve();
    const { client } = connect(server, way, { acks: false });
    await listen(client, 'anything');
    await expect(client.send('disconnect', 1)).rejects.toMatchObject({
      code: 'SEND_DENIED',
      maybeApplied: false,
    });
    await client.send('allowed', 1);
    expect(server.sockets).toHaveLength(1);
    expect(server.sockets[0]?.connected).toBe(true);
  });

  test('another namespace', async () => {
    const server = await serve({}, 0, (io) =>
      io.of('/admin').on('connection', (socket) => {
        socket.on('who', (data, answer) => answer(socket.nsp.name, data));
      }),
    );
    const { client } = connect(server, way, { namespace: '/admin' });
    const heard = await listen(client, 'news');
    expect(await client.send('who', new Uint8Array([1]))).toEqual(['/admin', new Uint8Array([1])]);
    server.io.emit('news', 'main');
    server.io.of('/admin').emit('news', Buffer.from([2]), 'admin');
    await until(() => heard.length === 1);
    expect(heard).toEqual([[new Uint8Array([2]), 'admin']]);
    expect(server.sockets).toHaveLength(0);
  });

  test('pings are answered, and the connection lives on', async () => {
    const server = await serve({ pingInterval: 40, pingTimeout: 400 });
    const { client } = connect(server, way);
    const heard = await listen(client, 'news');
    let pongs = 0;
    server.sockets[0]?.conn.on('heartbeat', () => pongs++);
    await until(() => pongs >= 15);
    server.io.emit('news', 'still here');
    await until(() => heard.length === 1);
    expect(server.sockets).toHaveLength(1);
  });

  test('a server without pings is taken for dead after interval and time-out', async () => {
    const server = await serve({ pingInterval: 100, pingTimeout: 100 });
    const { client } = connect(server, way);
    await listen(client, 'news');
    const startedAt = performance.now();
    // Its timers are gone, as those of a process that hangs.
    const { conn } = server.sockets[0] as unknown as { conn: { pingIntervalTimer: NodeJS.Timeout } };
    clearTimeout(conn.pingIntervalTimer);
    await until(() => server.sockets.length === 2);
    // Two seconds of grace belong to it.
    expect(performance.now() - startedAt).toBeGreaterThan(2_000);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
  });

  test('after a cut a new socket connects, and what may be missing is told', async () => {
    const server = await serve();
    const { client, errors } = connect(server, way);
    const heard = await listen(client, 'news');
    server.io.emit('news', 1);
    await until(() => heard.length === 1);
    server.sockets[0]?.on('slow', () => server.cut());
    await expect(client.send('slow', 1)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await until(() => server.sockets.length === 2 && client.status.state === 'open');
    server.io.emit('news', 2);
    await until(() => heard.length === 3);
    expect(heard).toEqual([1, 'gap: no-resume', 2]);
    expect(server.sockets[0]?.id).not.toBe(server.sockets[1]?.id);
    expect(errors).toEqual([]);
  });

  test('a server that recovers connections brings what a cut cost, once', async () => {
    const server = await serve({ connectionStateRecovery: {} });
    const { client, errors } = connect(server, way);
    const heard = await listen(client, 'news');
    server.sockets[0]?.join('room');
    server.io.emit('news', 'text', 1);
    await until(() => heard.length === 1 && server.sockets[0]?.conn.transport.writable);
    server.io.volatile.emit('news', 'volatile');
    await until(() => heard.length === 2);
    expect(client.status.resume).toBe('last-event-id');
    for (let round = 1; round <= 3; round++) {
      // Before anybody can be there again.
      server.sockets.at(-1)?.on('disconnect', () => {
        server.io.to('room').emit('news', `missed ${round}`, Buffer.from([round]));
        server.io.emit('news', 'text');
      });
      await until(() => server.sockets.at(-1)?.conn.transport.writable);
      server.cut();
      await until(() => heard.length === 2 + 2 * round && server.sockets.length === 1 + round);
    }
    expect(heard).toEqual([
      ['text', 1],
      'volatile',
      ...[1, 2, 3].flatMap((round) => [[`missed ${round}`, new Uint8Array([round])], 'text']),
    ]);
    expect(server.sockets.slice(1).every(({ recovered }) => recovered)).toBe(true);
    expect(new Set(server.sockets.map(({ id }) => id)).size).toBe(1);
    expect(errors).toEqual([]);
  });

  test('a server that recovers nothing any more is a gap', async () => {
    const options = { connectionStateRecovery: {} };
    const server = await serve(options);
    const { client } = connect(server, way);
    const heard = await listen(client, 'news');
    server.io.emit('news', 1);
    await until(() => heard.length === 1);
    await server.close();
    const other = await serve(options, server.port);
    await until(() => other.sockets.length === 1);
    other.io.emit('news', 2);
    await until(() => heard.length === 3);
    expect(heard).toEqual([1, 'gap: no-resume', 2]);
  });

  test('an Engine.IO session that the server closes is followed by another, without a word of error', async () => {
    const server = await serve();
    const { client, errors } = connect(server, way);
    const heard = await listen(client, 'news');
    server.sockets[0]?.conn.close();
    await until(() => server.sockets.length === 2);
    await until(() => client.status.state === 'open');
    server.io.emit('news', 1);
    await until(() => heard.includes(1));
    expect(errors).toEqual([]);
  });

  test('whoever is refused is told why, asked again, and let in', async () => {
    const tokens: unknown[] = [];
    const server = await serve({}, 0, (io) =>
      io.use(({ handshake }, next) => {
        tokens.push(handshake.auth['token']);
        if (handshake.auth['token'] === 'good') return next();
        next(Object.assign(new Error('No entry.'), { data: { hint: 'sign in' } }));
      }),
    );
    let asked = 0;
    const { client, errors } = connect(server, way, {}, { auth: () => (asked++ === 0 ? 'bad' : 'good') });
    const seen: string[] = [];
    client.on('status', ({ state }) => seen.push(state));
    await listen(client, 'news');
    expect(tokens).toEqual(['bad', 'good']);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^AUTH_FAILED .*No entry\. \{"hint":"sign in"\}/);
    expect(seen.indexOf('open')).toBe(seen.length - 1);
    expect(server.sockets).toHaveLength(1);
  });

  test('`auth` as an object, or made of the token', async () => {
    const seen: unknown[] = [];
    const server = await serve({}, 0, (io) =>
      io.on('connection', ({ handshake }) => seen.push(handshake.auth)),
    );
    await listen(connect(server, way, { auth: { name: 'a' } }).client, 'news');
    const made = { auth: (token: string | undefined) => ({ bearer: token }) };
    await listen(connect(server, way, made, { auth: 'secret' }).client, 'news');
    await listen(connect(server, way).client, 'news');
    expect(seen).toEqual([{ name: 'a' }, { bearer: 'secret' }, {}]);
  });

  test('a server that takes its time to let in is waited for, with one socket', async () => {
    const server = await serve({}, 0, (io) => io.use((_socket, next) => setTimeout(next, 3_500)));
    const { client } = connect(server, [way, way === 'websocket' ? 'long-poll' : 'websocket']);
    await listen(client, 'news');
    expect(client.status.transport).toBe(way);
    expect(new Set(server.asked.map((one) => one.split(' ')[1])).size).toBe(1);
  });

  test('a server that disconnects a socket means it', async () => {
    const server = await serve();
    const { client, errors } = connect(server, way);
    const ended: string[] = [];
    await client.subscribe('news', { error: ({ code }) => ended.push(code) }).ready;
    server.sockets[0]?.disconnect();
    await until(() => client.status.state === 'closed');
    expect(ended).toEqual(['STOPPED']);
    expect(new Set(errors.map((error) => error.split(' ')[0]))).toEqual(new Set(['STOPPED']));
    expect(server.sockets).toHaveLength(1);
  });

  test('close() ends the socket at once, open() begins another', async () => {
    const server = await serve();
    const { client } = connect(server, way);
    const heard = await listen(client, 'news');
    client.close();
    await until(() => server.sockets[0]?.disconnected);
    client.open();
    await until(() => server.sockets.length === 2 && client.status.state === 'open');
    server.io.emit('news', 1);
    await until(() => heard.includes(1));
  });
});
