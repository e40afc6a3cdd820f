/**
 * The answers that intermediaries give in a server's place. They carry no CORS headers, because the real ones carry none.
 */

/** @typedef {{ readonly status: number, readonly bytes: Buffer, readonly closes: boolean }} Answer */

const portalPath = '/captive-portal/login';

const portalPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to this network</title></head>
<body><h1>Welcome to the guest network</h1><form method="post"><button>Accept and connect</button></form></body></html>
`;

/** @type {Readonly<Record<number, string>>} */
const reasons = {
  200: 'OK',
  302: 'Found',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  407: 'Proxy Authentication Required',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/**
 * @param {string} method
 * @param {string} path
 * @param {true | 'redirect'} how
 */
export function portalAnswer(method, path, how) {
  const isRedirect = how === 'redirect' && !path.startsWith(portalPath);
  return isRedirect
    ? answer(method, 302, { Location: portalPath }, '')
    : answer(method, 200, { 'Content-Type': 'text/html; charset=utf-8' }, portalPage);
}

/**
 * @param {string} method
 * @param {number} status
 */
export function statusAnswer(method, status) {
  return answer(
    method,
    status,
    { 'Content-Type': 'text/plain; charset=utf-8' },
    `${status} ${reasons[status] ?? ''}\n`,
  );
}

/**
 * Proxies that refuse an upgrade close the connection, and no client uses it again.
 * @param {number} status
 */
export function refusedUpgradeAnswer(status) {
  return answer(
    'GET',
    status,
    { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' },
    `${status} ${reasons[status] ?? ''}\n`,
  );
}

/**
 * @param {string} method
 * @param {number} status
 * @param {Record<string, string>} headers
 * @param {string} body
 * @returns {Answer}
 */
function answer(method, status, headers, body) {
  const all = { ...headers, 'Cache-Control': 'no-store', 'Content-Length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${reasons[status] ?? 'Status'}\r\n${lines.join('')}\r\n`;
  return {
    status,
    bytes: Buffer.from(method === 'HEAD' ? head : head + body),
    closes: headers['Connection'] === 'close',
  };
}
