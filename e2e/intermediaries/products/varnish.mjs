// Varnish: its built-in rules, and with upgrades piped.

const well = `sub vcl_recv {
  if (req.http.Upgrade ~ "(?i)websocket") {
    return (pipe);
  }
}
sub vcl_pipe {
  set bereq.http.Upgrade = req.http.Upgrade;
  set bereq.http.Connection = req.http.Connection;
}`;

function configure({ upstream, rules = '' }) {
  return `vcl 4.1;
backend hub { .host = "127.0.0.1"; .port = "${upstream}"; }
${rules}
`;
}

const product = {
  product: 'Varnish',
  debian: 'varnish',
  binary: 'varnishd',
  versionArgs: ['-V'],
  file: 'varnish.vcl',
  args: ({ file, port, folder }) => [
    '-F',
    ...['-j', 'none', '-T', 'none'],
    ...['-a', `127.0.0.1:${port}`, '-f', file, '-n', `${folder}/work`, '-s', 'malloc,32m'],
  ],
};

export const varnish = [
  {
    ...product,
    name: 'varnish',
    summary: 'a backend and the built-in VCL',
    engines: ['node'],
    expected: 'http-stream',
    configure,
  },
  {
    ...product,
    name: 'varnish-well',
    summary: 'upgrades are piped, `pipe_timeout` of an hour',
    engines: ['node'],
    expected: 'websocket',
    remedy: { language: 'vcl', text: `${well}\n\n# on the command line: -p pipe_timeout=3600` },
    args: (given) => [...product.args(given), '-p', 'pipe_timeout=3600'],
    configure: (given) => configure({ ...given, rules: well }),
  },
];
