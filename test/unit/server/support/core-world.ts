/** A hub core without sockets: time, turns and connections are the test's. */
import { decodeFrame } from '../../../../src/core/codec.ts';
import type { ClientFrame, OpenFrame, TopicRequest } from '../../../../src/core/frames.ts';
import { memoryBroker } from '../../../../src/server/brokers/memory.ts';
import type { CoreOptions } from '../../../../src/server/core/config.ts';
import { type Coded, utf8Length } from '../../../../src/server/core/forms.ts';
import { createHubCore, type HubCore } from '../../../../src/server/core/hub.ts';
import type { HubHost, HubNote, Meta, Peer, PeerTransport, Sink } from '../../../../src/server/core/types.ts';

export interface Frame {
  readonly type?: string;
  readonly topic?: string;
  readonly id?: string;
  readonly data?: unknown;
  readonly cursor?: string;
  readonly [field: string]: unknown;
}

/** The JSON of a binary message; its bytes are left aside. */
function headOf(chunk: Uint8Array): string {
  return String.fromCharCode(...chunk.subarray(0, chunk.indexOf(10)));
}

/** A connection that remembers. `room` bytes fit before it blocks. */
export class FakeSink implements Sink {
  readonly chunks: (string | Uint8Array)[] = [];
  /** Of each chunk, where its encodings are kept. */
  readonly shared: (Coded | undefined)[] = [];
  room = Number.POSITIVE_INFINITY;
  buffered = 0;
  ended: { code: number; reason: string } | undefined;
  isAborted = false;
  readBytes?: () => number;

  write(chunk: string | Uint8Array, shared?: Coded): void {
    this.chunks.push(chunk);
    this.shared.push(shared);
    if (this.room !== Number.POSITIVE_INFINITY) this.buffered += chunk.length;
  }
  blocked(): boolean {
    return this.buffered >= this.room;
  }
  bufferedBytes(): number {
    return this.buffered;
  }
  end(code: number, reason: string): void {
    this.ended = { code, reason };
  }
  abort(): void {
    this.isAborted = true;
  }
  /** The frames written since the last call. */
  take(): Frame[] {
    this.shared.length = 0;
    return this.chunks
      .splice(0)
      .flatMap((chunk) => (typeof chunk === 'string' ? chunk.split('\n') : headOf(chunk)))
      .filter((line) => line !== '')
      .map((line) => decodeFrame(line) as Frame);
  }
  /** `topic:id` of messages, the type of all else; position marks with their offset. */
  told(): string[] {
    return this.take().map(brief);
  }
}

function offsetOf(cursor: string | undefined): string {
  return (cursor ?? '').replace(/[^.,]+\./g, '');
}

export function brief(frame: Frame): string {
  if (frame.type === undefined) return `${frame.topic}:${frame.id ?? 'ephemeral'}`;
  if (frame.type === 'ping' || frame.type === 'pong') return `${frame.type}@${offsetOf(frame.cursor)}`;
  if (frame.type === 'gap') return `gap ${frame.topic}<=${String(frame['to'])} ${String(frame['reason'])}`;
  if (frame.type === 'error') return `error ${String(frame['code'])}`;
  return frame.type;
}

export const noMeta: Meta = { headers: {}, url: '/', address: undefined, requestNumber: undefined };

export interface Callbacks {
  readonly authenticate?: HubHost['authenticate'];
  readonly authorize?: HubHost['authorize'];
  readonly handle?: HubHost['handle'];
}

/** 22 characters out of a few. */
export function idOf(name: string): string {
  return `${name}${'_'.repeat(22)}`.slice(0, 22);
}

export class CoreWorld {
  now = 1_000;
  readonly notes: HubNote[] = [];
  readonly core: HubCore;
  private deferred: (() => void)[] = [];
  private seed = 0;
  private wakeAt = Number.POSITIVE_INFINITY;

  constructor(options: CoreOptions = {}, callbacks: Callbacks = {}, broker = memoryBroker()) {
    const host: HubHost = {
      now: () => this.now,
      byteLength: utf8Length,
      random: (count) => Uint8Array.from({ length: count }, () => this.byte()),
      defer: (run) => void this.deferred.push(run),
      wake: (at) => {
        this.wakeAt = Math.min(this.wakeAt, at);
      },
      note: (note) => void this.notes.push(note),
      ...callbacks,
    };
    this.core = createHubCore(options, host, broker);
  }

  private byte(): number {
    this.seed = (this.seed * 75 + 74) % 65_537;
    return this.seed & 255;
  }

  /** Ends the present turn, and the next ones as long as they have something to do. */
  turn(): void {
    while (this.deferred.length > 0) for (const run of this.deferred.splice(0)) run();
  }

  /** Ends this turn alone. */
  oneTurn(): void {
    for (const run of this.deferred.splice(0)) run();
  }

  /** Lets time pass, stopping at every wish to be woken. */
  pass(ms: number): void {
    const end = this.now + ms;
    this.turn();
    while (this.wakeAt <= end) {
      this.now = Math.max(this.now, this.wakeAt);
      this.wakeAt = Number.POSITIVE_INFINITY;
      this.core.tick();
      this.turn();
    }
    this.now = end;
  }

  at(offset: number): string {
    return this.core.cursor().replace(/\d+$/, String(offset));
  }

  openFrame(topics: readonly TopicRequest[], more: Partial<OpenFrame> = {}): OpenFrame {
    const base = { type: 'open', protocol: 'holdfast.v1', attempt: 1, topics } as const;
    return { ...base, client: idOf('client'), key: idOf('key'), ...more };
  }

  /** Opens a connection; its frames are still to be written until the turn ends. */
  connect(
    topics: readonly TopicRequest[],
    more: Partial<OpenFrame> = {},
    transport: PeerTransport = 'websocket',
    sink = new FakeSink(),
  ): { peer: Peer; sink: FakeSink } {
    const peer = this.core.connect({ transport, sink, meta: noMeta });
    this.core.open(peer, this.openFrame(topics, more));
    return { peer, sink };
  }

  /** The answer of one poll that does not wait. */
  poll(topics: readonly TopicRequest[], more: Partial<OpenFrame> = {}): Frame[] {
    const { sink } = this.connect(topics, { wait: 0, ...more }, 'poll');
    this.turn();
    return sink.take();
  }

  say(peer: Peer, ...frames: ClientFrame[]): void {
    this.core.receive(peer, frames.map((frame) => JSON.stringify(frame)).join('\n'));
  }

  /** The answer of one POST with sends. */
  batch(
    more: { client?: string; key?: string; sends: string; n?: number },
    ...frames: ClientFrame[]
  ): FakeSink {
    const sink = new FakeSink();
    const { client = idOf('client'), key = idOf('key'), sends, n } = more;
    const head: ClientFrame = { type: 'batch', client, key, sends };
    const post = this.core.parse([head, ...frames].map((frame) => `${JSON.stringify(frame)}\n`).join(''));
    if (post.type !== 'batch') throw new Error(`not a batch: ${JSON.stringify(post)}`);
    this.core.batch(sink, { ...noMeta, requestNumber: n }, post.batch, post.lines);
    return sink;
  }
}
