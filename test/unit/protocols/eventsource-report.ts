/** What became of a case of `eventsource-cases.ts`, in a form in which one comparison says everything. */
import { type EventSourceCase, lateMsMax } from './eventsource-cases.ts';
import type { Asked, Script } from './eventsource-server.ts';

export interface Heard {
  readonly event: string;
  readonly data: unknown;
  readonly id: string;
}

/**
 * Who reads. `native`: an engine's EventSource, which reconnects by itself. `ours`: our parser. `anew`: our client with another
 * EventSource for each connection, which keeps `retry:` to itself and begins without a last event ID.
 */
export type ReaderKind = 'native' | 'ours' | 'anew';

interface Report {
  readonly heard: readonly Heard[];
  readonly requestCount: number | undefined;
  /** What the table asks for, request by request. */
  readonly asked: readonly Readonly<Record<string, string | undefined>>[];
  readonly waits: readonly string[];
}

/** A message that came without an id is called by its number, and only the numbers' owner knows which. */
const asTold = (event: Heard, kind: ReaderKind, hasId: boolean): Heard =>
  kind === 'native' || (hasId && kind === 'ours') ? event : { ...event, id: 'any' };

/** A client may take other types, too, as long as this one comes first. */
function headerOf({ headers, lastEventId }: Asked, name: string): string | undefined {
  if (name === 'last-event-id') return lastEventId;
  return name === 'accept' ? headers[name]?.split(',')[0] : headers[name];
}

function inTime(waitMs: number, { waitedMs = Number.NaN }: Partial<Asked> = {}): string {
  // A host's timer may fire a millisecond early.
  return waitedMs >= waitMs - 2 && waitedMs < waitMs + lateMsMax
    ? 'in time'
    : `${waitedMs} instead of ${waitMs}`;
}

const waitsOf = ({ waitsMs = [] }: EventSourceCase, kind: ReaderKind): readonly number[] =>
  kind === 'anew' ? [] : waitsMs;

/** A client that was refused tries again or has other ways; EventSource never does. */
const countOf = (count: number, { end }: EventSourceCase, kind: ReaderKind): number | undefined =>
  end === 'refused' && kind !== 'native' ? undefined : count;

export function wanted(one: EventSourceCase, kind: ReaderKind): Report {
  return {
    heard: one.events.map((event) => asTold(event, kind, event.id !== '')),
    requestCount: countOf(one.answers.length, one, kind),
    asked: one.asked ?? [],
    waits: waitsOf(one, kind).map(() => 'in time'),
  };
}

export function reported(
  one: EventSourceCase,
  kind: ReaderKind,
  heard: readonly Heard[],
  { asked }: Script,
): Report {
  const pick = (headers: Readonly<Record<string, string | undefined>>, index: number) =>
    Object.fromEntries(
      Object.keys(headers).map((name) => [name, asked[index] && headerOf(asked[index], name)]),
    );
  return {
    heard: heard.map((event, index) => asTold(event, kind, one.events[index]?.id !== '')),
    requestCount: countOf(asked.length, one, kind),
    asked: (one.asked ?? []).map(pick),
    waits: waitsOf(one, kind).map((waitMs, index) => inTime(waitMs, asked[index + 1])),
  };
}

/** What our client says of the last answer. */
export function codeOf({ answers, end }: EventSourceCase): string | undefined {
  const { status = 200 } = answers.at(-1) ?? {};
  if (end === 'held') return undefined;
  if (end === 'stopped') return 'STOPPED';
  if (status === 200) return 'WRONG_TYPE';
  // The server is there, and not now: nothing that an application must be told as an error.
  return status === 503 ? 'DISCONNECTED' : 'BAD_STATUS';
}
