/**
 * One HTTP request of any adapter: its head, its text as it comes, its end.
 * Owns fetch, so that another way to ask fits in here; must not know what the text means.
 *
 * @internal
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterRequest, Closed } from './adapter.ts';
import type { Head } from './answer.ts';
import { messageOf } from './guard.ts';

/** Called from later tasks only, and no more once the request was aborted. */
export interface RequestListener {
  onHead(head: Head): void;
  onText(text: string): void;
  /** Last. Without `failure` the body is complete. */
  onEnd(failure?: Closed): void;
}

function headOf(response: Response): Head {
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  return {
    status: response.status,
    type: type.trim().toLowerCase(),
    redirected: response.redirected === true,
    header: (name) => response.headers.get(name) ?? undefined,
  };
}

/** `undefined`: they are no UTF-8, and the decoder was told to mind. */
function decoded(decoder: TextDecoder, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
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

  function end(failure?: Closed): void {
    if (isOver) return;
    isOver = true;
    on.onEnd(failure);
  }

  function fail(error: unknown): void {
    end({ kind: 'failed', detail: messageOf(error) });
  }

  function tell(text: string): void {
    if (!isOver && text !== '') on.onText(text);
  }

  function pump(body: ReadableStreamDefaultReader<Uint8Array>, decoder: TextDecoder): void {
    body
      .read()
      .then((part) => {
        if (isOver) return;
        if (part.done) return end();
        const text = decoded(decoder, part.value);
        if (text === undefined) {
          cancel(body);
          return end({ kind: 'unreadable', detail: 'bytes that are no UTF-8' });
        }
        tell(text);
        if (!isOver) pump(body, decoder);
      })
      .then(undefined, fail);
  }

  function cancel(body: { cancel(): Promise<void> } | null | undefined): void {
    body?.cancel().then(undefined, () => {
      // It had failed already, which is as good.
    });
  }

  start(platform, asked, controller?.signal)
    .then((response) => {
      // Where there is no AbortController (or, in Chrome 66, only its shell), an aborted request still gets here.
      if (isOver) return cancel(response.body);
      on.onHead(headOf(response));
      if (isOver) return cancel(response.body);
      if (response.body && platform.TextDecoder) {
        reader = response.body.getReader();
        const strict = asked.answer?.strict;
        // Who reads by himself and takes all bytes takes the byte order mark, too: SSE knows one that is data.
        pump(
          reader,
          new platform.TextDecoder('utf-8', { fatal: strict === true, ignoreBOM: strict === false }),
        );
      } else {
        response
          .text()
          .then((text) => {
            tell(text);
            end();
          })
          .then(undefined, fail);
      }
    })
    .then(undefined, fail);

  return () => {
    if (isOver) return;
    isOver = true;
    cancel(reader);
    controller?.abort();
  };
}
