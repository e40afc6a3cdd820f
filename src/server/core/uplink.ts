/**
 * The upward POST of the one-way transports (`docs/PROTOCOL.md` sections 5 and 6): a batch line, then frames; the answer
 * holds one line for each and ends with the last (rule D23).
 */
import { decodeFrame } from '../../core/codec.ts';
import { type BatchFrame, type ClientFrame, checkClientFrame, type OpenFrame } from '../../core/frames.ts';
import { authenticate } from './access.ts';
import { type Alarm, cancelAlarm, setAlarm } from './alarms.ts';
import { left, sendsOf, stay } from './clients.ts';
import { answerPoll } from './delivery.ts';
import { utf8Length } from './forms.ts';
import type { Grant } from './grant.ts';
import { ping } from './liveness.ts';
import { failureOf } from './open.ts';
import { errorLine, type Failure } from './peer.ts';
import { isClaimed, type SendMemory } from './sends.ts';
import type { ClientRecord, Hub, Meta, Sink } from './types.ts';
import { refusedAck, release, submit } from './upstream.ts';

/** One frame of a body, and whether it is longer than a frame may be. */
export interface Line {
  readonly frame: ClientFrame;
  readonly isTooLarge: boolean;
}

export type Post =
  | { readonly type: 'open'; readonly open: OpenFrame }
  | { readonly type: 'batch'; readonly batch: BatchFrame; readonly lines: readonly Line[] }
  | { readonly type: 'bad'; readonly message: string };

/** What a POST's body is. A last line without a line feed is incomplete, except in the body that is one open. */
export function parsePost(body: string, frameBytes: number): Post {
  const parts = body.split('\n');
  const rest = parts.pop() as string;
  if (parts.length === 0) parts.push(rest);
  const lines: Line[] = [];
  for (const part of parts) {
    if (part === '' || part === '\r') continue;
    const frame = checkClientFrame(decodeFrame(part));
    if (!frame)
      return { type: 'bad', message: `This line is no frame of this protocol: ${part.slice(0, 80)}` };
    lines.push({ frame, isTooLarge: part.length * 3 > frameBytes && utf8Length(part) > frameBytes });
  }
  const first = lines[0]?.frame;
  if (first?.type === 'open' && lines.length === 1) return { type: 'open', open: first };
  if (first?.type !== 'batch')
    return { type: 'bad', message: 'A body is one open, or begins with a batch line.' };
  const upward = lines.slice(1);
  const isUpward = ({ frame }: Line): boolean =>
    frame.type === 'send' || frame.type === 'release' || frame.type === 'ping' || frame.type === 'pong';
  if (upward.every(isUpward)) return { type: 'batch', batch: first, lines: upward };
  return { type: 'bad', message: 'A batch carries send, release and ping only.' };
}

/** A POST that is being answered. */
export interface Uplink {
  readonly sink: Sink;
  record: ClientRecord | undefined;
  /** Answers still to come. */
  open: number;
  text: string;
  isEnded: boolean;
  isWriting: boolean;
  alarm: Alarm | undefined;
}

function finish(hub: Hub, uplink: Uplink): void {
  if (uplink.isEnded) return;
  uplink.isEnded = true;
  hub.uplinks--;
  cancelAlarm(hub.alarms, uplink.alarm);
  const { record } = uplink;
  if (record) {
    record.uplinks--;
    left(hub, record);
  }
  hub.onIdle?.();
}

function end(hub: Hub, uplink: Uplink, failure?: Failure): void {
  if (uplink.isEnded) return;
  if (failure) uplink.text += `${errorLine(failure)}\n`;
  finish(hub, uplink);
  if (uplink.text !== '') uplink.sink.write(uplink.text);
  uplink.text = '';
  uplink.sink.end(1000, '');
}

/** What is ready in one turn is one write; the last answer ends it. */
function answer(hub: Hub, uplink: Uplink, line: string): void {
  if (uplink.isEnded) return;
  uplink.text += `${line}\n`;
  uplink.open--;
  if (uplink.open === 0) return end(hub, uplink);
  if (uplink.isWriting) return;
  uplink.isWriting = true;
  hub.host.defer(() => {
    uplink.isWriting = false;
    if (uplink.isEnded || uplink.text === '') return;
    uplink.sink.write(uplink.text);
    uplink.text = '';
  });
}

/** The connection of this POST has gone: its sends keep their numbers, its answers go nowhere. */
export function uplinkClosed(hub: Hub, uplink: Uplink): void {
  finish(hub, uplink);
}

function refuseAll(hub: Hub, uplink: Uplink, lines: readonly Line[], code: string): void {
  for (const { frame } of lines) {
    if (frame.type === 'ping') answer(hub, uplink, '{"type":"pong"}');
    else if (frame.type === 'send' && frame.seq !== undefined) {
      answer(hub, uplink, refusedAck(frame.seq, code));
    }
  }
}

/** Copies in one batch would be answered by as many copies of a reply. No client of ours makes them. */
function withoutCopies(lines: readonly Line[]): Line[] {
  const seen = new Set<number>();
  return lines.filter(({ frame }) => {
    if (frame.type !== 'send' || frame.seq === undefined) return true;
    if (seen.has(frame.seq)) return false;
    seen.add(frame.seq);
    return true;
  });
}

function isAnswered({ frame }: Line): boolean {
  return frame.type === 'ping' || (frame.type === 'send' && frame.seq !== undefined);
}

/** A browser may repeat a POST by itself; a numbered send is then a copy, a volatile one must not be. */
function takesVolatile(sends: SendMemory, { requestNumber }: Meta): boolean {
  if (requestNumber === undefined) return true;
  if (requestNumber <= sends.volatileUpTo) return false;
  sends.volatileUpTo = requestNumber;
  return true;
}

/**
 * A hub that goes away refuses what is new, and the client counts on that. A copy of the same request, which a browser or a
 * proxy made by itself, may come when the next hub has this memory: it is refused there, too.
 */
function refusesNew(hub: Hub, sends: SendMemory, { requestNumber = -1 }: Meta): boolean {
  if (hub.drain) sends.refusedUpTo = Math.max(sends.refusedUpTo, requestNumber);
  return hub.drain !== undefined || (requestNumber >= 0 && requestNumber <= sends.refusedUpTo);
}

/** The client asks for a sign of life of one of its connections: a stream says something, a held poll is answered. */
function showLife(hub: Hub, record: ClientRecord, attempt: number | undefined): void {
  for (const peer of record.peers) {
    if (peer.attempt !== attempt) continue;
    if (peer.state === 'held') answerPoll(hub, peer, true);
    else if (peer.state === 'live' || peer.state === 'catching') ping(hub, peer);
  }
}

function applyAll(
  hub: Hub,
  uplink: Uplink,
  record: ClientRecord,
  grant: Grant,
  lines: readonly Line[],
  meta: Meta,
): void {
  const sends = sendsOf(record);
  const mayVolatile = takesVolatile(sends, meta);
  const isRefused = refusesNew(hub, sends, meta);
  for (const { frame, isTooLarge } of lines) {
    if (frame.type === 'ping') {
      showLife(hub, record, frame.attempt);
      answer(hub, uplink, '{"type":"pong"}');
    }
    if (frame.type !== 'send' || (frame.seq === undefined && !mayVolatile)) continue;
    const reply = (line: string): void => answer(hub, uplink, line);
    if (isRefused && frame.seq !== undefined && !isClaimed(sends, frame.seq)) {
      reply(refusedAck(frame.seq, 'DRAINING'));
    } else submit(hub, record, grant, frame, isTooLarge, reply);
  }
}

/** Applies a batch. The binding calls `uplinkClosed` when the request's connection goes before its answer ended. */
export function applyBatch(
  hub: Hub,
  sink: Sink,
  meta: Meta,
  batch: BatchFrame,
  given: readonly Line[],
): Uplink {
  const lines = withoutCopies(given);
  const open = lines.filter(isAnswered).length;
  const base = { sink, record: undefined, open, text: '' };
  const uplink: Uplink = { ...base, isEnded: false, isWriting: false, alarm: undefined };
  hub.uplinks++;
  const record = hub.records.get(batch.client);
  if (record && record.key !== batch.key) {
    const message = 'Another key is bound to this client id.';
    end(hub, uplink, { code: 'KEY_MISMATCH', message, isSession: true });
    return uplink;
  }
  for (const { frame } of lines) {
    if (record && frame.type === 'release') release(hub, record, frame.attempts);
  }
  const isAtWork = lines.some(({ frame }) => frame.type === 'send' || frame.type === 'ping');
  if (open === 0 && !isAtWork) end(hub, uplink);
  else if (!record || record.nonce !== batch.sends) {
    refuseAll(hub, uplink, lines, 'NONCE_UNKNOWN');
    if (open === 0) end(hub, uplink);
  } else begin(hub, uplink, record, batch, lines, meta);
  return uplink;
}

function begin(
  hub: Hub,
  uplink: Uplink,
  record: ClientRecord,
  batch: BatchFrame,
  lines: readonly Line[],
  meta: Meta,
): void {
  stay(hub, record);
  uplink.record = record;
  record.uplinks++;
  const message = 'authenticate() took too long.';
  uplink.alarm = setAlarm(hub.alarms, hub.host.now() + hub.config.limits.bodyMs, () => {
    end(hub, uplink, { code: 'INTERNAL', message });
  });
  authenticate(hub, record, meta, batch.token, (admission) => {
    cancelAlarm(hub.alarms, uplink.alarm);
    if (uplink.isEnded) return;
    const failure = failureOf(admission);
    if (failure) return end(hub, uplink, failure);
    // The memory may have been made anew while that was asked.
    if (record.nonce !== batch.sends) refuseAll(hub, uplink, lines, 'NONCE_UNKNOWN');
    else applyAll(hub, uplink, record, admission as Grant, lines, meta);
    if (uplink.open === 0) end(hub, uplink);
  });
}
