/**
 * Promise 1, for one subscription of one client: its messages come in order, each once, and none is missing unless a gap
 * said so first; and no gap is told without need (rule D5: something after what had come was trimmed, and nobody could bring
 * it any more). Judged by what was really published and by where `ready` said that it begins.
 */
import type { Gap, Message } from '../../../src/core/inbox.ts';
import type { Fail } from '../failure.ts';
import { indexBeyond, type Ledger, listOf, type Published, placeOf } from '../ledger.ts';

/** What this world's hubs keep, so that the checker knows what they had to trim. */
export interface Retention {
  readonly messages: number;
  readonly ms: number;
  readonly now: () => number;
}

export interface TopicChecker {
  /** `epoch`: of the log in which the session stands now. */
  ready(epoch: string, start: string): void;
  message(message: Message): void;
  gap(gap: Gap): void;
  /** Whether everything published in this epoch has come. */
  isComplete(epoch: string | undefined): boolean;
  /** After the world has healed: it must have. */
  finish(epoch: string | undefined): void;
  /** Number of the newest ephemeral message that came; 0 if none did. */
  newestEphemeral(): number;
}

export interface TopicSetup {
  readonly ledger: Ledger;
  readonly retention: Retention;
  readonly topic: string;
  /** Public id of the client. */
  readonly client: () => string;
  /** Newest messages asked for with the confirmation. */
  readonly last: number;
  /** The position asked for. */
  readonly since: { readonly epoch: string; readonly offset: number } | undefined;
  readonly fail: Fail;
}

/** Where a subscription stands: the log, and the index of the message that comes next. */
interface Stand {
  epoch: string;
  next: number;
}

/** How many messages from `from` to before `to` this client was to get. */
function countFor(client: string, list: readonly Published[], from: number, to: number): number {
  let count = 0;
  for (let index = from; index < to; index++) if (list[index]?.except !== client) count++;
  return count;
}

export function checkTopic(setup: TopicSetup): TopicChecker {
  const { ledger, retention, topic, client, last, since, fail } = setup;
  let stand: Stand | undefined;
  /** Told, and not yet carried by a message. */
  let pending: Gap | undefined;
  /** Told that another log begins; not yet seen where. */
  let isMoving = false;
  /** The newest messages that came with the confirmation: whether they may, and the index of the last one. */
  let isEarly = false;
  let newest = -1;
  const ephemeral = new Set<number>();
  let newestEphemeral = 0;
  const told = (text: string): never => fail(`${topic}: ${text}`);

  /** Offset up to which the hub may have trimmed the topic by now. */
  function trimmedTo(list: readonly Published[]): number {
    const byAge = list.filter(({ at }) => at + retention.ms <= retention.now()).length;
    const count = Math.max(list.length - retention.messages, byAge);
    return count > 0 ? (list[count - 1] as Published).offset : 0;
  }

  const meantFor = (list: readonly Published[], from: number, to: number): number =>
    countFor(client(), list, from, to);

  /** One of the newest at the time of the confirmation, before the place where it begins. */
  function early(one: Published, next: number): void {
    if (!isEarly) return told(`message ${one.offset} came again, or out of order`);
    const list = listOf(ledger, one.epoch, topic);
    if (meantFor(list, one.index, next) > last)
      return told(`message ${one.offset} is older than the last ${last}`);
    if (newest >= 0 && (one.index <= newest || meantFor(list, newest + 1, one.index) > 0))
      return told(`of the last ${last}: ${one.offset} is out of order`);
    newest = one.index;
  }

  /** The first message of another log: an epoch gap has said where it begins. */
  function move(one: Published): Stand {
    if (!pending) return told(`message ${one.offset} of another log, and no gap said so`);
    const { offset } = placeOf(pending.to);
    return { epoch: one.epoch, next: indexBeyond(listOf(ledger, one.epoch, topic), offset) };
  }

  function onEphemeral(number: number): void {
    if (ephemeral.has(number)) return told(`ephemeral message ${number} came twice`);
    ephemeral.add(number);
    newestEphemeral = Math.max(newestEphemeral, number);
  }

  function onMessage({ data, id, gap }: Message): void {
    const { n } = data as { n: number };
    if (id === '') return onEphemeral(n);
    const one = ledger.byNumber.get(n);
    if (!one) return told(`message ${n} was never published`);
    if (one.except === client()) return told(`message ${id} came, and was not for this client`);
    if (!stand) return told(`message ${id} before it was ready`);
    if (gap && !pending) return told(`message ${id} carries a gap that was not told`);
    if (!gap && pending) return told(`message ${id} does not carry the gap before it`);
    if (isMoving || one.epoch !== stand.epoch) stand = move(one);
    pending = undefined;
    isMoving = false;
    if (one.index < stand.next) return early(one, stand.next);
    const list = listOf(ledger, one.epoch, topic);
    if (newest >= 0 && meantFor(list, newest + 1, stand.next) > 0)
      return told(`of the last ${last}, the newest are missing`);
    const count = meantFor(list, stand.next, one.index);
    if (count > 0) return told(`${count} messages before ${id} are missing, and no gap said so`);
    isEarly = false;
    newest = -1;
    stand.next = one.index + 1;
  }

  function onGap(one: Gap): void {
    if (!stand && one.reason !== 'epoch') return told(`a gap (${one.reason}) before it was ready`);
    pending = one;
    isEarly = false;
    newest = -1;
    // No world has a message that kills what carries it.
    if (one.reason === 'undeliverable') return told(`${one.to} was passed over`);
    if (one.reason === 'epoch') isMoving = true;
    if (isMoving || !stand) return;
    const list = listOf(ledger, stand.epoch, topic);
    const { offset } = placeOf(one.to);
    const end = indexBeyond(list, offset);
    if (end <= stand.next)
      return told(`a gap to ${one.to} (${one.reason}) was told, though all before it had come`);
    if (one.reason === 'trimmed' && offset > trimmedTo(list)) {
      return told(`a gap to ${one.to} was told, though nothing up to there was trimmed`);
    }
    stand.next = end;
  }

  function onReady(epoch: string, start: string): void {
    const { offset } = placeOf(start);
    if (since?.epoch === epoch && offset > since.offset) {
      return told(`begins at ${offset}, and was to go on from ${since.offset}`);
    }
    if (offset > (ledger.tails.get(epoch) ?? 0))
      return told(`ready from ${start}, which lies ahead of the log`);
    // After an epoch gap it may be ready a second time; what was missed was told.
    if (stand && !isMoving) return told('ready twice');
    isMoving = false;
    isEarly = last > 0;
    stand = { epoch, next: indexBeyond(listOf(ledger, epoch, topic), offset) };
  }

  /** How many messages of this log have not come; `undefined` while it is not known where it stands. */
  function missing(epoch: string | undefined): number | undefined {
    if (!stand || epoch === undefined) return undefined;
    const list = listOf(ledger, epoch, topic);
    if (isMoving && pending)
      return meantFor(list, indexBeyond(list, placeOf(pending.to).offset), list.length);
    return stand.epoch === epoch ? meantFor(list, stand.next, list.length) : undefined;
  }

  return {
    ready: onReady,
    message: onMessage,
    gap: onGap,
    isComplete: (epoch) => missing(epoch) === 0,
    finish(epoch) {
      const count = missing(epoch);
      if (count === undefined)
        return told(stand ? 'it stands in another log than its session' : 'never ready');
      if (count > 0) return told(`the last ${count} messages never came`);
    },
    newestEphemeral: () => newestEphemeral,
  };
}
