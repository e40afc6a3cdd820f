/** A client on the stage: its way to the hubs, its checkers, and what is counted and logged of it. */
import type { Trace } from '../../src/core/model.ts';
import { checkClientBuffers } from './checkers/buffers.ts';
import { checkConnections } from './checkers/connections.ts';
import { checkLogKept, checkSendsKept } from './checkers/kept.ts';
import { checkSends, type SendChecker } from './checkers/sends.ts';
import { checkStates } from './checkers/status.ts';
import { checkTimers } from './checkers/timers.ts';
import { checkTopic, type TopicChecker } from './checkers/topic.ts';
import { createSimClient, type Observer, type SimClient } from './client.ts';
import { placeOf } from './ledger.ts';
import { type Conditions, createNet, goodConditions, type Net } from './net.ts';
import type { ClientPlan } from './plan.ts';
import { seedOf } from './random.ts';
import { failFor, type Stage, serverFor } from './stage.ts';
import { addTo, countIn, noteMost } from './tally.ts';

export interface Actor {
  readonly index: number;
  readonly plan: ClientPlan;
  readonly net: Net;
  readonly client: SimClient;
  readonly topics: Map<string, TopicChecker>;
  readonly sends: SendChecker;
  /** Of sends that can be aborted, oldest first. */
  readonly refs: number[];
  isOpen: boolean;
  /** What the page was told, and not yet told otherwise. */
  isSuspended: boolean;
  isPrerendering: boolean;
}

/** What is always so on the way of a client. */
export function standing({ latencyMs, jitterMs, refused, mute, buffered }: ClientPlan): Conditions {
  return {
    ...goodConditions(),
    latencyMs,
    jitterMs,
    refused: [...refused],
    mute: [...mute],
    buffered,
  };
}

const reasons = new Map<string, string>();

/** A reason without its numbers and names, so that equal ones are counted as one. */
function kindOfReason(reason: string): string {
  const known = reasons.get(reason);
  if (known !== undefined) return known;
  const kind = reason
    .replace(/^[a-z, -]+ did not get through/, '… did not get through')
    .replace(/^better than .*/, 'better than …')
    .replace(/^beside [a-z-]+/, 'beside …')
    .replace(/\d+/g, 'N');
  if (reasons.size < 10_000) reasons.set(reason, kind);
  return kind;
}

function traceLine({ type, connection, transport, role, reason }: Trace): string {
  return [type, connection, transport, role, reason].filter((part) => part !== undefined).join(' ');
}

/** What the application of this client is told, as lines of the log. */
function logged(observer: Observer, say: (what: string) => void): Observer {
  return {
    ...observer,
    message(message) {
      const { topic, id, data, gap } = message;
      say(`message ${topic} ${id} ${JSON.stringify(data)}${gap ? ' after a gap' : ''}`);
      observer.message(message);
    },
    gap(gap) {
      say(`gap ${gap.topic} ${gap.from} to ${gap.to} ${gap.reason}`);
      observer.gap(gap);
    },
    ready(topic, start) {
      say(`ready ${topic} from ${start}`);
      observer.ready(topic, start);
    },
    settled(ref, error, reply) {
      say(`settled ${ref} ${error?.code ?? 'ok'}`);
      observer.settled(ref, error, reply);
    },
    trace(trace) {
      say(traceLine(trace));
      observer.trace?.(trace);
    },
  };
}

type Checked = Pick<Actor, 'index' | 'topics' | 'sends'>;

function observe(stage: Stage, { index, topics, sends }: Checked): Observer {
  const { tally } = stage;
  const who = `client ${index}`;
  const noteState = checkStates(failFor(stage, 'status', who));
  const failConnections = failFor(stage, 'connections', who);
  const failBuffers = failFor(stage, 'buffers', who);
  const failKept = failFor(stage, 'kept', who);
  const clientOf = () => (stage.actors[index] as Actor).client;
  const sessionOf = () => clientOf().session;
  const failTimers = failFor(stage, 'timers', who);
  return {
    message(message) {
      addTo(tally, 'messages', 1);
      topics.get(message.topic)?.message(message);
    },
    gap(gap) {
      countIn(tally, 'gaps', gap.reason);
      checkLogKept(gap, stage.logs, failKept);
      topics.get(gap.topic)?.gap(gap);
    },
    ready(topic, start) {
      const epoch = sessionOf().inbox.epochs[placeOf(start).partition] ?? '';
      topics.get(topic)?.ready(epoch, start);
    },
    ended: (topic, code) => failFor(stage, 'topic', who)(`${topic} ended with ${code}`),
    settled(ref, error) {
      countIn(tally, 'sends', error?.code ?? 'ok');
      sends.settled(ref, error);
    },
    status() {
      const session = sessionOf();
      const change = noteState(session.state);
      if (change) countIn(tally, 'states', change);
      noteMost(tally, 'connections', checkConnections(session, failConnections));
      checkClientBuffers(session, stage.plan.hub.window, failBuffers);
      checkTimers(clientOf(), failTimers);
      const { world, logs, plan } = stage;
      checkSendsKept(session, { logs, ms: world.now, keepMs: plan.hub.keepMs }, failKept);
    },
    error: (error) => countIn(tally, 'errors', error.code),
    trace({ type, reason, transport }) {
      countIn(tally, 'traces', type);
      if (reason !== undefined && type !== 'state')
        countIn(tally, 'reasons', `${type}: ${kindOfReason(reason)}`);
      if (type === 'promoted') countIn(tally, 'promoted', transport ?? '');
    },
  };
}

export function addActor(stage: Stage, index: number): void {
  const { world, plan, log } = stage;
  const of = plan.clients[index] as ClientPlan;
  const net = createNet(world, standing(of), `net ${index}`);
  const checked = {
    index,
    topics: new Map<string, TopicChecker>(),
    sends: checkSends(failFor(stage, 'sends', `client ${index}`)),
  };
  const observer = observe(stage, checked);
  const say = log && ((what: string) => log(`${Math.round(world.now)} c${index} ${what}`));
  const { transports, eager, outboxSends } = of;
  const client = createSimClient({
    site: { world, net, server: (transport) => serverFor(stage, transport) },
    transports,
    eager,
    outboxSends,
    seed: seedOf(plan.seed, 'client', index),
    observer: say ? logged(observer, say) : observer,
  });
  const told = { isOpen: true, isSuspended: false, isPrerendering: false };
  stage.actors.push({ ...checked, plan: of, net, client, refs: [], ...told });
  if (!of.lazy) client.open();
}

/** A position to go on from, as a cursor and as what it says of the topic's partition. */
export interface Since {
  readonly epoch: string;
  readonly offset: number;
  readonly text: string;
}

export function subscribe(stage: Stage, actor: Actor, topic: string, last: number, since?: Since): void {
  if (actor.topics.has(topic)) return;
  const { ledger, plan, world } = stage;
  const retention = { messages: plan.hub.messagesKept, ms: plan.hub.keptMs, now: () => world.now };
  const fail = failFor(stage, 'topic', `client ${actor.index}`);
  const client = () => actor.client.name;
  actor.topics.set(topic, checkTopic({ ledger, retention, topic, client, last, since, fail }));
  actor.client.subscribe(topic, since ? { since: since.text } : { last });
}
