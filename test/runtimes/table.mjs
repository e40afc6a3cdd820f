/** What the runs say, as a table in `docs/BROWSERS.md`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transports } from './scenario.mjs';

const page = join(import.meta.dirname, '../../docs/BROWSERS.md');
const begin = '<!-- runtimes: written by npm run test:runtimes -->';
const end = '<!-- end of runtimes -->';

function passedIn({ contract }) {
  return `${contract.filter(({ state }) => state === 'pass').length} passed`;
}

function cellOf(scenarios, transport) {
  const found = scenarios.find((one) => one.transport === transport);
  return !found || found.wrong ? 'no' : 'yes';
}

function usedIn({ client }) {
  return `\`${client.find(({ transport }) => transport === 'default')?.used}\``;
}

/** A column for each runtime. */
export function tableOf(ran) {
  const lines = [
    ['', ...ran.map(({ engine }) => engine.label)],
    ['---', ...ran.map(() => '---')],
    ['contract suite of the adapters', ...ran.map(passedIn)],
    ...transports.map((name) => [`client, \`${name}\``, ...ran.map(({ client }) => cellOf(client, name))]),
    ['client, if nothing is said, ends with', ...ran.map(usedIn)],
    ...transports.map((name) => [`hub, \`${name}\``, ...ran.map(({ hub }) => cellOf(hub, name))]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Writes the table of a whole run in which all was well. */
export function writeTable(table) {
  const text = readFileSync(page, 'utf8');
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf(end);
  if (from < begin.length || to < from) throw new Error(`${page} has no place for the runtimes`);
  writeFileSync(page, `${text.slice(0, from)}\n${table}\n${text.slice(to)}`);
}
