/**
 * Sends the bytes of a request that the server has had already once more, as a retrying intermediary does, and discards the answer.
 */
import { createResponseReader } from './http-framing.mjs';

/**
 * @param {() => import('node:net').Socket} connect
 * @param {string} method
 * @param {readonly Buffer[]} parts
 */
export function sendAgain(connect, method, parts) {
  const socket = connect();
  const reader = createResponseReader(
    (token) => {
      // A connection that is left open would count at the hub as a client's.
      if (token.type === 'end') socket.destroy();
    },
    () => method,
  );
  socket.on('data', (bytes) => reader.push(bytes));
  socket.on('end', () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.write(Buffer.concat(parts));
}
