/**
 * Holds one connection to the laws of `adapter.ts`: silent after `closed`, `closed` once, nothing left behind.
 * Owns the end of a connection and what is to be undone then; must not know what kind it is.
 *
 * @internal
 */
import type { AdapterSink, Closed } from './adapter.ts';

export interface Guard extends AdapterSink {
  isOver(): boolean;
  /** What to undo when the connection ends, just before `closed` is told. At once, if it has ended. */
  atEnd(undo: () => void): void;
  /** `closed`, but not before `open` has returned. */
  closedSoon(reason: Closed): void;
  /** A listener for as long as the connection lives. */
  listen<E extends Event>(target: EventTarget, type: string, handler: (event: E) => void): void;
}

export function guard(sink: AdapterSink): Guard {
  let isOver = false;
  let isOpened = false;
  let undos: (() => void)[] = [];

  function atEnd(undo: () => void): void {
    if (isOver) undo();
    else undos.push(undo);
  }

  function closed(reason: Closed): void {
    if (isOver) return;
    isOver = true;
    const last = undos;
    undos = [];
    for (let i = 0; i < last.length; i++) last[i]?.();
    sink.closed(reason);
  }

  return {
    isOver: () => isOver,
    atEnd,
    closed,
    closedSoon(reason) {
      Promise.resolve().then(() => closed(reason));
    },
    listen(target, type, handler) {
      const listener = handler as (event: Event) => void;
      target.addEventListener(type, listener);
      atEnd(() => target.removeEventListener(type, listener));
    },
    opened() {
      if (isOver || isOpened) return;
      isOpened = true;
      sink.opened();
    },
    received(unit) {
      if (!isOver) sink.received(unit);
    },
    answered() {
      if (!isOver) sink.answered();
    },
    posted(result) {
      if (!isOver) sink.posted(result);
    },
  };
}

/** What a caught value has to say, for people. */
export function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
