/**
 * What clients send: numbers claimed in order, handlers run one after another, outcomes told to every copy
 * (`docs/PROTOCOL.md` section 6; rules D6 to D8). Knows nothing of how the answer travels.
 */
import { encodeFrame } from '../../core/codec.ts';
import type { SendFrame } from '../../core/frames.ts';
import { authorize } from './access.ts';
import { type Alarm, cancelAlarm, setAlarm } from './alarms.ts';
import { left, rememberReleased, sendsOf } from './clients.ts';
import { drawFrom } from './delivery.ts';
import { utf8Length } from './forms.ts';
import type { Grant } from './grant.ts';
import { dismissPeer } from './peer.ts';
import {
  abandonSends,
  isClaimed,
  isNext,
  type Job,
  type Outcome,
  offerSend,
  offerVolatile,
  type SendBounds,
  type SendMemory,
  settleSend,
  takeSend,
  type Waiter,
} from './sends.ts';
import type { ClientRecord, Hub, SendAnswer } from './types.ts';

type Applied = boolean | 'unknown';

function errorAck(seq: number, code: string, message: string, applied: Applied): string {
  return JSON.stringify({ type: 'ack', seq, error: { code, message, applied } });
}

const refusals: Readonly<Record<string, string>> = {
  BUSY: 'More sends wait for an answer than the window allows.',
  RATE_LIMITED: 'More sends a second than this hub takes from one client.',
  DRAINING: 'This hub is going away and takes no new sends.',
  NONCE_UNKNOWN: 'This hub does not hold the memory of sends that the batch names.',
  HOLE: 'A send before this one has not been taken.',
};

/** A refusal that uses nothing up: the client keeps the send and tries again. */
export function refusedAck(seq: number, code: string): string {
  const error = { code, message: refusals[code] ?? code, applied: false };
  return JSON.stringify({ type: 'ack', seq, consumed: false, error });
}

/** The client's application no longer waits for it: its number is used up, nothing is applied. */
const abandoned = { code: 'NOT_SENT', message: 'The client had given this send up.' };

function tooLarge(hub: Hub): Job['refusal'] {
  return { code: 'SEND_TOO_LARGE', message: `A frame may have ${hub.config.limits.frameBytes} bytes.` };
}

function boundsOf(hub: Hub): SendBounds {
  return hub.config.limits;
}

function hasRate(hub: Hub, record: ClientRecord): boolean {
  const perSecond = hub.config.limits.sendsPerSecond;
  const now = hub.host.now();
  record.sendBucket ??= { level: perSecond, at: now };
  if (drawFrom(record.sendBucket, 1, perSecond, now) === 0) return true;
  record.sendBucket.level++;
  return false;
}

function submitVolatile(hub: Hub, record: ClientRecord, grant: Grant, send: SendFrame): void {
  if (hub.drain || !hasRate(hub, record)) return;
  const { topic, data } = send;
  if (!offerVolatile(sendsOf(record), { topic, data, grant }, boundsOf(hub))) return;
  hub.running++;
  run(hub, record);
}

/** Takes one send. Each numbered one is answered once, now or later, by the line of its `ack`. */
export function submit(
  hub: Hub,
  record: ClientRecord,
  grant: Grant,
  send: SendFrame,
  isTooLarge: boolean,
  answer: Waiter,
): void {
  const { seq, topic, data } = send;
  if (seq === undefined) return isTooLarge ? undefined : submitVolatile(hub, record, grant, send);
  const sends = sendsOf(record);
  if (hub.drain && !isClaimed(sends, seq)) return answer(refusedAck(seq, 'DRAINING'));
  if (isNext(sends, seq)) {
    if (!hasRate(hub, record)) return answer(refusedAck(seq, 'RATE_LIMITED'));
  }
  const refusal = send.void ? abandoned : isTooLarge ? tooLarge(hub) : undefined;
  const offer = offerSend(sends, { seq, topic, data, grant, refusal }, answer, boundsOf(hub));
  if (offer.type === 'settled') answer(offer.line);
  else if (offer.type === 'refused') answer(refusedAck(seq, offer.code));
  else if (offer.type === 'claimed') {
    hub.running++;
    run(hub, record);
  }
}

function replyLost(seq: number): string {
  return errorAck(seq, 'REPLY_LOST', 'The send was applied; its reply is no longer known.', true);
}

/** Whatever is no longer takes no more room than the words that would take its place. */
const briefLength = replyLost(0).length;

function outcomeOf(hub: Hub, seq: number, answer: SendAnswer): Outcome {
  if (answer.type === 'failed') {
    return { line: errorAck(seq, answer.code, answer.message, answer.applied), short: undefined };
  }
  const frame = answer.reply === undefined ? { type: 'ack', seq } : { type: 'ack', seq, reply: answer.reply };
  let line: string;
  try {
    line = encodeFrame(frame, 'reply');
  } catch {
    return {
      line: errorAck(seq, 'REPLY_LOST', 'The reply cannot be written as JSON.', true),
      short: undefined,
    };
  }
  if (line.length <= briefLength) return { line, short: undefined };
  const limit = hub.config.limits.frameBytes;
  const short = replyLost(seq);
  if (utf8Length(line) <= limit) return { line, short: line.length > short.length ? short : undefined };
  const message = `The reply is larger than the ${limit} bytes of a frame.`;
  return { line: errorAck(seq, 'REPLY_LOST', message, true), short: undefined };
}

/** The outcomes of sends whose handlers ran in a hub that is gone (rule D8): nobody knows, and they are not run again. */
export function abandonAll(hub: Hub, memory: SendMemory): void {
  const message = 'The hub went away while the handler ran.';
  const outcome = (seq: number): Outcome => {
    return { line: errorAck(seq, 'OUTCOME_UNKNOWN', message, 'unknown'), short: undefined };
  };
  abandonSends(memory, outcome, boundsOf(hub));
}

/** Runs the oldest waiting send of this client, if none runs. A closed hub leaves them to the next one. */
function run(hub: Hub, record: ClientRecord, memory = sendsOf(record)): void {
  if (hub.isClosed) return;
  const job = takeSend(memory);
  if (!job) return;
  let deadline: Alarm | undefined;
  const end = (answer: SendAnswer): void => {
    const outcome = outcomeOf(hub, job.seq ?? 0, answer);
    // A handler that answers after its deadline finds its send settled.
    if (!settleSend(memory, job, outcome, boundsOf(hub))) return;
    cancelAlarm(hub.alarms, deadline);
    hub.running--;
    // The record's memory may have been made anew meanwhile; what was claimed in this one still runs.
    run(hub, record, memory);
    left(hub, record);
    hub.onIdle?.();
  };
  perform(hub, record, memory, job, end);
  // Most answer at once, and have none to miss.
  if (memory.running !== job) return;
  const { handlerMs } = hub.config;
  deadline = setAlarm(hub.alarms, hub.host.now() + handlerMs, () => {
    const message = `The handler took longer than ${handlerMs} ms.`;
    end({ type: 'failed', code: 'HANDLER_TIMEOUT', message, applied: 'unknown' });
  });
}

function perform(
  hub: Hub,
  record: ClientRecord,
  memory: SendMemory,
  job: Job,
  end: (answer: SendAnswer) => void,
): void {
  const { topic, data, grant, seq } = job;
  const fail = (code: string, message: string): void =>
    end({ type: 'failed', code, message, applied: false });
  if (job.refusal) return fail(job.refusal.code, job.refusal.message);
  if (topic.charAt(0) === '$') return fail('BAD_TOPIC', 'Names that begin with $ are reserved.');
  const { identity } = grant;
  authorize(hub, grant, { action: 'send', topic, client: record.id, identity }, (answer) => {
    if (memory.running !== job) return;
    if (answer.type === 'denied') {
      return fail('SEND_DENIED', 'authorize() does not allow this client to send to this topic.');
    }
    if (answer.type === 'failed') return fail('HANDLER_FAILED', 'authorize() failed; the hub was told why.');
    if (!hub.host.handle) {
      return fail('NO_HANDLER', 'This hub has no onSend. createHub({ onSend: relay() }) passes sends on.');
    }
    const idempotencyKey = seq === undefined ? undefined : `${record.id}.${memory.nonce}.${seq}`;
    hub.host.handle({ topic, data, client: record.id, identity, idempotencyKey }, end);
  });
}

/** Ends the answers of these attempts at once, also of those whose request is still on its way. */
export function release(hub: Hub, record: ClientRecord, attempts: readonly number[]): void {
  for (const attempt of attempts) rememberReleased(record, attempt);
  for (const peer of record.peers) if (attempts.includes(peer.attempt)) dismissPeer(hub, peer);
}
