// All ways in which the product is broken on purpose, to see the simulator find out (`npm run mutants`).
//
// One mutant: `name` says in a sentence what is wrong then, `rule` which rule or promise forbids it; in `file` the text `find`,
// which must occur exactly once, is replaced by `replace`, and so are those of `and`, if the fault needs several places.
// Nothing of the working tree is touched: the text is exchanged while the simulator is bundled.

import { hubMutants } from './hub.mjs';
import { hubSendsMutants } from './hub-sends.mjs';
import { inboxMutants } from './inbox.mjs';
import { sessionMutants } from './session.mjs';

/**
 * @typedef {{ file: string, find: string, replace: string }} Edit
 * @typedef {Edit & { name: string, rule: string, and?: readonly Edit[] }} Mutant
 */

/** @type {readonly Mutant[]} */
export const mutants = [...inboxMutants, ...sessionMutants, ...hubMutants, ...hubSendsMutants];

/**
 * The replacements of one mutant.
 * @param {Mutant} mutant
 * @returns {readonly Edit[]}
 */
export function editsOf({ file, find, replace, and = [] }) {
  return [{ file, find, replace }, ...and];
}
