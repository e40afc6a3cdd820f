/**
 * An event stream as text in any pieces -> the events in it, exactly as WHATWG HTML, section 9.2.6 ("Interpreting an event
 * stream") says. Knows nothing of requests, of reconnecting, or of what the events mean.
 *
 * @internal
 */

export interface SseEvent {
  /** `message` unless an `event:` field named it. */
  readonly event: string;
  readonly data: string;
  /** The last event ID as it stands at the dispatch; '' if none. */
  readonly id: string;
}

export interface SseListener {
  event(event: SseEvent): void;
  /** `retry:`, milliseconds: however many the server wrote, up to `Infinity`. */
  retry(ms: number): void;
  /** A comment: a sign of life and nothing else. */
  comment(): void;
}

export interface SseParser {
  /**
   * Any piece of the stream's text (UTF-8 already decoded; BOM possibly still there). `false`: a line or an event is longer
   * than `lengthMax` characters, and the stream is to be given up.
   */
  add(text: string): boolean;
  /** The last event ID (also of events without data), which goes into the next `Last-Event-ID`. */
  lastEventId(): string;
}

const defaultLengthMax = 8 * 1024 * 1024;

const lf = 0x0a;
const bom = 0xfeff;
const digits = /^[0-9]+$/;

/** The length of the text if it is not in there. */
function next(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from);
  return at < 0 ? text.length : at;
}

/** `lastEventId`: that of the stream before, which holds until this one says another. */
export function createSseParser(
  on: SseListener,
  lastEventId = '',
  lengthMax: number = defaultLengthMax,
): SseParser {
  let isAtStart = true;
  /** A CR ended the last line: an LF right after it belongs to the same end. */
  let isAfterCr = false;
  /** The line whose end has not come. */
  let line = '';
  let name = '';
  let data: string[] = [];
  let dataLength = 0;
  let idOfBlock = lastEventId;
  /** Follows `idOfBlock` at an empty line only: a block that was cut has said nothing. */
  let id = lastEventId;

  function dispatch(): void {
    id = idOfBlock;
    const event = data.length > 0 ? { event: name || 'message', data: data.join('\n'), id } : undefined;
    name = '';
    data = [];
    dataLength = 0;
    if (event) on.event(event);
  }

  function takeField(field: string, value: string): void {
    if (field === 'data') {
      data.push(value);
      dataLength += value.length + 1;
    } else if (field === 'event') name = value;
    else if (field === 'id') {
      if (value.indexOf('\0') < 0) idOfBlock = value;
    } else if (field === 'retry' && digits.test(value)) on.retry(Number(value));
  }

  function endLine(): void {
    const text = line;
    line = '';
    const colon = text.indexOf(':');
    if (text === '') dispatch();
    else if (colon === 0) on.comment();
    else if (colon < 0) takeField(text, '');
    else takeField(text.slice(0, colon), text.slice(colon + (text.charAt(colon + 1) === ' ' ? 2 : 1)));
  }

  /** What a peer can make this side keep. Once it is too much it stays so. */
  const isTooLong = (): boolean => line.length + dataLength > lengthMax;

  return {
    add(text) {
      let at = isAtStart && text.charCodeAt(0) === bom ? 1 : 0;
      if (text !== '') isAtStart = false;
      // Either is looked for once only, however many of the other come first.
      let lfAt = -1;
      let crAt = -1;
      while (at < text.length) {
        if (isAfterCr && text.charCodeAt(at) === lf) at++;
        isAfterCr = false;
        if (lfAt < at) lfAt = next(text, '\n', at);
        if (crAt < at) crAt = next(text, '\r', at);
        const end = Math.min(lfAt, crAt);
        line += text.slice(at, end);
        if (end === text.length || isTooLong()) break;
        isAfterCr = end === crAt;
        endLine();
        at = end + 1;
      }
      return !isTooLong();
    },
    lastEventId: () => id,
  };
}
