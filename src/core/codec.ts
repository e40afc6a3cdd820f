/**
 * One frame as text and back, and the place where bytes become `base64` and return.
 * Shared by the client's protocol module and by the hub.
 */
import { fromBase64, toBase64 } from './base64.ts';
import { every, isBytes, type SendFrame } from './frames.ts';

/** `field` names the payload: `data` of messages and sends, `reply` of acks. */
export function encodeFrame(frame: object, field: 'data' | 'reply' = 'data'): string {
  const { seq, topic, json } = frame as Partial<SendFrame>;
  if (json !== undefined) {
    const number = seq === undefined ? '' : `"seq":${seq},`;
    return `{"type":"send",${number}"topic":${JSON.stringify(topic)},"data":${json}}`;
  }
  const payload = (frame as Record<string, unknown>)[field];
  if (!isBytes(payload)) return JSON.stringify(frame);
  const head = JSON.stringify({ ...frame, [field]: undefined });
  return `${head.slice(0, -1)},"base64":"${toBase64(payload)}"}`;
}

function restoreBytes(value: unknown): boolean {
  const frame = value as Record<string, unknown> | null;
  const text = frame?.['base64'];
  if (!frame || typeof text !== 'string') return true;
  const bytes = fromBase64(text);
  if (!bytes) return false;
  frame[frame['type'] === 'ack' ? 'reply' : 'data'] = bytes;
  frame['base64'] = undefined;
  return true;
}

/** A frame, and the messages in the answers of its topics: two levels, whatever else lies in one another. */
function restore(value: unknown): boolean {
  const frame = value as { type?: unknown; topics?: unknown } | null;
  if (!restoreBytes(frame)) return false;
  if (frame?.type !== 'hello' && frame?.type !== 'subscribed') return true;
  return every(frame.topics, (answer) => {
    const last = (answer as { last?: unknown } | null)?.last;
    return last === undefined || every(last, restoreBytes);
  });
}

/** `undefined`: it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The object in one line of text, `base64` turned into bytes; `undefined` if it is not JSON or not base64. */
export function decodeFrame(line: string): unknown {
  const value = parseJson(line);
  return restore(value) ? value : undefined;
}
