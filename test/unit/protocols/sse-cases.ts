/**
 * What an event stream means, as a table: its text, and what a reader must make of it. One table for every reader, our own in
 * Node and the engines' native `EventSource` in browsers (`e2e/sse-reference.spec.ts`).
 *
 * The matter of each case is one of the web-platform-tests' `eventsource/` folder (`of` names the file) or, without `of`, a
 * sentence of WHATWG HTML sections 9.2.5 and 9.2.6.
 */
import type { SseEvent } from '../../../src/protocols/sse.ts';

export interface SseCase {
  readonly name: string;
  /** The file of web-platform-tests' `eventsource/` whose matter this is, without its ending. */
  readonly of?: string;
  /** Text stands for its UTF-8. */
  readonly stream: string | Uint8Array;
  readonly events: readonly SseEvent[];
  /** What the next request says; '' by default. */
  readonly lastEventId?: string;
  /** Every `retry:` that counts, in order. */
  readonly retries?: readonly number[];
  readonly comments?: number;
  /** An engine that differs from the standard here, and in what. */
  readonly differs?: Differences;
}

/** Seen in Chromium 156, Firefox 153 and WebKitGTK 2.50: what an engine makes of it instead. It is not asked. */
export type Differences = Readonly<Partial<Record<'chromium' | 'firefox' | 'webkit', string>>>;

const firefoxAndNul: Differences = { firefox: 'loses the data before a NUL in an id' };
const firefoxAndIdsAlone: Differences = { firefox: 'forgets the id of a block without data' };

function message(data: string, id = ''): SseEvent {
  return { event: 'message', data, id };
}

function named(event: string, data: string, id = ''): SseEvent {
  return { event, data, id };
}

function bytes(...parts: readonly (string | number)[]): Uint8Array {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === 'string' ? Array.from(encoder.encode(part)) : [part])),
  );
}

const bom = '\uFEFF';

const byteOrderMark: readonly SseCase[] = [
  {
    name: 'a BOM before the first line is no part of it; before a later line it is',
    of: 'format-bom',
    stream: `${bom}data:one\n\n${bom}data:two\n\ndata:three\n\n`,
    events: [message('one'), message('three')],
    differs: { webkit: 'takes it for part of the line when it comes byte by byte' },
  },
  {
    name: 'of two BOMs only the first is left out',
    of: 'format-bom-2',
    stream: `${bom}${bom}data:one\n\ndata:two\n\n`,
    events: [message('two')],
  },
  {
    name: 'a BOM inside a value stays there',
    stream: `data:${bom}a${bom}\n\n`,
    events: [message(`${bom}a${bom}`)],
  },
  { name: 'a BOM and nothing else', stream: bom, events: [] },
  { name: 'a BOM, then an empty line', stream: `${bom}\n\ndata:a\n\n`, events: [message('a')] },
  {
    name: 'half a BOM is no BOM',
    stream: bytes(0xef, 0xbb, 'data:one\n\ndata:two\n\n'),
    events: [message('two')],
  },
];

const lineEnds: readonly SseCase[] = [
  {
    name: 'CRLF, LF and CR end lines alike, and CRLF CR is two ends',
    of: 'format-newlines',
    stream: 'data:one\r\ndata\ndata:two\r\n\r',
    events: [message('one\n\ntwo')],
  },
  {
    name: 'only CR',
    stream: 'data:one\rdata:two\r\rdata:three\r\r',
    events: [message('one\ntwo'), message('three')],
  },
  {
    name: 'only CRLF',
    stream: 'data:one\r\ndata:two\r\n\r\ndata:three\r\n\r\n',
    events: [message('one\ntwo'), message('three')],
  },
  {
    name: 'LF CR is two ends, so the second is an empty line',
    stream: 'data:one\n\rdata:two\n\r',
    events: [message('one'), message('two')],
  },
  {
    name: 'CR LF LF: the second LF is an empty line',
    stream: 'data:one\r\n\ndata:two\r\n\n',
    events: [message('one'), message('two')],
  },
  {
    name: 'CR CR LF: an empty line, and its end is CRLF',
    stream: 'data:one\r\r\ndata:two\r\r\n',
    events: [message('one'), message('two')],
  },
  {
    name: 'other separators of Unicode end no line',
    stream: 'data:a\u2028b\u2029c\u0085d\u000be\u000cf\n\n',
    events: [message('a\u2028b\u2029c\u0085d\u000be\u000cf')],
  },
  {
    name: 'empty lines between events are nothing',
    stream: '\n\r\n\rdata:one\n\n\n\n\r\rdata:two\n\n',
    events: [message('one'), message('two')],
  },
  { name: 'an empty stream', stream: '', events: [] },
];

const data: readonly SseCase[] = [
  {
    name: 'lines of data are joined by LF; without data there is no event; empty data is an event',
    of: 'event-data',
    stream: 'data:one\ndata:two\n\n:only a comment\n\ndata\n\nfield:x\n\ndata:end\n\n',
    events: [message('one\ntwo'), message(''), message('end')],
    comments: 1,
  },
  {
    name: 'data without a value is an empty line of it, with or without the colon',
    of: 'format-field-data',
    stream: 'data:\n\ndata\ndata\n\ndata:three\n\n',
    events: [message(''), message('\n'), message('three')],
  },
  {
    name: 'of the spaces after the colon one is left out; a tab is not',
    of: 'format-leading-space',
    stream: 'data:\tone\rdata: \ndata:two\ndata: three\ndata:  four\n\n',
    events: [message('\tone\n\ntwo\nthree\n four')],
  },
  {
    name: 'a space at the end stays, and so does a colon in the value',
    stream: 'data: a b \ndata::\ndata:x:y: z\n\n',
    events: [message('a b \n:\nx:y: z')],
  },
  {
    name: 'no-break spaces are no spaces',
    stream: 'data:\u00a0a\ndata:\u3000b\n\n',
    events: [message('\u00a0a\n\u3000b')],
  },
  {
    name: 'a block that the stream ends in is not dispatched, and its id is forgotten',
    of: 'format-data-before-final-empty-line',
    stream: 'retry:1000\ndata:one\n\nid:x\ndata:two',
    events: [message('one')],
    retries: [1000],
  },
  {
    name: 'nor is one whose last line ended but no empty line came',
    stream: 'id:1\ndata:one\n\nid:2\ndata:two\n',
    events: [message('one', '1')],
    lastEventId: '1',
  },
  {
    name: 'the last empty line may end in a CR alone',
    stream: 'data:one\n\r',
    events: [message('one')],
  },
];

const fields: readonly SseCase[] = [
  {
    name: 'names of fields are exact: case, NUL, hyphen and a leading space count',
    of: 'format-field-parsing',
    stream:
      'data:\0\ndata:  2\rData:no\ndata\0:no\ndata:1\r\0data:no\nda-ta:no\rdata_no\ndata:3\rdata:\r\n data:no\ndata:4\n\n',
    events: [message('\0\n 2\n1\n3\n\n4')],
  },
  {
    name: 'unknown fields and lines that are no fields are nothing',
    of: 'format-field-unknown',
    stream: 'data:one\n data\ndata\nweather:sunny\nsome words\n:a comment\ndata:two\n\n',
    events: [message('one\n\ntwo')],
    comments: 1,
  },
  {
    name: 'a space before the colon belongs to the name',
    stream: 'data :no\ndata: yes\nevent : no\nid : no\n\n',
    events: [message('yes')],
  },
  {
    name: 'fields of nothing but their names',
    stream: 'event\nid\nretry\ndata\n\n',
    events: [message('')],
  },
  {
    name: 'names that objects have are names like others',
    stream: '__proto__:x\nconstructor:y\ntoString\ndata:one\n\nevent:__proto__\ndata:two\n\n',
    events: [message('one'), named('__proto__', 'two')],
  },
];

const comments: readonly SseCase[] = [
  {
    name: 'comments of any length with any content lie between fields and change none',
    of: 'format-comments',
    stream: `data:1\r:\0\n:\r\ndata:2\n:${'x'.repeat(2_048)}\rdata:3\n:data:no\r:${'y'.repeat(2_048)}\ndata:4\n\n`,
    events: [message('1\n2\n3\n4')],
    comments: 5,
  },
  {
    name: 'a comment whose line has not ended says nothing yet',
    stream: ':one\n:two',
    events: [],
    comments: 1,
  },
  { name: 'nothing but comments', stream: ':\n\n::\r\r: id:7\n\n', events: [], comments: 3 },
];

const eventNames: readonly SseCase[] = [
  {
    name: 'an event has the name that its field gives, and the next one none of it',
    of: 'format-field-event',
    stream: 'event:clock\ndata:one\n\ndata:two\n\n',
    events: [named('clock', 'one'), message('two')],
  },
  {
    name: 'an empty name is no name',
    of: 'format-field-event-empty',
    stream: 'event: \ndata:one\n\nevent:\ndata:two\n\nevent\ndata:three\n\n',
    events: [message('one'), message('two'), message('three')],
  },
  {
    name: 'the last name of a block counts, wherever in it it stands, also when it is empty',
    of: 'submissions/MOSQUITO/field-name-event',
    stream: 'event:first\ndata:one\nevent:second\n\nevent:third\ndata:two\nevent\n\n',
    events: [named('second', 'one'), message('two')],
  },
  {
    name: 'the name of a block without data is not that of the next',
    stream: 'event:clock\n\ndata:one\n\n',
    events: [message('one')],
  },
  {
    name: 'names are case-sensitive and may hold spaces and any script',
    stream:
      'event:Clock\ndata:1\n\nevent: a b\ndata:2\n\nevent:größe 😀\ndata:3\n\nevent:Message\ndata:4\n\n',
    events: [named('Clock', '1'), named('a b', '2'), named('größe 😀', '3'), named('Message', '4')],
  },
  {
    name: 'a name may be `message`',
    stream: 'event:message\ndata:one\n\n',
    events: [message('one')],
  },
];

const ids: readonly SseCase[] = [
  {
    name: 'an id holds for the events that follow',
    of: 'format-field-id-3',
    stream: 'id:1\ndata:one\n\ndata:two\n\n',
    events: [message('one', '1'), message('two', '1')],
    lastEventId: '1',
  },
  {
    name: 'until another comes',
    of: 'format-field-id-3',
    stream: 'id:1\ndata:one\n\nid:2\ndata:two\n\ndata:three\n\n',
    events: [message('one', '1'), message('two', '2'), message('three', '2')],
    lastEventId: '2',
  },
  {
    name: 'an empty id takes it away',
    of: 'format-field-id-3',
    stream: 'id:1\ndata:one\n\nid:\ndata:two\n\ndata:three\n\n',
    events: [message('one', '1'), message('two'), message('three')],
  },
  {
    name: 'so does an id without a colon',
    of: 'format-field-id',
    stream: 'id:1\ndata:one\n\nid\ndata:two\n\n',
    events: [message('one', '1'), message('two')],
  },
  {
    name: 'an id of more than ASCII comes back whole',
    of: 'format-field-id-2',
    stream: 'id:…\ndata:one\n\ndata:two\n\n',
    events: [message('one', '…'), message('two', '…')],
    lastEventId: '…',
  },
  {
    name: 'an id with a NUL is none',
    of: 'format-field-id-null',
    stream: 'id:\0\0\ndata:one\n\ndata:two\n\n',
    events: [message('one'), message('two')],
    differs: firefoxAndNul,
  },
  {
    name: 'and leaves the one before as it was, wherever the NUL stands',
    of: 'format-field-id-null',
    stream: 'id:1\nid:2\0\ndata:one\n\nid:\x003\ndata:two\n\nid:4\x004\ndata:three\n\n',
    events: [message('one', '1'), message('two', '1'), message('three', '1')],
    lastEventId: '1',
    differs: firefoxAndNul,
  },
  {
    name: 'the id of a block without data counts too',
    stream: 'data:one\n\nid:7\n\n',
    events: [message('one')],
    lastEventId: '7',
    differs: { ...firefoxAndIdsAlone, webkit: 'forgets it unless an event follows' },
  },
  {
    name: 'and is that of the events that follow',
    stream: 'id:7\n\ndata:one\n\n',
    events: [message('one', '7')],
    lastEventId: '7',
    differs: firefoxAndIdsAlone,
  },
  {
    name: 'the last id of a block counts, wherever in it it stands',
    stream: 'id:1\ndata:one\nid:2\n\n',
    events: [message('one', '2')],
    lastEventId: '2',
  },
  {
    name: 'an id may hold colons and spaces; one space at its start is left out',
    stream: 'id:  a:b c\ndata:one\n\n',
    events: [message('one', ' a:b c')],
    lastEventId: ' a:b c',
  },
];

const retries: readonly SseCase[] = [
  {
    name: 'retry is a decimal number, whatever zeros it begins with',
    of: 'format-field-retry',
    stream: 'retry:03000\ndata:one\n\n',
    events: [message('one')],
    retries: [3000],
  },
  {
    name: 'a retry that is not all digits is nothing',
    of: 'format-field-retry-bogus',
    stream: 'retry:2000\nretry:1000x\nretry:-1\nretry:+1\nretry:1.5\nretry:1e3\nretry:0x10\ndata:one\n\n',
    events: [message('one')],
    retries: [2000],
  },
  {
    name: 'nor is one without a value',
    of: 'format-field-retry-empty',
    stream: 'retry\ndata:one\n\nretry:\ndata:two\n\n',
    events: [message('one'), message('two')],
  },
  {
    name: 'digits are those of ASCII, and only one space may stand before them',
    stream: 'retry:٣٠٠٠\nretry:３０００\nretry:  7\nretry:7 \nretry:\t7\nretry: 2500\ndata:one\n\n',
    events: [message('one')],
    retries: [2500],
  },
  {
    name: 'a retry whose line has not ended is nothing',
    stream: 'retry:4000',
    events: [],
  },
  {
    name: 'a retry counts at the end of its line, also in a block without data or without an end',
    stream: 'retry:3500\n\nretry:4000\n',
    events: [],
    retries: [3500, 4000],
  },
];

const characters: readonly SseCase[] = [
  {
    name: 'NUL is a character of data like any other',
    of: 'format-null-character',
    stream: 'data:\0\n\n',
    events: [message('\0')],
  },
  {
    name: 'also among others',
    stream: 'data:a\0b\n\n',
    events: [message('a\0b')],
    differs: { firefox: 'leaves it out' },
  },
  {
    name: 'the stream is UTF-8: two, three and four bytes a character',
    of: 'format-utf-8',
    stream: 'data:ok… größe ελ 日本 😀\n\n',
    events: [message('ok… größe ελ 日本 😀')],
  },
  {
    name: 'bytes that are no UTF-8 become U+FFFD, and the line goes on',
    stream: bytes('data:a', 0xff, 'b', 0xc3, '(', 0xed, 0xa0, 0x80, 'c\n\n'),
    events: [message('a\uFFFDb\uFFFD(\uFFFD\uFFFD\uFFFDc')],
  },
  {
    name: 'a character that its line cuts short ends with the line',
    stream: bytes('data:a', 0xe2, 0x80, '\n\ndata:b\n\n'),
    events: [message('a\uFFFD'), message('b')],
  },
];

export const sseCases: readonly SseCase[] = [
  ...byteOrderMark,
  ...lineEnds,
  ...data,
  ...fields,
  ...comments,
  ...eventNames,
  ...ids,
  ...retries,
  ...characters,
];

/** The stream of a case as it goes over the wire. */
export function bytesOf({ stream }: SseCase): Uint8Array {
  return typeof stream === 'string' ? new TextEncoder().encode(stream) : stream;
}
