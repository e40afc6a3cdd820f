/**
 * One HTTP request of any adapter: `request` tells its head, text and end, `exchange` makes lines and a verdict of them.
 * Owns fetch and the NDJSON answer; must not know what the lines mean, nor what happens after the end.
 *
 * @internal
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterRequest, Closed } from './adapter.ts';
import { messageOf } from './guard.ts';

/** Characters of a line whose end has not come; beyond it the answer is given up. */
const lineLengthMax = 8 * 1024 * 1024;

const ndjson = 'application/x-ndjson';

export interface Head {
  readonly status: number;
  /** The content type without parameters, in lower case. */
  readonly type: string;
  readonly redirected: boolean;
}

/** Called from later tasks only, and no more once the request was aborted. */
export interface RequestListener {
  onHead(head: Head): void;
  onText(text: string): void;
  /** Last. Without `failure` the body is complete. */
  onEnd(failure?: string): void;
}

function headOf(response: Response): Head {
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  return {
    status: response.status,
    type: type.trim().toLowerCase(),
    redirected: response.redirected === true,
  };
}

function start(
  platform: Platform,
  asked: AdapterRequest,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const fetch = platform.fetch;
  const init: RequestInit = {
    method: asked.method,
    headers: asked.headers,
    credentials: asked.credentials,
    // Chromium and Firefox let a second request for one URL wait for the first one's cache entry.
    cache: 'no-store',
  };
  if (asked.body !== undefined) init.body = asked.body;
  if (asked.keepalive) init.keepalive = true;
  if (signal) init.signal = signal;
  try {
    return fetch ? fetch(asked.url, init) : Promise.reject(new Error('no fetch'));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Makes a request. Returns what aborts it. */
export function request(platform: Platform, asked: AdapterRequest, on: RequestListener): () => void {
  const controller = platform.AbortController ? new platform.AbortController() : undefined;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let isOver = false;

  function end(failure?: string): void {
    if (isOver) return;
    isOver = true;
    on.onEnd(failure);
  }

  function fail(error: unknown): void {
    end(messageOf(error));
  }

  function tell(text: string): void {
    if (!isOver && text !== '') on.onText(text);
  }

  function pump(body: ReadableStreamDefaultReader<Uint8Array>, decoder: TextDecoder): void {
    body.read().then((part) => {
      if (isOver) return;
      if (part.done) return end();
      tell(decoder.decode(part.value, { stream: true }));
      if (!isOver) pump(body, decoder);
    }, fail);
  }

  function cancel(body: { cancel(): Promise<void> } | null | undefined): void {
    body?.cancel().then(undefined, () => {
      // It had failed already, which is as good.
    });
  }

  start(platform, asked, controller?.signal).then((response) => {
    // Where there is no AbortController (or, in Chrome 66, only its shell), an aborted request still gets here.
    if (isOver) return cancel(response.body);
    on.onHead(headOf(response));
    if (isOver) return cancel(response.body);
    if (response.body && platform.TextDecoder) {
      reader = response.body.getReader();
      pump(reader, new platform.TextDecoder());
    } else {
      response.text().then((text) => {
        tell(text);
        end();
      }, fail);
    }
  }, fail);

  return () => {
    if (isOver) return;
    isOver = true;
    cancel(reader);
    controller?.abort();
  };
}

/** Joins pieces of text to complete lines, looking at each character once. */
export function lineReader(): { add(text: string): string | undefined; restLength(): number } {
  let rest: string[] = [];
  let restLength = 0;
  return {
    /** The lines that are complete now, without the last LF; `undefined` if none is. */
    add(text) {
      const end = text.lastIndexOf('\n');
      const tail = text.slice(end + 1);
      let lines: string | undefined;
      if (end >= 0) {
        lines = rest.join('') + text.slice(0, end);
        rest = [];
        restLength = 0;
      }
      if (tail !== '') rest.push(tail);
      restLength += tail.length;
      return lines;
    },
    restLength: () => restLength,
  };
}

export interface ExchangeListener {
  /** An answer has come whose lines will be told. */
  onHead(): void;
  onLines(text: string): void;
  /** Last. `closed`: a success, and complete. */
  onEnd(reason: Closed, status?: number): void;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** What a head alone decides; `undefined` if the body has a say. */
function judge(head: Head, isExpected: boolean): Closed | undefined {
  const detail = `${head.status} ${head.type}`;
  // A login page behind a redirect says something of the network in between, whatever its status.
  if (head.redirected && !isExpected) return { kind: 'type', detail };
  if (!isSuccess(head.status)) return { kind: 'status', status: head.status, detail };
  if (head.status === 204) return { kind: 'closed' };
  return isExpected ? undefined : { kind: 'type', detail };
}

/** Makes a request and tells the complete lines of its answer, also of a refusal that brings lines. */
export function exchange(platform: Platform, asked: AdapterRequest, on: ExchangeListener): () => void {
  const lines = lineReader();
  const expected = (asked.headers['accept'] ?? ndjson).toLowerCase();
  let status: number | undefined;
  let verdict: Closed | undefined;

  const abort = request(platform, asked, {
    onHead(head) {
      const isExpected = head.type === expected;
      status = head.status;
      verdict = judge(head, isExpected);
      if (!verdict || (verdict.kind === 'status' && isExpected)) return on.onHead();
      abort();
      on.onEnd(verdict, status);
    },
    onText(text) {
      const complete = lines.add(text);
      if (lines.restLength() > lineLengthMax) {
        abort();
        return on.onEnd(
          { kind: 'failed', detail: `a line of more than ${lineLengthMax} characters` },
          status,
        );
      }
      if (complete !== undefined) on.onLines(complete);
    },
    onEnd(failure) {
      if (verdict) on.onEnd(verdict, status);
      else if (failure !== undefined) on.onEnd({ kind: 'failed', detail: failure }, status);
      else if (lines.restLength() > 0) on.onEnd({ kind: 'failed', detail: 'cut in a line' }, status);
      else on.onEnd({ kind: 'closed' }, status);
    },
  });
  return abort;
}
