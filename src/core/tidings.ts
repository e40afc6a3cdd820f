/**
 * What connections tell the session: frames, ends of answers and of POSTs, their own end. Each is taken in here; what follows
 * for the network stands in `proving.ts`, `doubting.ts` and `ending.ts`, or is found by `advance`.
 */
import { backoffOf } from './backoff.ts';
import { clearDeadline, hasDeadline, setDeadline, waitFor } from './deadlines.ts';
import * as delivery from './delivery.ts';
import { checkAlive, onLate } from './doubting.ts';
import { end, fail, lose, onEnded, retire } from './ending.ts';
import type { AckFrame, ByeFrame, ServerFrame } from './frames.ts';
import { mark } from './inbox.ts';
import { heard, isLate, postGoesOn, postIsAnswered } from './liveness.ts';
import { activeOf, type Connection, type Input, type Session, trace } from './model.ts';
import * as outbox from './outbox.ts';
import { standBack } from './policy.ts';
import { onAnswered } from './polling.ts';
import { random } from './prng.ts';
import { askPosition, considerPromotion, onHello, onVerified, onWait } from './proving.ts';
import { transmit } from './transmit.ts';

/** POSTs in a row that may fail before their connection is given up. */
const postFailuresMax = 3;

export function onConnection(
  session: Session,
  connection: Connection,
  input: Extract<Input, { readonly id: number }>,
): void {
  switch (input.type) {
    case 'opened':
      return trace(session, 'opened', connection);
    case 'frames':
      return onFrames(session, connection, input.frames);
    case 'undecodable':
      return fail(session, connection, 'it brought what is no frame');
    case 'full':
      connection.full = true;
      return;
    case 'answered':
      return onAnswered(session, connection);
    case 'posted':
      return onPosted(session, connection, input.ok, input.status);
    case 'ended':
      return onEnded(session, connection, input.ending);
  }
}

function onFrames(session: Session, connection: Connection, frames: readonly ServerFrame[]): void {
  const isPost = !connection.kind.duplex && isPostAnswer(frames);
  if (!isPost) heard(session, connection);
  if (session.phase !== 'running') return;
  for (let i = 0; i < frames.length; i++) {
    if (!onFrame(session, connection, frames[i] as ServerFrame)) {
      return fail(session, connection, 'it brought what makes no sense');
    }
    // A frame may have ended its own connection; what follows it does not count.
    if (session.connections.indexOf(connection) < 0) return;
  }
  if (isPost && connection.posting && connection.role !== 'draining') postGoesOn(session, connection);
  letThrough(session);
  if (connection.role === 'candidate') considerPromotion(session, connection);
  askPosition(session, connection);
}

/** What comes in the answer of a POST says nothing of the stream beside it. */
function isPostAnswer(frames: readonly ServerFrame[]): boolean {
  const type = frames[0]?.type;
  return type === 'ack' || type === 'pong';
}

/** What was held back goes on. Who starts beyond what anybody can bring is opened anew from the cursor (D2). */
export function letThrough(session: Session): void {
  const stranded: Connection[] = [];
  for (let i = 0; i < session.connections.length; i++) {
    const connection = session.connections[i] as Connection;
    if (!delivery.letThrough(session.inbox, connection.reception)) stranded.push(connection);
  }
  for (let i = 0; i < stranded.length; i++) {
    const connection = stranded[i] as Connection;
    if (connection.role === 'active') connection.suspect = 'it starts too late';
    else retire(session, connection, 'it starts too late');
  }
}

function onFrame(session: Session, connection: Connection, frame: ServerFrame): boolean {
  const { inbox: box } = session;
  const { kind, reception } = connection;
  switch (frame.type) {
    case undefined:
      connection.brought = true;
      return delivery.takeIn(box, reception, frame, connection.role === 'active');
    case 'hello':
      return onHello(session, connection, frame);
    case 'subscribed':
      onVerified(session, connection);
      return delivery.confirm(box, reception, frame.request, frame.topics, session.now.mono);
    case 'gap':
      return delivery.takeIn(box, reception, frame, false);
    case 'ping':
      if (kind.duplex) transmit(session, connection, [{ type: 'pong' }]);
      if (frame.time !== undefined) {
        // On a one-way stream that was asked for one it is the answer.
        if (!kind.duplex) onVerified(session, connection);
        if (isLate(session, connection, frame.time)) onLate(session, connection);
      }
      return mark(reception, frame.cursor);
    case 'pong':
      if (kind.duplex) onVerified(session, connection);
      return frame.cursor === undefined || mark(reception, frame.cursor);
    case 'ack':
      onAck(session, connection, frame);
      return true;
    case 'wait':
      onWait(session, connection);
      return true;
    case 'bye':
      onBye(session, connection, frame);
      return true;
    case 'error':
      connection.error = frame;
      lose(session, connection, { kind: 'closed' });
      return true;
  }
}

function onAck(session: Session, connection: Connection, frame: AckFrame): void {
  // An answer that belongs to another memory of sends belongs to other numbers.
  if (connection.postedUnder !== session.outbox.nonce) return;
  connection.acks++;
  if (connection.kind.duplex) onVerified(session, connection);
  const putOff = outbox.acknowledge(session.outbox, frame);
  if (putOff === undefined) {
    connection.putOffs = 0;
    return;
  }
  if (putOff === 'NONCE_UNKNOWN') connection.suspect = 'the server has forgotten our sends';
  // Those behind it were refused with it: that is one refusal.
  if (hasDeadline(session, 'uplink')) return;
  waitFor(session, 'uplink', backoffOf(session, ++connection.putOffs, 0.5));
}

function onBye(session: Session, connection: Connection, frame: ByeFrame): void {
  const spread = Math.floor(random(session.prng) * (frame.spreadMs ?? 0));
  const delay = (frame.afterMs ?? 0) + spread;
  if (connection.role === 'active') {
    connection.leaving = true;
    waitFor(session, 'replace', delay);
  } else if (connection.role === 'candidate') {
    const { kind, purpose } = connection;
    const at = session.now.mono + delay;
    end(session, connection, `bye: ${frame.reason}`);
    if (!activeOf(session)) setDeadline(session, 'retry', at);
    else if (purpose === 'replace') setDeadline(session, 'replace', at);
    else standBack(kind, at);
  }
}

function onPosted(session: Session, connection: Connection, ok: boolean, status: number | undefined): void {
  connection.posting = false;
  if (ok) postIsAnswered(session, connection);
  else clearDeadline(session, 'post', connection);
  if (connection.role === 'draining') {
    if (!connection.kind.streaming && !connection.asking) end(session, connection, 'released');
    return;
  }
  // An answer that settles nothing of what it was asked is no answer.
  const isSettled = connection.acks > 0 || connection.postedSends === 0;
  if (isSettled && (ok || connection.kind.plain)) {
    connection.postFailures = 0;
    if (connection.doubted) checkAlive(session, connection);
    return;
  }
  connection.postFailures++;
  if (status === 413) outbox.blameOldest(session.outbox, connection.id);
  if (connection.postFailures >= postFailuresMax) {
    const detail = 'sends do not get through';
    if (status === undefined) return fail(session, connection, detail);
    return lose(session, connection, { kind: 'status', status, detail });
  }
  // The first failure is most often a pooled connection that the server was just closing: once more, at once.
  waitFor(session, 'uplink', backoffOf(session, connection.postFailures - 1));
  if (connection.doubted) checkAlive(session, connection);
}
