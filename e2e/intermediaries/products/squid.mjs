// Squid as the forward proxy of a real browser, with CONNECT to the hub's port allowed and denied.

const tunnels = (ports) => `acl hub_ports port ${ports}
http_access allow CONNECT hub_ports`;

function configure({ port, folder, rule = '' }) {
  return `
http_port 127.0.0.1:${port}
${rule}
http_access deny CONNECT
http_access allow all
cache deny all
access_log none
cache_log ${folder}/cache.log
cache_store_log none
pid_filename none
coredump_dir ${folder}
shutdown_lifetime 0 seconds
pinger_enable off
`;
}

const product = {
  product: 'Squid',
  debian: 'squid',
  binary: 'squid',
  versionArgs: ['-v'],
  file: 'squid.conf',
  engines: ['chromium'],
  isForward: true,
  args: ({ file }) => ['-N', '-f', file],
};

export const squid = [
  {
    ...product,
    name: 'squid',
    summary: 'forward proxy, CONNECT to the hub allowed',
    expected: 'websocket',
    remedy: { language: 'squid', text: tunnels('443 8080') },
    configure: (given) => configure({ ...given, rule: tunnels(given.upstream) }),
  },
  {
    ...product,
    name: 'squid-no-connect',
    summary: 'forward proxy, CONNECT denied',
    expected: 'http-stream',
    configure,
  },
];
