/** nginx with Nchan, as Debian has it: installed where it is missing, run on a port of its own from a folder of its own. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installMissing } from '../intermediaries/install.mjs';
import { freePorts, startProduct } from '../intermediaries/processes.mjs';

const module = '/usr/lib/nginx/modules/ngx_nchan_module.so';

interface Given {
  readonly port: number;
  readonly folder: string;
  readonly file: string;
}

const location = (path: string, kind: string): string =>
  `location = ${path} { ${kind}; nchan_channel_id $arg_channel; nchan_channel_id_split_delimiter ","; }`;

/** Whatever transport Nchan tells apart by the request goes to `/sub`; it cannot tell the two ways of polling apart. */
function configure({ port, folder }: Given): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
load_module ${module};
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder};`).join('\n  ')}
  nchan_message_buffer_length 20000;
  nchan_message_timeout 10m;
  server {
    listen 127.0.0.1:${port};
    ${location('/pub', 'nchan_publisher')}
    ${location('/sub', 'nchan_subscriber')}
    ${location('/poll', 'nchan_subscriber interval-poll')}
    ${location('/chat', 'nchan_pubsub')}
  }
}
`;
}

const product = {
  name: 'nchan',
  binary: 'nginx',
  file: 'nginx.conf',
  configure,
  args: ({ file, folder }: Given) => [
    ...['-c', file, '-p', folder, '-e', 'stderr'],
    ...['-g', 'daemon off; master_process off;'],
  ],
};

export interface Nchan {
  readonly port: number;
  /** One after the other, so that their order is certain. */
  publish(channel: string, messages: readonly unknown[]): Promise<void>;
  stop(): Promise<void>;
}

/** `undefined`: it is not on this machine, and cannot be installed here. */
export async function startNchan(): Promise<Nchan | undefined> {
  const missing = installMissing([
    { binary: 'nginx', debian: 'nginx' },
    { binary: module, debian: 'libnginx-mod-nchan' },
  ]);
  if (missing.has('nginx') || missing.has(module)) return undefined;
  const parent = mkdtempSync(join(tmpdir(), 'holdfast-nchan-'));
  chmodSync(parent, 0o755);
  process.once('exit', () => rmSync(parent, { recursive: true, force: true }));
  const [port = 0] = await freePorts(1);
  const running = await startProduct(product, { port, parent, upstream: undefined, certificate: undefined });

  return {
    port,
    async publish(channel, messages) {
      const url = `http://127.0.0.1:${port}/pub?channel=${channel}`;
      for (const message of messages) {
        const answer = await fetch(url, { method: 'POST', body: JSON.stringify(message) });
        await answer.arrayBuffer();
        if (!answer.ok) throw new Error(`Nchan answered ${answer.status}`);
      }
    },
    stop: running.stop,
  };
}
