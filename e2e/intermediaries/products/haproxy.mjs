// HAProxy: the time-outs of its manual's example, configured well, and with TLS and HTTP/2 in front.

/** What lets a silent WebSocket live, and keeps pieces of a stream from being gathered for 200 ms; goes into `defaults`. */
const well = `option http-no-delay
timeout tunnel 1h
timeout server 1h`;

function configure({ port, upstream, bind = '', defaults = '' }) {
  return `
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
  ${defaults.replaceAll('\n', '\n  ')}
frontend front
  bind 127.0.0.1:${port} ${bind}
  default_backend hub
backend hub
  server hub 127.0.0.1:${upstream}
`;
}

const product = {
  product: 'HAProxy',
  debian: 'haproxy',
  binary: 'haproxy',
  versionArgs: ['-v'],
  file: 'haproxy.cfg',
  args: ({ file }) => ['-db', '-f', file],
};

export const haproxy = [
  {
    ...product,
    name: 'haproxy',
    summary: '`mode http`, client and server time-outs of 50 s',
    engines: ['node', 'chromium', 'firefox'],
    expected: 'websocket',
    configure,
  },
  {
    ...product,
    name: 'haproxy-well',
    summary: '`option http-no-delay`, `timeout tunnel` and `timeout server` of an hour',
    engines: ['node'],
    expected: 'websocket',
    remedy: { language: 'haproxy', text: `# in defaults or backend\n${well}` },
    configure: (given) => configure({ ...given, defaults: well }),
  },
  {
    ...product,
    name: 'haproxy-h2',
    summary: 'TLS and HTTP/2 in front (`alpn h2,http/1.1`), otherwise defaults',
    engines: ['node', 'chromium'],
    isSecure: true,
    expected: 'websocket',
    configure: (given) => configure({ ...given, bind: `ssl crt ${given.bundle} alpn h2,http/1.1` }),
  },
];
