/**
 * Pages in which something is broken on purpose. What is broken is broken for the whole page, so what is said here to run
 * in a page uses none of it.
 */
import type { Page } from '@playwright/test';
import type { Driver, Site } from '../harness.ts';
import { driverOf, openPage } from '../harness.ts';

type How = 'absent' | 'throws' | 'throws when read' | 'rejects' | 'does nothing';
export type Broken = readonly [path: string, how: How];

declare global {
  interface Window {
    /** What undoes each `spoil`, last first. */
    repairs: (() => void)[];
  }
}

/** In the page: breaks what lies at the path, until it is repaired. */
export function spoil(broken: readonly Broken[]): void {
  window.repairs ??= [];
  for (const [path, how] of broken) {
    const names = path.split('.');
    const name = names.pop() as string;
    const owner = names.reduce<object>((object, key) => object[key as never], window);
    const former = Object.getOwnPropertyDescriptor(owner, name);
    const fail = function (): never {
      throw new Error(`${path} is broken`);
    };
    const values = {
      absent: undefined,
      throws: fail,
      rejects: () => Promise.reject(new Error(`${path} is broken`)),
      'does nothing': function () {},
    };
    const broke = how === 'throws when read' ? { get: fail } : { value: values[how], writable: true };
    Object.defineProperty(owner, name, { configurable: true, ...broke });
    window.repairs.unshift(() => {
      if (former) Object.defineProperty(owner, name, former);
      else delete (owner as Record<string, unknown>)[name];
    });
  }
}

/** In the page: undoes all that. */
export function repair(): void {
  for (const undo of window.repairs.splice(0)) undo();
}

/** Collects what a page's error tracker would get, without any of the functions that get broken here. */
function track(): void {
  window.uncaught = [];
  const note = (text: string): void => {
    window.uncaught[window.uncaught.length] = text;
  };
  window.addEventListener('error', ({ message }) => note(message.replace(/^Uncaught /, '')));
  window.addEventListener('unhandledrejection', ({ reason }) => note(String(reason)));
}

export const trackedErrors = (page: Page): Promise<string[]> => page.evaluate(() => window.uncaught);

/** Opens the test page with some of it broken from the start, and keeps what its error tracker would get. */
export async function openTracked(page: Page, site: Site, broken: readonly Broken[] = []): Promise<Driver> {
  await page.addInitScript(track);
  await page.addInitScript(spoil, broken);
  await openPage(page, `${site.url}/pages/plain.html`);
  return driverOf(page);
}
