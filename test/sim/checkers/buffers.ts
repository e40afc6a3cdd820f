/** Whatever waits somewhere is bounded: frames held back and sends at a client, messages and answers at a hub's connections. */
import type { Session } from '../../../src/core/model.ts';
import type { HubConfig } from '../../../src/server/core/config.ts';
import type { Peer } from '../../../src/server/core/types.ts';
import type { Fail } from '../failure.ts';

/** As `src/core/delivery.ts` has it; one frame may come before the connection is given up. */
const heldMax = 10_001;
/** One message of these worlds is smaller than this. */
const messageBytes = 1_024;
/** All answers that are ready at once. */
const answersBytes = 8_192;

/** `window`: numbered sends without an answer that the hubs allow. */
export function checkClientBuffers({ connections, outbox }: Session, window: number, fail: Fail): void {
  for (const { id, reception } of connections) {
    const held = Object.values(reception.links).reduce((sum, { waiting }) => sum + waiting.length, 0);
    if (held > heldMax) return fail(`${held} frames are held back on connection ${id}`);
  }
  const { entries, bytes, config } = outbox;
  if (entries.length > config.sends) return fail(`${entries.length} sends wait, ${config.sends} may`);
  if (bytes > config.bytes) return fail(`${bytes} bytes of sends wait, ${config.bytes} may`);
  if (bytes < 0) return fail(`the outbox counts ${bytes} bytes`);
  const numbered = entries.filter(({ seq }) => seq > 0).length;
  if (numbered > window) return fail(`${numbered} sends are on the way, ${window} may be`);
}

export function checkPeer(peer: Peer, { limits }: HubConfig, fail: Fail): void {
  const { pending, controlBytes, state, sink } = peer;
  if (state === 'ended') return;
  const pendingBytes = pending?.bytes ?? 0;
  if (pendingBytes > limits.bufferBytes + messageBytes)
    return fail(`${pendingBytes} bytes wait for a connection`);
  // A full socket is given nothing; what a turn brings, answers included, may come on top of one that is nearly full.
  const most = 2 * limits.bufferBytes + limits.chunkBytes + answersBytes;
  const handed = sink.bufferedBytes();
  if (handed > most) return fail(`${handed} bytes wait in a socket, ${most} may`);
  if (controlBytes > limits.bufferBytes + limits.frameBytes + messageBytes) {
    return fail(`${controlBytes} bytes of answers wait for a connection`);
  }
}
