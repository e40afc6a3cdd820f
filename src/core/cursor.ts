/**
 * Positions in the log: the grammar of `docs/PROTOCOL.md` section 2 and nothing else.
 * Client and hub share it. Which position counts for whom is decided in `inbox.ts` and in the hub.
 */

/** Place in one partition's incarnation of the log. */
export interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** One entry for each partition; `undefined` where nothing is known. */
export type Cursor = readonly (Place | undefined)[];

/** A message's own place: its partition and offset. */
export interface MessageId {
  readonly partition: number;
  readonly offset: number;
}

const maxOffset = 9007199254740991;
const epochForm = /^[A-Za-z0-9_-]{11,22}$/;
const offsetForm = /^(?:0|[1-9][0-9]{0,15})$/;
/** More partitions than any hub has; a longer cursor is an attack, not a position. */
const partitionsMax = 1024;

export function parseOffset(text: string): number | undefined {
  if (!offsetForm.test(text)) return undefined;
  const offset = Number(text);
  return offset <= maxOffset ? offset : undefined;
}

function parsePlace(text: string): Place | undefined {
  const dot = text.indexOf('.');
  const epoch = text.slice(0, dot);
  const offset = dot < 0 ? undefined : parseOffset(text.slice(dot + 1));
  return offset === undefined || !epochForm.test(epoch) ? undefined : { epoch, offset };
}

/** `undefined` where the text does not follow the grammar. */
export function parseCursor(text: string): Cursor | undefined {
  if (text.length > partitionsMax * 40) return undefined;
  const parts = text.split(',');
  if (parts.length > partitionsMax) return undefined;
  const cursor: (Place | undefined)[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string;
    const place = part === '' ? undefined : parsePlace(part);
    if (part !== '' && !place) return undefined;
    cursor.push(place);
  }
  return cursor;
}

export function formatCursor(cursor: Cursor): string {
  let text = '';
  for (let i = 0; i < cursor.length; i++) {
    const place = cursor[i];
    if (i > 0) text += ',';
    if (place) text += `${place.epoch}.${place.offset}`;
  }
  return text;
}

/** `undefined` where the text is no id. */
export function parseId(text: string): MessageId | undefined {
  const dot = text.indexOf('.');
  const partition = dot < 0 ? 0 : parseOffset(text.slice(0, dot));
  const offset = parseOffset(text.slice(dot + 1));
  if (partition === undefined || partition >= partitionsMax || offset === undefined) return undefined;
  return { partition, offset };
}

/** With one partition an id is the offset alone. */
export function formatId(partition: number, offset: number, partitionCount: number): string {
  return partitionCount === 1 ? `${offset}` : `${partition}.${offset}`;
}
