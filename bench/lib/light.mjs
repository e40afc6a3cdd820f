// What clients need of which thousands share one process, when it is the server that is to be measured: as little as is faithful.

import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import net from 'node:net';

/** Reads JSON. What many are told at once is the very same text, so it is read once; the one before is compared whole. */
export function createReader() {
  let last;
  let value;
  return (text) => {
    if (text !== last) {
      value = JSON.parse(text);
      last = text;
    }
    return value;
  };
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const textCode = 1;
const closeCode = 8;
const pingCode = 9;
const pongCode = 10;

/** What was read is taken at once, so one room is enough for all. */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/** A frame of a client is masked; by zeros it stays as it is. */
function frameOf(code, payload) {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 6 : 8);
  head[0] = 0x80 | code;
  head[1] = 0x80 | Math.min(length, 126);
  if (length > 0xffff) throw new Error('too long for a light client');
  if (length >= 126) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, payload]);
}

/** Where the payload of the frame at `at` begins and ends, if its head has come. */
function placeOf(bytes, at) {
  if (bytes.length < at + 2) return undefined;
  const short = bytes[at + 1] & 0x7f;
  if (short < 126) return { begin: at + 2, end: at + 2 + short };
  const headEnd = at + (short === 126 ? 4 : 10);
  if (bytes.length < headEnd) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
  return { begin: headEnd, end: headEnd + length };
}

/**
 * A WebSocket client (RFC 6455) of whole, unfragmented text messages. What `ws` does for each of them in its stream machinery costs
 * more than all else that such a client does. Emits `open`, `message` with a text, `close` and `error`.
 */
export class BareWebSocket extends EventEmitter {
  constructor(url, protocols = []) {
    super();
    const { hostname, port, pathname, search } = new URL(url);
    this.key = randomBytes(16).toString('base64');
    this.rest = undefined;
    this.isOpen = false;
    const callback = (count) => {
      const bytes = shared.subarray(0, count);
      this.take(this.rest ? Buffer.concat([this.rest, bytes]) : bytes);
      return true;
    };
    const onread = { buffer: shared, callback };
    this.socket = net.connect({ host: hostname, port: Number(port), noDelay: true, onread });
    this.socket.on('error', (error) => this.emit('error', error));
    this.socket.on('close', () => this.emit('close'));
    const head = [
      `GET ${pathname}${search} HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${this.key}`,
    ];
    if (protocols.length > 0) head.push(`Sec-WebSocket-Protocol: ${protocols.join(', ')}`);
    this.socket.write(`${head.join('\r\n')}\r\n\r\n`);
  }

  take(bytes) {
    this.rest = undefined;
    let at = this.isOpen ? 0 : this.begin(bytes);
    if (at < 0) return;
    while (at < bytes.length) {
      const place = placeOf(bytes, at);
      if (!place || place.end > bytes.length) {
        this.rest = Buffer.from(bytes.subarray(at));
        return;
      }
      this.frame(bytes[at], bytes, place);
      at = place.end;
    }
  }

  /** Where the first frame begins; -1 while the handshake is not whole, or once it failed. */
  begin(bytes) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      this.rest = Buffer.from(bytes);
      return -1;
    }
    const head = bytes.latin1Slice(0, end);
    const accept = createHash('sha1')
      .update(this.key + guid)
      .digest('base64');
    if (!head.startsWith('HTTP/1.1 101') || !head.includes(accept)) {
      this.emit('error', new Error(`no WebSocket: ${head.slice(0, 60)}`));
      this.socket.destroy();
      return -1;
    }
    this.isOpen = true;
    this.emit('open');
    return end + 4;
  }

  frame(first, bytes, { begin, end }) {
    if (first === (0x80 | textCode)) this.emit('message', bytes.utf8Slice(begin, end));
    else if (first === (0x80 | pingCode)) this.socket.write(frameOf(pongCode, bytes.subarray(begin, end)));
    else if (first === (0x80 | closeCode)) this.socket.end();
    else if (first !== (0x80 | pongCode)) this.emit('error', new Error(`a frame that begins with ${first}`));
  }

  send(text) {
    this.socket.write(frameOf(textCode, Buffer.from(text)));
  }

  terminate() {
    this.socket.destroy();
  }
}
