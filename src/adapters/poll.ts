/**
 * Short polling: each poll is answered at once; how often to ask is the session's affair.
 * Everything else is in `polling.ts`.
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterFactory } from './adapter.ts';
import { polling } from './polling.ts';

export function poll(): AdapterFactory<Platform> {
  return polling('poll', false);
}
