/** What an application gives to `send`, as it is at that moment: JSON text or a copy of bytes, and how large it will be. */
import { createError, type ErrorDetails, type HoldfastError } from './core/errors.ts';
import { isBytes } from './core/frames.ts';

/** Bytes of a send's frame beside its payload, with room to spare. */
const frameOverheadBytes = 64;

export function misuse(what: string, details?: ErrorDetails): HoldfastError {
  return createError('MISUSE', what, details);
}

/** UTF-8 length of a JSON text, never too low: three bytes for each unit beyond ASCII. */
function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7ff) bytes += 2;
    else if (code > 0x7f) bytes++;
  }
  return bytes;
}

/** The payload as it is now: what the application changes later does not travel. */
export function payloadOf(
  ref: number,
  topic: string,
  data: unknown,
): { ref: number; topic: string; data: unknown; json?: string; bytes: number } {
  const overhead = frameOverheadBytes + byteLength(topic);
  const name = Object.prototype.toString.call(data);
  if (name === '[object ArrayBuffer]' || name === '[object Uint8Array]') {
    // The outer one copies.
    const bytes = new Uint8Array(isBytes(data) ? data : new Uint8Array(data as ArrayBuffer));
    return { ref, topic, data: bytes, bytes: Math.ceil(bytes.length / 3) * 4 + overhead };
  }
  if (typeof ArrayBuffer !== 'undefined' && ArrayBuffer.isView?.(data)) {
    throw misuse('Of bytes, `Uint8Array` and `ArrayBuffer` are taken');
  }
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    throw misuse('The data cannot be written as JSON', { cause, topic });
  }
  if (json === undefined) throw misuse('The data is neither JSON nor bytes');
  return { ref, topic, data: undefined, json, bytes: byteLength(json) + overhead };
}
