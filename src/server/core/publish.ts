/** Publishing: what is appended or passed on, in its wire form, and to whom. The cost does not depend on other topics. */
import { createError } from '../../core/errors.ts';
import { isBytes, isTopic, type Payload } from '../../core/frames.ts';
import { type Alarm, setAlarm } from './alarms.ts';
import { fanOut } from './delivery.ts';
import { utf8Length } from './forms.ts';
import { append, expireEntries } from './log.ts';
import { createEntry, type Draft } from './topic-record.ts';
import { directKey, directTopic } from './topics.ts';
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

function draftOf(hub: Hub, key: string, topic: string, data: Payload, options: PublishOptions): Draft {
  const { except } = options;
  // A turn in which nothing waits to be written has no end that could be seen.
  if (!hub.isFlushScheduled) hub.turnAt = undefined;
  hub.turnAt ??= hub.host.now();
  const at = hub.turnAt;
  const { frameBytes } = hub.config.limits;
  // Copied, for the application may go on writing into its own.
  const isBinary = data instanceof ArrayBuffer || (ArrayBuffer.isView(data) && isBytes(data));
  const binary = isBinary ? new Uint8Array(data as ArrayBuffer) : undefined;
  let bytes: number;
  let json: string | undefined;
  if (binary) {
    bytes = Math.ceil(binary.length / 3) * 4 + topic.length + 64;
  } else {
    json = JSON.stringify(data) as string | undefined;
    if (json === undefined) throw createError('MISUSE', 'publish() needs a JSON value or bytes.', { topic });
    bytes = utf8Length(json) + topic.length + 64;
  }
  if (bytes > frameBytes) {
    const what = `A message of about ${bytes} bytes is larger than the ${frameBytes} of a frame.`;
    throw createError('FRAME_TOO_LARGE', what, { topic });
  }
  return { key, topic, except, bytes, at, json, binary };
}

function checkTopic(hub: Hub, topic: string): void {
  if (hub.isClosed) throw createError('CLOSED', 'This hub was closed.', { topic });
  if (isTopic(topic) && topic.length <= hub.config.limits.topicLength && topic.charAt(0) !== '$') return;
  throw createError('BAD_TOPIC', 'This is not a name of a topic.', { topic: String(topic) });
}

function keep(hub: Hub, draft: Draft): string {
  const entry = append(hub.log, draft);
  if (!hub.trimAlarm?.run) hub.trimAlarm = armTrim(hub, draft.at + hub.config.history.ageMs);
  fanOut(hub, entry);
  return entry.id;
}

function pass(hub: Hub, draft: Draft): string {
  const id = `${hub.origin}.${++hub.ephemeralCount}`;
  fanOut(hub, createEntry(draft, JSON.stringify(draft.topic), 0, 0, 0, id));
  return id;
}

/** Appends, or passes on what is ephemeral; returns its id. Whoever is connected is told at the end of the turn. */
export function publish(hub: Hub, topic: string, data: Payload, options: PublishOptions): string {
  checkTopic(hub, topic);
  const draft = draftOf(hub, topic, topic, data, options);
  return options.ephemeral ? pass(hub, draft) : keep(hub, draft);
}

/** Tells one client alone; kept like any message (rule D13). */
export function tellClient(hub: Hub, client: string, data: Payload): string {
  if (hub.isClosed) throw createError('CLOSED', 'This hub was closed.');
  return keep(hub, draftOf(hub, directKey(client), directTopic, data, {}));
}
