/**
 * An HTTP request whose answer is NDJSON: its complete lines, then one verdict.
 * Owns what counts as an answer; must not know what the lines mean, nor what happens after the end.
 *
 * @internal
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterRequest, Closed } from './adapter.ts';
import { type Head, request } from './request.ts';

/** Characters of a line whose end has not come; beyond it the answer is given up. */
const lineLengthMax = 8 * 1024 * 1024;

const ndjson = 'application/x-ndjson';

/** Joins pieces of text to complete lines, looking at each character once. */
function lineReader(): { add(text: string): string | undefined; restLength(): number } {
  let rest: string[] = [];
  let restLength = 0;
  return {
    /** The lines that are complete now, without the last LF; `undefined` if none is. */
    add(text) {
      const end = text.lastIndexOf('\n');
      const tail = text.slice(end + 1);
      let lines: string | undefined;
      if (end >= 0) {
        lines = rest.join('') + text.slice(0, end);
        rest = [];
        restLength = 0;
      }
      if (tail !== '') rest.push(tail);
      restLength += tail.length;
      return lines;
    },
    restLength: () => restLength,
  };
}

export interface ExchangeListener {
  /** An answer has come whose lines will be told. */
  onHead(): void;
  onLines(text: string): void;
  /** Last. `closed`: a success, and complete. */
  onEnd(reason: Closed, status?: number): void;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** What a head alone decides; `undefined` if the body has a say. */
function judge(head: Head, isExpected: boolean): Closed | undefined {
  const detail = `${head.status} ${head.type}`;
  // A login page behind a redirect says something of the network in between, whatever its status.
  if (head.redirected && !isExpected) return { kind: 'type', detail };
  if (!isSuccess(head.status)) return { kind: 'status', status: head.status, detail };
  if (head.status === 204) return { kind: 'closed' };
  return isExpected ? undefined : { kind: 'type', detail };
}

/** Makes a request and tells the complete lines of its answer, also of a refusal that brings lines. */
export function exchange(platform: Platform, asked: AdapterRequest, on: ExchangeListener): () => void {
  const lines = lineReader();
  const expected = (asked.headers['accept'] ?? ndjson).toLowerCase();
  let status: number | undefined;
  let verdict: Closed | undefined;

  const abort = request(platform, asked, {
    onHead(head) {
      const isExpected = head.type === expected;
      status = head.status;
      verdict = judge(head, isExpected);
      if (!verdict || (verdict.kind === 'status' && isExpected)) return on.onHead();
      abort();
      on.onEnd(verdict, status);
    },
    onText(text) {
      const complete = lines.add(text);
      if (lines.restLength() > lineLengthMax) {
        abort();
        return on.onEnd(
          { kind: 'failed', detail: `a line of more than ${lineLengthMax} characters` },
          status,
        );
      }
      if (complete !== undefined) on.onLines(complete);
    },
    onEnd(failure) {
      if (verdict) on.onEnd(verdict, status);
      else if (failure !== undefined) on.onEnd({ kind: 'failed', detail: failure }, status);
      else if (lines.restLength() > 0) on.onEnd({ kind: 'failed', detail: 'cut in a line' }, status);
      else on.onEnd({ kind: 'closed' }, status);
    },
  });
  return abort;
}
