/**
 * The wire forms (`docs/PROTOCOL.md` sections 1 and 5): control frames and log entries into what a carrier writes.
 * An entry is encoded once for each form, however many connections get it. Nothing here decides what is written.
 */
import { toBase64, utf8 } from '../../core/base64.ts';
import type { Entry, Rare } from './topic-record.ts';

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

/**
 * What hosts make of a text, kept for whoever is given the same: one encoding, however many receivers. Its bytes, a frame of
 * WebSocket, a chunk of HTTP/1.1.
 */
export interface Coded {
  bytes: Uint8Array | undefined;
  frame: Uint8Array | undefined;
  chunk: Uint8Array | undefined;
}

/** Where it is written. */
export interface Outlet {
  readonly form: Form;
  readonly frame: FrameTokens | undefined;
  readonly sink: { write(chunk: string | Uint8Array, shared?: Coded): void };
}

/** The position after an entry, for the `id:` of SSE. */
export type CursorOf = (entry: Entry) => string;

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

/** A message frame as far as the quote that ends its id. */
function messageHead({ record, offset, rare }: Entry): string {
  if (rare?.ephemeral === undefined) return `${record.head}${offset}`;
  return `{"topic":${JSON.stringify(record.key)},"ephemeral":"${rare.ephemeral}`;
}

/** The entry as a line of text, and what follows it. In few pieces: each joint of two makes a string. */
export function lineOf(entry: Entry, end = ''): string {
  // Not kept: what receivers share is the joined text of all that a turn brings, and thousands of entries lie in the log.
  const close = `}${end}`;
  if (entry.json !== undefined) return `${messageHead(entry)}","data":${entry.json}${close}`;
  const rare = entry.rare as Rare;
  rare.line ??= `${messageHead(entry)}","base64":"${toBase64(rare.binary as Uint8Array)}"}`;
  return rare.line + end;
}

/** An entry of bytes as a binary WebSocket message: its JSON, a line feed, its bytes. */
function packetOf(entry: Entry, rare: Rare, binary: Uint8Array): Uint8Array {
  if (!rare.packet) {
    const head = utf8(`${messageHead(entry)}"}\n`);
    const packet = new Uint8Array(head.length + binary.length);
    packet.set(head);
    packet.set(binary, head.length);
    rare.packet = packet;
  }
  return rare.packet;
}

/** A text inside a string literal inside a script: nothing in it can end either. */
export function escapeForScript(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
}

function sseMessage(entry: Entry, cursor: string): string {
  return `${cursor === '' ? '' : `id: ${cursor}\n`}data: ${lineOf(entry, '\n\n')}`;
}

function sseControl(control: Control): string {
  const id = control.mark === undefined ? '' : `id: ${control.mark}\n`;
  return `event: holdfast\n${id}data: ${control.line}\n\n`;
}

/** Some of a run's text, with what carriers made of it. */
interface Piece extends Coded {
  readonly text: string;
}

/**
 * Characters after which another piece begins. JavaScript engines keep what is much longer apart from all other objects, and take
 * ten times as long for each character of it (V8 beyond 128 KiB).
 */
const pieceLength = 32 * 1024;

/**
 * Entries that are written together, and the text that each form made of them, in pieces: connections that are told the same share
 * them, and so do their hosts what they make of a piece.
 */
export interface Run {
  readonly entries: readonly Entry[];
  /** On WebSocket they are messages of their own. */
  readonly hasBytes: boolean;
  /** No client is left out of any of them. */
  readonly isForAll: boolean;
  lines: readonly Piece[] | undefined;
  sse: readonly Piece[] | undefined;
  iframe: readonly Piece[] | undefined;
}

export function createRun(entries: readonly Entry[]): Run {
  let hasBytes = false;
  let isForAll = true;
  for (const { rare } of entries) {
    if (rare?.binary) hasBytes = true;
    if (rare?.except !== undefined) isForAll = false;
  }
  return { entries, hasBytes, isForAll, lines: undefined, sse: undefined, iframe: undefined };
}

export const emptyRun: Run = createRun([]);

/** Whether a run is of just these. */
export function isRunOf({ entries }: Run, others: readonly Entry[]): boolean {
  if (entries.length !== others.length) return false;
  for (let i = 0; i < entries.length; i++) if (entries[i] !== others[i]) return false;
  return true;
}

function join(entries: readonly Entry[], textFor: (entry: Entry) => string): Piece[] {
  const pieces: Piece[] = [];
  let text = '';
  const cut = (): void => {
    pieces.push({ text, bytes: undefined, frame: undefined, chunk: undefined });
    text = '';
  };
  for (const entry of entries) {
    text += textFor(entry);
    if (text.length >= pieceLength) cut();
  }
  if (text !== '') cut();
  return pieces;
}

const lineFor = (entry: Entry): string => lineOf(entry, '\n');
const escapedFor = (entry: Entry): string => `\\n${escapeForScript(lineOf(entry))}`;

function piecesOf(run: Run, form: Form, cursorOf: CursorOf): readonly Piece[] {
  if (form === 'sse') {
    const eventFor = (entry: Entry): string => sseMessage(entry, entry.offset === 0 ? '' : cursorOf(entry));
    run.sse ??= join(run.entries, eventFor);
    return run.sse;
  }
  if (form === 'iframe') {
    run.iframe ??= join(run.entries, escapedFor);
    return run.iframe;
  }
  run.lines ??= join(run.entries, lineFor);
  return run.lines;
}

function joinControls(form: Form, controls: readonly Control[]): string {
  if (controls.length === 0) return '';
  let text = '';
  for (const control of controls) {
    if (form === 'sse') text += sseControl(control);
    else if (form === 'iframe') text += `\\n${escapeForScript(control.line)}`;
    else text += `${control.line}\n`;
  }
  return text;
}

/** WebSocket: text is joined to one message, each entry of bytes is a message of its own, in their order. */
function writeMessages({ sink }: Outlet, before: string, entries: readonly Entry[], after: string): void {
  let text = before;
  for (const entry of entries) {
    const { rare } = entry;
    if (!rare?.binary) {
      text += lineOf(entry, '\n');
      continue;
    }
    if (text !== '') sink.write(text);
    text = '';
    sink.write(packetOf(entry, rare, rare.binary));
  }
  text += after;
  if (text !== '') sink.write(text);
}

function writeText({ frame, sink }: Outlet, text: string, shared?: Coded): void {
  if (text === '') return;
  if (frame) sink.write(`<script nonce="${frame.csp}">m("${frame.mark}${text}")</script>\n`);
  else sink.write(text, shared);
}

/** Hands to the carrier: control frames, then a run, then control frames that come after it. */
export function writeUnit(
  outlet: Outlet,
  before: readonly Control[],
  run: Run,
  after: readonly Control[],
  cursorOf: CursorOf,
): void {
  const { form } = outlet;
  const first = joinControls(form, before);
  const last = joinControls(form, after);
  if (form === 'websocket' && run.hasBytes) return writeMessages(outlet, first, run.entries, last);
  const pieces = piecesOf(run, form, cursorOf);
  // Mostly it is one, and goes in one write; what is long enough to be several would be copied for that.
  if (pieces.length < 2) {
    const [piece] = pieces;
    const isBare = first === '' && last === '';
    return writeText(outlet, first + (piece?.text ?? '') + last, isBare ? piece : undefined);
  }
  writeText(outlet, first);
  for (const piece of pieces) writeText(outlet, piece.text, piece);
  writeText(outlet, last);
}
