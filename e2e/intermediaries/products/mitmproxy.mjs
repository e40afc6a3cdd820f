// mitmproxy, as tools that inspect traffic are: it lets WebSocket through and keeps every other answer until it is complete.

const product = {
  product: 'mitmproxy',
  debian: 'mitmproxy',
  binary: 'mitmdump',
  versionArgs: ['--version'],
  args: ({ port, upstream, folder }) => [
    ...['--quiet', '--mode', `reverse:http://127.0.0.1:${upstream}`],
    ...['--listen-host', '127.0.0.1', '--listen-port', String(port), '--set', `confdir=${folder}`],
  ],
};

export const mitmproxy = [
  {
    ...product,
    name: 'mitmproxy',
    summary: 'reverse mode: an answer is kept until it is complete',
    engines: ['node'],
    expected: 'websocket',
  },
  {
    ...product,
    name: 'mitmproxy-no-upgrade',
    summary: 'the same, and Upgrade is taken away: nothing but complete answers',
    engines: ['node'],
    expected: 'long-poll',
    args: (given) => [...product.args(given), '--modify-headers', '/~q/Upgrade/'],
  },
  {
    ...product,
    name: 'mitmproxy-well',
    summary: '`stream_large_bodies=1`: bodies are streamed',
    engines: ['node'],
    expected: 'websocket',
    remedy: { language: 'sh', text: 'mitmdump --set stream_large_bodies=1' },
    args: (given) => [...product.args(given), '--set', 'stream_large_bodies=1'],
  },
];
