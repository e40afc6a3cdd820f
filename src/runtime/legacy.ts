/**
 * What a browser of any age offers to a client: all that it has itself, and stand-ins for what it lacks.
 * Owns the choice between the two. No global is changed, and nothing is looked at before a runtime is made.
 */
import eventSourcePolyfill from 'event-source-polyfill';
import { browserRuntime, type Scope } from './browser.ts';
import { later } from './legacy-promise.ts';
import type { EventSourceConstructor, Platform, Runtime } from './runtime.ts';
import { xhrPlatform } from './xhr.ts';

/** fetch that shows an answer as it comes. Some engines have the parts of it without the whole. */
function canStream({ fetch, TextDecoder, Response }: Scope): boolean {
  return (
    Boolean(fetch && TextDecoder && Response) && 'body' in (Response as typeof globalThis.Response).prototype
  );
}

/** Engines before 2011 speak a draft of WebSocket that no server understands any more; this constant came with its end. */
function hasWebSocket({ WebSocket }: Scope): boolean {
  return WebSocket?.CLOSING === 2;
}

/** What event-source-polyfill takes for whole, too: one that asks other origins. */
function hasEventSource({ EventSource }: Scope): boolean {
  return (
    Boolean(EventSource) && 'withCredentials' in (EventSource as typeof globalThis.EventSource).prototype
  );
}

function platformOf(scope: Scope, own: Platform): Platform {
  const polyfill = eventSourcePolyfill.EventSourcePolyfill as unknown as EventSourceConstructor;
  return {
    ...own,
    ...(canStream(scope) ? {} : xhrPlatform()),
    WebSocket: hasWebSocket(scope) ? own.WebSocket : undefined,
    EventSource: hasEventSource(scope) ? own.EventSource : polyfill,
  };
}

/**
 * An array: the typed arrays of old engines lack the methods of one. Without a crypto source (IE 9 and 10) these
 * numbers can be guessed; `docs/BROWSERS.md` says what that means.
 */
function randomBytes(scope: Scope & { readonly msCrypto?: Crypto }, count: number): Uint8Array {
  // Firefox had a `crypto` of another kind for years.
  const source: Partial<Crypto> | undefined = scope.crypto ?? scope.msCrypto;
  const strong = source?.getRandomValues?.(new Uint8Array(count));
  const bytes: number[] = [];
  for (let i = 0; i < count; i++) bytes.push(strong?.[i] ?? Math.floor(Math.random() * 256));
  return bytes as unknown as Uint8Array;
}

export function legacyRuntime(): Runtime {
  const scope = self as Scope;
  const whole = browserRuntime(scope);
  return {
    ...whole,
    platform: platformOf(scope, whole.platform),
    randomBytes: (count) => randomBytes(scope, count),
    defer: later,
  };
}
