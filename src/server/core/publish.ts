/** Publishing: what is appended or passed on, in its wire form, and to whom. The cost does not depend on other topics. */
import { createError } from '../../core/errors.ts';
import { isBytes, isTopic, type Payload } from '../../core/frames.ts';
import { type Alarm, setAlarm } from './alarms.ts';
import { fanOut } from './delivery.ts';
import { append, directKey, directTopic, expireEntries, idAt } from './log.ts';
import { createEntry, createTopicRecord, type Entry } from './topic-record.ts';
import type { Hub } from './types.ts';

export interface PublishOptions {
  /** The public id of a client that is left out, also when it reads the message later. */
  readonly except?: string | undefined;
  /** Not kept: only who is connected at this moment gets it, and it may be lost. */
  readonly ephemeral?: boolean | undefined;
}

/** Ages the log also while nothing is published. */
export function armTrim(hub: Hub, at: number | undefined): Alarm | undefined {
  if (at === undefined || hub.isClosed) return undefined;
  const soonest = hub.host.now() + Math.max(1_000, hub.config.history.ageMs / 16);
  return setAlarm(hub.alarms, Math.max(at, soonest), () => {
    hub.trimAlarm = armTrim(hub, expireEntries(hub.log, hub.host.now()));
  });
}

/** The message without a place. `ephemeral`: its name where it is to have none. */
function entryOf(
  hub: Hub,
  topic: string,
  data: Payload,
  except: string | undefined,
  ephemeral: string | undefined,
): Entry {
  // A turn in which nothing waits to be written has no end that could be seen.
  if (!hub.isFlushScheduled) hub.turnAt = undefined;
  hub.turnAt ??= hub.host.now();
  hub.publishCount++;
  // Copied, for the application may go on writing into its own.
  const isBinary = data instanceof ArrayBuffer || (ArrayBuffer.isView(data) && isBytes(data));
  const binary = isBinary ? new Uint8Array(data as ArrayBuffer) : undefined;
  const json = binary ? undefined : (JSON.stringify(data) as string | undefined);
  if (!binary && json === undefined) {
    throw createError('MISUSE', 'publish() needs a JSON value or bytes.', { topic });
  }
  const payloadBytes = binary ? Math.ceil(binary.length / 3) * 4 : hub.host.byteLength(json as string);
  const bytes = payloadBytes + topic.length + 64;
  const { frameBytes } = hub.config.limits;
  if (bytes > frameBytes) {
    const what = `A message of about ${bytes} bytes is larger than the ${frameBytes} of a frame.`;
    throw createError('FRAME_TOO_LARGE', what, { topic });
  }
  const isRare = binary !== undefined || except !== undefined || ephemeral !== undefined;
  const rare = isRare ? { except, ephemeral, binary, line: undefined, packet: undefined } : undefined;
  return createEntry(json, rare, bytes, hub.turnAt);
}

function checkTopic(hub: Hub, topic: string): void {
  if (hub.isClosed) throw createError('CLOSED', 'This hub was closed.', { topic });
  // Most often it is the same again.
  if (topic === hub.checkedTopic) return;
  if (isTopic(topic) && topic.length <= hub.config.limits.topicLength && topic.charAt(0) !== '$') {
    hub.checkedTopic = topic;
    return;
  }
  throw createError('BAD_TOPIC', 'This is not a name of a topic.', { topic: String(topic) });
}

function keep(hub: Hub, key: string, entry: Entry, topic: string): string {
  const audience = hub.index.get(key);
  append(hub.log, key, entry, topic, audience?.record);
  if (!hub.trimAlarm?.run) hub.trimAlarm = armTrim(hub, entry.at + hub.config.history.ageMs);
  if (audience) {
    audience.record = entry.record;
    fanOut(hub, audience.peers, entry);
  }
  return idAt(hub.log, entry.record.partition, entry.offset);
}

/** Appends, or passes on what is ephemeral; returns its id. Whoever is connected is told at the end of the turn. */
export function publish(hub: Hub, topic: string, data: Payload, options: PublishOptions): string {
  checkTopic(hub, topic);
  const { except, ephemeral } = options;
  if (!ephemeral) return keep(hub, topic, entryOf(hub, topic, data, except, undefined), topic);
  const id = `${hub.origin}.${++hub.ephemeralCount}`;
  const entry = entryOf(hub, topic, data, except, id);
  entry.record = createTopicRecord(topic, 0, '', 0);
  const audience = hub.index.get(topic);
  if (audience) fanOut(hub, audience.peers, entry);
  return id;
}

/** Tells one client alone; kept like any message (rule D13). */
export function tellClient(hub: Hub, client: string, data: Payload): string {
  if (hub.isClosed) throw createError('CLOSED', 'This hub was closed.');
  return keep(hub, directKey(client), entryOf(hub, directTopic, data, undefined, undefined), directTopic);
}
