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

/** Makes a request. Returns what aborts it. */
export function request(platform: Platform, asked: AdapterRequest, on: RequestListener): () => void {
  const { TextDecoder } = platform;
  const { url, method, headers, credentials, body, keepalive } = asked;
  const controller = platform.AbortController && new platform.AbortController();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let isOver = false;

  function end(failure?: Closed): void {
    if (isOver) return;
    isOver = true;
    on.onEnd(failure);
  }

  const fail = (error: unknown): void => end({ kind: 'failed', detail: messageOf(error) });

  function tell(text: string): void {
    if (!isOver && text !== '') on.onText(text);
  }

  function cancel(what: { cancel(): Promise<void> } | null | undefined): void {
    what?.cancel().then(undefined, () => {
      // It had failed already, which is as good.
    });
  }

  function pump(from: ReadableStreamDefaultReader<Uint8Array>, decoder: TextDecoder): void {
    from
      .read()
      .then(({ done, value }) => {
        if (isOver || done) return end();
        let text: string;
        try {
          text = decoder.decode(value, { stream: true });
        } catch {
          // It was told to mind.
          cancel(from);
          return end({ kind: 'unreadable', detail: 'bytes that are no UTF-8' });
        }
        tell(text);
        if (!isOver) pump(from, decoder);
      })
      .then(undefined, fail);
  }

  // Chromium and Firefox let a second request for one URL wait for the first one's cache entry.
  const how = {
    method,
    headers,
    credentials,
    body,
    keepalive,
    signal: controller?.signal,
    cache: 'no-store',
  };
  let answer: Promise<Response>;
  // Not by a promise around it: each turn more is a timer in engines that have no promises of their own.
  try {
    answer = (platform.fetch as typeof fetch)(url, how as RequestInit);
  } catch (error) {
    answer = Promise.reject(error);
  }
  answer
    .then((response) => {
      if (!isOver) on.onHead(headOf(response));
      // Where there is no AbortController (or, in Chrome 66, only its shell), an aborted request still gets here.
      if (isOver) return cancel(response.body);
      if (!response.body || !TextDecoder) {
        return response.text().then((text) => {
          tell(text);
          end();
        });
      }
      reader = response.body.getReader();
      const strict = asked.answer?.strict;
      // Who reads by himself and takes all bytes takes the byte order mark, too: SSE knows one that is data.
      pump(reader, new TextDecoder('utf-8', { fatal: strict === true, ignoreBOM: strict === false }));
    })
    .then(undefined, fail);

  return () => {
    if (isOver) return;
    isOver = true;
    cancel(reader);
    controller?.abort();
  };
}
