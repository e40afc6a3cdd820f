/** One seed for all properties: a landing must not depend on chance. `npm run fuzz` takes others. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['HOLDFAST_FUZZ_SEED'] ?? 1) });
