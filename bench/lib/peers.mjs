// Every contender's file, by name. Each exports `packages` (whose versions are told), and
//   serve(server, { onSend, … })                    -> { publish(topic, data), close() }
//   connect({ port, topic, onMessage, onBack, … })  -> resolves to { send?(data), close() } when it receives

export const peers = {
  holdfast: () => import('../peers/holdfast.mjs'),
  'holdfast-light': () => import('../peers/holdfast-light.mjs'),
  ws: () => import('../peers/ws.mjs'),
  sse: () => import('../peers/sse.mjs'),
  socketio: () => import('../peers/socketio.mjs'),
  sockjs: () => import('../peers/sockjs.mjs'),
  faye: () => import('../peers/faye.mjs'),
  primus: () => import('../peers/primus.mjs'),
};
