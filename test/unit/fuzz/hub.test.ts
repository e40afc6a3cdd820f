/** A hub that is brought anything: a clear answer, no exception, and nobody else is harmed. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CoreWorld, FakeSink, type Frame, idOf, noMeta } from '../server/support/core-world.ts';
import { clientFrame, lineLike, sendFrame } from './arbitraries.ts';

// Thousands of runs take their time on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const client = 'c'.repeat(22);
const key = 'c'.repeat(22);
const runs = { numRuns: 400 };
const fresh = [{ topic: 'a', new: true }] as const;

function createWorld(): { world: CoreWorld; bystander: FakeSink } {
  const world = new CoreWorld({}, { handle: ({ data }, done) => done({ type: 'ok', reply: typeof data }) });
  const own = { client: idOf('bystander'), key: idOf('secret') };
  const { sink } = world.connect(fresh, own, 'http-stream');
  world.turn();
  sink.take();
  return { world, bystander: sink };
}

/** Whoever was there before gets what is published, and nothing else. */
function expectUnharmed(world: CoreWorld, bystander: FakeSink): void {
  const id = world.core.publish('a', 'still here');
  world.turn();
  const messages = bystander.take().filter(({ type }) => type === undefined);
  expect(messages.map((frame) => frame.id)).toContain(id);
  expect(bystander.ended).toBeUndefined();
}

function expectReason(frame: Frame | undefined): void {
  expect(frame?.type).toBe('error');
  expect(frame?.['code']).toMatch(/^[A-Z][A-Z_]+$/);
  expect(String(frame?.['message']).length).toBeGreaterThan(10);
}

/** Text of some lines, or a binary message. */
const unit = fc.oneof(
  fc.array(lineLike(clientFrame), { minLength: 1, maxLength: 4 }).map((lines) => lines.join('\n')),
  fc
    .tuple(lineLike(clientFrame), fc.uint8Array({ maxLength: 20 }), fc.constantFrom('\n', ''))
    .map(([line, bytes, end]) => Uint8Array.from([...new TextEncoder().encode(line + end), ...bytes])),
);

describe('messages of a WebSocket', () => {
  it('go on, or end it by an error that says why', () => {
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 4 }), fc.boolean(), (units, isOpen) => {
        const { world, bystander } = createWorld();
        const sink = new FakeSink();
        const peer = world.core.connect({ transport: 'websocket', sink, meta: noMeta });
        if (isOpen) world.core.open(peer, world.openFrame(fresh, { client, key, attempt: 99 }));
        else world.core.awaitOpen(peer);
        for (const one of units) {
          world.core.receive(peer, one);
          world.turn();
        }
        if (sink.ended && sink.ended.code !== 1000) expectReason(sink.take().at(-1));
        // Who is silent is no silence: without an open it ends after a while.
        world.pass(40_000);
        const frames = sink.take();
        if (!isOpen && units.length === 0) expectReason(frames.at(-1));
        expectUnharmed(world, bystander);
      }),
      runs,
    );
  });

  it('that are none end it at once, whatever came before', () => {
    const broken = fc.constantFrom(
      '{',
      'null',
      '[]',
      '7',
      '{"type":"launch"}',
      '{"type":"send"}',
      '{"type":"open"}',
    );
    fc.assert(
      fc.property(fc.array(sendFrame, { maxLength: 3 }), broken, (sends, last) => {
        const { world, bystander } = createWorld();
        const { peer, sink } = world.connect(fresh, { client, key });
        world.turn();
        for (const frame of sends) world.core.receive(peer, JSON.stringify(frame));
        world.core.receive(peer, last);
        expectReason(sink.take().at(-1));
        expect(sink.ended?.code).toBe(4000);
        expectUnharmed(world, bystander);
      }),
      runs,
    );
  });
});

describe('a body', () => {
  it('is an open, a batch, or refused with a reason', () => {
    const body = fc.tuple(
      fc.array(lineLike(clientFrame), { maxLength: 4 }),
      fc.constantFrom('\n', '\r\n', ''),
    );
    fc.assert(
      fc.property(body, ([lines, end]) => {
        const { world, bystander } = createWorld();
        const post = world.core.parse(lines.map((line) => line + end).join(''));
        const sink = new FakeSink();
        if (post.type === 'bad') expect(post.message.length).toBeGreaterThan(10);
        if (post.type === 'batch') world.core.batch(sink, noMeta, post.batch, post.lines);
        if (post.type === 'open') {
          const transport = post.open.wait === undefined ? 'http-stream' : 'poll';
          world.core.open(world.core.connect({ transport, sink, meta: noMeta }), post.open);
        }
        world.pass(30_000);
        if (post.type !== 'bad') {
          const said = sink.take();
          if (post.type === 'open') expect(said.length, 'never silence').toBeGreaterThan(0);
        }
        expectUnharmed(world, bystander);
      }),
      runs,
    );
  });
});

/** The answer to a POST of these frames. */
function answerTo(world: CoreWorld, sends: string, list: readonly object[]): FakeSink {
  const body = [{ type: 'batch', client, key, sends }, ...list].map((frame) => `${JSON.stringify(frame)}\n`);
  const post = world.core.parse(body.join(''));
  if (post.type !== 'batch') throw new Error(`no batch: ${JSON.stringify(post)}`);
  const sink = new FakeSink();
  world.core.batch(sink, noMeta, post.batch, post.lines);
  world.pass(1_000);
  return sink;
}

const seqOf = (frame: object): unknown => ('seq' in frame ? frame.seq : undefined);
const isOf = (type: string) => (frame: object) => 'type' in frame && frame.type === type;

describe('a batch', () => {
  it('is answered once for each number of a send, and ends', () => {
    const frame = fc.oneof(sendFrame, fc.constantFrom({ type: 'ping' }, { type: 'release', attempts: [7] }));
    const nonce = fc.constantFrom('right', 'wrong');
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), nonce, fc.boolean(), (list, which, isKnown) => {
        const { world, bystander } = createWorld();
        const hello = isKnown ? world.poll([], { client, key })[0] : undefined;
        const sends = which === 'right' ? String(hello?.['sends'] ?? 'none') : 'another';
        const sink = answerTo(world, sends, list);
        const answers = sink.take();
        const asked = [...new Set(list.map(seqOf))].filter((seq) => seq !== undefined);
        const acks = answers.filter(isOf('ack'));
        expect(acks.map(seqOf).sort()).toEqual(asked.sort());
        expect(answers.filter(isOf('pong')).length).toBe(list.filter(isOf('ping')).length);
        const consumed = acks.filter((ack) => ack['consumed'] !== false);
        if (!isKnown || which === 'wrong') expect(consumed).toEqual([]);
        expect(sink.ended?.code).toBe(1000);
        expectUnharmed(world, bystander);
      }),
      runs,
    );
  });
});
