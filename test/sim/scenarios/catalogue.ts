/**
 * Every schedule that breaks the naive reading of the protocol, and the tests that run it. `catalogue.test.ts` sees to it that
 * each finding has its schedules, each schedule its tests, and that these tests exist under these names.
 * A test is named by its file and its title: `scenarios/` is this folder, the others are those of `test/unit`.
 */

import { conductSchedules } from './catalogue-conduct.ts';
import { deliverySchedules } from './catalogue-delivery.ts';

interface Base {
  /** The finding, and the letter of its variant where it has several. */
  readonly id: `F${number}${string}`;
  /** The rules that answer it. */
  readonly rules: readonly `D${number}`[];
  readonly schedule: string;
}

interface Covered extends Base {
  readonly tests: readonly `${string}: ${string}`[];
}

/** It cannot be run before there is more of the product. */
interface PutOff extends Base {
  readonly later: 'with the first shared broker' | 'not built';
}

export type Schedule = Covered | PutOff;

export const schedules: readonly Schedule[] = [...deliverySchedules, ...conductSchedules];
