/**
 * iframe streaming: a hidden document that never ends and hands each unit to this page by `postMessage`.
 * Owns the frame and the form that asks for it; must not know what the units mean, nor when to recycle the frame.
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterFactory, AdapterRequest } from './adapter.ts';
import { type Guard, guard, messageOf } from './guard.ts';
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

function hiddenFrame(document: Document, name: string): HTMLIFrameElement {
  const frame = document.createElement('iframe');
  frame.name = name;
  frame.style.display = 'none';
  return frame;
}

/** A form that asks for the request's document in the frame of that name: a POST leaves no entry in the history. */
function hiddenForm(document: Document, request: AdapterRequest, name: string): HTMLFormElement {
  const form = document.createElement('form');
  form.method = 'POST';
  form.action = request.url;
  form.target = name;
  form.acceptCharset = 'utf-8';
  form.style.display = 'none';
  const fields = request.fields ?? {};
  const names = Object.keys(fields);
  for (let i = 0; i < names.length; i++) {
    const input = document.createElement('input');
    input.type = 'hidden';
    input.name = names[i] as string;
    input.value = fields[input.name] as string;
    form.appendChild(input);
  }
  return form;
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

/**
 * A blank frame around the stream's: the functions that the document calls as `parent`'s are on it, so that the page has no
 * globals of ours, and each connection hears its own document only.
 */
function frameAround(page: Document, name: string, callbacks: readonly string[], link: Guard): Window {
  const frame = hiddenFrame(page, name);
  link.atEnd(() => frame.parentNode?.removeChild(frame));
  (page.body ?? page.documentElement).appendChild(frame);
  const around = frame.contentWindow as Window;
  callbacks.forEach((event) => {
    (around as unknown as Record<string, unknown>)[event] = (given: unknown): void => {
      link.opened();
      link.received({ text: typeof given === 'string' ? given : JSON.stringify(given), event });
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
    open(request, sink) {
      const link = guard(sink);

      function start(page: Window, body: Document): void {
        const name = `holdfast-${request.mark ?? ''}-${++frameCount}`;
        const { callbacks } = request;
        const window = callbacks ? frameAround(body, `${name}-around`, callbacks, link) : page;
        const document = callbacks ? window.document : body;
        const frame = hiddenFrame(document, name);
        const form = request.method === 'POST' ? hiddenForm(document, request, name) : undefined;
        const origin = originOf(request.url);
        const mark = request.mark === undefined ? '' : `${request.mark}\n`;
        const over = `${name}-over`;

        link.listen(window, 'message', (event: MessageEvent<unknown>) => {
          const data = event.data;
          if (data === over) return ended();
          if (event.source !== frame.contentWindow || event.origin !== origin) return;
          const text = mark === '' && typeof data !== 'string' ? JSON.stringify(data) : data;
          if (typeof text !== 'string' || text.slice(0, mark.length) !== mark) return;
          link.opened();
          link.received({ text: text.slice(mark.length) });
        });
        // Neither event says whether the document came to its end or never came; after a cut there is none. They
        // overtake the document's last messages, so that the end queues behind those.
        let turnCount = 0;
        const ended = (): void => {
          if (isBlank(frame)) return;
          if (turnCount++ === turnsBehind) link.closed({ kind: 'closed', detail: 'the document ended' });
          else window.postMessage(over, '*');
        };
        link.listen(frame, 'load', ended);
        link.listen(frame, 'error', ended);

        const parent = document.body ?? document.documentElement;
        link.atEnd(() => {
          frame.parentNode?.removeChild(frame);
          form?.parentNode?.removeChild(form);
        });
        if (!form) frame.src = request.url;
        parent.appendChild(frame);
        if (form) parent.appendChild(form).submit();
      }

      try {
        if (!platform.document || !platform.window) throw new Error('no document');
        start(platform.window, platform.document);
      } catch (error) {
        link.closedSoon({ kind: 'refused', detail: messageOf(error) });
      }

      return {
        send: uplink(platform, link),
        poll() {},
        close: () => link.closed({ kind: 'aborted' }),
      };
    },
  });
}
