/**
 * A switch for a server: while it is off, its port hangs up on everybody, and who was connected is cut off.
 * Knows nothing of what the server does, and the server nothing of the switch.
 */

/** @param {import('node:http').Server} server */
export function createSwitch(server) {
  const sockets = new Set();
  let isOn = true;

  // Before the server's own listener, which would read the request.
  server.prependListener('connection', (socket) => {
    if (!isOn) return socket.destroy();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  function cut() {
    for (const socket of sockets) socket.destroy();
  }

  return {
    isOn: () => isOn,
    turn(on) {
      isOn = on;
      if (!on) cut();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
