/**
 * The inbox against a small reference: one log, some connections that each bring a slice of it, as slowly and as late as
 * chance has it. Every message comes once and in order, or a gap is told for it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GapFrame, MessageFrame, TopicAnswer, TopicRequest } from '../../../src/core/frames.ts';
import type * as records from '../../../src/core/inbox.ts';
import * as inbox from './by-id.ts';
import { spell } from './harness.ts';

const topics = ['A', 'B', 'C'] as const;
type Topic = (typeof topics)[number];

type Piece =
  | { readonly type: 'hello'; readonly head: string; readonly cursor: string; readonly topics: TopicAnswer[] }
  | { readonly type: 'subscribed'; readonly request: number; readonly topics: TopicAnswer[] }
  | { readonly type: 'mark'; readonly cursor: string }
  | MessageFrame
  | GapFrame;

/** One connection as the server has it: a read position, and for each topic where it starts. */
interface Peer {
  readonly id: number;
  read: number;
  readonly starts: Map<string, number>;
  /** Written, and not yet received. */
  readonly pieces: Piece[];
  /** Topics that it was asked to go on with from where they stood. */
  readonly resumed: Set<string>;
  /** Topics that were given up since: what it brings of them is of another subscription. */
  readonly left: Set<string>;
  heard: boolean;
}

const place = (offset: number): string => spell(`a.${offset}`);
const offsetIn = (cursor: string): number => Number(cursor.slice(cursor.indexOf('.') + 1));

/** The log: which topic each offset belongs to, and how far each topic was trimmed. */
function createLog() {
  const owners: Topic[] = [];
  const cut: Record<Topic, number> = { A: 0, B: 0, C: 0 };
  const ownedBy = (topic: string): number[] => owners.flatMap((owner, i) => (owner === topic ? [i + 1] : []));
  return {
    tail: (): number => owners.length,
    publish: (topic: Topic): number => owners.push(topic),
    ownerOf: (offset: number): Topic => owners[offset - 1] as Topic,
    isRetained: (offset: number): boolean => offset > cut[owners[offset - 1] as Topic],
    trim(topic: Topic, count: number): void {
      cut[topic] = ownedBy(topic).filter((offset) => offset > cut[topic])[count - 1] ?? cut[topic];
    },
    trimmedTo: (topic: string): number => cut[topic as Topic],
    ownedBy,
  };
}

type Log = ReturnType<typeof createLog>;

function answersTo(log: Log, peer: Peer, requests: readonly TopicRequest[], from: number): TopicAnswer[] {
  const answers: TopicAnswer[] = [];
  for (const request of requests) {
    const topic = typeof request === 'string' ? request : request.topic;
    const start = typeof request === 'string' ? from : 'at' in request ? offsetIn(request.at) : log.tail();
    if (typeof request === 'string' || 'at' in request) peer.resumed.add(topic);
    peer.starts.set(topic, start);
    peer.left.delete(topic);
    if (typeof request !== 'string') answers.push({ topic, start: `${start}` });
  }
  return answers;
}

/** The gaps that are due before anything beyond the read position is written. */
function writeGaps(log: Log, peer: Peer): void {
  for (const [topic, start] of peer.starts) {
    const to = log.trimmedTo(topic);
    if (to <= Math.max(peer.read, start)) continue;
    peer.starts.set(topic, to);
    peer.pieces.push({ type: 'gap', topic, to: `${to}`, reason: 'trimmed' });
  }
}

function writeNext(log: Log, peer: Peer): void {
  writeGaps(log, peer);
  if (peer.read >= log.tail()) {
    peer.pieces.push({ type: 'mark', cursor: place(peer.read) });
    return;
  }
  const offset = ++peer.read;
  const topic = log.ownerOf(offset);
  const start = peer.starts.get(topic);
  if (start === undefined || offset <= start || !log.isRetained(offset)) return;
  peer.pieces.push({ topic, id: `${offset}`, data: offset });
}

/** What the application has had of one subscription. */
interface Seen {
  readonly start: number;
  readonly offsets: number[];
  readonly gaps: { readonly from: number; readonly to: number }[];
}

function createRun() {
  const box = inbox.createInbox();
  const log = createLog();
  const peers: Peer[] = [];
  const seen = new Map<string, Seen>();
  let attempts = 0;
  let requests = 0;

  const close = (peer: Peer | undefined): void => {
    if (!peer) return;
    peers.splice(peers.indexOf(peer), 1);
    inbox.forget(box, peer.id);
  };
  /** A gap may only be told for what nobody else has on the way from a place that joins on. */
  const expectNeeded = (told: records.Gap, by: Peer | undefined): void => {
    const from = Number(told.from);
    const inReach = (piece: Piece): boolean =>
      piece.type === undefined &&
      piece.topic === told.topic &&
      Number(piece.id) > from &&
      Number(piece.id) <= Number(told.to);
    // Where an answer to a request in place will begin, nobody knows before it is there (D5 asks for who is attached).
    const isAwaited = (peer: Peer): boolean =>
      peer.pieces.some(
        (one) => one.type === 'subscribed' && one.topics.some(({ topic }) => topic === told.topic),
      );
    const isAnswer = (peer: Peer): boolean =>
      ((peer.heard && !isAwaited(peer)) || peer.resumed.has(told.topic)) && !peer.left.has(told.topic);
    const bringers = peers.filter((peer) => peer !== by && isAnswer(peer) && peer.pieces.some(inReach));
    expect(Number(told.to)).toBeGreaterThan(from);
    const joined = bringers.filter((peer) => (peer.starts.get(told.topic) ?? Infinity) <= from);
    expect(joined.map((peer) => peer.id)).toEqual([]);
  };
  const note = (
    events: readonly records.InboxEvent[],
    answers: readonly TopicAnswer[],
    by: Peer | undefined,
  ): void => {
    for (const event of events) {
      if (event.type === 'ready') {
        const start = Number(answers.find((answer) => answer.topic === event.topic)?.start);
        seen.set(event.topic, { start, offsets: [], gaps: [] });
      } else if (event.type === 'message') {
        seen.get(event.message.topic)?.offsets.push(Number(event.message.id));
      } else if (event.type === 'gap') {
        expectNeeded(event.gap, by);
        seen.get(event.gap.topic)?.gaps.push({ from: Number(event.gap.from), to: Number(event.gap.to) });
      }
    }
  };
  const settle = (): void => {
    const out: records.InboxEvent[] = [];
    const stranded = inbox.letThrough(box, out);
    note(out, [], undefined);
    for (const id of stranded) close(peers.find((peer) => peer.id === id));
  };
  const run = {
    log,
    peerAt: (index: number): Peer | undefined => peers[index % Math.max(1, peers.length)],
    subscribe(topic: Topic): void {
      if (!box.subscriptions[topic]) inbox.subscribe(box, topic, 0, undefined);
    },
    unsubscribe(topic: Topic): void {
      inbox.unsubscribe(box, topic);
      seen.delete(topic);
      for (const peer of peers) peer.left.add(topic);
      settle();
    },
    open(): void {
      if (peers.length >= 4) return;
      const id = ++attempts;
      const { topics: asked, cursor } = inbox.offer(box, id);
      const from = cursor === undefined ? log.tail() : offsetIn(cursor);
      const peer: Peer = {
        id,
        read: from,
        starts: new Map(),
        pieces: [],
        resumed: new Set(),
        left: new Set(),
        heard: false,
      };
      const answers = answersTo(log, peer, asked, from);
      peer.pieces.push({ type: 'hello', head: place(log.tail()), cursor: place(from), topics: answers });
      peers.push(peer);
    },
    /** Brings the connection's topics up to date in place. */
    change(peer: Peer | undefined): void {
      if (!peer?.heard) return;
      for (const topic of inbox.takeUnwanted(box, peer.id)) peer.starts.delete(topic);
      const request = ++requests;
      const asked = inbox.ask(box, peer.id, request, 0);
      const answers = answersTo(log, peer, asked, 0);
      if (answers.length > 0) peer.pieces.push({ type: 'subscribed', request, topics: answers });
    },
    write(peer: Peer | undefined, count: number): void {
      for (let i = 0; peer && i < count; i++) writeNext(log, peer);
    },
    receive(peer: Peer | undefined, count: number): void {
      for (let i = 0; peer && i < count && peers.includes(peer); i++) {
        const piece = peer.pieces.shift();
        if (piece) run.take(peer, piece);
      }
    },
    take(peer: Peer, piece: Piece): void {
      const out: records.InboxEvent[] = [];
      let answers: readonly TopicAnswer[] = [];
      let isUnderstood = true;
      if (piece.type === 'hello') {
        peer.heard = true;
        answers = piece.topics;
        isUnderstood =
          inbox.begin(box, peer.id, piece.head, piece.cursor) &&
          inbox.confirm(box, peer.id, 0, answers, 0, out);
        inbox.setGoal(box, peer.id);
      } else if (piece.type === 'subscribed') {
        answers = piece.topics;
        isUnderstood = inbox.confirm(box, peer.id, piece.request, answers, 0, out);
      } else if (piece.type === 'mark') {
        isUnderstood = inbox.mark(box, peer.id, piece.cursor);
      } else if (piece.type === 'gap') {
        isUnderstood = inbox.takeIn(box, peer.id, piece, false, out);
      } else {
        isUnderstood = inbox.takeIn(box, peer.id, piece, false, out);
      }
      expect(isUnderstood).toBe(true);
      note(out, answers, peer);
      settle();
    },
    cut(peer: Peer | undefined): void {
      close(peer);
      settle();
    },
    /** All is cut, and one connection brings the rest. */
    finish(): void {
      while (peers.length > 0) run.cut(peers[0]);
      run.open();
      const last = peers[0] as Peer;
      run.write(last, log.tail() + 1);
      run.receive(last, last.pieces.length);
      expect(inbox.caughtUp(box, last.id)).toBe(true);
    },
    check(): void {
      for (const [topic, { start, offsets, gaps }] of seen) {
        const rising = [...new Set(offsets)].sort((a, b) => a - b);
        expect(offsets, `${topic} comes in order and once`).toEqual(rising);
        const isGone = (offset: number): boolean =>
          gaps.some(({ from, to }) => offset > from && offset <= to);
        const due = log.ownedBy(topic).filter((offset) => offset > start);
        expect(offsets, `${topic} is whole, or its gaps are told`).toEqual(
          due.filter((offset) => !isGone(offset)),
        );
      }
    },
  };
  return run;
}

const act = fc.oneof(
  { weight: 6, arbitrary: fc.constant('publish' as const) },
  { weight: 8, arbitrary: fc.constant('write' as const) },
  { weight: 12, arbitrary: fc.constant('receive' as const) },
  { weight: 4, arbitrary: fc.constant('open' as const) },
  { weight: 2, arbitrary: fc.constant('trim' as const) },
  { weight: 2, arbitrary: fc.constantFrom('cut', 'change', 'change', 'subscribe', 'unsubscribe') },
);
const step = fc.record({
  act,
  topic: fc.constantFrom(...topics),
  peer: fc.nat(3),
  count: fc.integer({ min: 1, max: 3 }),
});

describe('however connections overlap', () => {
  it('a gap is needed although another brings the message, for a subscription that was given up since', () => {
    const run = createRun();
    run.subscribe('B');
    run.open();
    run.unsubscribe('B');
    run.subscribe('B');
    run.open();
    const [former, latter] = [run.peerAt(0), run.peerAt(1)];
    run.log.publish('B');
    run.write(former, 1);
    run.receive(former, 1);
    run.log.trim('B', 1);
    run.write(latter, 1);
    run.receive(latter, 2);
    run.finish();
    run.check();
  });

  it('each message of a subscription comes once and in order, or a gap that was needed is told', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const run = createRun();
        run.subscribe('A');
        run.subscribe('B');
        for (const { act, topic, peer, count } of steps) {
          if (act === 'publish') run.log.publish(topic);
          else if (act === 'trim') run.log.trim(topic, count);
          else if (act === 'open') run.open();
          else if (act === 'write') run.write(run.peerAt(peer), count);
          else if (act === 'receive') run.receive(run.peerAt(peer), count);
          else if (act === 'cut') run.cut(run.peerAt(peer));
          else if (act === 'change') run.change(run.peerAt(peer));
          else if (act === 'subscribe') run.subscribe(topic);
          else run.unsubscribe(topic);
        }
        run.finish();
        run.check();
      }),
      { numRuns: 3_000 },
    );
  }, 30_000);
});

const hello = (
  box: inbox.Box,
  id: number,
  head: string,
  answers: readonly TopicAnswer[] = [],
): records.InboxEvent[] => {
  const out: records.InboxEvent[] = [];
  expect(inbox.begin(box, id, spell(head), spell(head))).toBe(true);
  expect(inbox.confirm(box, id, 0, answers, 0, out)).toBe(true);
  return out;
};

describe('a connection that was forgotten', () => {
  it('changes nothing', () => {
    const box = inbox.createInbox();
    const out: records.InboxEvent[] = [];
    inbox.subscribe(box, 'A', 0, undefined);
    inbox.offer(box, 9);
    inbox.forget(box, 9);
    expect(inbox.begin(box, 9, spell('a.1'), spell('a.1'))).toBe(false);
    expect(inbox.confirm(box, 9, 0, [{ topic: 'A', start: '1' }], 0, out)).toBe(true);
    expect(inbox.takeIn(box, 9, { topic: 'A', id: '1', data: 1 }, true, out)).toBe(true);
    expect(inbox.takeIn(box, 9, { type: 'gap', topic: 'A', to: '1', reason: 'trimmed' }, true, out)).toBe(
      true,
    );
    expect(inbox.mark(box, 9, spell('a.1'))).toBe(true);
    expect(inbox.takeUnwanted(box, 9)).toEqual([]);
    inbox.setGoal(box, 9);
    inbox.forget(box, 9);
    expect([box.epochs, box.receptions]).toEqual([[], []]);
    expect(out).toEqual([]);
  });
});

describe('late bytes of a log that the session has left', () => {
  it('are dropped', () => {
    const box = inbox.createInbox();
    const out: records.InboxEvent[] = [];
    inbox.subscribe(box, 'A', 0, undefined);
    inbox.offer(box, 1);
    hello(box, 1, 'a.5', [{ topic: 'A', start: '5' }]);
    inbox.offer(box, 2);
    hello(box, 2, 'b.0', [{ topic: 'A', start: '0' }]);
    inbox.adoptEpochs(box, 2, out);
    expect(out.map((event) => event.type)).toEqual(['gap']);
    expect(inbox.takeIn(box, 1, { topic: 'A', id: '6', data: 6 }, true, out)).toBe(true);
    expect(inbox.takeIn(box, 1, { type: 'gap', topic: 'A', to: '9', reason: 'trimmed' }, true, out)).toBe(
      true,
    );
    expect(out.length).toBe(1);
  });
});

describe('a connection that is held in another log', () => {
  it('brings what waited, gaps too, when the session moves there', () => {
    const box = inbox.createInbox();
    const out: records.InboxEvent[] = [];
    inbox.subscribe(box, 'A', 0, undefined);
    inbox.offer(box, 1);
    hello(box, 1, 'a.5', [{ topic: 'A', start: '5' }]);
    inbox.offer(box, 2);
    hello(box, 2, 'b.0', [{ topic: 'A', start: '0' }]);
    inbox.takeIn(box, 2, { topic: 'A', id: '1', data: 1 }, false, out);
    inbox.takeIn(box, 2, { type: 'gap', topic: 'A', to: '3', reason: 'trimmed' }, true, out);
    inbox.takeIn(box, 2, { topic: 'A', id: '4', data: 4 }, false, out);
    expect(inbox.letThrough(box, out)).toEqual([]);
    inbox.forget(box, 1);
    inbox.adoptEpochs(box, 2, out);
    const text = out.map((event) =>
      event.type === 'message' ? event.message.id : event.type === 'gap' ? `-${event.gap.to}` : '',
    );
    expect(text).toEqual(['-0', '1', '-3', '4']);
  });
});

describe('a connection that a gap holds back', () => {
  it('can bring what is missing as soon as that gap is told, and no further gap is told for it', () => {
    const box = inbox.createInbox();
    const out: records.InboxEvent[] = [];
    const gapTo = (id: number, to: string): void => {
      inbox.takeIn(box, id, { type: 'gap', topic: 'A', to, reason: 'trimmed' }, true, out);
    };
    inbox.subscribe(box, 'A', 0, undefined);
    inbox.offer(box, 1);
    hello(box, 1, 'a.0', [{ topic: 'A', start: '0' }]);
    for (const id of [2, 3]) {
      inbox.offer(box, id);
      hello(box, id, 'a.0');
      gapTo(id, '1');
    }
    gapTo(2, '2');
    inbox.forget(box, 1);
    inbox.letThrough(box, out);
    inbox.takeIn(box, 3, { topic: 'A', id: '2', data: 2 }, false, out);
    const text = out.map((event) =>
      event.type === 'message' ? event.message.id : event.type === 'gap' ? `-${event.gap.to}` : '',
    );
    expect(text).toEqual(['-1', '2']);
  });
});

describe('a message without a place', () => {
  it('is dropped', () => {
    const box = inbox.createInbox();
    const out: records.InboxEvent[] = [];
    inbox.subscribe(box, 'A', 0, undefined);
    inbox.offer(box, 1);
    hello(box, 1, 'a.5', [{ topic: 'A', start: '5' }]);
    expect(inbox.takeIn(box, 1, { topic: 'A', data: 1 }, true, out)).toBe(true);
    expect(out).toEqual([]);
  });
});

describe('origins of ephemeral messages', () => {
  it('beyond the last sixteen are forgotten', () => {
    const box = inbox.createInbox();
    const out: records.InboxEvent[] = [];
    inbox.subscribe(box, 'A', 0, undefined);
    inbox.offer(box, 1);
    hello(box, 1, 'a.5', [{ topic: 'A', start: '5' }]);
    for (let i = 0; i < 40; i++) {
      inbox.takeIn(box, 1, { topic: 'A', ephemeral: `o${i}.1`, data: i }, true, out);
    }
    expect(out.length).toBe(40);
    expect(box.origins.map(({ origin }) => origin)).toEqual(
      Array.from({ length: 16 }, (_, i) => `o${i + 24}`),
    );
  });
});

describe('another log whose messages came before it is adopted', () => {
  it('brings those of every topic, whichever is let go first', () => {
    const box = inbox.createInbox();
    const out: records.InboxEvent[] = [];
    inbox.offer(box, 1);
    inbox.begin(box, 1, spell('a.0'), spell('a.0'));
    inbox.subscribe(box, 'A', 0, undefined);
    inbox.subscribe(box, 'B', 0, undefined);
    inbox.offer(box, 2);
    inbox.begin(box, 2, spell('b.2'), spell('b.0'));
    const answers = ['A', 'B'].map((topic) => ({ topic, start: '0' }));
    inbox.confirm(box, 2, 0, answers, 0, out);
    inbox.takeIn(box, 2, { topic: 'B', id: '1', data: 1 }, false, out);
    inbox.takeIn(box, 2, { topic: 'A', id: '2', data: 2 }, false, out);
    expect(out).toEqual([]);
    inbox.adoptEpochs(box, 2, out);
    const told = out.map((event) => (event.type === 'message' ? event.message.id : event.type));
    expect(told).toEqual(['ready', '2', 'ready', '1']);
  });
});
