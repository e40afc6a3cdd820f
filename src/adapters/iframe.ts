/**
 * iframe streaming: a hidden document that never ends and hands each unit to this page by `postMessage`.
 * Owns the frame and the form that asks for it; must not know what the units mean, nor when to recycle the frame.
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterFactory, AdapterRequest } from './adapter.ts';
import { connect, type Guard } from './guard.ts';
import { uplink } from './uplink.ts';

/**
 * How often the end of a document goes to the back of the queue of messages. Once is enough in Chromium; Firefox keeps
 * what a loading document posts in a queue of its own, which it empties one turn later. One more to be safe.
 */
const turnsBehind = 3;

/**
 * A frame that is made before the document's `load` delays it for ever, and one made inside the `load` handlers leaves
 * Chromium's tab spinning. `loadEventEnd` is set once the handlers have run.
 */
function hasLoaded(platform: Platform): boolean {
  const { document, window } = platform;
  if (!document || !window || document.readyState !== 'complete') return false;
  const timing = window.performance?.timing;
  return !timing || timing.loadEventEnd > 0;
}

/** An element that nobody sees, in no document yet. */
function hidden<E extends HTMLElement>(document: Document, tag: string, fields: object): E {
  const element = document.createElement(tag);
  element.style.display = 'none';
  const named = element as unknown as Record<string, unknown>;
  const values = fields as Record<string, unknown>;
  Object.keys(values).forEach((name) => {
    named[name] = values[name];
  });
  return element as E;
}

/** A form that asks for the request's document in the frame of that name: a POST leaves no entry in the history. */
function formFor(document: Document, { url, fields = {} }: AdapterRequest, target: string): HTMLFormElement {
  const how = { method: 'POST', action: url, target, acceptCharset: 'utf-8' };
  const form = hidden<HTMLFormElement>(document, 'form', how);
  Object.keys(fields).forEach((name) => {
    form.appendChild(hidden(document, 'input', { type: 'hidden', name, value: fields[name] }));
  });
  return form;
}

/** Into the document until the connection ends. */
function put(document: Document, element: HTMLElement, link: Guard): void {
  (document.body ?? document.documentElement).appendChild(element);
  link.atEnd(() => element.parentNode?.removeChild(element));
}

/** The origin of an absolute URL, as `event.origin` spells it. */
function originOf(url: string): string {
  const found = /^(https?):\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(url);
  const scheme = (found?.[1] ?? '').toLowerCase();
  const host = (found?.[2] ?? '').toLowerCase();
  return `${scheme}://${host.replace(scheme === 'https' ? /:443$/ : /:80$/, '')}`;
}

/** Whether the frame still shows what it was made with: Firefox tells a `load` of that too. */
function isBlank(frame: HTMLIFrameElement): boolean {
  try {
    return frame.contentWindow?.location.href === 'about:blank';
  } catch {
    return false; // Another origin's document (or the browser's own page about an error).
  }
}

const textOf = (given: unknown): unknown => (typeof given === 'string' ? given : JSON.stringify(given));

/**
 * A blank frame around the stream's: the functions that the document calls as `parent`'s are on it, so that the page has no
 * globals of ours, and each connection hears its own document only.
 */
function frameAround(page: Document, name: string, callbacks: readonly string[], link: Guard): Window {
  const frame = hidden<HTMLIFrameElement>(page, 'iframe', { name });
  put(page, frame, link);
  const around = frame.contentWindow as Window & Record<string, unknown>;
  callbacks.forEach((event) => {
    (around as Record<string, unknown>)[event] = (given: unknown): void => {
      link.opened();
      link.received({ text: textOf(given) as string, event });
    };
  });
  return around;
}

const facts = { roundTrips: 2, duplex: false, streaming: true, binary: false, fresh: false, held: false };

export function iframe(): AdapterFactory<Platform> {
  let frameCount = 0;
  return (platform) => ({
    transport: 'iframe',
    facts: { ...facts, carriesMax: platform.answerLengthMax },
    available: () => hasLoaded(platform),
    open: (request, sink) =>
      connect(sink, (link) => {
        const { callbacks, mark } = request;
        const name = `holdfast-${mark ?? ''}-${++frameCount}`;
        const page = platform.document as Document;
        const window = callbacks
          ? frameAround(page, `${name}-around`, callbacks, link)
          : (platform.window as Window);
        const document = callbacks ? window.document : page;
        const frame = hidden<HTMLIFrameElement>(document, 'iframe', { name });
        const origin = originOf(request.url);
        const head = mark === undefined ? '' : `${mark}\n`;
        const over = `${name}-over`;
        let turnCount = 0;

        link.listen(window, 'message', ({ data, source, origin: from }: MessageEvent<unknown>) => {
          if (data === over) return ended();
          if (source !== frame.contentWindow || from !== origin) return;
          const text = head === '' ? textOf(data) : data;
          if (typeof text !== 'string' || text.slice(0, head.length) !== head) return;
          link.opened();
          link.received({ text: text.slice(head.length) });
        });
        // Neither event says whether the document came to its end or never came; after a cut there is none. They
        // overtake the document's last messages, so that the end queues behind those.
        function ended(): void {
          if (isBlank(frame)) return;
          if (turnCount++ === turnsBehind) link.closed({ kind: 'closed', detail: 'the document ended' });
          else window.postMessage(over, '*');
        }
        link.listen(frame, 'load', ended);
        link.listen(frame, 'error', ended);

        if (request.method === 'GET') frame.src = request.url;
        put(document, frame, link);
        if (request.method === 'POST') {
          const form = formFor(document, request, name);
          put(document, form, link);
          form.submit();
        }
        return { send: uplink(platform, link) };
      }),
  });
}
