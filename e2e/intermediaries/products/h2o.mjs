// h2o: ends an answer that was silent for 30 s, and passes no Upgrade on unless told to.

const well = `proxy.websocket: ON
proxy.timeout.io: 3600000`;

function configure({ port, upstream, folder, lines = '' }) {
  return `
listen:
  host: 127.0.0.1
  port: ${port}
error-log: ${folder}/error.log
num-threads: 1
temp-buffer-path: ${folder}
${lines}
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://127.0.0.1:${upstream}/
`;
}

const product = {
  product: 'h2o',
  debian: 'h2o',
  binary: 'h2o',
  versionArgs: ['-v'],
  file: 'h2o.yaml',
  args: ({ file }) => ['-m', 'worker', '-c', file],
};

export const h2o = [
  {
    ...product,
    name: 'h2o',
    summary: '`proxy.reverse.url` alone: no Upgrade, 30 s for a held answer',
    engines: ['node'],
    expected: 'http-stream',
    configure,
  },
  {
    ...product,
    name: 'h2o-well',
    summary: '`proxy.websocket: ON`, `proxy.timeout.io` of an hour',
    engines: ['node'],
    expected: 'websocket',
    remedy: { language: 'yaml', text: well },
    configure: (given) => configure({ ...given, lines: well }),
  },
];
