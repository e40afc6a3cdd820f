/** Launch options of Playwright for one browser; empty for Playwright's own. */
export interface BrowserOptions {
  readonly executablePath?: string;
  readonly channel?: string;
}

export interface Browsers {
  readonly chromium: BrowserOptions;
  readonly firefox: BrowserOptions;
}

export function chromiumArgs(): string[];
export function knownBrowsers(): Browsers;
export function findBrowsers(): Promise<Browsers>;
