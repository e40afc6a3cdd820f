/**
 * One frame as text and back, and the place where bytes become `base64` and return.
 * Shared by the client's protocol module and by the hub.
 */
import { fromBase64, toBase64 } from './base64.ts';
import { isBytes, type SendFrame } from './frames.ts';

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

function restore(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const frame = value as Record<string, unknown>;
  const text = frame['base64'];
  if (typeof text === 'string') {
    const bytes = fromBase64(text);
    if (!bytes) return false;
    frame[frame['type'] === 'ack' ? 'reply' : 'data'] = bytes;
    frame['base64'] = undefined;
  }
  const topics = frame['topics'];
  if (frame['type'] !== 'hello' && frame['type'] !== 'subscribed') return true;
  if (Object.prototype.toString.call(topics) !== '[object Array]') return false;
  const answers = topics as { last?: unknown[] }[];
  for (let i = 0; i < answers.length; i++) {
    const last = answers[i]?.last;
    for (let k = 0; last && k < last.length; k++) if (!restore(last[k])) return false;
  }
  return true;
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
