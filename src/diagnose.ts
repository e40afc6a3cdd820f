/**
 * Tries every transport once, each by a client of its own, and says in one table what came of it: something to paste into a
 * support ticket. It decides nothing and changes nothing in the client that asks.
 */
import type { Client, Diagnosis, Finding } from './client-types.ts';
import type { HoldfastError } from './core/errors.ts';
import type { Runtime } from './runtime/runtime.ts';

/** Reserved, so that every server refuses it, which is an answer. */
const topic = '$diagnose';

export interface DiagnoseHost {
  readonly url: string;
  readonly runtime: Runtime;
  readonly transports: readonly string[];
  /** Whether the server answers what it is asked; else its first words must do. */
  readonly asks: boolean;
  /** A client with this transport alone. */
  make(index: number): Client;
}

function tryOne(host: DiagnoseHost, index: number, timeoutMs: number, done: (it: Finding) => void): void {
  const { runtime, asks } = host;
  const client = host.make(index);
  const startedAt = runtime.now().mono;
  let isOver = false;

  function finish(detail: string, answeredMs?: number): void {
    if (isOver) return;
    isOver = true;
    stop();
    const first = client.status.attempts[0];
    client.close();
    done({
      transport: host.transports[index] as string,
      works: answeredMs !== undefined,
      openedMs: first?.openedMs,
      helloMs: first?.helloMs,
      answeredMs,
      detail,
    });
  }

  const answered = (): void => finish('works', Math.round(runtime.now().mono - startedAt));
  const stop = runtime.startTimer(() => {
    const hasHello = client.status.attempts[0]?.helloMs !== undefined;
    const what = hasHello ? 'nothing that went up was answered' : 'nothing came';
    finish(`${what} within ${timeoutMs} ms`);
  }, timeoutMs);
  client.on('error', ({ message }) => finish(message));
  client.on('trace', ({ type, reason }) => {
    if (type === 'promoted' && !asks) answered();
    if (type === 'closed') finish(reason ?? 'closed');
  });
  if (!asks) return client.open();
  client.send(topic, null, { timeoutMs: timeoutMs * 2 }).then(answered, ({ code }: HoldfastError) => {
    // An error of the server's is an answer.
    if (code !== 'NOT_SENT' && code !== 'CLOSED' && code !== 'OUTCOME_UNKNOWN') answered();
  });
}

/** Columns of twelve characters, and what came. */
function tableOf({ url, at, findings }: Diagnosis): string {
  const head = ['transport', 'works', 'opened ms', 'hello ms', 'answer ms', 'what came'];
  const rows = findings.map(({ transport, works, openedMs, helloMs, answeredMs, detail }) => {
    const times = [openedMs, helloMs, answeredMs].map((ms) => String(ms ?? '-'));
    return [transport, works ? 'yes' : 'no'].concat(times, detail);
  });
  const lines = [head]
    .concat(rows)
    .map((row) =>
      row.map((cell, column) => (column < 5 ? `${cell}            `.slice(0, 12) : cell)).join(' '),
    );
  return [`${url}, ${new Date(at).toISOString()}`].concat(lines).join('\n');
}

/** One after another, so that none takes the other's connections. */
export function diagnose(host: DiagnoseHost, timeoutMs: number, done: (diagnosis: Diagnosis) => void): void {
  const { url, runtime, transports } = host;
  const findings: Finding[] = [];
  const diagnosis = { url, at: runtime.now().wall, findings, toString: () => tableOf(diagnosis) };
  function next(): void {
    if (findings.length === transports.length) return done(diagnosis);
    tryOne(host, findings.length, timeoutMs, (finding) => {
      findings.push(finding);
      next();
    });
  }
  next();
}
