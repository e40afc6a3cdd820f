// Primus over its `websockets` transformer, which is `ws`.

import Primus from 'primus';

export const packages = ['primus'];

const options = { transformer: 'websockets', pathname: '/primus' };

export function serve(server, { welcome }) {
  const primus = new Primus(server, options);
  if (welcome) primus.on('connection', (spark) => spark.write(welcome.data));
  return { publish: (_, data) => primus.write(data), close: () => primus.destroy({ close: false }) };
}

const Socket = Primus.createSocket(options);

export function connect({ port, onMessage, onBack }) {
  const socket = new Socket(`http://127.0.0.1:${port}`);
  socket.on('data', onMessage);
  socket.on('error', () => undefined);
  return new Promise((resolve) => {
    socket.on('open', () => {
      onBack?.();
      resolve({ close: () => socket.end() });
    });
  });
}
