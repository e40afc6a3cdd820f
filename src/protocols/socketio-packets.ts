/**
 * The packets of Socket.IO (protocol revision 5): messages of Engine.IO to values and back. What they bring about stands in
 * `socketio.ts`.
 *
 * @internal
 */
import { isBytes } from '../core/frames.ts';
import type { EngineMessage } from './engineio.ts';

export const packetType = { connect: 0, disconnect: 1, event: 2, ack: 3, refusal: 4 };
/** Added to the type of an event or an acknowledgement that has attachments. */
const binary = 3;

/** Names that Socket.IO keeps to itself; a server ends the connection that brings one. */
const reserved = /^(connect|connect_error|disconnect|disconnecting|newListener|removeListener)$/;

/**
 * What servers that recover connections write behind the arguments of an event, to go on after it: a time in base 64, the ids
 * of Redis streams and of MongoDB.
 */
const offset = /^(?:[A-Z][\w-]{6}(?:\.[\w-]+)?|\d{13,}-\d+|[\da-f]{24})$/;

/** More than any event has; beyond it they are not waited for. */
const attachmentsMax = 1_000;

export interface Packet {
  readonly type: number;
  /** How many attachments follow it. */
  readonly attachments: number;
  /** The number of an acknowledgement: wanted by an event, or given. */
  readonly ack: number | undefined;
  /** JSON; empty if there is none. */
  readonly text: string;
}

export function isReserved(name: string): boolean {
  return reserved.test(name);
}

export function isOffset(value: unknown): value is string {
  return typeof value === 'string' && offset.test(value);
}

/** Throws if it is no packet. */
export function readPacket(message: string): Packet {
  const parts = /^([0-6])(?:(\d+)-)?(?:\/[^,]*,?)?(\d+)?([\s\S]*)$/.exec(message);
  if (!parts) throw new Error(`No packet of Socket.IO: ${message.slice(0, 40)}`);
  const type = Number(parts[1]);
  const attachments = Number(parts[2] ?? 0);
  if (attachments > attachmentsMax) throw new Error(`A packet of ${attachments} attachments`);
  return {
    type: type > packetType.refusal ? type - binary : type,
    attachments,
    ack: parts[3] === undefined ? undefined : Number(parts[3]),
    text: parts[4] as string,
  };
}

/** What a packet says, its attachments in their places. Throws if it is no JSON, or one of them is missing. */
export function readValue({ text }: Packet, attachments: readonly Uint8Array[]): unknown {
  if (text === '') return undefined;
  if (attachments.length === 0) return JSON.parse(text);
  return JSON.parse(text, (_, value: { _placeholder?: unknown; num?: unknown } | null) => {
    if (value?._placeholder !== true) return value;
    const { num } = value;
    const bytes = typeof num === 'number' ? attachments[num] : undefined;
    if (!bytes) throw new Error(`Attachment ${String(num)} is missing`);
    return bytes;
  });
}

const prefixOf = (namespace: string): string => (namespace === '/' ? '' : `${namespace},`);

export function connectPacket(namespace: string, auth: object): string {
  return packetType.connect + prefixOf(namespace) + JSON.stringify(auth);
}

/** An event (its name first) or an acknowledgement: its text, then the bytes that are anywhere in it. */
export function writePacket(
  type: number,
  namespace: string,
  ack: number | undefined,
  values: readonly unknown[],
): EngineMessage[] {
  const attachments: Uint8Array[] = [];
  const json = JSON.stringify(values, function (this: Record<string, unknown>, key: string, value: unknown) {
    // As it is, before a Node `Buffer` has made JSON of itself.
    const bytes = this[key];
    if (!isBytes(bytes)) return value;
    attachments.push(bytes);
    return { _placeholder: true, num: attachments.length - 1 };
  });
  const count = attachments.length;
  const head = count > 0 ? `${type + binary}${count}-` : String(type);
  const messages: EngineMessage[] = [`${head}${prefixOf(namespace)}${ack ?? ''}${json}`];
  return messages.concat(attachments);
}
