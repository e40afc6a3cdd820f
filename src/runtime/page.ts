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

/** Tells what holds already, then what happens. Returns what ends it. */
export function pageSignals(scope: Scope, tell: (signal: Signal) => void): () => void {
  const undos: (() => void)[] = [];

  function on(target: Partial<EventTarget> | undefined, type: string, handler: () => void): void {
    target?.addEventListener?.(type, handler);
    undos.push(() => target?.removeEventListener?.(type, handler));
  }

  function watchVisibility(document: Document): void {
    const look = (): void => tell(document.visibilityState === 'hidden' ? 'hidden' : 'visible');
    on(document, 'visibilitychange', look);
    look();
  }

  /**
   * Chromium's order is `pagehide`, `freeze`, and back `resume`, `pageshow`; a hidden tab may see the inner pair alone.
   * Whichever comes first tells it, once. The `pageshow` of a page that was never away means nothing.
   */
  function watchSuspension(document: Document): void {
    let isSuspended = false;
    const become = (suspended: boolean) => () => {
      if (suspended !== isSuspended) tell(suspended ? 'suspended' : 'resumed');
      isSuspended = suspended;
    };
    on(scope, 'pagehide', become(true));
    on(document, 'freeze', become(true));
    on(document, 'resume', become(false));
    on(scope, 'pageshow', become(false));
  }

  function watchPrerendering(document: Document & { readonly prerendering?: boolean }): void {
    on(document, 'prerenderingchange', () => tell('activated'));
    tell(document.prerendering ? 'prerendering' : 'activated');
  }

  function watchNetwork(navigator: Navigator & { readonly connection?: NetworkInformation }): void {
    on(scope, 'online', () => tell('online'));
    on(scope, 'offline', () => tell('offline'));
    tell(navigator.onLine === false ? 'offline' : 'online');

    // The event also tells every new estimate of delay and rate, which are no change of network.
    const { connection } = navigator;
    const kind = (): string => `${connection?.type} ${connection?.effectiveType}`;
    let last = kind();
    on(connection, 'change', () => {
      const now = kind();
      if (now !== last) tell('network-changed');
      last = now;
    });
  }

  /** One task after the `load` handlers: see `adapters/iframe.ts`. */
  function watchLoad(document: Document): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tellNextTask = (): void => {
      timer = setTimeout(() => tell('document-loaded'), 0);
    };
    if (document.readyState === 'complete') tellNextTask();
    else on(scope, 'load', tellNextTask);
    undos.push(() => clearTimeout(timer));
  }

  const { document, navigator } = scope;
  if (document) {
    watchVisibility(document);
    watchSuspension(document);
    watchPrerendering(document);
    watchLoad(document);
  }
  if (navigator) watchNetwork(navigator);
  return () => {
    while (undos.length > 0) undos.pop()?.();
  };
}
