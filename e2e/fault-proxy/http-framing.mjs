/**
 * Just enough HTTP/1.1 to know where a message begins and ends in a stream of bytes.
 * Owns heads and body framing (length, chunked, until close, upgrade). Never changes a byte: the tokens, put one
 * after another, are the stream. What it cannot read it passes on as `raw`. Knows nothing of sockets, faults or time.
 */

/**
 * @typedef {object} RequestHead
 * @property {string} method
 * @property {string} path  As on the wire, query included.
 * @property {'websocket' | 'http'} kind
 * @property {Readonly<Record<string, string>>} headers  Lower-case names; repeated ones joined by a comma.
 * @property {boolean} asksUpgrade
 */

/**
 * @typedef {object} ResponseHead
 * @property {number} status
 * @property {Readonly<Record<string, string>>} headers
 */

/**
 * @typedef {{ readonly type: 'none' } | { readonly type: 'length', readonly bytes: number } | { readonly type: 'chunked' }
 *   | { readonly type: 'until-close' } | { readonly type: 'interim' } | { readonly type: 'tunnel' }} Framing
 */

/**
 * @template H
 * @typedef {{ readonly type: 'head', readonly bytes: Buffer, readonly head: H } | { readonly type: 'body', readonly bytes: Buffer }
 *   | { readonly type: 'end' } | { readonly type: 'raw', readonly bytes: Buffer }} Token
 */

/**
 * @typedef {object} Reader
 * @property {(bytes: Buffer) => void} push
 * @property {() => void} finish  The source has ended: a body that lasts until close is complete now.
 * @property {() => void} acceptUpgrade  From here on the bytes are a tunnel's.
 * @property {() => void} refuseUpgrade  From here on the bytes are HTTP again.
 * @property {() => number} heldBytes  Bytes that wait for the answer to an upgrade, or for the rest of a head.
 */

/** @typedef {{ take: (bytes: Buffer) => { count: number, complete: boolean } }} BodyMeter */

const headBytesMax = 64 * 1024;
const endOfHead = Buffer.from('\r\n\r\n');
const lineFeed = 0x0a;

/**
 * @param {(token: Token<RequestHead>) => void} onToken
 * @returns {Reader}
 */
export function createRequestReader(onToken) {
  return createReader(onToken, (bytes) => {
    const head = parseRequestHead(bytes);
    return head && { head, framing: requestFraming(head.headers), asksUpgrade: head.asksUpgrade };
  });
}

/**
 * @param {(token: Token<ResponseHead>) => void} onToken
 * @param {() => string | undefined} requestMethod  The method of the request that the next response answers.
 * @returns {Reader}
 */
export function createResponseReader(onToken, requestMethod) {
  return createReader(onToken, (bytes) => {
    const head = parseResponseHead(bytes);
    return head && { head, framing: responseFraming(head, requestMethod()), asksUpgrade: false };
  });
}

/**
 * @template H
 * @param {(token: Token<H>) => void} onToken
 * @param {(bytes: Buffer) => { head: H, framing: Framing, asksUpgrade: boolean } | undefined} readHead
 * @returns {Reader}
 */
function createReader(onToken, readHead) {
  /** @type {'head' | 'body' | 'undecided' | 'tunnel'} */
  let state = 'head';
  /** @type {Buffer} */
  let kept = Buffer.alloc(0);
  /** @type {BodyMeter} */
  let meter = untilCloseMeter;
  let isUpgradePending = false;

  /** @param {Buffer} bytes */
  function push(bytes) {
    let rest = bytes;
    while (rest.length > 0) {
      if (state === 'head') rest = takeHead(rest);
      else if (state === 'body') rest = takeBody(rest);
      else rest = takeOpaque(rest);
    }
  }

  /** @param {Buffer} bytes */
  function takeHead(bytes) {
    const all = kept.length === 0 ? bytes : Buffer.concat([kept, bytes]);
    // The terminator may be split between two chunks, hence the three bytes back.
    const at = all.indexOf(endOfHead, Math.max(0, kept.length - (endOfHead.length - 1)));
    if (at === -1 && all.length <= headBytesMax) {
      kept = all;
      return Buffer.alloc(0);
    }
    kept = Buffer.alloc(0);
    const size = at + endOfHead.length;
    const read = at === -1 ? undefined : readHead(all.subarray(0, size));
    if (!read) {
      state = 'tunnel';
      return all;
    }
    isUpgradePending = read.asksUpgrade;
    onToken({ type: 'head', bytes: all.subarray(0, size), head: read.head });
    enter(read.framing);
    return all.subarray(size);
  }

  /** @param {Framing} framing */
  function enter(framing) {
    if (framing.type === 'interim') return;
    if (framing.type === 'tunnel') state = 'tunnel';
    else if (framing.type === 'none') endMessage();
    else {
      meter = meterOf(framing);
      state = 'body';
    }
  }

  /** @param {Buffer} bytes */
  function takeBody(bytes) {
    const { count, complete } = meter.take(bytes);
    if (count > 0) onToken({ type: 'body', bytes: bytes.subarray(0, count) });
    if (complete) endMessage();
    return bytes.subarray(count);
  }

  /** @param {Buffer} bytes */
  function takeOpaque(bytes) {
    if (state === 'undecided') kept = Buffer.concat([kept, bytes]);
    else onToken({ type: 'raw', bytes });
    return Buffer.alloc(0);
  }

  function endMessage() {
    // The token may bring the answer to an upgrade with it, so the state must be right before it goes out.
    state = isUpgradePending ? 'undecided' : 'head';
    onToken({ type: 'end' });
  }

  /** @param {'head' | 'tunnel'} next */
  function decide(next) {
    isUpgradePending = false;
    if (next === 'head' && state !== 'undecided') return;
    state = next;
    const waiting = kept;
    kept = Buffer.alloc(0);
    push(waiting);
  }

  function finish() {
    if (state === 'body' && meter === untilCloseMeter) endMessage();
    else if (state === 'head' && kept.length > 0) {
      state = 'tunnel';
      const partial = kept;
      kept = Buffer.alloc(0);
      push(partial);
    }
  }

  return {
    push,
    finish,
    acceptUpgrade: () => decide('tunnel'),
    refuseUpgrade: () => decide('head'),
    heldBytes: () => kept.length,
  };
}

/** @param {Framing} framing */
function meterOf(framing) {
  if (framing.type === 'length') return createLengthMeter(framing.bytes);
  return framing.type === 'chunked' ? createChunkedMeter() : untilCloseMeter;
}

/** @type {BodyMeter} */
const untilCloseMeter = { take: (bytes) => ({ count: bytes.length, complete: false }) };

/**
 * @param {number} size
 * @returns {BodyMeter}
 */
function createLengthMeter(size) {
  let left = size;
  return {
    take(bytes) {
      const count = Math.min(left, bytes.length);
      left -= count;
      return { count, complete: left === 0 };
    },
  };
}

/**
 * RFC 9112 section 7.1: size lines, data with a line end of its own, trailers up to an empty line.
 * @returns {BodyMeter}
 */
function createChunkedMeter() {
  /** @type {'size' | 'data' | 'trailer'} */
  let phase = 'size';
  let line = '';
  let left = 0;

  /** @returns {boolean} whether the body is complete */
  function endLine() {
    const text = line.trim();
    line = '';
    if (phase === 'trailer') return text === '';
    const size = Number.parseInt(text, 16);
    phase = size === 0 ? 'trailer' : 'data';
    // A size that cannot be read leaves no way to find the end: what follows is passed on until the socket closes.
    left = Number.isNaN(size) ? Number.POSITIVE_INFINITY : size + 2;
    return false;
  }

  return {
    take(bytes) {
      let at = 0;
      while (at < bytes.length) {
        if (phase === 'data') {
          const count = Math.min(left, bytes.length - at);
          at += count;
          left -= count;
          if (left === 0) phase = 'size';
          continue;
        }
        const byte = /** @type {number} */ (bytes[at++]);
        if (byte !== lineFeed) line += String.fromCharCode(byte);
        else if (endLine()) return { count: at, complete: true };
      }
      return { count: at, complete: false };
    },
  };
}

/**
 * @param {Buffer} bytes
 * @returns {RequestHead | undefined}
 */
function parseRequestHead(bytes) {
  const { startLine, headers } = splitHead(bytes);
  const found = /^([!#$%&'*+.^_`|~\w-]+) (\S+) HTTP\/1\.[01]$/.exec(startLine);
  if (!found) return undefined;
  const upgrade = hasToken(headers['connection'], 'upgrade') ? headers['upgrade'] : undefined;
  return {
    method: /** @type {string} */ (found[1]),
    path: /** @type {string} */ (found[2]),
    kind: hasToken(upgrade, 'websocket') ? 'websocket' : 'http',
    headers,
    asksUpgrade: upgrade !== undefined,
  };
}

/**
 * @param {Buffer} bytes
 * @returns {ResponseHead | undefined}
 */
function parseResponseHead(bytes) {
  const { startLine, headers } = splitHead(bytes);
  const found = /^HTTP\/1\.[01] (\d{3})(?: .*)?$/.exec(startLine);
  return found ? { status: Number(found[1]), headers } : undefined;
}

/** @param {Buffer} bytes */
function splitHead(bytes) {
  const [startLine = '', ...lines] = bytes.toString('latin1').trimEnd().split('\r\n');
  /** @type {Record<string, string>} */
  const headers = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const earlier = headers[name];
    headers[name] = earlier === undefined ? value : `${earlier}, ${value}`;
  }
  return { startLine, headers };
}

/**
 * @param {string | undefined} list
 * @param {string} token
 */
function hasToken(list, token) {
  return (list ?? '')
    .toLowerCase()
    .split(',')
    .some((part) => part.trim() === token);
}

/**
 * @param {Readonly<Record<string, string>>} headers
 * @returns {Framing}
 */
function requestFraming(headers) {
  const framing = declaredFraming(headers);
  return framing.type === 'until-close' ? { type: 'none' } : framing;
}

/**
 * RFC 9112 section 6.3, in its order.
 * @param {ResponseHead} head
 * @param {string | undefined} requestMethod
 * @returns {Framing}
 */
function responseFraming({ status, headers }, requestMethod) {
  if (status === 101) return { type: 'tunnel' };
  if (status < 200) return { type: 'interim' };
  if (requestMethod === 'HEAD' || status === 204 || status === 304) return { type: 'none' };
  return declaredFraming(headers);
}

/**
 * @param {Readonly<Record<string, string>>} headers
 * @returns {Framing}
 */
function declaredFraming(headers) {
  if (hasToken(headers['transfer-encoding'], 'chunked')) return { type: 'chunked' };
  const length = headers['content-length'];
  if (length === undefined) return { type: 'until-close' };
  const bytes = Number.parseInt(length, 10);
  return bytes > 0 ? { type: 'length', bytes } : { type: 'none' };
}
