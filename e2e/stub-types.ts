/** Types of the scripted server; what each member does is said in `stub-server.mjs`. */

export type StubTransport = 'websocket' | 'http-stream' | 'eventsource' | 'iframe' | 'long-poll' | 'poll';

/** A frame as JSON. Scripts also say what the protocol does not allow, so nothing narrower will do. */
export type Json = Readonly<Record<string, unknown>>;

export interface StubOpen {
  readonly type: 'open';
  readonly protocol: string;
  readonly client: string;
  readonly key: string;
  readonly attempt: number;
  readonly cursor?: string;
  readonly token?: string;
  readonly wait?: number;
  readonly max?: number;
  readonly ticket?: string;
  readonly topics: readonly (string | { topic: string; at?: string; new?: true; last?: number })[];
}

export interface StubSend {
  readonly type: 'send';
  readonly seq?: number;
  readonly topic: string;
  readonly data?: unknown;
  readonly base64?: string;
}

export interface StubPeer {
  readonly transport: StubTransport;
  readonly open: StubOpen;
  readonly attempt: number;
  readonly isPoll: boolean;
  readonly isClosed: boolean;
  readonly closed: Promise<void>;
  readonly topics: readonly string[];
  write(...frames: readonly (Json | string)[]): void;
  raw(text: string): void;
  hello(fields?: Json): void;
  makeHello(fields?: Json): Json;
  message(topic: string, offset: number, data: unknown, fields?: Json): void;
  ack(seq: number, fields?: Json): void;
  answered(): void;
  end(code?: number): void;
  cut(): void;
}

export interface StubUplink {
  readonly frames: readonly Json[];
  write(frame: Json): void;
  ack(seq: number, fields?: Json): void;
  hold(): void;
  end(): void;
  cut(): void;
}

export interface StubLogEntry {
  readonly at: number;
  readonly kind: 'open' | 'frame' | 'end';
  readonly transport: StubTransport | 'post';
  readonly attempt: number | undefined;
  readonly frame: Json;
}

export interface Stub {
  readonly url: string;
  epoch: string;
  nonce: string;
  head: number;
  readonly log: readonly StubLogEntry[];
  readonly requests: readonly { method: string; url: string; headers: Record<string, string> }[];
  readonly peers: readonly StubPeer[];
  readonly live: readonly StubPeer[];
  on(kind: 'open', handler: (peer: StubPeer, open: StubOpen) => void): void;
  on(kind: 'send', handler: (send: StubSend, up: StubUplink, peer: StubPeer | undefined) => void): void;
  on(kind: 'batch', handler: (batch: Json, up: StubUplink) => void): void;
  on(
    kind: 'frame' | 'release' | 'subscribe' | 'unsubscribe' | 'ping' | 'pong',
    handler: (frame: Json, up: StubUplink, peer: StubPeer | undefined) => void,
  ): void;
  release(attempts: readonly number[]): void;
  frames(type: string): readonly Json[];
  close(): Promise<void>;
}
