// lighttpd: by default mod_proxy keeps an answer, headers and all, until it is complete.

const well = `proxy.header = ( "upgrade" => "enable" )
server.stream-response-body = 2`;

function configure({ port, upstream, folder, lines = '' }) {
  return `
server.modules = ( "mod_proxy" )
server.document-root = "${folder}"
server.upload-dirs = ( "${folder}" )
server.bind = "127.0.0.1"
server.port = ${port}
${lines}
proxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => ${upstream} ) ) )
`;
}

const product = {
  product: 'lighttpd',
  debian: 'lighttpd',
  binary: 'lighttpd',
  versionArgs: ['-v'],
  file: 'lighttpd.conf',
  args: ({ file }) => ['-D', '-f', file],
};

export const lighttpd = [
  {
    ...product,
    name: 'lighttpd',
    summary: '`proxy.server` alone: an answer is kept until it is complete',
    engines: ['node'],
    expected: 'long-poll',
    configure,
  },
  {
    ...product,
    name: 'lighttpd-well',
    summary: 'upgrade enabled, the response body streamed',
    engines: ['node'],
    expected: 'websocket',
    remedy: { language: 'lighttpd', text: well },
    configure: (given) => configure({ ...given, lines: well }),
  },
];
