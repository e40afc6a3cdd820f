// Finds a Chromium and a Firefox that really start, and remembers them. The order: what an environment variable
// names, what the system has, what Playwright has downloaded, a download, and as root the distribution's package.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir, root } from './ensure.mjs';

const cacheFile = join(cacheDir, 'browsers.json');
const launchTimeoutMs = 30_000;
const downloadTimeoutMs = 300_000;
const isRoot = process.getuid?.() === 0;

const places = {
  chromium: {
    variable: 'HOLDFAST_CHROMIUM',
    names: [
      'chromium',
      'chromium-browser',
      'google-chrome',
      'google-chrome-stable',
      'microsoft-edge',
      'chrome',
    ],
    paths: [
      '/usr/bin/chromium',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
      'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
    ],
    asSystem: (executablePath) => ({ executablePath }),
    debian: 'chromium',
  },
  firefox: {
    variable: 'HOLDFAST_FIREFOX',
    names: ['firefox-esr', 'firefox'],
    paths: [
      '/usr/bin/firefox-esr',
      '/Applications/Firefox.app/Contents/MacOS/firefox',
      'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
    ],
    // An unpatched Firefox is driven over WebDriver BiDi, which Playwright does under this channel.
    asSystem: (executablePath) => ({ executablePath, channel: 'moz-firefox' }),
    debian: 'firefox-esr',
  },
};

/** How Chromium is started in tests: quiet, and without a sandbox only where root leaves no other way. */
export function chromiumArgs() {
  const quiet = [
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return isRoot ? ['--no-sandbox', ...quiet] : quiet;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where a system browser of this kind may be, best first; only what exists. */
function systemPaths(kind) {
  const { variable, names, paths } = places[kind];
  const named = process.env[variable];
  if (named) return [named];
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...new Set([...paths, ...onPath])].filter(isExecutable);
}

/** Launch options to try for a kind: system browsers, then Playwright's own (which need none). */
function candidates(kind) {
  const system = systemPaths(kind).map(places[kind].asSystem);
  return process.env[places[kind].variable] ? system : [...system, {}];
}

function readCache() {
  try {
    const found = JSON.parse(readFileSync(cacheFile, 'utf8'));
    const isCurrent = Object.keys(places).every((kind) => {
      const path = found[kind]?.executablePath;
      const named = process.env[places[kind].variable];
      return found[kind] && (!path || existsSync(path)) && (!named || named === path);
    });
    return isCurrent ? found : undefined;
  } catch {
    return undefined; // No findings yet, or of another form: they are found again.
  }
}

/** Launch options by kind without starting, installing or asking anything: for configuration files. */
export function knownBrowsers() {
  return (
    readCache() ?? { chromium: candidates('chromium')[0] ?? {}, firefox: candidates('firefox')[0] ?? {} }
  );
}

/** The first candidate of a kind that really starts. */
async function firstWorking(kind) {
  const playwright = await import('playwright');
  for (const options of candidates(kind)) {
    try {
      const args = kind === 'chromium' ? chromiumArgs() : [];
      const browser = await playwright[kind].launch({ ...options, args, timeout: launchTimeoutMs });
      await browser.close();
      return options;
    } catch (error) {
      const name = options.executablePath ?? "Playwright's own";
      console.log(`${kind}: ${name} does not start (${String(error.message).split('\n')[0]})`);
    }
  }
  return undefined;
}

async function findMissing(found) {
  for (const kind of Object.keys(places)) {
    found[kind] ??= await firstWorking(kind);
  }
  return Object.keys(places).filter((kind) => !found[kind]);
}

function download(missing) {
  console.log(`Downloading ${missing.join(' and ')} by Playwright ...`);
  const cli = join(root, 'node_modules', 'playwright', 'cli.js');
  const { status } = spawnSync(process.execPath, [cli, 'install', ...missing], {
    cwd: root,
    stdio: 'inherit',
    timeout: downloadTimeoutMs,
    env: { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '10000', ...process.env },
  });
  return status === 0;
}

function aptCommand(missing) {
  const packages = missing.map((kind) => places[kind].debian).join(' ');
  return `apt-get update && apt-get install -y --no-install-recommends ${packages}`;
}

function installByApt(missing) {
  if (!isRoot || !existsSync('/usr/bin/apt-get')) return;
  console.log(`Installing ${missing.join(' and ')} by apt-get ...`);
  spawnSync('sh', ['-c', aptCommand(missing)], {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** What a person types where nothing here could help. */
function remedy(missing) {
  if (existsSync('/usr/bin/apt-get') && existsSync('/etc/debian_version')) {
    return `sudo sh -c '${aptCommand(missing)}'`;
  }
  return `npx playwright install --with-deps ${missing.join(' ')}`;
}

/** Launch options for both browsers, found or installed. Throws with the one command to type when neither can be. */
export async function findBrowsers() {
  const cached = readCache();
  if (cached) return cached;
  const found = {};
  let missing = await findMissing(found);
  for (const { variable } of missing.map((kind) => places[kind])) {
    if (process.env[variable])
      throw new Error(`${variable} names no browser that starts: ${process.env[variable]}`);
  }
  for (const install of [download, installByApt]) {
    if (missing.length === 0) break;
    install(missing);
    missing = await findMissing(found);
  }
  if (missing.length > 0) {
    throw new Error(
      `The tests need ${missing.join(' and ')}. Type this, then try again:\n\n  ${remedy(missing)}\n`,
    );
  }
  mkdirSync(cacheDir, { recursive: true });
  writeFileSync(cacheFile, JSON.stringify(found));
  return found;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(await findBrowsers());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
