/** A protocol for servers of others by hand: connections opened one after the other, and what each is given to read. */
import type { AdapterRequest, Closed, TransportName, Unit } from '../../../src/adapters/adapter.ts';
import type { Head } from '../../../src/adapters/answer.ts';
import type { OpenFrame, ServerFrame } from '../../../src/core/frames.ts';
import type { Endpoint, ProtocolFactory } from '../../../src/protocols/protocol.ts';

export const endpoint: Endpoint = {
  url: 'http://server/sub?channel=a',
  credentials: 'same-origin',
  headers: {},
  origin: 'http://server',
  requestNumber: () => 1,
  nonce: '',
};

/** Each connection is opened from where all that were before have got to. */
export function byHand(factory: ProtocolFactory) {
  const said: ServerFrame[] = [];
  const protocol = factory({ frames: (_, frames) => said.push(...frames), send() {} });
  let cursor: string | undefined;
  let connections = 0;

  function open(transport: TransportName, topics: readonly string[], at: Partial<Endpoint> = {}) {
    const id = ++connections;
    const ask = (): AdapterRequest => {
      const frame: OpenFrame = { type: 'open', protocol: '', client: 'c', key: 'k', attempt: id, topics };
      const asked = cursor === undefined ? frame : { ...frame, cursor };
      return protocol.open(id, transport, asked, { ...endpoint, ...at });
    };
    const request = ask();

    function take(unit: Unit): void {
      for (const frame of protocol.decode(id, unit) ?? []) {
        said.push(frame);
        if (frame.type === 'pong') cursor = frame.cursor;
      }
    }

    /** Asks once more, and gets this answer: how it ends, if not with a message. */
    function answer(status: number, headers: Record<string, string> = {}, body = ''): Closed | undefined {
      const { answer: reading } = ask();
      const head: Head = {
        status,
        type: headers['content-type'] ?? '',
        redirected: false,
        header: (name) => headers[name.toLowerCase()],
      };
      const verdict = reading?.judge(head);
      if (verdict) return verdict;
      protocol.noticed?.(id, { type: 'opened' });
      const reader = reading?.reader(head);
      reader?.add(body);
      const end = reader?.end() ?? [];
      if ('kind' in end) return end;
      end.forEach(take);
      return undefined;
    }

    return { request, ask, take, answer };
  }

  return {
    open,
    /** Topic, data and place of every message; those at the same place are the same. */
    messages: () =>
      said.flatMap((frame) => (frame.type === undefined ? [[frame.topic, frame.data, frame.id]] : [])),
    hellos: () => said.flatMap((frame) => (frame.type === 'hello' ? [frame] : [])),
    gaps: () => said.flatMap((frame) => (frame.type === 'gap' ? [frame] : [])),
    errors: () => said.flatMap((frame) => (frame.type === 'error' ? [[frame.code, frame.message]] : [])),
    nameOf(start: string) {
      const named = protocol.named?.({ type: 'ready', topic: '', serial: 0, start });
      return named?.type === 'ready' ? named.start : undefined;
    },
  };
}
