/**
 * How answers of servers that are not ours are read: whole bodies, event streams, lines.
 * Knows HTTP and SSE; must not know what any of it means to a dialect.
 *
 * @internal
 */
import type { Closed, Unit } from '../adapters/adapter.ts';
import type { Answer, Head, Reader } from '../adapters/answer.ts';
import { createSseParser } from './sse.ts';

/** Characters of one body, event or line; beyond it the answer is given up. */
const lengthMax = 8 * 1024 * 1024;

const tooLong = (what: string): Closed => ({
  kind: 'unreadable',
  detail: `${what} of more than ${lengthMax} characters`,
});

function refusal({ status, type }: Head): Closed {
  return { kind: 'status', status, detail: `${status} ${type}` };
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** The whole body is one text. */
function bodyReader(done: (text: string) => readonly Unit[] | Closed): Reader {
  let body = '';
  return {
    add(text) {
      body += text;
      return body.length > lengthMax ? tooLong('a body') : [];
    },
    end: () => done(body),
  };
}

/** A poll. Nothing new: 204, 304, and 408, by which some servers end a poll that was held long enough. */
export function pollAnswer(
  html: boolean,
  body: (text: string, head: Head) => readonly Unit[] | Closed,
): Answer {
  return {
    strict: true,
    judge(head) {
      const { status, type, redirected } = head;
      if (status === 204 || status === 304 || status === 408) return { kind: 'closed' };
      const isPage = type === 'text/html' && !html;
      const isError = !isSuccess(status);
      // A login page behind a redirect says something of the network in between, whatever its status.
      if (isPage && (!isError || redirected)) return { kind: 'type', detail: `${status} ${type}` };
      return isError ? refusal(head) : undefined;
    },
    reader: (head) => bodyReader((text) => body(text, head)),
  };
}

/** The answer to a POST: whatever it is, it is told whole, and brings nothing else. */
export function postAnswer(done: (head: Head, text: string) => void): Answer {
  return {
    strict: true,
    judge: () => undefined,
    reader: (head) =>
      bodyReader((text) => {
        done(head, text);
        return [];
      }),
  };
}

export interface StreamListener {
  /** The id of the stream before, which holds until this one says another. */
  readonly from: string | undefined;
  retry(ms: number): void;
  /** Anything at all has come: an event, a comment, a line. */
  alive(): void;
}

function sseReader(on: StreamListener): Reader {
  let units: Unit[] = [];
  /** The last id that an event has carried. */
  let carried = on.from ?? '';
  const parser = createSseParser(
    {
      event({ event, data, id }) {
        carried = id;
        units.push({ text: data, event, id });
      },
      retry: on.retry,
      comment: on.alive,
    },
    on.from,
    lengthMax,
  );
  return {
    add(text) {
      const isShort = parser.add(text);
      const id = parser.lastEventId();
      if (id !== carried) {
        carried = id;
        units.push({ id });
      }
      const complete = units;
      units = [];
      if (complete.length > 0) on.alive();
      // What came before is good.
      return isShort || complete.length > 0 ? complete : tooLong('an event');
    },
    end: () => [],
  };
}

function linesReader(on: StreamListener): Reader {
  let rest = '';
  let isAtStart = true;
  return {
    add(given) {
      const text = isAtStart ? given.replace(/^\ufeff/, '') : given;
      isAtStart = false;
      const end = text.lastIndexOf('\n') + 1;
      const units: Unit[] = [];
      if (end > 0) {
        (rest + text.slice(0, end)).split(/\r?\n/).forEach((line) => {
          if (line !== '') units.push({ text: line });
        });
        rest = '';
        on.alive();
      }
      rest += text.slice(end);
      return rest.length > lengthMax ? tooLong('a line') : units;
    },
    end: () => (rest === '' ? [] : [{ text: rest }]),
  };
}

const eventStream = 'text/event-stream';

/**
 * An event stream as WHATWG HTML, section 9.2.2 has it: status 200 and nothing else, `text/event-stream`. JSON lines are
 * good, too.
 */
export function streamAnswer(on: StreamListener): Answer {
  const isLines = (type: string): boolean => /^application\/(x-)?(nd)?json(l|lines)?$/.test(type);
  return {
    strict: false,
    judge(head) {
      if (head.status !== 200) return refusal(head);
      const isExpected = head.type === eventStream || isLines(head.type);
      return isExpected ? undefined : { kind: 'type', detail: `${head.status} ${head.type}` };
    },
    reader: (head) => (head.type === eventStream ? sseReader(on) : linesReader(on)),
  };
}
