/**
 * Holds one connection to the laws of `adapter.ts`: silent after `closed`, `closed` once, nothing left behind.
 * Owns the end of a connection and what is to be undone then; must not know what kind it is.
 *
 * @internal
 */
import type { AdapterConnection, AdapterSink, Closed } from './adapter.ts';

export interface Guard extends AdapterSink {
  isOver(): boolean;
  /** What to undo when the connection ends, just before `closed` is told. At once, if it has ended. */
  atEnd(undo: () => void): void;
  /** A listener for as long as the connection lives. */
  listen<E extends Event>(target: EventTarget, type: string, handler: (event: E) => void): void;
}

function guard(sink: AdapterSink): Guard {
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

/** A connection: `begin` starts it and says what it can do. What that throws is a refusal, told once `open` has returned. */
export function connect(
  sink: AdapterSink,
  begin: (link: Guard) => Pick<AdapterConnection, 'send'> & Partial<AdapterConnection>,
): AdapterConnection {
  const link = guard(sink);
  const idle: AdapterConnection = {
    send() {},
    poll() {},
    close: () => link.closed({ kind: 'aborted' }),
  };
  try {
    return { ...idle, ...begin(link) };
  } catch (error) {
    const refused: Closed = { kind: 'refused', detail: messageOf(error) };
    Promise.resolve().then(() => link.closed(refused));
    return idle;
  }
}

/** What a caught value has to say, for people. */
export function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}
