/**
 * Frames that come on a duplex connection (`docs/PROTOCOL.md` 1.2): decoding, and what each of them brings about.
 */
import { textOfUtf8 } from '../../core/base64.ts';
import { decodeFrame } from '../../core/codec.ts';
import {
  type ClientFrame,
  checkClientFrame,
  type SubscribeFrame,
  type TopicRequest,
  type UnsubscribeFrame,
} from '../../core/frames.ts';
import { tell } from './delivery.ts';
import { cursorAt, tails } from './log.ts';
import { answersOf, openPeer } from './open.ts';
import { endPeer, follow, isOver, unfollow } from './peer.ts';
import { decideAll, keyOf, nameOf, type Placed, placeTopic } from './topics.ts';
import type { Hub, Peer, Subscription } from './types.ts';
import { release, submit } from './upstream.ts';

const lineFeed = 10;
const earlyMax = 256;
/** Bytes of a `subscribed` that are not retained messages. */
const answerReserve = 64 * 1024;

function decodeText(text: string): ClientFrame[] | undefined {
  // A send mostly comes alone.
  if (text !== '' && !text.includes('\n')) {
    const frame = checkClientFrame(decodeFrame(text));
    return frame && [frame];
  }
  const frames: ClientFrame[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const frame = checkClientFrame(decodeFrame(line));
    if (!frame) return undefined;
    frames.push(frame);
  }
  return frames;
}

function decodeBytes(bytes: Uint8Array): ClientFrame[] | undefined {
  const end = bytes.indexOf(lineFeed);
  const head = end < 0 ? undefined : textOfUtf8(bytes.subarray(0, end));
  const value = head === undefined ? undefined : decodeFrame(head);
  if (typeof value !== 'object' || value === null) return undefined;
  const frame = checkClientFrame({ ...value, data: bytes.subarray(end + 1) });
  return frame?.type === 'send' ? [frame] : undefined;
}

/** One message of a WebSocket. */
export function receive(hub: Hub, peer: Peer, message: string | Uint8Array): void {
  if (isOver(peer)) return;
  peer.heardAt = hub.host.now();
  const frames = typeof message === 'string' ? decodeText(message) : decodeBytes(message);
  if (!frames) {
    const message = 'This message holds something that is no frame of this protocol.';
    return endPeer(hub, peer, { code: 'BAD_FRAME', message });
  }
  for (const frame of frames) take(hub, peer, frame);
  if (peer.early) weigh(hub, peer, peer.early, message.length);
}

/** Whoever has not been judged yet cannot make the hub hold more than one request could. */
function weigh(hub: Hub, peer: Peer, early: NonNullable<Peer['early']>, length: number): void {
  early.length += length;
  if (early.frames.length <= earlyMax && early.length <= hub.config.limits.batchBytes) return;
  endPeer(hub, peer, { code: 'BUSY', message: 'Too much came before the hello.' });
}

function take(hub: Hub, peer: Peer, frame: ClientFrame): void {
  if (isOver(peer)) return;
  if (peer.state === 'waiting') {
    if (frame.type === 'open') return openPeer(hub, peer, frame, () => takeEarly(hub, peer));
    return endPeer(hub, peer, { code: 'BAD_FRAME', message: 'The first frame of a connection is an open.' });
  }
  if (peer.state !== 'opening') return act(hub, peer, frame);
  peer.early ??= { frames: [], length: 0 };
  peer.early.frames.push(frame);
}

/** Carries out what came before the hello was there. */
function takeEarly(hub: Hub, peer: Peer): void {
  const early = peer.early?.frames ?? [];
  peer.early = undefined;
  for (const frame of early) take(hub, peer, frame);
}

function act(hub: Hub, peer: Peer, frame: ClientFrame): void {
  const { record, grant } = peer;
  if (!record || !grant) return;
  switch (frame.type) {
    case 'send':
      // The socket itself refuses messages that are too large.
      return submit(hub, record, grant, frame, false, (line) => tell(hub, peer, line));
    case 'release':
      return release(hub, record, frame.attempts);
    case 'subscribe':
      return subscribe(hub, peer, frame);
    case 'unsubscribe':
      return unsubscribe(hub, peer, frame);
    case 'ping':
      return pong(hub, peer);
    case 'pong':
      return;
    default:
      endPeer(hub, peer, {
        code: 'BAD_FRAME',
        message: `"${frame.type}" has no place on an open connection.`,
      });
  }
}

/** What waits for this turn's write comes after the pong, so the mark is the position before it. */
function pong(hub: Hub, peer: Peer): void {
  if (peer.state === 'live' && !peer.pending) peer.positions = tails(hub.log);
  tell(hub, peer, `{"type":"pong","cursor":"${cursorAt(hub.log, peer.positions)}"}`);
}

function unsubscribe(hub: Hub, peer: Peer, frame: UnsubscribeFrame): void {
  for (const topic of frame.topics) {
    const key = keyOf(topic, peer.record?.id);
    peer.asked?.delete(topic);
    unfollow(hub, peer, key);
  }
}

function isNew(request: TopicRequest): boolean {
  return typeof request === 'object' && 'new' in request;
}

function subscribe(hub: Hub, peer: Peer, frame: SubscribeFrame): void {
  if (!frame.topics.every(isNew)) {
    const message = 'Only new subscriptions can be added in place; others are an open.';
    return endPeer(hub, peer, { code: 'BAD_FRAME', message });
  }
  const { topics } = hub.config.limits;
  if (peer.topics.length + (peer.asked?.size ?? 0) + frame.topics.length > topics) {
    return endPeer(hub, peer, { code: 'TOO_MANY_TOPICS', message: `The limit is ${topics}.` });
  }
  peer.asked ??= new Map();
  for (const request of frame.topics) peer.asked.set(nameOf(request), frame.request);
  decideAll(hub, peer, frame.topics.map(nameOf), (decisions) => {
    if (isOver(peer)) return;
    const budget = { bytes: hub.config.limits.frameBytes - answerReserve };
    const all: Placed[] = [];
    const added: Subscription[] = [];
    for (const request of frame.topics) {
      const topic = nameOf(request);
      const decision = decisions.get(topic) ?? { type: 'failed' };
      const placed = placeTopic(hub, peer, request, [], decision, budget);
      if (!placed) continue;
      all.push(placed);
      // Unsubscribed or asked for again meanwhile: answered, but not followed.
      if (peer.asked?.get(topic) !== frame.request) continue;
      peer.asked.delete(topic);
      if (placed.subscription) added.push(placed.subscription);
    }
    follow(hub, peer, added);
    if (peer.asked?.size === 0) peer.asked = undefined;
    tell(hub, peer, `{"type":"subscribed","request":${frame.request},"topics":${answersOf(all)}}`);
  });
}
