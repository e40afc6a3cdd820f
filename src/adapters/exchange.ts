/**
 * An HTTP request and its answer in units, then one verdict. Unless the protocol reads it by itself, it is NDJSON.
 * Owns what counts as an answer; must not know what the units mean, nor what happens after the end.
 *
 * @internal
 */
import type { Platform } from '../runtime/runtime.ts';
import type { AdapterRequest, Closed, Unit } from './adapter.ts';
import type { Answer, Head, Reader } from './answer.ts';
import { request } from './request.ts';

/** Characters of a line whose end has not come; beyond it the answer is given up. */
const lineLengthMax = 8 * 1024 * 1024;

const ndjson = 'application/x-ndjson';

/** Joins pieces of text to complete lines, looking at each character once. */
export function lineReader(): Reader {
  let rest = '';
  return {
    add(text) {
      const end = text.lastIndexOf('\n');
      const lines = end < 0 ? [] : [{ text: rest + text.slice(0, end) }];
      rest = (end < 0 ? rest : '') + text.slice(end + 1);
      return rest.length > lineLengthMax
        ? { kind: 'unreadable', detail: `a line of more than ${lineLengthMax} characters` }
        : lines;
    },
    end: () => (rest === '' ? [] : { kind: 'failed', detail: 'cut in a line' }),
  };
}

export interface ExchangeListener {
  /** An answer has come whose units will be told. */
  onHead?(): void;
  onUnit(unit: Unit): void;
  /** Last. `closed`: a success, and complete. */
  onEnd(reason: Closed, status?: number): void;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Lines of the type that was asked for; also a refusal may bring some. */
function ndjsonAnswer(asked: AdapterRequest): Answer {
  const expected = (asked.headers['accept'] ?? ndjson).toLowerCase();
  return {
    judge(head) {
      const isExpected = head.type === expected;
      const detail = `${head.status} ${head.type}`;
      // A login page behind a redirect says something of the network in between, whatever its status.
      if (head.redirected && !isExpected) return { kind: 'type', detail };
      if (head.status === 204) return { kind: 'closed' };
      if (isExpected) return undefined;
      return isSuccess(head.status)
        ? { kind: 'type', detail }
        : { kind: 'status', status: head.status, detail };
    },
    reader: lineReader,
    strict: false,
  };
}

/** Makes a request and tells the units of its answer, also of a refusal that brings some. */
export function exchange(platform: Platform, asked: AdapterRequest, on: ExchangeListener): () => void {
  const answer = asked.answer ?? ndjsonAnswer(asked);
  let reader: Reader;
  let head: Head | undefined;

  const end = (reason: Closed): void => on.onEnd(reason, head?.status);

  function give(up: Closed): void {
    abort();
    end(up);
  }

  /** `undefined`: it is read on. */
  function tell(units: readonly Unit[] | Closed): Closed | undefined {
    if ('kind' in units) return units;
    for (let i = 0; i < units.length; i++) on.onUnit(units[i] as Unit);
    return undefined;
  }

  const abort = request(platform, asked, {
    onHead(come) {
      head = come;
      const verdict = answer.judge(come);
      if (verdict) return give(verdict);
      reader = answer.reader(come);
      on.onHead?.();
    },
    onText(text) {
      const broken = tell(reader.add(text));
      if (broken) give(broken);
    },
    onEnd(failure) {
      if (failure || !head) return end(failure ?? { kind: 'failed' });
      const broken = tell(reader.end());
      const { status, type } = head;
      if (!isSuccess(status)) return end({ kind: 'status', status, detail: `${status} ${type}` });
      end(broken ?? { kind: 'closed' });
    },
  });
  return abort;
}
