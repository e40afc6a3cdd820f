/**
 * The playground by its buttons: each is pressed, and what it must do to the page is looked for. The page shows its state
 * in data attributes; nothing here waits for time to pass.
 */
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { test as base, expect } from '@playwright/test';
import { main } from '../examples/playground/server.mjs';

type Playground = Awaited<ReturnType<typeof main>>;

const transports = ['websocket', 'http-stream', 'eventsource', 'iframe', 'long-poll', 'poll'] as const;
const screenshots = join('test-results', 'playground');
/** A change or a return that needs a silence to be noticed, or a retry to come round. */
const patienceMs = 30_000;

const test = base.extend<{ playground: Playground; view: View }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern where there are no fixtures to take.
  playground: async ({}, use) => {
    const playground = await main({ port: 0, quiet: true });
    await use(playground);
    await playground.close();
  },
  view: async ({ page, playground }, use) => {
    await use(await openView(page, playground));
  },
});

type View = Awaited<ReturnType<typeof openView>>;

/** The page, as somebody sees it who looks at it. */
async function openView(page: Page, playground: Playground) {
  const status = page.locator('[data-test="status"]');
  const button = (name: string) => page.locator(`[data-test="${name}"]`);
  const count = async (name: string) =>
    Number((await page.locator(`[data-count="${name}"]`).getAttribute('data-value')) ?? 0);
  const view = {
    page,
    status,
    button,
    count,
    press: (name: string) => button(name).click(),
    isOpen: () => expect(status).toHaveAttribute('data-state', 'open', { timeout: patienceMs }),
    isOver: (transport: string | RegExp) =>
      expect(status).toHaveAttribute('data-transport', transport, { timeout: patienceMs }),
    /** So many messages more have come. */
    async moves(by = 10) {
      const before = await count('messages');
      await expect.poll(() => count('messages'), { timeout: patienceMs }).toBeGreaterThan(before + by);
    },
    async losesNothing() {
      expect(await count('holes'), 'missing').toBe(0);
      expect(await count('duplicates'), 'repeated').toBe(0);
      expect(await count('sends-twice'), 'applied twice').toBe(0);
    },
  };
  await page.goto(playground.address);
  await view.isOpen();
  await view.moves();
  return view;
}

test('comes up within its own content policy', async ({ page, playground }) => {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      document.documentElement.dataset['violation'] = `${event.violatedDirective} ${event.blockedURI}`;
    });
  });
  const view = await openView(page, playground);
  await expect(page.locator('[data-count="clients"]')).toHaveAttribute('data-value', '1');
  await expect.poll(() => view.count('sends-acked')).toBeGreaterThan(0);
  await expect(page.locator('html')).not.toHaveAttribute('data-violation');
  expect(complaints).toEqual([]);
  await view.losesNothing();
});

test('cut: comes back with all that was missed', async ({ view }) => {
  for (let round = 1; round <= 3; round++) {
    const changes = await view.count('changes');
    await view.press('cut');
    await expect.poll(() => view.count('changes'), { timeout: patienceMs }).toBeGreaterThan(changes);
    await view.isOpen();
    await view.moves();
  }
  expect(await view.count('gaps')).toBe(0);
  await view.losesNothing();
});

test('block WebSocket: another transport carries on', async ({ view }) => {
  await view.press('prefer-websocket');
  await view.isOver('websocket');
  await view.press('prefer-auto');
  await view.press('block-websocket');
  await expect(view.button('block-websocket')).toHaveAttribute('aria-pressed', 'true');
  await view.isOver(/^(?!websocket)/);
  await view.isOpen();
  await view.moves();
  await expect(view.page.locator('[data-test="journal"] [data-transport="websocket"]').first()).toBeVisible();

  await view.press('block-websocket');
  await expect(view.button('block-websocket')).toHaveAttribute('aria-pressed', 'false');
  await view.press('prefer-websocket');
  await view.isOver('websocket');
  await view.moves();
  await view.losesNothing();
});

test('says which transports get through, and why the others do not', async ({ view }) => {
  await view.press('block-websocket');
  await expect(view.button('block-websocket')).toHaveAttribute('aria-pressed', 'true');
  await view.press('diagnose');
  const found = (works: boolean) => view.page.locator(`#findings [data-works="${works}"]`);
  await expect(found(true)).toHaveCount(5, { timeout: patienceMs });
  await expect(found(false)).toHaveCount(1);
  await expect(found(false)).toHaveAttribute('data-transport', 'websocket');
  await expect(found(false).locator('td').last()).not.toBeEmpty();
  await view.losesNothing();
});

test('buffer streams: a stream that goes silent is left', async ({ view }) => {
  await view.press('prefer-http-stream');
  await view.isOver('http-stream');
  await view.press('prefer-auto');
  await view.press('block-websocket');
  await view.press('buffer-streams');
  await view.isOver(/poll$/);
  await view.moves();
  await view.losesNothing();
});

test('drop everything: the silence is noticed, and the way back found', async ({ view }) => {
  await view.press('drop-silently');
  await expect(view.page.locator('[data-test="clock"]')).toHaveAttribute('data-stale', 'true');
  await expect(view.status).not.toHaveAttribute('data-state', 'open', { timeout: patienceMs });
  await view.press('heal');
  await expect(view.button('drop-silently')).toHaveAttribute('aria-pressed', 'false');
  await view.isOpen();
  await view.moves();
  await expect(view.page.locator('[data-test="clock"]')).toHaveAttribute('data-stale', 'false');
  await view.losesNothing();
});

test('add 200 ms: the latency beside the lane says so', async ({ view }) => {
  const medianMs = async () => {
    const transport = await view.status.getAttribute('data-transport');
    const text = await view.page.locator(`[data-latency="${transport}"]`).textContent();
    return Number.parseFloat(text ?? '');
  };
  await expect.poll(medianMs).toBeLessThan(90);
  await view.press('add-latency');
  await expect.poll(medianMs, { timeout: patienceMs }).toBeGreaterThanOrEqual(95);
  await view.press('add-latency');
  await expect.poll(medianMs, { timeout: patienceMs }).toBeLessThan(90);
  await view.losesNothing();
});

test('restart the hub: what it forgot is told, and nothing else is missing', async ({ view }) => {
  await view.press('restart-hub');
  await expect.poll(() => view.count('gaps'), { timeout: patienceMs }).toBeGreaterThan(0);
  await view.isOpen();
  await view.moves();
  await view.losesNothing();
});

test('prefers each transport in turn', async ({ view }) => {
  for (const transport of transports) {
    await view.press(`prefer-${transport}`);
    await expect(view.button(`prefer-${transport}`)).toHaveAttribute('aria-pressed', 'true');
    await view.isOver(transport);
    await expect(view.button(`prefer-${transport}`)).toHaveAttribute('data-used', 'true');
    await view.moves();
  }
  await view.press('prefer-auto');
  await expect(view.button('prefer-auto')).toHaveAttribute('aria-pressed', 'true');
  await view.losesNothing();
});

test('closes and opens the client', async ({ view }) => {
  await view.press('close');
  await expect(view.status).toHaveAttribute('data-state', 'closed');
  await view.press('close');
  await view.isOpen();
  await view.moves();
  await view.losesNothing();
});

test('chats with another page, through a cut, and shows text as text', async ({
  view,
  browser,
  playground,
}) => {
  const other = await openView(await browser.newPage(), playground);
  const words = '<img src=x onerror="document.title=1"> & a cut';
  await view.press('cut');
  await view.page.locator('[data-test="chat-text"]').fill(words);
  await view.press('chat-send');
  await expect(other.page.getByText(words)).toBeVisible({ timeout: patienceMs });
  await expect(view.page.getByText(words)).toHaveCount(1);
  await expect(view.page.locator('#chat-lines li').last()).toHaveAttribute('data-state', 'sent');
  await expect(other.page.locator('#chat-lines img')).toHaveCount(0);
  // What one page does to the line, the other draws too.
  await expect(other.page.locator('[data-test="journal"] [data-type="action"]')).toHaveCount(1);
  await other.page.close();
});

test('works by keyboard alone', async ({ view }) => {
  await view.button('block-websocket').focus();
  await view.page.keyboard.press('Space');
  await expect(view.button('block-websocket')).toHaveAttribute('aria-pressed', 'true');
  await view.page.keyboard.press('Tab');
  await expect(view.button('buffer-streams')).toBeFocused();

  await view.button('hold').focus();
  await view.page.keyboard.press('Enter');
  await expect(view.button('hold')).toHaveAttribute('aria-pressed', 'true');
  await view.page.keyboard.press('Tab');
  const tip = view.page.getByRole('tooltip');
  await expect(tip).toBeVisible();
  const newest = await tip.textContent();
  await view.page.keyboard.press('ArrowLeft');
  await expect(tip).not.toHaveText(newest ?? '');
  await view.page.keyboard.press('Escape');
  await expect(tip).toBeHidden();
});

const looks = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 860 } },
  { name: 'phone', colorScheme: 'light', viewport: { width: 360, height: 740 } },
] as const;

for (const { name, ...options } of looks) {
  test.describe(`in ${name}`, () => {
    test.use(options);

    test('fits, and leaves a picture', async ({ view, browserName }) => {
      test.skip(
        browserName !== 'chromium' && name !== looks[0]?.name,
        'one picture of each further engine is enough',
      );
      await view.press('prefer-eventsource');
      await view.isOver('eventsource');
      await view.press('cut');
      await view.moves(20);
      await view.press('prefer-long-poll');
      await view.isOver('long-poll');
      await view.press('add-latency');
      await view.moves(30);
      await view.press('heal');
      await view.press('prefer-auto');
      await view.page.locator('[data-test="chat-text"]').fill('It holds.');
      await view.press('chat-send');
      await view.moves(20);
      const overflow = await view.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, 'no horizontal scroll').toBeLessThanOrEqual(0);
      await view.page.evaluate(() => scrollTo(0, 0));
      await view.page.screenshot({
        path: join(screenshots, `${name}-${browserName}.png`),
        fullPage: true,
      });
      await view.losesNothing();
    });
  });
}
