/**
 * `holdfast.v1` on the wire: frames into requests and messages, units into frames (`docs/PROTOCOL.md`).
 * Owns the form of URLs, bodies and subprotocols; must not know what a frame brings about, nor how a request is made.
 */
import type { AdapterRequest, Outgoing } from '../adapters/adapter.ts';
import { textOfUtf8, toBase64Url, utf8 } from '../core/base64.ts';
import { decodeFrame, encodeFrame, parseJson } from '../core/codec.ts';
import {
  type ClientFrame,
  checkServerFrame,
  isBytes,
  type MessageFrame,
  type OpenFrame,
  protocolName,
  type ServerFrame,
} from '../core/frames.ts';
import type { Endpoint, Protocol, ProtocolFactory } from './protocol.ts';
import { requestTo, withQuery } from './url.ts';

/** Characters of an open that still travels as a subprotocol (section 5). */
const subprotocolLengthMax = 4096;

const lineFeed = 10;

function urlOf(endpoint: Endpoint, client: string): string {
  return withQuery(endpoint.url, `client=${encodeURIComponent(client)}&n=${endpoint.requestNumber()}`);
}

/** `text/plain` and `Accept` need no CORS preflight, which would cost a round trip. */
function post(endpoint: Endpoint, client: string, frames: readonly ClientFrame[]): AdapterRequest {
  const how = { accept: 'application/x-ndjson', 'content-type': 'text/plain;charset=UTF-8' };
  const body = frames.map((frame) => `${encodeFrame(frame)}\n`).join('');
  return { ...requestTo(endpoint, urlOf(endpoint, client), how), method: 'POST', body };
}

function openWebSocket(open: OpenFrame, endpoint: Endpoint): AdapterRequest {
  const text = encodeFrame(open);
  const request = requestTo(endpoint, urlOf(endpoint, open.client));
  const encoded = toBase64Url(utf8(text));
  return encoded.length <= subprotocolLengthMax
    ? { ...request, protocols: [protocolName, `open.${encoded}`] }
    : { ...request, protocols: [protocolName], first: [text] };
}

/** The stream's GET, and beside it the open that its ticket stands for (section 5.3). */
function openEventSource(open: OpenFrame, endpoint: Endpoint): AdapterRequest {
  const ticket = open.ticket ?? endpoint.nonce;
  const url = withQuery(urlOf(endpoint, open.client), `ticket=${encodeURIComponent(ticket)}`);
  const beside = post(endpoint, open.client, [{ ...open, ticket }]);
  return { ...requestTo(endpoint, url, { accept: 'text/event-stream' }), beside };
}

function openIframe(open: OpenFrame, endpoint: Endpoint): AdapterRequest {
  // Only letters and digits, because the hub writes it into a script.
  const nonce = endpoint.nonce.replace(/-/g, '0').replace(/_/g, '1');
  return {
    url: urlOf(endpoint, open.client),
    method: 'POST',
    headers: {},
    credentials: endpoint.credentials,
    fields: { open: encodeFrame(open), origin: endpoint.origin ?? '', nonce },
    mark: nonce,
  };
}

/** One binary message: the frame without its bytes, LF, the bytes. */
function binaryMessage(frame: ClientFrame, bytes: Uint8Array): Uint8Array {
  const head = utf8(`${JSON.stringify({ ...frame, data: undefined })}\n`);
  const message = new Uint8Array(head.length + bytes.length);
  message.set(head);
  message.set(bytes, head.length);
  return message;
}

/** In the order of the frames: runs of text joined to one message, each frame with bytes a message of its own. */
function messagesOf(frames: readonly ClientFrame[], isBinary: boolean): (string | Uint8Array)[] {
  const messages: (string | Uint8Array)[] = [];
  let run = '';
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i] as ClientFrame;
    if (isBinary && frame.type === 'send' && isBytes(frame.data)) {
      if (run !== '') messages.push(run);
      run = '';
      messages.push(binaryMessage(frame, frame.data));
    } else {
      run += run === '' ? encodeFrame(frame) : `\n${encodeFrame(frame)}`;
    }
  }
  if (run !== '') messages.push(run);
  return messages;
}

const beforeData = '","data":';

/** A message that begins with `head`: only its data are parsed, which is half the work. `undefined`: it is anything else. */
function messageAfter(head: string, topic: string, line: string): MessageFrame | undefined {
  const end = line.indexOf('"', head.length);
  const id = line.slice(head.length, end);
  if (line.slice(0, head.length) !== head || id.indexOf('\\') >= 0 || line.slice(-1) !== '}')
    return undefined;
  const rest = line.slice(end, -1);
  const data =
    rest.slice(0, beforeData.length) === beforeData ? parseJson(rest.slice(beforeData.length)) : undefined;
  return data === undefined ? undefined : { topic, id, data };
}

/** Of the message before, and how it began if the one before that was of the same: most often another of its topic follows. */
let topic = '';
let head: string | undefined;

function decodeText(text: string): readonly ServerFrame[] | undefined {
  const frames: ServerFrame[] = [];
  const parts = text.split('\n');
  for (let i = 0; i < parts.length; i++) {
    const line = parts[i] as string;
    if (line === '') continue;
    const message = head === undefined ? undefined : messageAfter(head, topic, line);
    const frame = message ?? checkServerFrame(decodeFrame(line));
    if (frame === undefined) return undefined;
    if (frame === 'ignored') continue;
    frames.push(frame);
    if (message || frame.type !== undefined) continue;
    // As our hub writes it.
    head = frame.topic === topic ? `{"topic":${JSON.stringify(topic)},"id":"` : undefined;
    topic = frame.topic;
  }
  return frames;
}

function decodeBytes(bytes: Uint8Array): readonly ServerFrame[] | undefined {
  let end = 0;
  while (end < bytes.length && bytes[end] !== lineFeed) end++;
  if (end === bytes.length) return undefined;
  const head = textOfUtf8(bytes.subarray(0, end));
  const value = head === undefined ? undefined : decodeFrame(head);
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  fields[fields['type'] === 'ack' ? 'reply' : 'data'] = bytes.subarray(end + 1);
  const frame = checkServerFrame(fields);
  if (frame === undefined) return undefined;
  return frame === 'ignored' ? [] : [frame];
}

const protocol: Protocol = {
  name: protocolName,
  open(_id, transport, open, endpoint) {
    if (transport === 'websocket') return openWebSocket(open, endpoint);
    if (transport === 'eventsource') return openEventSource(open, endpoint);
    if (transport === 'iframe') return openIframe(open, endpoint);
    return post(endpoint, open.client, [open]);
  },
  transmit(_id, { duplex, binary }, frames, batch, endpoint, keepalive): Outgoing {
    if (duplex) return { messages: messagesOf(frames, binary) };
    const all: readonly ClientFrame[] = [batch];
    return { request: { ...post(endpoint, batch.client, all.concat(frames)), keepalive } };
  },
  decode(_id, unit) {
    if (unit.bytes) return decodeBytes(unit.bytes);
    // A server may add SSE events of other names, for other readers.
    if (unit.event !== undefined && unit.event !== 'message' && unit.event !== 'holdfast') return [];
    return unit.text === undefined ? undefined : decodeText(unit.text);
  },
};

/** It keeps nothing of a connection, so that all clients share one. */
export function holdfast(): ProtocolFactory {
  return () => protocol;
}
