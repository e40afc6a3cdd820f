/**
 * Servers of Socket.IO, from version 3 on: an application moves to this client, and its server stays as it is. Events,
 * acknowledgements, bytes, one namespace, and the recovery of connections where a server offers it.
 *
 * Engine.IO's upgrade is not used: whoever changes transport opens another connection. To the server that is another socket
 * with another id, and for a moment both are connected; what it keeps for a socket (its rooms, its data) it must find again
 * from `auth`, as after any reconnection. A broadcast of that very moment may come twice or, if a poll had yet to fetch it,
 * not at all. After a reconnection each subscription is told of a gap. With connection state recovery the ids of events tell
 * repeats, and a reconnection brings what was missed if the server has seen by then that the former connection is gone.
 */
import type { SendFrame } from '../core/frames.ts';
import type { Ask, Channel, Dialect, Received } from './dialect.ts';
import {
  type EngineListener,
  type EngineState,
  engineRequest,
  engineState,
  onClosed,
  onPosted,
  receive,
  transmit,
} from './engineio.ts';
import { foreign } from './foreign.ts';
import { dataOf } from './plain.ts';
import type { ProtocolFactory } from './protocol.ts';
import {
  connectPacket,
  isOffset,
  isReserved,
  type Packet,
  packetType,
  readPacket,
  readValue,
  writePacket,
} from './socketio-packets.ts';

/**
 * The topic of a message is the event's name. Its data is the first argument; if there are several, all of them as an array.
 *
 * The client's URL is the server's, with its path; without one, `/socket.io/`.
 */
export interface SocketioOptions {
  /**
   * What a server finds in `socket.handshake.auth`; asked for each connection. Default: `{ token }` with what the client's
   * `auth` gave, if it has one. Who is refused (`connect_error`) gets `AUTH_FAILED`, and is tried again ever more slowly.
   */
  readonly auth?: object | ((token: string | undefined) => object);
  /** Default `/`. */
  readonly namespace?: string;
  /**
   * Whether a send wants an acknowledgement, default `true`. It then resolves with what the server acknowledges (several
   * values as an array), and times out if it never does. Else it resolves when it was handed over: to the WebSocket, or by a
   * POST that was answered. A volatile send never wants one.
   */
  readonly acks?: boolean | ((topic: string) => boolean);
  /** The arguments of an event that goes up; bytes as `Uint8Array`, anywhere in them. Default: the data alone. */
  readonly args?: (topic: string, data: unknown) => readonly unknown[];
  /**
   * What an event that wants an acknowledgement is answered with, whether or not anybody has subscribed to it. A promise is
   * waited for; what throws or rejects answers nothing. Default: nothing, at once, which says that the event has arrived.
   */
  readonly onAck?: (topic: string, data: unknown) => unknown;
}

interface State extends EngineState {
  /** The session that is recovered, or could be; `undefined`: the server does not. */
  pid: string | undefined;
  /** What comes before the server has let us in: it was missed. */
  early: Received[] | undefined;
  /** A packet that waits for its attachments. */
  partial: { readonly packet: Packet; readonly attachments: Uint8Array[] } | undefined;
}

type SocketChannel = Channel<State>;

/** Messages that may come before the server has let us in: what a recovery brings. */
const earlyMax = 10_000;

/** One value as it is, several as an array. */
const unwrapped = (values: readonly unknown[]): unknown => (values.length > 1 ? values : values[0]);

function socketioDialect(options: SocketioOptions): Dialect<State> {
  const { acks = true, args, namespace = '/', onAck } = options;
  /** Of the last connection: what a server can recover. */
  let lastPid: string | undefined;

  function connect(channel: SocketChannel): void {
    const { state } = channel;
    const { token, from } = state.ask as Ask;
    if (from !== undefined) state.pid = lastPid;
    const recovery = state.pid === undefined ? {} : { pid: state.pid, offset: from };
    const auth = typeof options.auth === 'function' ? options.auth(token) : options.auth;
    const given = auth ?? (token === undefined ? {} : { token });
    transmit(channel, [connectPacket(namespace, { ...recovery, ...given })]);
    // A server that asks its database whom to let in may take a while.
    channel.wait();
  }

  function onConnected(channel: SocketChannel, value: unknown): void {
    const { state } = channel;
    const { pid, early = [] } = state;
    if (value === undefined) {
      return channel.fail('UNSUPPORTED_PROTOCOL', 'it is a server of Socket.IO before version 3');
    }
    lastPid = (value as { readonly pid?: string }).pid;
    state.pid = lastPid;
    state.early = undefined;
    channel.hello(pid !== undefined && pid === lastPid);
    channel.deliver(early);
  }

  function onRefused(channel: SocketChannel, value: unknown): void {
    const { message, data } = value as { readonly message: string; readonly data?: unknown };
    channel.fail('AUTH_FAILED', data === undefined ? message : `${message} ${JSON.stringify(data)}`);
  }

  function acknowledge(channel: SocketChannel, ack: number, topic: string, data: unknown): void {
    const answer = (values: readonly unknown[]): void =>
      transmit(channel, writePacket(packetType.ack, namespace, ack, values));
    if (!onAck) return answer([]);
    new Promise((resolve) => resolve(onAck(topic, data))).then(
      (reply) => answer([reply]),
      () => {
        // No answer: the server's own time-out says so.
      },
    );
  }

  function onEvent(channel: SocketChannel, { ack, text }: Packet, value: readonly unknown[]): void {
    const { pid, early } = channel.state;
    const topic = String(value[0]);
    const last = value[value.length - 1];
    // A server keeps nothing that wants an acknowledgement.
    const id = pid !== undefined && ack === undefined && isOffset(last) ? last : undefined;
    const data = unwrapped(value.slice(1, id === undefined ? undefined : -1));
    const message: Received = { topic, data, id, text };
    if (!early) channel.deliver([message]);
    else if (early.push(message) > earlyMax) throw new Error('it says too much before it lets anybody in');
    if (ack !== undefined) acknowledge(channel, ack, topic, data);
  }

  function take(channel: SocketChannel, packet: Packet, attachments: readonly Uint8Array[]): void {
    const value = readValue(packet, attachments);
    switch (packet.type) {
      case packetType.connect:
        return onConnected(channel, value);
      case packetType.event:
        return onEvent(channel, packet, value as readonly unknown[]);
      case packetType.ack:
        return channel.settle(packet.ack, unwrapped(value as readonly unknown[]));
      case packetType.refusal:
        return onRefused(channel, value);
      default:
        // As with Socket.IO's own client, a server that disconnects somebody means it.
        channel.fail('STOPPED', 'it has disconnected this client');
    }
  }

  function listenerOf(channel: SocketChannel): EngineListener {
    const { state } = channel;
    return {
      opened: () => connect(channel),
      text(message) {
        if (state.partial) throw new Error('A packet came instead of an attachment');
        const packet = readPacket(message);
        if (packet.attachments === 0) take(channel, packet, []);
        else state.partial = { packet, attachments: [] };
      },
      bytes(message) {
        const { partial } = state;
        if (!partial) throw new Error('An attachment came without its packet');
        partial.attachments.push(message);
        if (partial.attachments.length < partial.packet.attachments) return;
        state.partial = undefined;
        take(channel, partial.packet, partial.attachments);
      },
    };
  }

  function emit(channel: SocketChannel, frame: SendFrame): void {
    const { topic, seq } = frame;
    if (isReserved(topic)) {
      return channel.refuse(seq, 'SEND_DENIED', `Socket.IO keeps the name '${topic}' to itself`);
    }
    const data = dataOf(frame);
    const isAcked = seq !== undefined && (typeof acks === 'function' ? acks(topic) : acks);
    const values = ([topic] as unknown[]).concat(args ? args(topic, data) : [data]);
    const messages = writePacket(packetType.event, namespace, isAcked ? seq : undefined, values);
    transmit(channel, messages, seq, isAcked);
  }

  return {
    name: 'socketio',
    transports: ['websocket', 'long-poll'],
    isSession: true,
    ownIds: true,
    opensItself: false,
    // Where a poll brought nothing, which no such server does.
    holdMs: 25_000,
    pollMs: 1_000,
    // One more than the handshake.
    facts: (transport) => ({ roundTrips: transport === 'websocket' ? 3 : 4 }),
    state: () => ({ ...engineState(), pid: undefined, early: [], partial: undefined }),
    open(channel, ask) {
      channel.state.ask = ask;
      return engineRequest(channel);
    },
    unit: (channel, unit) => receive(channel, unit, listenerOf(channel)),
    send(channel, frame) {
      emit(channel, frame);
      return undefined;
    },
    posted: onPosted,
    closed: onClosed,
  };
}

/** For one client or many: each has its own sockets. */
export function socketio(options: SocketioOptions = {}): ProtocolFactory {
  return foreign(() => socketioDialect(options));
}
