// Every contender's file, by name. Each exports `packages` (whose versions are told), and
//   serve(server, { onSend, welcome, origins, … })  -> { publish(topic, data), close() }; who comes is sent `welcome.data` first,
//                                                      pages may come from `origins`
//   connect({ port, topic, onMessage, onBack, … })  -> resolves to { send?(data), close() } when it receives
// and, if it is measured in pages, `page`: the `script` that one loads, and `connect(url, topic, onMessage)`, which is sent there as
// text and knows nothing but that.

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
