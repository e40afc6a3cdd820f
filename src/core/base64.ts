/**
 * Bytes as text (RFC 4648): base64 with padding for payloads, base64url without for ids and opens.
 * Pure and free of `atob`, `Buffer` and `TextEncoder`, which the oldest engines lack.
 */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const standard = `${alphabet}+/`;
const urlSafe = `${alphabet}-_`;

function encode(bytes: Uint8Array, letters: string, pad: string): string {
  let text = '';
  let part = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const a = bytes[i] as number;
    const b = bytes[i + 1];
    const c = bytes[i + 2];
    part += letters.charAt(a >> 2) + letters.charAt(((a & 3) << 4) | ((b ?? 0) >> 4));
    part += b === undefined ? pad : letters.charAt(((b & 15) << 2) | ((c ?? 0) >> 6));
    part += c === undefined ? pad : letters.charAt(c & 63);
    // Joining in pieces keeps the engine from building one very deep rope.
    if (part.length > 8190) {
      text += part;
      part = '';
    }
  }
  return text + part;
}

export function toBase64(bytes: Uint8Array): string {
  return encode(bytes, standard, '=');
}

export function toBase64Url(bytes: Uint8Array): string {
  return encode(bytes, urlSafe, '');
}

function sextet(code: number): number {
  if (code >= 97) return code <= 122 ? code - 71 : -1;
  if (code >= 65) return code <= 90 ? code - 65 : code === 95 ? 63 : -1;
  if (code >= 48) return code <= 57 ? code + 4 : -1;
  return code === 43 || code === 45 ? 62 : code === 47 ? 63 : -1;
}

/** Reads either alphabet, with or without padding; `undefined` if it is neither. */
export function fromBase64(text: string): Uint8Array | undefined {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 61 && text.length - end < 2) end--;
  if (end % 4 === 1) return undefined;
  const bytes = new Uint8Array((end * 3) >> 2);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < end; i++) {
    const value = sextet(text.charCodeAt(i));
    if (value < 0) return undefined;
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 255;
      held &= (1 << bits) - 1;
    }
  }
  return bytes;
}

/** UTF-8 of a string; a lone surrogate becomes U+FFFD, as the Encoding standard has it. */
export function utf8(text: string): Uint8Array {
  // encodeURIComponent throws at a lone surrogate, so those are replaced first.
  const whole = text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, (found) =>
    found.length === 2 ? found : '\uFFFD',
  );
  const escaped = encodeURIComponent(whole);
  const bytes = new Uint8Array(escaped.length);
  let length = 0;
  for (let i = 0; i < escaped.length; i++) {
    if (escaped.charCodeAt(i) === 37) {
      bytes[length++] = parseInt(escaped.substr(i + 1, 2), 16);
      i += 2;
    } else {
      bytes[length++] = escaped.charCodeAt(i);
    }
  }
  return bytes.subarray(0, length);
}

/** UTF-8 as text, strictly: `undefined` if it is none. For short pieces, such as the head of a binary message. */
export function textOfUtf8(bytes: Uint8Array): string | undefined {
  let escaped = '';
  for (let i = 0; i < bytes.length; i++) escaped += `%${((bytes[i] as number) + 256).toString(16).slice(1)}`;
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}
