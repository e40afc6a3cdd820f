/**
 * What a hub remembers of one client's sends (rules D6, D7 and D8): which numbers were claimed, what became of them.
 * A number is claimed before its handler runs and never twice. Running handlers is `upstream.ts`'s work.
 */
import type { Payload } from '../../core/frames.ts';
import type { Grant } from './grant.ts';

/** How a send ended, as the `ack` that every copy of it gets. */
export interface Outcome {
  readonly line: string;
  /** Replaces `line` when replies take too much room. */
  readonly short: string | undefined;
}

export type Waiter = (line: string) => void;

/** Copies of one send that are answered together: more than a client can have on its way. */
const waitersMax = 64;

/** A claimed or volatile send. */
export interface Job {
  /** Absent: volatile. */
  readonly seq: number | undefined;
  readonly topic: string;
  readonly data: Payload;
  /** Who sent it. */
  readonly grant: Grant;
  readonly waiters: Waiter[];
  /** Why it is not to be handled at all: the outcome it gets in its turn. */
  readonly refusal: { readonly code: string; readonly message: string } | undefined;
}

export interface SendMemory {
  readonly nonce: string;
  /** The greatest number claimed. */
  claimed: number;
  /** The greatest number with an outcome: they get theirs in order. */
  settled: number;
  /** Claimed and not begun, oldest first. */
  readonly queue: Job[];
  running: Job | undefined;
  /** The latest ones; the last is that of `settled`. Made at the first. */
  outcomes: Outcome[] | undefined;
  replyBytes: number;
  /** Outcomes up to this number have lost their long form. */
  shortened: number;
  /** Requests up to this number had their volatile sends applied: a browser may repeat a request by itself. */
  volatileUpTo: number;
  /** Requests up to this number claim nothing anew: a hub that was going away refused one of them. */
  refusedUpTo: number;
}

export interface SendBounds {
  readonly window: number;
  readonly replyBytes: number;
}

export type Offer =
  | { readonly type: 'claimed'; readonly job: Job }
  | { readonly type: 'waits' }
  | { readonly type: 'settled'; readonly line: string }
  | { readonly type: 'refused'; readonly code: 'HOLE' | 'BUSY' };

export function createSendMemory(nonce: string): SendMemory {
  return {
    nonce,
    claimed: 0,
    settled: 0,
    queue: [],
    running: undefined,
    outcomes: undefined,
    replyBytes: 0,
    shortened: 0,
    volatileUpTo: -1,
    refusedUpTo: -1,
  };
}

export function isClaimed(memory: SendMemory, seq: number): boolean {
  return seq <= memory.claimed;
}

/** Whether this number would be claimed anew, so that a rate limit counts it. */
export function isNext(memory: SendMemory, seq: number): boolean {
  return seq === memory.claimed + 1;
}

function forgotten(seq: number): string {
  const error = {
    code: 'REPLY_LOST',
    message: 'This send was settled so long ago that its reply is no longer known.',
    applied: 'unknown',
  };
  return JSON.stringify({ type: 'ack', seq, error });
}

/** The job that has this number. */
function jobOf({ running, queue }: SendMemory, seq: number): Job | undefined {
  return running?.seq === seq ? running : queue.find((job) => job.seq === seq);
}

/** Where the outcome of a settled number stands in `outcomes`; below zero: it is forgotten. */
function placeOf({ settled, outcomes }: SendMemory, seq: number): number {
  return (outcomes?.length ?? 0) - 1 - (settled - seq);
}

/**
 * Claims the number, or joins a copy to the one that has it. After `claimed` the caller runs the queue.
 */
export function offerSend(
  memory: SendMemory,
  send: {
    readonly seq: number;
    readonly topic: string;
    readonly data: Payload;
    readonly grant: Grant;
    readonly refusal?: Job['refusal'];
  },
  waiter: Waiter,
  bounds: SendBounds,
): Offer {
  const { seq, topic, data, grant, refusal } = send;
  if (seq <= memory.claimed) {
    if (seq <= memory.settled) {
      return { type: 'settled', line: memory.outcomes?.[placeOf(memory, seq)]?.line ?? forgotten(seq) };
    }
    const waiters = jobOf(memory, seq)?.waiters;
    if (waiters && waiters.length >= waitersMax) return { type: 'refused', code: 'BUSY' };
    waiters?.push(waiter);
    return { type: 'waits' };
  }
  if (!isNext(memory, seq)) return { type: 'refused', code: 'HOLE' };
  if (memory.claimed - memory.settled >= bounds.window) return { type: 'refused', code: 'BUSY' };
  const job: Job = { seq, topic, data, grant, waiters: [waiter], refusal };
  memory.claimed = seq;
  memory.queue.push(job);
  return { type: 'claimed', job };
}

/** A volatile send joins the same queue, unless the queue is full: then it is lost, as volatile sends may be. */
export function offerVolatile(
  memory: SendMemory,
  send: { readonly topic: string; readonly data: Payload; readonly grant: Grant },
  bounds: SendBounds,
): boolean {
  if (memory.queue.length >= bounds.window) return false;
  memory.queue.push({ ...send, seq: undefined, waiters: [], refusal: undefined });
  return true;
}

/** The next job to run, or `undefined` while one runs or none waits. The caller ends it by `settleSend`. */
export function takeSend(memory: SendMemory): Job | undefined {
  if (memory.running) return undefined;
  memory.running = memory.queue.shift();
  return memory.running;
}

function shorten(memory: SendMemory, bounds: SendBounds): void {
  while (memory.replyBytes > bounds.replyBytes && memory.shortened < memory.settled) {
    memory.shortened++;
    const place = placeOf(memory, memory.shortened);
    const outcome = memory.outcomes?.[place];
    if (!memory.outcomes || !outcome?.short) continue;
    memory.replyBytes -= outcome.line.length - outcome.short.length;
    memory.outcomes[place] = { line: outcome.short, short: undefined };
  }
}

/** Ends a job. `false` if it had ended before: a handler that answers after its deadline changes nothing. */
export function settleSend(memory: SendMemory, job: Job, outcome: Outcome, bounds: SendBounds): boolean {
  if (memory.running !== job) return false;
  memory.running = undefined;
  if (job.seq === undefined) return true;
  memory.settled = job.seq;
  memory.outcomes ??= [];
  memory.outcomes.push(outcome);
  memory.replyBytes += outcome.line.length;
  // The client has at most `window` sends without an answer, so it cannot ask for older ones.
  while (memory.outcomes.length > bounds.window)
    memory.replyBytes -= memory.outcomes.shift()?.line.length ?? 0;
  shorten(memory, bounds);
  for (const waiter of job.waiters) waiter(outcome.line);
  job.waiters.length = 0;
  return true;
}

/**
 * The hub that ran the handlers is gone, and with it whoever waited. What ran gets this outcome; what had not begun was not
 * applied, so its numbers are free again and the client transmits them anew.
 */
export function abandonSends(
  memory: SendMemory,
  outcome: (seq: number) => Outcome,
  bounds: SendBounds,
): void {
  const { running, queue } = memory;
  for (const { seq } of queue.splice(0)) {
    if (seq === undefined) continue;
    memory.claimed = Math.min(memory.claimed, seq - 1);
  }
  if (!running) return;
  running.waiters.length = 0;
  settleSend(memory, running, outcome(running.seq ?? 0), bounds);
}

/** Whether anything was ever claimed: such a memory lives longer (rule D19). */
export function everSent(memory: SendMemory): boolean {
  return memory.claimed > 0;
}

export function isIdle(memory: SendMemory): boolean {
  return !memory.running && memory.queue.length === 0;
}
