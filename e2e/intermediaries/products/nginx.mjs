// nginx: the defaults of `proxy_pass` (no Upgrade, answers buffered), configured well, and with TLS and HTTP/2 in front.

/** What makes WebSocket and streaming work; goes into `location`. */
const well = `proxy_pass http://hub;
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-Host $http_host;
proxy_buffering off;
proxy_read_timeout 1h;`;

const upgradeMap = `map $http_upgrade $connection_upgrade {
  default upgrade;
  ''      '';
}`;

function configure({ port, upstream, folder, listen = '', location, http = '' }) {
  return `
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder};
  proxy_temp_path ${folder};
  fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder};
  scgi_temp_path ${folder};
  upstream hub { server 127.0.0.1:${upstream}; }
  ${http}
  server {
    listen 127.0.0.1:${port} ${listen};
    location / {
      ${location}
    }
  }
}
`;
}

const product = {
  product: 'nginx',
  debian: 'nginx',
  binary: 'nginx',
  versionArgs: ['-v'],
  file: 'nginx.conf',
  args: ({ file, folder }) => [
    '-c',
    file,
    '-p',
    folder,
    '-e',
    'stderr',
    '-g',
    'daemon off; master_process off;',
  ],
};

export const nginx = [
  {
    ...product,
    name: 'nginx',
    summary: '`proxy_pass` alone: no Upgrade, HTTP/1.0 to the hub, answers buffered',
    engines: ['node', 'chromium', 'firefox'],
    expected: 'http-stream',
    configure: (given) => configure({ ...given, location: 'proxy_pass http://hub;' }),
  },
  {
    ...product,
    name: 'nginx-well',
    summary: 'Upgrade passed on, `proxy_buffering off`',
    engines: ['node'],
    expected: 'websocket',
    remedy: { language: 'nginx', text: `# in http\n${upgradeMap}\n\n# in location\n${well}` },
    configure: (given) => configure({ ...given, http: upgradeMap, location: well }),
  },
  {
    ...product,
    name: 'nginx-h2',
    summary: 'TLS and HTTP/2 in front, otherwise configured well',
    engines: ['node', 'chromium'],
    isSecure: true,
    expected: 'websocket',
    configure: (given) =>
      configure({
        ...given,
        listen: 'ssl http2',
        http: `${upgradeMap} ssl_certificate ${given.certificate}; ssl_certificate_key ${given.key};`,
        location: well,
      }),
  },
];
