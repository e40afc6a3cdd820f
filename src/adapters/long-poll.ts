/**
 * Long polling: the server holds each poll open until something is due.
 * Everything else is in `polling.ts`.
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterFactory } from './adapter.ts';
import { polling } from './polling.ts';

export function longPoll(): AdapterFactory<Platform> {
  return polling('long-poll', true);
}
