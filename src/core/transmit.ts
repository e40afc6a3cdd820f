/** What goes up: frames on a duplex connection, one POST at a time on the others. */
import type { BatchFrame, ClientFrame } from './frames.ts';
import * as liveness from './liveness.ts';
import type { Connection, Session } from './model.ts';

export function transmit(
  session: Session,
  connection: Connection,
  frames: readonly ClientFrame[],
  keepalive = false,
): void {
  if (!connection.kind.duplex) {
    connection.posting = true;
    connection.acks = 0;
    connection.postedAt = session.now.mono;
    connection.postedSends = frames.filter(
      (frame) => frame.type === 'send' && frame.seq !== undefined,
    ).length;
    const bytes = connection.postedSends > 0 ? session.outbox.bytes : 0;
    if (!keepalive && connection.role !== 'draining') liveness.watchPost(session, connection, bytes);
  }
  const nonce = connection.hello?.sends ?? session.outbox.nonce;
  connection.postedUnder = nonce;
  const { client, key, token } = session;
  const batch: BatchFrame = { type: 'batch', client, key, sends: nonce, token: token.value };
  session.out.push({ type: 'transmit', id: connection.id, frames, batch, keepalive });
}
