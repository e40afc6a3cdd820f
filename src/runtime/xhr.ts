/**
 * `fetch` by XMLHttpRequest: as much of it as `adapters/request.ts` uses, the text of an answer as it comes included.
 * What it reads is text already, so the decoder that goes with it has nothing to do.
 *
 * @internal
 */
import type { Platform } from './runtime.ts';

/** `responseText` only ever grows: a megabyte in memory. */
const answerLengthMax = 512 * 1024;

/** What an abort controller hands over: whoever begins a request says here how it is ended. */
interface Signal {
  abort(): void;
}

interface Part {
  readonly done: boolean;
  readonly value?: string;
}

/** The text of an answer, part by part, to whoever asks for the next one. */
function partQueue(): { push(part: Part): void; fail(error: unknown): void; read(): Promise<Part> } {
  const parts: Part[] = [];
  let failure: { readonly error: unknown } | undefined;
  let waiting: { resolve(part: Part): void; reject(error: unknown): void } | undefined;

  function serve(): void {
    if (!waiting || (parts.length === 0 && !failure)) return;
    const { resolve, reject } = waiting;
    waiting = undefined;
    const part = parts.shift();
    if (part) resolve(part);
    else reject(failure?.error);
  }

  return {
    push(part) {
      parts.push(part);
      serve();
    },
    fail(error) {
      failure = { error };
      serve();
    },
    read: () =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        serve();
      }),
  };
}

/** IE 9 and older throw where they have nothing to show yet. */
function look<V>(read: () => V, otherwise: V): V {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function responseOf(xhr: XMLHttpRequest, url: string, read: () => Promise<Part>): object {
  const cancel = (): Promise<void> => {
    xhr.abort();
    return Promise.resolve();
  };
  return {
    status: xhr.status,
    headers: { get: (name: string) => look(() => xhr.getResponseHeader(name), null) },
    // Old engines follow a redirection without a word; then the content type alone gives a login page away.
    redirected: Boolean(xhr.responseURL) && xhr.responseURL !== url.split('#')[0],
    body: { cancel, getReader: () => ({ read, cancel }) },
  };
}

interface Asked {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: string;
  readonly body?: string;
  readonly signal?: Signal;
}

function ask(xhr: XMLHttpRequest, url: string, asked: Asked): void {
  const { method, headers, credentials, body, signal } = asked;
  xhr.open(method, url, true);
  // Safari 5 to 7 take it only once the request is open.
  xhr.withCredentials = credentials === 'include';
  Object.keys(headers).forEach((name) => {
    xhr.setRequestHeader(name, headers[name] as string);
  });
  if (signal) signal.abort = () => xhr.abort();
  xhr.send(body);
}

function begin(xhr: XMLHttpRequest, url: string, asked: Asked): Promise<object> {
  const queue = partQueue();
  let length = 0;
  let isAnswered = false;

  return new Promise((resolve, reject) => {
    function progress(): void {
      if (!isAnswered && look(() => xhr.status, 0) !== 0) {
        isAnswered = true;
        resolve(responseOf(xhr, url, queue.read));
      }
      const text = isAnswered ? look(() => xhr.responseText, '') : '';
      if (text.length > length) queue.push({ done: false, value: text.slice(length) });
      length = text.length;
    }

    function fail(): void {
      const error = new Error('the network failed, or another origin refuses');
      reject(error);
      queue.fail(error);
    }

    xhr.onreadystatechange = () => {
      if (xhr.readyState === 2 || xhr.readyState === 3) progress();
    };
    // Some engines tell `readyState` 3 only once.
    xhr.onprogress = progress;
    xhr.onload = () => {
      progress();
      queue.push({ done: true });
    };
    xhr.onerror = fail;
    xhr.onabort = fail;
    ask(xhr, url, asked);
  });
}

function XhrAbortController(): object {
  const signal: Signal = { abort() {} };
  return { signal, abort: () => signal.abort() };
}

function TextAsItIs(): object {
  return { decode: (text: string) => text };
}

/** The parts of a platform that belong together. */
export function xhrPlatform(): Platform {
  let count = 0;
  const fetch = (url: string, asked: Asked): Promise<object> => {
    // No cache can be told to keep out; a URL that was never asked for before keeps it out.
    const mark = `${url.indexOf('?') < 0 ? '?' : '&'}_=${Date.now()}.${++count}`;
    return begin(new XMLHttpRequest(), asked.method === 'GET' ? url + mark : url, asked);
  };
  const parts = { fetch, AbortController: XhrAbortController, TextDecoder: TextAsItIs, answerLengthMax };
  return parts as unknown as Platform;
}
