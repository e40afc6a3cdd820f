/** The adapters on XMLHttpRequest in the place of fetch, as the script for old browsers has them. */
import type { AdapterFactory } from '../../src/adapters/adapter.ts';
import { httpStream } from '../../src/adapters/http-stream.ts';
import { longPoll } from '../../src/adapters/long-poll.ts';
import type { Platform } from '../../src/runtime/runtime.ts';
import { xhrPlatform } from '../../src/runtime/xhr.ts';
import { isBrowser, isFirefox } from './harness.ts';
import { httpAnswers } from './http.contract.ts';
import { laws, type Subject } from './laws.contract.ts';
import { uplinks } from './uplink.contract.ts';

function forbidden(): never {
  throw new Error('forbidden');
}

function byXhr(factory: AdapterFactory<Platform>): AdapterFactory<Platform> {
  return (platform) => factory(platform.fetch === forbidden ? platform : { ...platform, ...xhrPlatform() });
}

const stream: Subject = {
  name: 'http-stream by XMLHttpRequest',
  factory: byXhr(httpStream()),
  runsHere: isBrowser,
  request: (url) => ({
    url,
    method: 'POST',
    headers: { accept: 'application/x-ndjson', 'content-type': 'text/plain;charset=UTF-8' },
    body: '{"open":1}\n',
    credentials: 'same-origin',
  }),
  orderlyEnd: 'closed',
  tellsFailure: true,
  thrown: 'failed',
  broken: (platform) => ({ ...platform, fetch: forbidden }),
};

for (const subject of [
  stream,
  { ...stream, name: 'long-poll by XMLHttpRequest', factory: byXhr(longPoll()) },
]) {
  laws(subject);
  // Of a text/plain that hangs before its first kilobyte Chromium shows an XMLHttpRequest not even the head.
  if (isFirefox) httpAnswers(subject);
  uplinks(subject);
}
