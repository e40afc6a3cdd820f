/**
 * `Uint8Array` for engines without typed arrays: there bytes are arrays of numbers.
 * The build of the script for old browsers puts it in the place of the global's name (`rollup.config.mjs`).
 *
 * @internal
 */

function ByteArray(given: number | ArrayLike<number>): number[] {
  const bytes: number[] = [];
  const length = typeof given === 'number' ? given : given.length;
  for (let i = 0; i < length; i++) bytes.push(typeof given === 'number' ? 0 : (given[i] as number));
  return bytes;
}

const standIn = (typeof Uint8Array === 'undefined' ? ByteArray : Uint8Array) as typeof Uint8Array;

export { standIn as Uint8Array };
