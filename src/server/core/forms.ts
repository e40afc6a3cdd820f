/**
 * The wire forms (`docs/PROTOCOL.md` sections 1 and 5): control frames and log entries into what a carrier writes.
 * An entry is encoded once for each form, however many connections get it. Nothing here decides what is written.
 */
import { toBase64, utf8 } from '../../core/base64.ts';
import type { Entry } from './topic-record.ts';

/** Text lines; the same with binary messages; events of `text/event-stream`; scripts of a document. */
export type Form = 'lines' | 'websocket' | 'sse' | 'iframe';

/** One frame that is no message, already encoded. `mark` is its position, for the `id:` of SSE. */
export interface Control {
  readonly line: string;
  readonly mark?: string | undefined;
}

/** What a document's scripts need; see `docs/PROTOCOL.md` 5.4. */
export interface FrameTokens {
  /** First line of every unit. */
  readonly mark: string;
  /** Allows the scripts in the Content-Security-Policy. */
  readonly csp: string;
}

export interface Unit {
  readonly form: Form;
  readonly frame: FrameTokens | undefined;
  /** The position after an entry, for the `id:` of SSE. */
  readonly cursorOf: (entry: Entry) => string;
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  if (!/[\u0080-\uffff]/.test(text)) return text.length;
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    length += code < 0x800 ? 1 : 2;
    // A pair is two units and four bytes.
    if (code >= 0xd800 && code < 0xdc00) i++;
  }
  return length;
}

/** A message frame but for its payload: `{"topic":…,"id":…,` */
function messageHead({ quoted, offset, id }: Entry): string {
  return `{"topic":${quoted},"${offset === 0 ? 'ephemeral' : 'id'}":"${id}"`;
}

/** The entry as a line of text, without the line feed. */
export function lineOf(entry: Entry): string {
  // Not kept: what receivers share is the joined text of all that a turn brings, and thousands of entries lie in the log.
  if (entry.json !== undefined) return `${messageHead(entry)},"data":${entry.json}}`;
  entry.line ??= `${messageHead(entry)},"base64":"${toBase64(entry.binary as Uint8Array)}"}`;
  return entry.line;
}

/** The entry as a binary WebSocket message: its JSON, a line feed, its bytes. */
function packetOf(entry: Entry, binary: Uint8Array): Uint8Array {
  if (!entry.packet) {
    const head = utf8(`${messageHead(entry)}}\n`);
    const packet = new Uint8Array(head.length + binary.length);
    packet.set(head);
    packet.set(binary, head.length);
    entry.packet = packet;
  }
  return entry.packet;
}

/** A text inside a string literal inside a script: nothing in it can end either. */
export function escapeForScript(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
}

function escapedOf(entry: Entry): string {
  entry.escaped ??= escapeForScript(lineOf(entry));
  return entry.escaped;
}

function sseMessage(entry: Entry, cursor: string): string {
  return `${cursor === '' ? '' : `id: ${cursor}\n`}data: ${lineOf(entry)}\n\n`;
}

function sseControl(control: Control): string {
  const id = control.mark === undefined ? '' : `id: ${control.mark}\n`;
  return `event: holdfast\n${id}data: ${control.line}\n\n`;
}

/**
 * The last run of entries that was joined, by form: in a fan-out the next connection mostly wants the same one.
 * The identical string also lets the host turn it into bytes once.
 */
export interface JoinMemo {
  form: Form | undefined;
  entries: readonly Entry[];
  text: string;
}

export function createJoinMemo(): JoinMemo {
  return { form: undefined, entries: [], text: '' };
}

function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function joinMessages(unit: Unit, entries: readonly Entry[], memo: JoinMemo | undefined): string {
  if (memo && memo.form === unit.form && sameEntries(memo.entries, entries)) return memo.text;
  let text = '';
  for (const entry of entries) {
    if (unit.form === 'sse') text += sseMessage(entry, entry.offset === 0 ? '' : unit.cursorOf(entry));
    else if (unit.form === 'iframe') text += `\\n${escapedOf(entry)}`;
    else text += `${lineOf(entry)}\n`;
  }
  if (memo) {
    memo.form = unit.form;
    memo.entries = entries;
    memo.text = text;
  }
  return text;
}

function joinControls(unit: Unit, controls: readonly Control[]): string {
  let text = '';
  for (const control of controls) {
    if (unit.form === 'sse') text += sseControl(control);
    else if (unit.form === 'iframe') text += `\\n${escapeForScript(control.line)}`;
    else text += `${control.line}\n`;
  }
  return text;
}

/** WebSocket: text is joined to one message, each entry of bytes is a message of its own, in their order. */
function websocketMessages(
  before: string,
  entries: readonly Entry[],
  after: string,
  memo: JoinMemo | undefined,
): (string | Uint8Array)[] {
  const messages: (string | Uint8Array)[] = [];
  if (!entries.some((entry) => entry.binary)) {
    const unit: Unit = { form: 'websocket', frame: undefined, cursorOf: () => '' };
    const text = before + joinMessages(unit, entries, memo) + after;
    return text === '' ? [] : [text];
  }
  let text = before;
  for (const entry of entries) {
    if (!entry.binary) {
      text += `${lineOf(entry)}\n`;
      continue;
    }
    if (text !== '') messages.push(text);
    text = '';
    messages.push(packetOf(entry, entry.binary));
  }
  text += after;
  if (text !== '') messages.push(text);
  return messages;
}

/** What to hand to the carrier: control frames, then entries, then control frames that come after them. */
export function encodeUnits(
  unit: Unit,
  before: readonly Control[],
  entries: readonly Entry[],
  after: readonly Control[],
  memo?: JoinMemo,
): (string | Uint8Array)[] {
  const first = joinControls(unit, before);
  const last = joinControls(unit, after);
  if (unit.form === 'websocket') return websocketMessages(first, entries, last, memo);
  const text = first + (entries.length > 0 ? joinMessages(unit, entries, memo) : '') + last;
  if (text === '') return [];
  if (!unit.frame) return [text];
  return [`<script nonce="${unit.frame.csp}">m("${unit.frame.mark}${text}")</script>\n`];
}
