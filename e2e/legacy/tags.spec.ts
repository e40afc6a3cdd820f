/** The tags that `docs/BROWSERS.md` recommends, in browsers that know modules; and the script for old ones in current ones. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { driverOf, expect, expectNumbers, root, test, transports } from '../harness.ts';

interface Globals {
  readonly Holdfast: object;
  readonly createDriver: (holdfast: object) => unknown;
}

/** The second example of the page, with the addresses of this test. */
function tags(): string {
  const examples = readFileSync(join(root, 'docs/BROWSERS.md'), 'utf8').split('```html\n').slice(1);
  const example = (examples[1] as string).split('```')[0] as string;
  return example
    .replace(/https:\/\/[^"]*\/dist\//g, '/dist/')
    .replace('page.js', 'data:text/javascript,ran=typeof Holdfast.createClient');
}

test('of the pair of tags one script is loaded, before the page’s own', async ({ page, site }) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.route('**/tags.html', (route) => route.fulfill({ contentType: 'text/html', body: tags() }));
  await page.goto(`${site.url}/tags.html`);
  expect(await page.evaluate(() => (window as unknown as { ran: string }).ran)).toBe('function');
  expect(asked.filter((path) => path.startsWith('/dist/'))).toEqual(['/dist/holdfast.umd.min.js']);
});

for (const transport of transports) {
  test(`the script for old browsers works in current ones, by ${transport}`, async ({
    page,
    site,
    hub,
    hubUrl,
  }) => {
    await page.goto(`${site.url}/pages/plain.html`);
    await page.addScriptTag({ url: `${site.url}/dist/holdfast.legacy.min.js` });
    await page.evaluate(async () => {
      const path = '/pages/driver.js';
      const { createDriver } = (await import(path)) as Pick<Globals, 'createDriver'>;
      const globals = window as unknown as Globals & Record<string, unknown>;
      globals['driverOfLegacy'] = createDriver(globals.Holdfast);
    });
    const driver = driverOf(page, 'driverOfLegacy');
    hub.reply = ({ data }) => data;
    await driver.start(hubUrl, [transport]);
    expect(await driver.subscribe('numbers')).toBe('ready');
    for (const n of [1, 2, 3]) await hub.hub.publish('numbers', n);
    await expectNumbers(driver, 'numbers', 3);
    expect(await driver.send('chat', 'hi')).toMatchObject({ reply: 'hi' });
  });
}
