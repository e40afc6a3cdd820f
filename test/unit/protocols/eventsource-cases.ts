/**
 * What an EventSource does with an answer beyond reading it, as a table: what a server answers, one request after another, and
 * what must happen. One table for every client: the engines' native `EventSource` (`e2e/sse-reference.spec.ts`) and ours with
 * `plain()` (`plain-eventsource.test.ts`). `of` names the file of web-platform-tests' `eventsource/` whose matter a case is.
 */
import type { SseEvent } from '../../../src/protocols/sse.ts';
import type { Differences } from './sse-cases.ts';

/** What the server says to one request; by default a stream that ends. */
export interface Answer {
  /** Default 200. */
  readonly status?: number;
  /** Default `text/event-stream`; `null`: no such header. */
  readonly type?: string | null;
  /** Sends the client to the same script, whose next answer it then gets. */
  readonly redirect?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Writes the body byte by byte. */
  readonly byByte?: boolean;
  /** After the body: `end` (default), `cut` without an end, or `hold` with one more event, named `end`, that says it is all. */
  readonly close?: 'end' | 'cut' | 'hold';
}

export interface EventSourceCase {
  readonly name: string;
  readonly of?: string;
  /** Whatever is asked beyond these is answered 204, which ends every client. */
  readonly answers: readonly Answer[];
  readonly events: readonly SseEvent[];
  /** For each request, what its headers must say, in lower case; `undefined`: no such header. */
  readonly asked?: readonly Readonly<Record<string, string | undefined>>[];
  /** Between the end of an answer and the request after it: at least so long, and not `lateMsMax` longer. */
  readonly waitsMs?: readonly number[];
  /**
   * How it ends. `held`: a stream is open, and the client ends it. `stopped`: the server said 204, and nobody asks again.
   * `refused`: the last answer was no event stream. EventSource then gives up for good; a client that has other ways says an
   * error and tries those.
   */
  readonly end: 'held' | 'stopped' | 'refused';
  /** Needs cookies or another origin, which only a page has. */
  readonly page?: { readonly isElsewhere: true; readonly withCredentials?: boolean };
  /** An engine that differs from the standard here, and in what. */
  readonly differs?: Differences;
}

/** With the longest of these waits still shorter than what engines wait unasked: 3 and 5 seconds. */
export const lateMsMax = 1_900;

function message(data: string, id = ''): SseEvent {
  return { event: 'message', data, id };
}

const one = 'data:one\n\n';
const two = 'data:two\n\n';
const soon = 'retry:600\n';
const opened: Answer = { body: one, close: 'hold' };

function statusCase(status: number, end: EventSourceCase['end']): EventSourceCase {
  return {
    name: `status ${status}`,
    of: 'request-status-error',
    answers: [{ status, body: one }],
    events: [],
    end,
  };
}

const statuses: readonly EventSourceCase[] = [
  {
    name: 'status 200',
    of: 'eventsource-onmessage',
    answers: [opened],
    events: [message('one')],
    end: 'held',
  },
  statusCase(204, 'stopped'),
  statusCase(205, 'refused'),
  statusCase(210, 'refused'),
  statusCase(299, 'refused'),
  statusCase(404, 'refused'),
  statusCase(410, 'refused'),
  statusCase(500, 'refused'),
  statusCase(503, 'refused'),
  {
    name: 'a refusal of the second request',
    of: 'eventsource-close',
    answers: [{ body: soon + one }, { body: two }, { status: 500, body: one }],
    events: [message('one'), message('two')],
    end: 'refused',
  },
];

function typeCase(type: string | null, isGood: boolean, of?: string): EventSourceCase {
  const name = `content type ${type ?? 'absent'}`;
  const head = of === undefined ? { name } : { name, of };
  if (isGood) return { ...head, answers: [{ ...opened, type }], events: [message('one')], end: 'held' };
  return { ...head, answers: [{ body: one, type }], events: [], end: 'refused' };
}

const types: readonly EventSourceCase[] = [
  typeCase('text/event-stream;', true, 'format-mime-trailing-semicolon'),
  typeCase('text/event-stream; charset=utf-8', true),
  typeCase('text/event-stream;charset=UTF-8', true),
  typeCase('Text/EVENT-Stream', true),
  typeCase('text/event-stream ; version="1"', true),
  {
    name: 'content type text/event-stream;charset=windows-1252, which is UTF-8 all the same',
    of: 'format-utf-8',
    answers: [{ type: 'text/event-stream;charset=windows-1252', body: 'data:ok…\n\n', close: 'hold' }],
    events: [message('ok…')],
    end: 'held',
    differs: { chromium: 'refuses every charset but UTF-8' },
  },
  typeCase('x bogus', false, 'format-mime-bogus'),
  typeCase('text/x-bogus', false, 'format-mime-valid-bogus'),
  typeCase('text/html', false),
  typeCase('text/event-streams', false),
  typeCase('text/plain', false),
  typeCase(null, false),
];

const redirects: readonly EventSourceCase[] = [301, 302, 303, 307, 308].map((status) => ({
  name: `redirect ${status}`,
  of: 'request-redirect',
  answers: [{ status, redirect: true }, opened],
  events: [message('one')],
  end: 'held',
}));

const requests: readonly EventSourceCase[] = [
  {
    name: 'asks for an event stream, past every cache, and of nothing that came before',
    of: 'request-accept, request-cache-control',
    answers: [opened],
    events: [message('one')],
    asked: [
      {
        ':method': 'GET',
        accept: 'text/event-stream',
        'cache-control': 'no-cache',
        'last-event-id': undefined,
      },
    ],
    end: 'held',
  },
  {
    name: 'the last event ID goes with every request, and stays that of the events until there is another',
    of: 'format-field-id',
    answers: [
      { body: `${soon}id:7\n${one}` },
      { body: two },
      { body: 'id:8\ndata:three\n\n' },
      { body: 'data:four\n\n', close: 'hold' },
    ],
    events: [message('one', '7'), message('two', '7'), message('three', '8'), message('four', '8')],
    asked: [undefined, '7', '7', '8'].map((id) => ({ 'last-event-id': id })),
    end: 'held',
  },
  {
    name: 'a last event ID of more than ASCII goes as UTF-8',
    of: 'format-field-id-2',
    answers: [{ body: `${soon}id:…größe日本😀\n${one}` }, { body: two, close: 'hold' }],
    events: [message('one', '…größe日本😀'), message('two', '…größe日本😀')],
    asked: [undefined, '…größe日本😀'].map((id) => ({ 'last-event-id': id })),
    end: 'held',
  },
  {
    name: 'an id with a NUL goes into no request',
    of: 'format-field-id-null',
    answers: [{ body: `${soon}id:\0\0\n${one}` }, { body: two, close: 'hold' }],
    events: [message('one'), message('two')],
    asked: [undefined, undefined].map((id) => ({ 'last-event-id': id })),
    end: 'held',
    differs: { firefox: 'loses the data before a NUL in an id' },
  },
  {
    name: 'an id taken back goes into no request',
    of: 'format-field-id-3',
    answers: [
      { body: `${soon}id:7\n${one}` },
      { body: `id\n${two}` },
      { body: 'data:three\n\n', close: 'hold' },
    ],
    events: [message('one', '7'), message('two'), message('three')],
    asked: [undefined, '7', undefined].map((id) => ({ 'last-event-id': id })),
    end: 'held',
  },
  {
    name: 'an id whose block was cut goes into no request',
    of: 'format-data-before-final-empty-line',
    answers: [{ body: `${soon}${one}id:7\ndata:lost` }, { body: two, close: 'hold' }],
    events: [message('one'), message('two')],
    asked: [undefined, undefined].map((id) => ({ 'last-event-id': id })),
    end: 'held',
  },
  {
    name: 'the id of a block without data goes into the next request',
    answers: [{ body: `${soon}${one}id:7\n\n` }, { body: two, close: 'hold' }],
    events: [message('one'), message('two', '7')],
    asked: [undefined, '7'].map((id) => ({ 'last-event-id': id })),
    end: 'held',
    differs: {
      firefox: 'forgets the id of a block without data',
      webkit: 'forgets it unless an event follows',
    },
  },
];

const reconnecting: readonly EventSourceCase[] = [
  {
    name: 'after a stream that ended it asks again',
    of: 'eventsource-reconnect',
    answers: [{ body: soon + one }, { body: two, close: 'hold' }],
    events: [message('one'), message('two')],
    end: 'held',
  },
  {
    name: 'after one that was cut too',
    answers: [
      { body: soon + one, close: 'cut' },
      { body: two, close: 'hold' },
    ],
    events: [message('one'), message('two')],
    end: 'held',
  },
  {
    name: 'until the server says 204',
    answers: [{ body: soon + one }, { body: two }, { status: 204 }],
    events: [message('one'), message('two')],
    end: 'stopped',
  },
  {
    name: 'after the time that the server gave, also after the streams that follow',
    of: 'format-field-retry',
    answers: [{ body: `retry:01000\n${one}` }, { body: two }, { body: 'data:three\n\n', close: 'hold' }],
    events: [message('one'), message('two'), message('three')],
    waitsMs: [1_000, 1_000],
    end: 'held',
  },
  {
    name: 'after the newest time that was one',
    of: 'format-field-retry-bogus, format-field-retry-empty',
    answers: [{ body: `retry:30000\nretry:800\nretry:1x\nretry:-5\n${one}` }, { body: two, close: 'hold' }],
    events: [message('one'), message('two')],
    waitsMs: [800],
    end: 'held',
  },
  {
    name: 'after a time without a block of its own',
    answers: [{ body: 'retry:900\n' }, { body: two, close: 'hold' }],
    events: [message('two')],
    waitsMs: [900],
    end: 'held',
  },
  {
    name: 'after the same time if the new one has no value',
    of: 'format-field-retry-empty',
    answers: [{ body: `retry:700\nretry\nretry:\n${one}` }, { body: two, close: 'hold' }],
    events: [message('one'), message('two')],
    waitsMs: [700],
    end: 'held',
    differs: {
      chromium: 'goes back to its own time at a retry without a value',
      firefox: 'takes a retry without a value for 0',
      webkit: 'goes back to its own time at a retry without a value',
    },
  },
];

function cookieCase(name: string, isSent: boolean, withCredentials?: boolean): EventSourceCase {
  return {
    name,
    of: 'request-credentials',
    answers: [
      { body: soon + one, headers: { 'Set-Cookie': 'seen=yes; Path=/' } },
      { body: two, close: 'hold' },
    ],
    events: [message('one'), message('two')],
    asked: [{ cookie: undefined }, { cookie: isSent ? 'seen=yes' : undefined }],
    end: 'held',
    page: { isElsewhere: true, ...(withCredentials === undefined ? {} : { withCredentials }) },
  };
}

const credentials: readonly EventSourceCase[] = [
  cookieCase('another origin gets no cookies', false),
  cookieCase('nor if credentials are refused', false, false),
  cookieCase('it gets them if credentials are allowed', true, true),
];

export const eventSourceCases: readonly EventSourceCase[] = [
  ...statuses,
  ...types,
  ...redirects,
  ...requests,
  ...reconnecting,
  ...credentials,
];
