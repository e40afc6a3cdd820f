/**
 * Sends that the server has not yet answered: rules D6 and D7. Numbers are given at first transmission, so they are dense;
 * a send whose outcome was told as unknown stays as a tombstone until the server has used its number up.
 * It knows neither connections nor time; `session.ts` says when to transmit.
 */
import { createError, type HoldfastError } from './errors.ts';
import type { AckFrame, Limits, SendFrame } from './frames.ts';

export interface OutboxConfig {
  /** Sends that may wait. One more is rejected with `OUTBOX_FULL`. Default 1,000. */
  readonly sends: number;
  /** Bytes of their payloads. Default 8 MiB. */
  readonly bytes: number;
}

/** One `send` as the application made it. */
export interface SendRequest {
  /** The driver's own number for it; the settlement names it. */
  readonly ref: number;
  readonly topic: string;
  /** Bytes, or anything: then `json` is what travels. */
  readonly data: unknown;
  readonly json?: string;
  /** Upper bound of the frame's size on the wire. */
  readonly bytes: number;
}

interface Entry {
  readonly ref: number;
  readonly topic: string;
  data: unknown;
  json: string | undefined;
  bytes: number;
  /** Monotonic time at which the application stops waiting. */
  readonly expiresAt: number;
  /** 0 until first transmitted. */
  seq: number;
  /** Connection on which it was transmitted last; 0: it is to be transmitted. */
  on: number;
  /** Transmissions that no server refused as it went away: without any, another memory gets it as if for the first time. */
  flights: number;
  /** The application has been answered; only the number is still in use. */
  settled: boolean;
  /** Connections that ended because a frame was too large while this was the oldest on the way. */
  kills: number;
}

export type Settlement =
  | { readonly type: 'settled'; readonly ref: number; readonly ok: true; readonly reply: unknown }
  | { readonly type: 'settled'; readonly ref: number; readonly ok: false; readonly error: HoldfastError };

export interface Outbox {
  readonly config: OutboxConfig;
  /** What the application is to be told, in order. */
  out: Settlement[];
  /** Oldest first; all transmitted ones stand before all others. */
  entries: Entry[];
  bytes: number;
  /** The server's memory that the numbers belong to. */
  nonce: string;
  nextSeq: number;
  /** Memories that were left, the latest last: numbers under them are used up. */
  readonly former: string[];
}

export function createOutbox(config: OutboxConfig, out: Settlement[]): Outbox {
  return { config, out, entries: [], bytes: 0, nonce: '', nextSeq: 1, former: [] };
}

/** Of sends that were transmitted and not answered. */
export function bytesOnWay({ entries }: Outbox): number {
  let bytes = 0;
  for (let i = 0; i < entries.length && (entries[i] as Entry).on !== 0; i++)
    bytes += (entries[i] as Entry).bytes;
  return bytes;
}

/** More than a client can be led back to by what is still on its way. */
const formerMax = 16;

/** Tells the application that its send comes to nothing. */
export function reject(
  { out }: Outbox,
  { ref, topic }: { readonly ref: number; readonly topic: string },
  code: string,
  what: string,
  retryable = false,
): void {
  const maybeApplied = code === 'OUTCOME_UNKNOWN';
  const error = createError(code, what, { topic, maybeApplied, retryable });
  out.push({ type: 'settled', ref, ok: false, error });
}

/** Rejects what was never transmitted as certain, and leaves a tombstone of what was. */
function abandon(outbox: Outbox, entry: Entry, what: string): void {
  if (entry.settled) return;
  if (entry.seq === 0) {
    remove(outbox, entry);
    reject(outbox, entry, 'NOT_SENT', `${what} before it was sent`, true);
  } else {
    bury(outbox, entry, `${what} before the server answered`);
  }
}

/** The application is told that the outcome is unknown; the number stays, without its payload, until it is used up. */
function bury(outbox: Outbox, entry: Entry, what: string): void {
  if (entry.settled) return;
  entry.settled = true;
  outbox.bytes -= entry.bytes;
  entry.bytes = 0;
  entry.data = null;
  entry.json = undefined;
  reject(outbox, entry, 'OUTCOME_UNKNOWN', what);
}

function remove(outbox: Outbox, entry: Entry): void {
  outbox.entries.splice(outbox.entries.indexOf(entry), 1);
  outbox.bytes -= entry.bytes;
}

export function enqueue(outbox: Outbox, request: SendRequest, expiresAt: number): void {
  const { sends, bytes } = outbox.config;
  if (outbox.entries.length >= sends || outbox.bytes + request.bytes > bytes) {
    const what = `The outbox is full (${outbox.entries.length} sends, ${outbox.bytes} bytes wait)`;
    reject(outbox, request, 'OUTBOX_FULL', what, true);
    return;
  }
  const { ref, topic, data, json, bytes: size } = request;
  outbox.entries.push({
    ref,
    topic,
    data,
    json,
    bytes: size,
    expiresAt,
    seq: 0,
    on: 0,
    settled: false,
    flights: 0,
    kills: 0,
  });
  outbox.bytes += size;
}

export function abort(outbox: Outbox, ref: number): void {
  const entry = outbox.entries.filter((one) => one.ref === ref)[0];
  if (entry) abandon(outbox, entry, 'The send was aborted');
}

export function expire(outbox: Outbox, now: number): void {
  const entries = outbox.entries.slice();
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    if (entry.expiresAt <= now) abandon(outbox, entry, 'The send timed out');
  }
}

/** When the next send stops waiting; `undefined` if none does. */
export function nextExpiry(outbox: Outbox): number | undefined {
  let earliest: number | undefined;
  for (let i = 0; i < outbox.entries.length; i++) {
    const entry = outbox.entries[i] as Entry;
    if (!entry.settled && (earliest === undefined || entry.expiresAt < earliest)) earliest = entry.expiresAt;
  }
  return earliest;
}

/** Sends that the application still waits for. */
export function pendingCount(outbox: Outbox): number {
  let count = 0;
  for (let i = 0; i < outbox.entries.length; i++) if (!outbox.entries[i]?.settled) count++;
  return count;
}

/** Whether this memory was left before: under it the numbers would begin anew, and be taken for copies of other sends. */
export function isLeft(outbox: Outbox, nonce: string): boolean {
  return outbox.nonce !== nonce && outbox.former.indexOf(nonce) >= 0;
}

/** Numbers begin anew under another nonce: what had been transmitted under the former one is unknown (D6). */
export function adoptNonce(outbox: Outbox, nonce: string): void {
  if (outbox.nonce === nonce) return;
  outbox.former.push(outbox.nonce);
  if (outbox.former.length > formerMax) outbox.former.shift();
  outbox.nonce = nonce;
  outbox.nextSeq = 1;
  const entries = outbox.entries;
  outbox.entries = [];
  outbox.bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    if (entry.flights === 0) entry.seq = 0;
    if (entry.seq === 0 && !entry.settled) {
      outbox.entries.push(entry);
      outbox.bytes += entry.bytes;
    } else if (!entry.settled) {
      reject(outbox, entry, 'OUTCOME_UNKNOWN', 'The server that took this send has forgotten it');
    }
  }
}

/** All that is unanswered is to be transmitted again, on whatever becomes active. */
export function retransmit(outbox: Outbox): void {
  for (let i = 0; i < outbox.entries.length; i++) (outbox.entries[i] as Entry).on = 0;
}

/**
 * The frames to transmit now on `connection`, numbered. What exceeds the server's limit of a frame is rejected before it gets a number.
 * `fromOldest`: take nothing unless the oldest unanswered send comes first (one POST at a time, D7).
 */
export function take(
  outbox: Outbox,
  connection: number,
  limits: Pick<Limits, 'window' | 'frameBytes' | 'batchBytes'>,
  fromOldest: boolean,
): readonly SendFrame[] {
  const frames: SendFrame[] = [];
  let bytes = 0;
  for (let i = 0; i < outbox.entries.length && i < limits.window; i++) {
    const entry = outbox.entries[i] as Entry;
    if (entry.on === connection && !fromOldest) continue;
    if (entry.seq === 0 && entry.bytes > limits.frameBytes) {
      remove(outbox, entry);
      i--;
      const what = `The send has ${entry.bytes} bytes, the server takes ${limits.frameBytes}`;
      reject(outbox, entry, 'SEND_TOO_LARGE', what);
      continue;
    }
    if (frames.length > 0 && bytes + entry.bytes > limits.batchBytes) break;
    if (entry.seq === 0) entry.seq = outbox.nextSeq++;
    entry.on = connection;
    entry.flights++;
    bytes += entry.bytes;
    const { seq, topic, data, json } = entry;
    if (entry.settled) {
      frames.push({ type: 'send', seq, topic, data: null, void: true });
    } else {
      frames.push({ type: 'send', seq, topic, data, json });
    }
  }
  return frames;
}

/** Whether anything waits to be transmitted. */
export function hasUntransmitted(outbox: Outbox): boolean {
  return outbox.entries.some(({ on }) => on === 0);
}

/** The server's answer. Returns its code if the number was not used up and the send is to be transmitted again. */
export function acknowledge(outbox: Outbox, ack: AckFrame): string | undefined {
  for (let i = 0; i < outbox.entries.length; i++) {
    const entry = outbox.entries[i] as Entry;
    if (entry.seq !== ack.seq) continue;
    if (ack.consumed === false) {
      entry.on = 0;
      const code = ack.error ? ack.error.code : 'BUSY';
      if (code === 'DRAINING') entry.flights--;
      return code;
    }
    remove(outbox, entry);
    if (entry.settled) return undefined;
    if (ack.error) {
      const { code, message, applied } = ack.error;
      const maybeApplied = applied !== false;
      const error = createError(code, message, { topic: entry.topic, maybeApplied });
      outbox.out.push({ type: 'settled', ref: entry.ref, ok: false, error });
    } else {
      outbox.out.push({ type: 'settled', ref: entry.ref, ok: true, reply: ack.reply });
    }
    return undefined;
  }
  return undefined;
}

/** A connection ended because a frame was too large. After three times the oldest send on the way is given up (D22). */
export function blameOldest(outbox: Outbox, connection: number): void {
  for (let i = 0; i < outbox.entries.length; i++) {
    const entry = outbox.entries[i] as Entry;
    if (entry.on !== connection || entry.seq === 0) continue;
    if (++entry.kills < 3) return;
    // From now on it is transmitted as void, which is small.
    return bury(outbox, entry, 'The send ended three connections');
  }
}

/**
 * Settles everything: the client closes, or another identity has signed in. What was transmitted is unknown, and its number
 * must still be used up: the server may go on counting where it stood.
 */
export function settleAll(outbox: Outbox, why: 'CLOSED' | 'IDENTITY_CHANGED'): void {
  const what = why === 'CLOSED' ? 'The client was closed' : 'Another identity has signed in';
  const entries = outbox.entries;
  outbox.entries = entries.filter((entry) => entry.seq !== 0);
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    if (entry.seq !== 0) {
      bury(outbox, entry, `${what} before the server answered`);
    } else {
      outbox.bytes -= entry.bytes;
      reject(outbox, entry, why, `${what} before it was sent`);
    }
  }
}
