/**
 * As much of Playwright's `Page` as our tests use, over WebDriver. A word that is missing here throws its name, so that no test
 * passes by doing nothing.
 */
import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import type { Command } from './webdriver.ts';

const waitMsMax = 30_000;
const pollMs = 20;
const answerMsMax = 2_000;

/** Runs in the page: calls a function given as text, and tells what it answers as JSON, in which `undefined` is nothing. */
const caller = `
  const [text, args, done] = arguments;
  Promise.resolve()
    .then(() => (0, eval)('(' + text + ')')(...JSON.parse(args)))
    .then((value) => done({ json: JSON.stringify(value) }), (error) => done({ error: String(error) }));
`;

/** A page, and the driver's own words for what Playwright has none for. */
export type WebKitPage = Page & { readonly command: Command };

export function pageOver(command: Command): WebKitPage {
  const initScripts: unknown[] = [];

  async function evaluate(code: unknown, ...args: unknown[]): Promise<unknown> {
    const told = (await command('POST', '/execute/async', {
      script: caller,
      args: [String(code), JSON.stringify(args)],
    })) as { json?: string; error?: string };
    if (typeof told.error === 'string') throw new Error(`In the page: ${told.error}`);
    return typeof told.json === 'string' ? JSON.parse(told.json) : undefined;
  }

  /** A question that meets a page in the very moment of its change is never answered; the next one is. */
  async function isTrue(code: unknown): Promise<boolean> {
    const asked = command('POST', '/execute/sync', { script: `return Boolean((${code})())`, args: [] });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, answerMsMax);
    });
    // A page that is just being left answers with an error.
    const answer = await Promise.race([asked.catch(() => false), late]);
    clearTimeout(timer);
    return answer === true;
  }

  async function waitForFunction(code: unknown): Promise<void> {
    const endsAt = performance.now() + waitMsMax;
    while (!(await isTrue(code))) {
      if (performance.now() > endsAt) throw new Error(`Waited ${waitMsMax} ms in vain: ${code}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  const words = {
    command,
    evaluate,
    waitForFunction,
    async goto(url: string, { waitUntil = 'load' } = {}) {
      await evaluate('() => { window.isLeft = true; }');
      await command('POST', '/url', { url });
      const isThere = waitUntil === 'commit' ? 'document.body' : "document.readyState === 'complete'";
      await waitForFunction(`() => !window.isLeft && Boolean(${isThere})`);
      // WebDriver has nothing that would run before the page's own scripts.
      for (const code of initScripts) await evaluate(code);
    },
    async addInitScript(code: unknown) {
      initScripts.push(code);
    },
    async addScriptTag({ url, path }: { url?: string; path?: string }) {
      const content = path === undefined ? undefined : await readFile(path, 'utf8');
      await evaluate(
        `(src, text) => new Promise((resolve, reject) => {
          const script = document.createElement('script');
          script.onload = () => resolve();
          script.onerror = () => reject(new Error('not loaded'));
          if (src) script.src = src;
          else script.text = text;
          document.head.append(script);
          if (!src) resolve();
        })`,
        url ?? null,
        content,
      );
    },
    locator: (selector: string) => ({
      waitFor: () => waitForFunction(`() => document.querySelector(${JSON.stringify(selector)}) !== null`),
    }),
    isClosed: () => false,
  };
  return new Proxy(words, {
    get(_, word) {
      // A page is no thenable, and Playwright looks at what it is handed.
      if (word in words) return words[word as keyof typeof words];
      if (word === 'then' || typeof word === 'symbol') return undefined;
      throw new Error(`A page over WebDriver has no ${word}`);
    },
  }) as unknown as WebKitPage;
}
