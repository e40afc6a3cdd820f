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

/** Reads either alphabet, with or without padding; `undefined` if it is neither. */
export function fromBase64(text: string): Uint8Array | undefined {
  const letters = text.replace(/={1,2}$/, '');
  const end = letters.length;
  if (end % 4 === 1) return undefined;
  const values: Record<string, number | undefined> = {};
  for (let i = 0; i < 64; i++) values[standard.charAt(i)] = values[urlSafe.charAt(i)] = i;
  const bytes = new Uint8Array((end * 3) >> 2);
  let held = 0;
  let at = 0;
  for (let i = 0; i < end; i++) {
    const value = values[letters.charAt(i)];
    if (value === undefined) return undefined;
    // What is shifted out on the left is not needed any more.
    held = (held << 6) | value;
    if (i % 4 > 0) bytes[at++] = (held >> (6 - 2 * (i % 4))) & 255;
  }
  return bytes;
}

/** UTF-8 of a string, a character for each byte; a lone surrogate becomes U+FFFD, as the Encoding standard has it. */
export function binaryOf(text: string): string {
  // encodeURIComponent throws at a lone surrogate, so those are replaced first.
  const whole = text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, (found) =>
    found.length === 2 ? found : '\uFFFD',
  );
  return encodeURIComponent(whole).replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}

export function utf8(text: string): Uint8Array {
  const binary = binaryOf(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
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
