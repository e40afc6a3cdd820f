/** What may come from outside: frames as they should be, frames that are almost right, and anything at all. */
import fc from 'fast-check';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const count = fc.oneof(fc.nat(20), fc.maxSafeNat());
const topic = fc.constantFrom('a', 'b', '$direct', 'ünïcode 😀');
const bytes = fc.uint8Array({ maxLength: 20 }).map((list) => Buffer.from(list).toString('base64'));
const epoch = fc.constantFrom('aaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbb');
export const cursor = fc.tuple(epoch, fc.nat(20)).map(([name, offset]) => `${name}.${offset}`);
/** 22 characters, as client ids and keys are. */
const identifier = fc.constantFrom('c'.repeat(22), 'd'.repeat(22));
const payload = fc.oneof(fc.record({ data: fc.jsonValue() }), fc.record({ base64: bytes }));

function typed<T extends object>(type: string, fields: fc.Arbitrary<T>): fc.Arbitrary<object> {
  return fields.map((rest) => ({ type, ...rest }));
}

function record(fields: Record<string, fc.Arbitrary<unknown>>, optional: readonly string[] = []) {
  const requiredKeys = Object.keys(fields).filter((name) => !optional.includes(name));
  return fc.record(fields, { requiredKeys });
}

const message = fc
  .tuple(record({ topic, id: count.map(String) }), payload)
  .map(([place, what]) => ({ ...place, ...what }));
const topicAnswer = record(
  {
    topic,
    start: fc.nat(20).map(String),
    last: fc.array(message, { maxLength: 2 }),
    error: record({ code: fc.constantFrom('TOPIC_DENIED', 'BAD_TOPIC'), message: text }),
    retryMs: fc.nat(1_000),
  },
  ['start', 'last', 'error', 'retryMs'],
);
const limits = record({ frameBytes: count, topics: count, window: count, batchBytes: count });
const code = fc.constantFrom('BUSY', 'INTERNAL', 'SLOW_CONSUMER', 'BAD_FRAME', 'TICKET_UNKNOWN');

/** Frames of a server, each by itself in order; together they need make no sense. */
export const serverFrame: fc.Arbitrary<object> = fc.oneof(
  message,
  record({ topic, ephemeral: fc.constantFrom('o.1', 'o.2', 'x'), data: fc.jsonValue() }),
  typed(
    'hello',
    record(
      {
        attempt: fc.nat(5),
        head: cursor,
        cursor,
        topics: fc.array(topicAnswer, { maxLength: 3 }),
        heartbeatMs: count,
        holdMs: count,
        sends: fc.constantFrom('n1', 'n2'),
        keepMs: count,
        limits,
        expiresInMs: count,
        identity: text,
      },
      ['expiresInMs', 'identity'],
    ),
  ),
  typed('subscribed', record({ request: fc.nat(3), topics: fc.array(topicAnswer, { maxLength: 3 }) })),
  typed('ack', record({ seq: fc.integer({ min: 1, max: 4 }), reply: fc.jsonValue() })),
  typed(
    'ack',
    record({
      seq: fc.integer({ min: 1, max: 4 }),
      error: record({ code, message: text, applied: fc.boolean() }),
    }),
  ),
  typed('gap', record({ topic, to: fc.oneof(fc.nat(20).map(String), text), reason: text })),
  typed('ping', record({ cursor: fc.oneof(cursor, text), time: fc.nat() }, ['time'])),
  typed('pong', record({ cursor }, ['cursor'])),
  fc.constant({ type: 'wait' }),
  typed(
    'bye',
    record({ reason: text, afterMs: fc.nat(100), spreadMs: fc.nat(100) }, ['afterMs', 'spreadMs']),
  ),
  typed('error', record({ code, message: text })),
);

const topicRequest = fc.oneof(
  topic,
  record({ topic, at: fc.oneof(cursor, text) }),
  record({ topic, new: fc.constant(true), last: count }, ['last']),
);

export const sendFrame = fc
  .tuple(
    record({ seq: fc.integer({ min: 1, max: 4 }), topic, void: fc.constant(true) }, ['seq', 'void']),
    payload,
  )
  .map(([place, what]): object => ({ type: 'send', ...place, ...what }));

/** Frames of a client, in the same way. */
export const clientFrame: fc.Arbitrary<object> = fc.oneof(
  typed(
    'open',
    record(
      {
        protocol: fc.constantFrom('holdfast.v1', 'holdfast.v9'),
        client: fc.oneof(identifier, text),
        key: fc.oneof(identifier, text),
        attempt: count,
        topics: fc.array(topicRequest, { maxLength: 3 }),
        cursor: fc.oneof(cursor, text),
        token: text,
        wait: count,
        max: count,
        skip: fc.constant(true),
        ticket: text,
      },
      ['cursor', 'token', 'wait', 'max', 'skip', 'ticket'],
    ),
  ),
  typed('subscribe', record({ request: fc.nat(5), topics: fc.array(topicRequest, { maxLength: 3 }) })),
  typed('unsubscribe', record({ topics: fc.array(topic, { maxLength: 3 }) })),
  sendFrame,
  typed('batch', record({ client: identifier, key: identifier, sends: text, token: text }, ['token'])),
  typed('release', record({ attempts: fc.array(count, { maxLength: 3 }) })),
  fc.constant({ type: 'ping' }),
  fc.constant({ type: 'pong' }),
);

/** A line with one thing wrong, mostly. */
function spoilt(frame: fc.Arbitrary<object>): fc.Arbitrary<string> {
  const line = frame.map((one) => JSON.stringify(one));
  return fc.oneof(
    fc.tuple(line, fc.nat()).map(([whole, at]) => whole.slice(0, at % whole.length)),
    fc.tuple(line, fc.nat(), text).map(([whole, at, put]) => {
      const index = at % whole.length;
      return whole.slice(0, index) + put + whole.slice(index + 1);
    }),
    fc.tuple(frame, fc.nat(), fc.jsonValue()).map(([one, at, value]) => {
      const names = Object.keys(one);
      return JSON.stringify({ ...one, [names[at % names.length] as string]: value });
    }),
  );
}

/** A line that may be a frame, may be almost one, and may be anything. */
export function lineLike(frame: fc.Arbitrary<object>): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: frame.map((one) => JSON.stringify(one)) },
    { weight: 3, arbitrary: spoilt(frame) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  );
}

/** The same text or bytes in pieces: each list of places is a way to cut. */
export const places = fc.oneof(
  { weight: 1, arbitrary: fc.constant('each' as const) },
  { weight: 3, arbitrary: fc.array(fc.nat(), { maxLength: 8 }) },
);

export function cut<T extends { readonly length: number; subarray(from: number, to: number): T }>(
  whole: T,
  at: 'each' | readonly number[],
): T[] {
  const all =
    at === 'each' ? Array.from({ length: whole.length }, (_, i) => i) : at.map((n) => n % (whole.length + 1));
  const ends = [...new Set(all), whole.length].sort((a, b) => a - b);
  return ends
    .map((end, i) => whole.subarray(i === 0 ? 0 : (ends[i - 1] as number), end))
    .filter(({ length }) => length > 0);
}
