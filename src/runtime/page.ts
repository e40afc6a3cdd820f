/**
 * The life of a page as signals: which platform events mean what, in pages and in workers.
 * Owns the listeners; must not know what follows from a signal.
 */
import type { Signal } from './runtime.ts';

type Scope = Partial<Window & typeof globalThis>;

/** `navigator.connection`, which the DOM types lack. */
interface NetworkInformation extends EventTarget {
  readonly type?: string;
  readonly effectiveType?: string;
}

type Listen = (target: EventTarget | undefined, type: string, handler: () => void) => void;

function watchVisibility(scope: Scope, on: Listen, tell: (signal: Signal) => void): void {
  const { document } = scope;
  if (!document || typeof document.visibilityState !== 'string') return;
  const look = (): void => tell(document.visibilityState === 'hidden' ? 'hidden' : 'visible');
  on(document, 'visibilitychange', look);
  look();
}

/**
 * Chromium's order is `pagehide`, `freeze`, and back `resume`, `pageshow`; a hidden tab may see the inner pair alone.
 * Whichever comes first tells it, once. The `pageshow` of a page that was never away means nothing.
 */
function watchSuspension(scope: Scope, on: Listen, tell: (signal: Signal) => void): void {
  const { document } = scope;
  if (!document) return;
  let isSuspended = false;
  const suspend = (): void => {
    if (!isSuspended) tell('suspended');
    isSuspended = true;
  };
  const resume = (): void => {
    if (isSuspended) tell('resumed');
    isSuspended = false;
  };
  on(scope as Window, 'pagehide', suspend);
  on(document, 'freeze', suspend);
  on(document, 'resume', resume);
  on(scope as Window, 'pageshow', resume);
}

function watchPrerendering(scope: Scope, on: Listen, tell: (signal: Signal) => void): void {
  const document = scope.document as (Document & { readonly prerendering?: boolean }) | undefined;
  if (!document || typeof document.prerendering !== 'boolean') return;
  on(document, 'prerenderingchange', () => tell('activated'));
  tell(document.prerendering ? 'prerendering' : 'activated');
}

function watchNetwork(scope: Scope, on: Listen, tell: (signal: Signal) => void): void {
  const { addEventListener, navigator } = scope;
  if (!addEventListener || !navigator) return;
  on(scope as Window, 'online', () => tell('online'));
  on(scope as Window, 'offline', () => tell('offline'));
  if (typeof navigator.onLine === 'boolean') tell(navigator.onLine ? 'online' : 'offline');

  const { connection } = navigator as Navigator & { readonly connection?: NetworkInformation };
  if (!connection || typeof connection.addEventListener !== 'function') return;
  // The event also tells every new estimate of delay and rate, which are no change of network.
  const kind = (): string => `${connection.type} ${connection.effectiveType}`;
  let last = kind();
  on(connection, 'change', () => {
    const now = kind();
    if (now !== last) tell('network-changed');
    last = now;
  });
}

/** One task after the `load` handlers: see `adapters/iframe.ts`. Returns what ends it. */
function watchLoad(scope: Scope, on: Listen, tell: (signal: Signal) => void): () => void {
  const { document } = scope;
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (!document) return () => {};
  const tellNextTask = (): void => {
    timer = setTimeout(() => tell('document-loaded'), 0);
  };
  const timing = scope.performance?.timing;
  if (document.readyState !== 'complete') on(scope as Window, 'load', tellNextTask);
  else if (timing && timing.loadEventEnd > 0) tell('document-loaded');
  else tellNextTask();
  return () => clearTimeout(timer);
}

/** Tells what holds already, then what happens. Returns what ends it. */
export function pageSignals(scope: Scope, onSignal: (signal: Signal) => void): () => void {
  const undos: (() => void)[] = [];
  const listen: Listen = (target, type, handler) => {
    target?.addEventListener(type, handler);
    undos.push(() => target?.removeEventListener(type, handler));
  };
  watchVisibility(scope, listen, onSignal);
  watchSuspension(scope, listen, onSignal);
  watchPrerendering(scope, listen, onSignal);
  watchNetwork(scope, listen, onSignal);
  undos.push(watchLoad(scope, listen, onSignal));
  return () => {
    while (undos.length > 0) undos.pop()?.();
  };
}
