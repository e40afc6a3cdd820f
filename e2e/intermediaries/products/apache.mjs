// Apache httpd: mod_proxy with a bare ProxyPass, and configured well.

const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http'];

function well(upstream) {
  return `ProxyPass "/" "http://127.0.0.1:${upstream}/" upgrade=websocket flushpackets=on timeout=3600`;
}

function configure({ port, folder, line }) {
  return `
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerRoot ${folder}
ServerName 127.0.0.1
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
Mutex pthread
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
${line}
`;
}

const product = {
  product: 'Apache httpd',
  debian: 'apache2',
  binary: 'apache2',
  versionArgs: ['-v'],
  file: 'apache.conf',
  args: ({ file }) => ['-f', file, '-DFOREGROUND'],
};

export const apache = [
  {
    ...product,
    name: 'apache',
    summary: 'a bare `ProxyPass`',
    engines: ['node'],
    expected: 'http-stream',
    configure: (given) =>
      configure({ ...given, line: `ProxyPass "/" "http://127.0.0.1:${given.upstream}/"` }),
  },
  {
    ...product,
    name: 'apache-well',
    summary: '`upgrade=websocket flushpackets=on timeout=3600`',
    engines: ['node'],
    expected: 'websocket',
    remedy: { language: 'apache', text: well(8080) },
    configure: (given) => configure({ ...given, line: well(given.upstream) }),
  },
];
