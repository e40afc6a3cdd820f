/**
 * The client against a server that is scripted by hand: what a hub of ours would never say, or says at the worst moment.
 * Every test runs on every transport unless it says why not.
 */
import { expect, numbers, test, transports, until } from './harness.ts';
import type { Stub, StubPeer } from './stub-types.ts';

/** The offset that an open resumes a topic at; `undefined` for one that is new. */
function positionOf(peer: StubPeer, topic: string): number | undefined {
  const request = peer.open.topics.find((one) => (typeof one === 'string' ? one : one.topic) === topic);
  if (request === undefined || (typeof request === 'object' && request.new)) return undefined;
  const at = typeof request === 'object' ? request.at : peer.open.cursor;
  return Number(at?.split('.')[1]);
}

/**
 * Scripts a log: each open gets a hello and what comes after its position, in the pieces that `say` makes of it.
 * On polls an answer without messages is held until something is published.
 */
function serveLog(stub: Stub, topic: string, offsets: readonly number[], from = 0) {
  const log = [...offsets];
  const waiting = new Set<StubPeer>();
  stub.head = from;

  function bring(peer: StubPeer, after: number): boolean {
    const due = log.filter((offset) => offset > after);
    for (const offset of due) peer.message(topic, offset, offset);
    return due.length > 0;
  }
  function opened(peer: StubPeer): void {
    const after = positionOf(peer, topic) ?? stub.head;
    peer.hello({ cursor: `${stub.epoch}.${after}` });
    const hasSome = bring(peer, after);
    if (!peer.isPoll) waiting.add(peer);
    else if (hasSome || peer.transport === 'poll') peer.answered();
    else waiting.add(peer);
  }
  stub.on('open', opened);
  return {
    opened,
    publish(offset: number) {
      log.push(offset);
      stub.head = Math.max(stub.head, offset);
      for (const peer of [...waiting]) {
        peer.message(topic, offset, offset);
        if (peer.isPoll) {
          waiting.delete(peer);
          peer.answered();
        }
      }
    },
    live: () => [...waiting].filter((peer) => !peer.isClosed),
  };
}

/**
 * Ends a connection behind the client's back. No engine tells a page that an iframe's document was cut, which leaves only
 * silence to notice it by (that has a test of its own), so such a document is ended in order.
 */
function drop(peer: StubPeer): void {
  if (peer.transport === 'iframe') peer.end();
  else peer.cut();
}

/** The newest open that came by this transport. */
function newest(stub: Stub): StubPeer {
  const peer = stub.peers.at(-1);
  if (!peer) throw new Error('no open has come');
  return peer;
}

for (const transport of transports) {
  test.describe(transport, () => {
    const isPoll = transport === 'long-poll' || transport === 'poll';

    test('the open says what the protocol says', async ({ driver, stub }) => {
      serveLog(stub, 'a', []);
      await driver.start(stub.url, [transport], { auth: 'a token' });
      expect(await driver.subscribe('a', { last: 3 })).toBe('ready');
      const { transport: carrier, open } = stub.peers[0] as StubPeer;
      // Any first poll asks to be answered at once; a long one is held from the second on.
      if (!isPoll) expect(carrier).toBe(transport);
      expect(open).toMatchObject({ type: 'open', protocol: 'holdfast.v1', attempt: 1, token: 'a token' });
      expect(open.client).toMatch(/^[\w-]{22}$/);
      expect(open.key).toMatch(/^[\w-]{22}$/);
      expect(open.topics).toContainEqual({ topic: 'a', new: true, last: 3 });
      expect(open.cursor).toBeUndefined();
      if (isPoll) {
        expect(open.wait).toBe(0);
        await until(() => stub.peers.length >= 2, 'the second poll');
        const { open: second } = stub.peers[1] as StubPeer;
        expect(second).toMatchObject({ attempt: 1, client: open.client, cursor: `${stub.epoch}.0` });
        if (transport === 'long-poll') expect(second.wait).toBeGreaterThan(0);
        else expect(second.wait).toBe(0);
      }
      // Neither key nor token is in any URL, no number is used twice, and nothing needs a preflight.
      const urls = stub.requests.map(({ url }) => new URL(url, stub.url));
      for (const url of urls) {
        expect(decodeURIComponent(url.href)).not.toContain(open.key);
        expect(decodeURIComponent(url.href)).not.toContain('a token');
        expect(url.searchParams.get('client')).toBe(open.client);
      }
      const used = urls.map((url) => url.searchParams.get('n'));
      expect(new Set(used).size).toBe(used.length);
      expect(stub.requests.filter(({ method }) => method === 'OPTIONS')).toEqual([]);
    });

    test('drops duplicates and keeps the order', async ({ driver, stub }) => {
      stub.on('open', (peer) => {
        const after = positionOf(peer, 'a') ?? 0;
        peer.hello({ cursor: `${stub.epoch}.${after}` });
        // Everything from the beginning, twice, whatever was asked for.
        for (const n of [1, 2, 2, 3, 1, 3, 4]) peer.message('a', n, n);
        peer.answered();
      });
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      await expect.poll(() => driver.count('a')).toBe(4);
      // Once more from the beginning, by the next answer.
      if (!isPoll) drop(newest(stub));
      await until(() => stub.peers.length >= 2, 'the next open');
      const second = stub.peers[1] as StubPeer;
      expect(positionOf(second, 'a')).toBe(4);
      expect(await driver.received('a')).toEqual([1, 2, 3, 4]);
    });

    test('ignores unknown fields and unknown frames', async ({ driver, stub }) => {
      stub.on('open', (peer) => {
        peer.write({ type: 'weather', temperature: 21 });
        peer.hello({ futureField: { nested: true } });
        peer.write(
          { type: 'another', topic: 'a', id: '1', data: 'not a message' },
          { topic: 'a', id: '1', data: 1, futureField: [1, 2, 3] },
          { type: 'ping', cursor: `${stub.epoch}.1`, futureField: 1 },
        );
        peer.answered();
      });
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      await expect.poll(() => driver.received('a')).toEqual([1]);
      expect(await driver.status()).toMatchObject({ state: 'open' });
      expect(await driver.events('error')).toEqual([]);
    });

    test('tells a gap once, before the next message', async ({ driver, stub }) => {
      stub.on('open', (peer) => {
        const after = positionOf(peer, 'a');
        peer.hello({ cursor: `${stub.epoch}.${after ?? 0}` });
        if (after === undefined) {
          peer.message('a', 1, 1);
        } else if (after < 9) {
          // 2 to 8 are lost; told twice, which must be heard once.
          peer.write({ type: 'gap', topic: 'a', to: '8', reason: 'trimmed' });
          peer.write({ type: 'gap', topic: 'a', to: '8', reason: 'trimmed' });
          peer.message('a', 9, 9);
        }
        peer.answered();
      });
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      await until(async () => (await driver.count('a')) >= 1, 'the first message');
      if (!isPoll) drop(newest(stub));
      await expect.poll(() => driver.received('a')).toEqual([1, 9]);
      const gaps = await driver.events('gap');
      expect(gaps).toHaveLength(1);
      expect(gaps[0]).toMatchObject({ topic: 'a', received: 1, gap: { reason: 'trimmed' } });
      expect(await driver.events('message-after-gap')).toMatchObject([{ data: 9 }]);
    });

    test('another epoch is a gap told once, and the topic goes on from its start', async ({
      driver,
      stub,
    }) => {
      const log = serveLog(stub, 'a', [1, 2], 0);
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      await expect.poll(() => driver.received('a')).toEqual([1, 2]);
      const old = newest(stub);
      // The server has lost its log: another epoch, and whatever was asked for starts at the new head.
      stub.epoch = 'YW5vdGhlci1l';
      stub.head = 0;
      stub.nonce = 'anothernonce000000000b';
      stub.on('open', (peer) => {
        const isNew = peer.open.cursor?.startsWith(stub.epoch) === true;
        const after = isNew ? positionOf(peer, 'a') : 0;
        peer.hello({
          cursor: `${stub.epoch}.${after}`,
          topics: isNew ? [] : [{ topic: 'a', start: '0' }],
        });
        if (!isNew) peer.write({ type: 'gap', topic: 'a', to: '0', reason: 'epoch' });
        if ((after ?? 0) < 1) peer.message('a', 1, 'new 1');
        if (peer.isPoll && (!isNew || (after ?? 0) < 1 || peer.transport === 'poll')) peer.answered();
      });
      for (const peer of log.live()) drop(peer);
      await expect.poll(() => driver.received('a')).toEqual([1, 2, 'new 1']);
      expect((await driver.events('gap')).map(({ gap }) => gap?.reason)).toEqual(['epoch']);
      expect(old.isClosed).toBe(true);
    });

    test('a denied topic rejects ready with the code; the others go on', async ({ driver, stub }) => {
      stub.on('open', (peer) => {
        const topics = [
          { topic: 'a', start: '0' },
          { topic: 'secret', error: { code: 'TOPIC_DENIED', message: 'not for you' } },
        ];
        peer.hello({
          cursor: `${stub.epoch}.0`,
          topics: topics.filter((one) => peer.topics.includes(one.topic)),
        });
        peer.message('a', 1, 1);
        if (transport === 'poll' || positionOf(peer, 'a') === undefined) peer.answered();
      });
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribeAll(['a', 'secret'])).toEqual(['ready', 'TOPIC_DENIED']);
      await expect.poll(() => driver.received('a')).toEqual([1]);
    });

    test('a hello with another nonce: transmitted sends are OUTCOME_UNKNOWN, the rest go on', async ({
      driver,
      stub,
    }) => {
      let isFirst = true;
      stub.on('send', (send, up, peer) => {
        const seq = send.seq ?? 0;
        if (isFirst) {
          // It has come, its answer is lost, and so is the server's memory of it.
          isFirst = false;
          stub.nonce = 'anothernonce000000000b';
          up.hold();
          up.cut();
          for (const live of stub.live) drop(live);
        } else if (!peer && up.frames[0]?.['sends'] !== stub.nonce) {
          const error = { code: 'NONCE_UNKNOWN', message: 'not known here', applied: false };
          up.ack(seq, { consumed: false, error });
        } else {
          up.ack(seq, { reply: send.data });
        }
      });
      if (isPoll) serveLog(stub, 'a', []);
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      expect(await driver.send('chat', 'first')).toMatchObject({
        error: { code: 'OUTCOME_UNKNOWN', maybeApplied: true },
      });
      expect(await driver.send('chat', 'second')).toMatchObject({ reply: 'second' });
      const second = stub.frames('send').at(-1);
      expect(second).toMatchObject({ seq: 1, data: 'second' });
    });

    test('an ack lost after the send was applied: sent again under its number, settled once', async ({
      driver,
      stub,
    }) => {
      const applied = new Map<number, unknown>();
      let isLost = false;
      stub.on('send', (send, up, peer) => {
        const seq = send.seq ?? 0;
        if (!applied.has(seq)) applied.set(seq, send.data);
        if (seq === 2 && !isLost) {
          isLost = true;
          if (!peer) up.hold();
          up.cut();
          return;
        }
        up.ack(seq, { reply: applied.get(seq) });
      });
      if (isPoll) serveLog(stub, 'a', []);
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      await driver.sendMany('chat', 5);
      await expect.poll(() => driver.settledCount()).toBe(5);
      expect(await driver.settled()).toEqual(numbers(5).map((n) => ({ n, reply: n, isSettled: true })));
      expect([...applied.entries()]).toEqual(numbers(5).map((n) => [n, n]));
    });

    test('a malformed frame ends the connection, and the next one resumes', async ({ driver, stub }) => {
      const malformed = '{"topic":"a","id":';
      let isDone = false;
      stub.on('open', (peer) => {
        const after = positionOf(peer, 'a') ?? 0;
        peer.hello({ cursor: `${stub.epoch}.${after}` });
        if (after < 1) peer.message('a', 1, 1);
        else if (isPoll && !isDone) {
          isDone = true;
          peer.raw(`${malformed}\n`);
        } else if (after < 2) peer.message('a', 2, 2);
        if (after < 2 || transport === 'poll') peer.answered();
      });
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      await until(async () => (await driver.count('a')) >= 1, 'the first message');
      const first = stub.peers[0] as StubPeer;
      if (transport === 'eventsource') first.raw(`data: ${malformed}\n\n`);
      else if (!isPoll) first.write(malformed);
      await expect.poll(() => driver.received('a'), { timeout: 10_000 }).toEqual([1, 2]);
      const next = stub.peers.find(({ attempt }) => attempt === 2) as StubPeer;
      expect(positionOf(next, 'a')).toBe(1);
      await first.closed;
    });

    test('bye: comes back no sooner than told', async ({ driver, stub }) => {
      let leftAt = 0;
      let cameBackAt = 0;
      stub.on('open', (peer) => {
        const after = positionOf(peer, 'a');
        if (leftAt > 0 && cameBackAt === 0) cameBackAt = performance.now();
        peer.hello({ cursor: `${stub.epoch}.${after ?? 0}` });
        if (after === undefined) peer.message('a', 1, 1);
        else if (leftAt === 0) {
          leftAt = performance.now();
          peer.write({ type: 'bye', reason: 'restart', afterMs: 600, spreadMs: 100 });
          peer.end(1012);
          return;
        } else if (after < 2) peer.message('a', 2, 2);
        if (after === undefined || after < 2 || transport === 'poll') peer.answered();
      });
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      await until(async () => (await driver.count('a')) >= 1, 'the first message');
      if (!isPoll) {
        leftAt = performance.now();
        newest(stub).write({ type: 'bye', reason: 'restart', afterMs: 600, spreadMs: 100 });
        newest(stub).end(1012);
      }
      await expect.poll(() => driver.received('a')).toEqual([1, 2]);
      const wait = cameBackAt - leftAt;
      expect(wait).toBeGreaterThanOrEqual(590);
      expect(wait).toBeLessThan(2_500);
    });

    test('wait proves the transport: it is not given up while the answer takes its time', async ({
      driver,
      stub,
    }) => {
      let isFirst = true;
      stub.on('open', (peer) => {
        if (!isFirst) {
          peer.hello();
          if (transport === 'poll') peer.answered();
          return;
        }
        isFirst = false;
        peer.write({ type: 'wait' });
        // Longer than any stagger on this network; an authenticate that takes its time.
        setTimeout(() => {
          peer.hello();
          peer.answered();
        }, 3_000);
      });
      await driver.start(stub.url, [transport]);
      expect(await driver.subscribe('a')).toBe('ready');
      expect(stub.peers[0]?.isClosed && !isPoll).toBe(false);
      expect(stub.peers.filter(({ attempt }) => attempt !== 1)).toEqual([]);
    });
  });
}

// A poll's answer that says hello and then nothing is an ordinary answer, so this concerns streams alone.
for (const transport of ['websocket', 'http-stream', 'eventsource', 'iframe'] as const) {
  test(`${transport}: a stream that says hello and then nothing is replaced`, async ({ driver, stub }) => {
    stub.on('open', (peer) => {
      peer.hello({ heartbeatMs: 300, cursor: `${stub.epoch}.${positionOf(peer, 'a') ?? 0}` });
      if (peer.attempt > 1) peer.message('a', 1, 1);
    });
    // Nor does it answer a ping, whichever way that comes.
    stub.on('ping', (_, up) => up.hold());
    await driver.start(stub.url, [transport]);
    expect(await driver.subscribe('a')).toBe('ready');
    await expect.poll(() => driver.received('a'), { timeout: 15_000 }).toContain(1);
    expect(stub.peers.length).toBeGreaterThan(1);
  });
}

// Bytes of an old epoch that come late need two connections side by side, which is what a change of transport makes.
for (const [old, next] of [
  ['http-stream', 'websocket'],
  ['websocket', 'eventsource'],
  ['iframe', 'http-stream'],
] as const) {
  test(`${old} to ${next}: late bytes of an old epoch are dropped`, async ({ driver, stub }) => {
    serveLog(stub, 'a', [1, 2]);
    // The old connection is never ended by the server, so that it can still speak.
    stub.on('release', () => {});
    await driver.start(stub.url, [old, next], { eager: false });
    await driver.prefer(old);
    expect(await driver.subscribe('a')).toBe('ready');
    await expect.poll(() => driver.received('a')).toEqual([1, 2]);
    const before = stub.peers.find(({ transport }) => transport === old) as StubPeer;
    const oldEpoch = stub.epoch;
    stub.epoch = 'YW5vdGhlci1l';
    stub.head = 0;
    stub.on('open', (peer) => {
      peer.hello({ cursor: `${stub.epoch}.0`, topics: [{ topic: 'a', start: '0' }] });
      if (!peer.open.cursor?.startsWith(stub.epoch)) {
        peer.write({ type: 'gap', topic: 'a', to: '0', reason: 'epoch' });
      }
      peer.message('a', 1, 'new 1');
      // Still on its way on the old connection, as bytes in a proxy may be.
      before.write({ type: 'ping', cursor: `${oldEpoch}.3` }, { topic: 'a', id: '3', data: 'late' });
      peer.message('a', 2, 'new 2');
    });
    // While the old one is healthy, another epoch is refused; so it has to look dead first.
    before.write({ type: 'bye', reason: 'moved', afterMs: 0, spreadMs: 0 });
    await expect.poll(() => driver.received('a')).toContain('new 2');
    const received = (await driver.received('a')).filter((data) => data !== 'late');
    expect(received).toEqual([1, 2, 'new 1', 'new 2']);
    const seen = await driver.received('a');
    // Before the change it is a message like any other; after it, it is of a log that is gone.
    if (seen.includes('late')) expect(seen.indexOf('late')).toBeLessThan(seen.indexOf('new 1'));
    expect((await driver.events('gap')).map(({ gap }) => gap?.reason)).toEqual(['epoch']);
  });
}

// A late answer of an old poll needs two polls in flight: the topics changed while one was held.
test('long-poll: the answer to a former poll, with the old topics, loses nothing', async ({
  driver,
  stub,
}) => {
  let heldBack: StubPeer | undefined;
  stub.on('release', () => {});
  stub.on('open', (peer) => {
    const isNewB = peer.topics.includes('b') && positionOf(peer, 'b') === undefined;
    const cursor = peer.open.cursor ?? `${stub.epoch}.0`;
    const topics = [
      ...(positionOf(peer, 'a') === undefined ? [{ topic: 'a', start: '0' }] : []),
      ...(isNewB ? [{ topic: 'b', start: '2' }] : []),
    ];
    peer.hello({ cursor, topics });
    if (positionOf(peer, 'a') === undefined) peer.answered();
    else if (!peer.topics.includes('b')) heldBack = peer;
    else if (isNewB) peer.answered();
    else if ((positionOf(peer, 'b') ?? 0) < 3) {
      // First comes the old answer, whose position mark is beyond b's first message, then that message.
      heldBack?.message('a', 4, 'a4');
      heldBack?.write({ type: 'ping', cursor: `${stub.epoch}.4` });
      heldBack?.answered();
      peer.message('b', 3, 'b3');
      peer.message('a', 4, 'a4');
      peer.answered();
    }
  });
  await driver.start(stub.url, ['long-poll']);
  expect(await driver.subscribe('a')).toBe('ready');
  await until(() => heldBack !== undefined, 'a held poll');
  expect(await driver.subscribe('b')).toBe('ready');
  await expect.poll(() => driver.received('b')).toEqual(['b3']);
  await expect.poll(() => driver.received('a')).toEqual(['a4']);
});

test('websocket: error frames do what their code says', async ({ driver, stub }) => {
  stub.on('open', (peer) => {
    peer.write({ type: 'error', code: 'FORBIDDEN', message: 'not you', scope: 'session' });
    peer.end(4000);
  });
  await driver.start(stub.url, ['websocket']);
  await driver.subscribeSoon('a');
  await expect.poll(() => driver.readiness('a')).toBe('FORBIDDEN');
  await expect
    .poll(() => driver.status())
    .toMatchObject({ state: 'closed', lastError: { code: 'FORBIDDEN' } });
  expect(stub.peers).toHaveLength(1);
});

test('websocket: KEY_MISMATCH makes another id and key', async ({ driver, stub }) => {
  stub.on('open', (peer) => {
    if (stub.peers.length > 1) {
      peer.hello();
      return;
    }
    peer.write({ type: 'error', code: 'KEY_MISMATCH', message: 'taken', scope: 'session' });
    peer.end(4000);
  });
  await driver.start(stub.url, ['websocket']);
  expect(await driver.subscribe('a')).toBe('ready');
  const [first, second] = stub.peers;
  expect(second?.open.client).not.toBe(first?.open.client);
  expect(second?.open.key).not.toBe(first?.open.key);
});

test('websocket: sends refused without being consumed are tried again', async ({ driver, stub }) => {
  let refusals = 0;
  stub.on('send', (send, up) => {
    if (refusals++ < 2) {
      up.ack(send.seq ?? 0, {
        consumed: false,
        error: { code: 'BUSY', message: 'in a moment', applied: false },
      });
    } else up.ack(send.seq ?? 0, { reply: 'done' });
  });
  await driver.start(stub.url, ['websocket']);
  expect(await driver.subscribe('a')).toBe('ready');
  expect(await driver.send('chat', 1)).toMatchObject({ reply: 'done' });
  expect(stub.frames('send').map(({ seq }) => seq)).toEqual([1, 1, 1]);
});

test('websocket: subscribing in place; a late answer to an older request is ignored', async ({
  driver,
  stub,
}) => {
  const requests: number[] = [];
  stub.on('subscribe', (frame, up) => {
    const request = Number(frame['request']);
    requests.push(request);
    if (requests.length < 2) return;
    // The answer to the first comes after it is no longer wanted, and then a message that only it would cover.
    up.write({ type: 'subscribed', request: requests[0], topics: [{ topic: 'b', start: '1' }] });
    up.write({ topic: 'b', id: '2', data: 'of the first' });
    up.write({ type: 'subscribed', request, topics: [{ topic: 'b', start: '2' }] });
    up.write({ topic: 'b', id: '3', data: 'of the second' });
  });
  await driver.start(stub.url, ['websocket']);
  expect(await driver.subscribe('a')).toBe('ready');
  await driver.subscribeSoon('b');
  await until(() => requests.length === 1, 'the first request');
  await driver.unsubscribe('b');
  await until(() => stub.frames('unsubscribe').length === 1, 'the unsubscribe');
  expect(await driver.subscribe('b')).toBe('ready');
  await expect.poll(() => driver.received('b')).toEqual(['of the second']);
  expect(stub.peers).toHaveLength(1);
});

test('websocket: answers a ping with a pong', async ({ driver, stub }) => {
  await driver.start(stub.url, ['websocket']);
  expect(await driver.subscribe('a')).toBe('ready');
  newest(stub).write({ type: 'ping', cursor: `${stub.epoch}.0` });
  await until(() => stub.frames('pong').length === 1, 'a pong');
});
