/**
 * Tries every transport once, each by a client of its own, and says in one table what came of it: something to paste into a
 * support ticket. It decides nothing and changes nothing in the client that asks.
 */
import type { Client, Diagnosis, Finding } from './client-types.ts';
import type { HoldfastError } from './core/errors.ts';
import type { Now, Trace } from './core/model.ts';

/** Reserved, so that every server refuses it, which is an answer. */
const topic = '$diagnose';

export interface DiagnoseHost {
  readonly url: string;
  readonly transports: readonly string[];
  /** Whether the server answers what it is asked; else its first words must do. */
  readonly asks: boolean;
  /** A client with this transport alone. */
  make(transport: string): Client;
  now(): Now;
  after(ms: number, run: () => void): () => void;
}

function tryOne(host: DiagnoseHost, transport: string, timeoutMs: number, done: (it: Finding) => void): void {
  const client = host.make(transport);
  const startedAt = host.now().mono;
  const seen: { openedMs?: number; helloMs?: number; answeredMs?: number } = {};
  let isOver = false;

  function finish(detail: string): void {
    if (isOver) return;
    isOver = true;
    stop();
    client.close();
    const { openedMs, helloMs, answeredMs } = seen;
    done({ transport, works: answeredMs !== undefined, openedMs, helloMs, answeredMs, detail });
  }

  function answered(): void {
    seen.answeredMs = Math.round(host.now().mono - startedAt);
    finish('works');
  }

  const what = (): string =>
    seen.helloMs === undefined ? 'nothing came' : 'nothing that went up was answered';
  const stop = host.after(timeoutMs, () => finish(`${what()} within ${timeoutMs} ms`));
  client.on('error', (error: HoldfastError) => finish(error.message));
  client.on('trace', (trace: Trace) => {
    const ms = Math.round(host.now().mono - startedAt);
    if (trace.type === 'opened') seen.openedMs ??= ms;
    if (trace.type === 'hello') seen.helloMs ??= ms;
    if (trace.type === 'promoted' && !host.asks) answered();
    if (trace.type === 'closed') finish(trace.reason ?? 'closed');
  });
  if (!host.asks) return client.open();
  client.send(topic, null, { timeoutMs: timeoutMs * 2 }).then(answered, (error: HoldfastError) => {
    const isOurs = error.code === 'NOT_SENT' || error.code === 'CLOSED' || error.code === 'OUTCOME_UNKNOWN';
    if (!isOurs) answered();
  });
}

function pad(text: string, width: number): string {
  let padded = text;
  while (padded.length < width) padded += ' ';
  return padded;
}

function tableOf(url: string, at: number, findings: readonly Finding[]): string {
  const ms = (value: number | undefined): string => (value === undefined ? '-' : String(value));
  const rows = findings.map(({ transport, works, openedMs, helloMs, answeredMs, detail }) => [
    transport,
    works ? 'yes' : 'no',
    ms(openedMs),
    ms(helloMs),
    ms(answeredMs),
    detail,
  ]);
  const all = [['transport', 'works', 'opened ms', 'hello ms', 'answer ms', 'what came']].concat(rows);
  const widths = (all[0] as string[]).map((_, column) =>
    all.reduce((most, row) => Math.max(most, (row[column] as string).length), 0),
  );
  const lines = all.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] as number))
      .join('  ')
      .replace(/ +$/, ''),
  );
  return [`${url}, ${new Date(at).toISOString()}`].concat(lines).join('\n');
}

/** One after another, so that none takes the other's connections. */
export function diagnose(host: DiagnoseHost, timeoutMs: number, done: (diagnosis: Diagnosis) => void): void {
  const findings: Finding[] = [];
  const at = host.now().wall;
  function next(): void {
    const transport = host.transports[findings.length];
    if (transport !== undefined) {
      return tryOne(host, transport, timeoutMs, (finding) => {
        findings.push(finding);
        next();
      });
    }
    const { url } = host;
    done({ url, at, findings, toString: () => tableOf(url, at, findings) });
  }
  next();
}
