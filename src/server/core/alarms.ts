/**
 * Everything in the hub that waits for a time, in one heap: heartbeats, held polls, handler deadlines, expiries.
 * The host keeps one timer, for the earliest. This file knows no clock: times are given.
 */
import { heapify, heapPop, heapPush } from './heap.ts';

export interface Alarm {
  readonly at: number;
  /** `undefined` once it was fired or cancelled. */
  run: ((subject: never) => void) | undefined;
  /** What it is run with: of thousands that differ in this alone, none needs a function of its own. */
  subject: unknown;
}

export interface Alarms {
  readonly heap: Alarm[];
  cancelled: number;
  /** Told each time the earliest alarm becomes earlier. */
  readonly wake: (at: number) => void;
}

function before(a: Alarm, b: Alarm): boolean {
  return a.at < b.at;
}

export function createAlarms(wake: (at: number) => void): Alarms {
  return { heap: [], cancelled: 0, wake };
}

export function setAlarm(alarms: Alarms, at: number, run: () => void): Alarm;
export function setAlarm<T>(alarms: Alarms, at: number, run: (subject: T) => void, subject: T): Alarm;
export function setAlarm(
  alarms: Alarms,
  at: number,
  run: (subject: never) => void,
  subject?: unknown,
): Alarm {
  const alarm: Alarm = { at, run, subject };
  heapPush(alarms.heap, alarm, before);
  if (alarms.heap[0] === alarm) alarms.wake(at);
  return alarm;
}

export function cancelAlarm(alarms: Alarms, alarm: Alarm | undefined): void {
  if (!alarm?.run) return;
  alarm.run = undefined;
  alarm.subject = undefined;
  alarms.cancelled++;
  // Cancelled ones stay in the heap until they are most of it, so that cancelling costs nothing.
  if (alarms.cancelled < 64 || alarms.cancelled * 2 < alarms.heap.length) return;
  const kept = alarms.heap.filter((item) => item.run);
  alarms.heap.length = 0;
  alarms.heap.push(...kept);
  heapify(alarms.heap, before);
  alarms.cancelled = 0;
}

/** Runs what is due. Alarms set meanwhile wait for the next call, so that one call always ends. */
export function fireAlarms(alarms: Alarms, now: number): void {
  const due: Alarm[] = [];
  for (let next = alarms.heap[0]; next && next.at <= now; next = alarms.heap[0]) {
    heapPop(alarms.heap, before);
    if (next.run) due.push(next);
    else alarms.cancelled--;
  }
  for (const alarm of due) {
    const { run, subject } = alarm;
    alarm.run = undefined;
    alarm.subject = undefined;
    run?.(subject as never);
  }
  const earliest = alarms.heap[0];
  if (earliest) alarms.wake(earliest.at);
}
